//! Pictures: the same wherever cut, periodic where asked for, the same cells in each style, given pictures unchanged.

use std::path::{Path, PathBuf};

use restain_synth::{Drawing, Error, Picture, Rect, Repeat, SlideSpec, Source, Style};

fn pixel(picture: &Picture, x: u32, y: u32) -> [u8; 3] {
    let at = 3 * (y * picture.width + x) as usize;
    [picture.rgb[at], picture.rgb[at + 1], picture.rgb[at + 2]]
}

/// Checks that tiles of a rectangle, each drawn alone, are what the rectangle shows there.
fn check_tiles(drawing: &Drawing, rect: Rect, tile: u32) {
    let whole = drawing.draw(rect).unwrap();
    for y in (0..rect.height).step_by(tile as usize) {
        for x in (0..rect.width).step_by(tile as usize) {
            let (width, height) = (tile.min(rect.width - x), tile.min(rect.height - y));
            let (left, top) = (rect.x + i64::from(x), rect.y + i64::from(y));
            let part = drawing.draw(Rect { x: left, y: top, width, height }).unwrap();
            for row in 0..height {
                for column in 0..width {
                    let (a, b) = (pixel(&part, column, row), pixel(&whole, x + column, y + row));
                    assert_eq!(a, b, "{column}, {row} of the tile at {left}, {top}");
                }
            }
        }
    }
}

#[test]
fn tiles_show_what_the_whole_shows() {
    for (mpp, seed) in [(0.25, 1), (0.25, 2), (0.5, 3), (0.15, 4)] {
        let drawing = Drawing::new(&SlideSpec { mpp, seed, ..SlideSpec::new(4000, 4000) }).unwrap();
        check_tiles(&drawing, Rect { x: -300, y: 1700, width: 700, height: 500 }, 173);
        // Small tiles of a crowded place: most of what they show has its middle elsewhere.
        check_tiles(&drawing, Rect { x: 1000, y: 1000, width: 500, height: 400 }, 31);
    }
}

#[test]
fn a_repeating_picture_repeats_and_others_do_not() {
    let at = |repeat, x, y| {
        let spec = SlideSpec { repeat, ..SlideSpec::new(8000, 8000) };
        Drawing::new(&spec).unwrap().draw(Rect { x, y, width: 600, height: 500 }).unwrap()
    };
    let first = at(Repeat::Always, 3600, 100);
    assert_eq!(first, at(Repeat::Always, 3600 + 3840, 100));
    assert_eq!(first, at(Repeat::Always, 3600 - 3840, 100 + 25 * 3840));
    assert_ne!(at(Repeat::Never, 3600, 100), at(Repeat::Never, 3600 + 3840, 100));
}

/// The new scanner's picture tells what the old one's is: darkness goes together everywhere, colours do not.
#[test]
fn styles_show_the_same_cells_in_other_colours() {
    let rect = Rect { x: 1000, y: 1000, width: 1200, height: 1200 };
    let [new, old] = Style::all().map(|style| {
        Drawing::new(&SlideSpec { style, ..SlideSpec::new(4000, 4000) }).unwrap().draw(rect).unwrap()
    });
    let mean = |picture: &Picture, c: usize| {
        picture.rgb.iter().skip(c).step_by(3).map(|v| f64::from(*v)).sum::<f64>() / f64::from(1200 * 1200)
    };
    let green =
        |picture: &Picture| picture.rgb.iter().skip(1).step_by(3).map(|v| f64::from(*v)).collect::<Vec<_>>();
    let (a, b) = (green(&new), green(&old));
    let (mean_a, mean_b) = (mean(&new, 1), mean(&old, 1));
    let product =
        |p: &[f64], q: &[f64], mp, mq| p.iter().zip(q).map(|(x, y)| (x - mp) * (y - mq)).sum::<f64>();
    let correlation = product(&a, &b, mean_a, mean_b)
        / (product(&a, &a, mean_a, mean_a) * product(&b, &b, mean_b, mean_b)).sqrt();
    assert!(correlation > 0.95, "{correlation}");
    let warmth = |picture: &Picture| mean(picture, 0) - mean(picture, 2);
    assert!((warmth(&new) - warmth(&old)).abs() > 5.0, "{} {}", warmth(&new), warmth(&old));
}

/// A smear has glass, cyan and pink cytoplasm and dark nuclei, each in fair amount.
#[test]
fn a_smear_has_all_that_belongs_to_it() {
    let spec = SlideSpec { style: Style::old_scanner(), ..SlideSpec::new(4000, 4000) };
    let picture = Drawing::new(&spec).unwrap().draw(Rect { x: 0, y: 0, width: 3000, height: 2000 }).unwrap();
    let share = |is: &dyn Fn([i32; 3]) -> bool| {
        let count = picture.rgb.as_chunks().0.iter().filter(|pixel| is(pixel.map(i32::from))).count();
        count as f64 / f64::from(3000 * 2000)
    };
    let glass = share(&|[r, g, b]| r > 215 && g > 225 && b > 225);
    let cyan = share(&|[r, g, b]| g - r > 15 && b - r > 15 && g > 80);
    let pink = share(&|[r, g, b]| r - g > 20 && r - b > 10 && r > 120);
    let nuclei = share(&|[r, g, b]| r < 90 && g < 80 && b < 130);
    println!("glass {glass:.2}, cyan {cyan:.2}, pink {pink:.2}, nuclei {nuclei:.3}");
    assert!((0.25..0.9).contains(&glass), "glass {glass}");
    assert!((0.05..0.5).contains(&cyan), "cyan {cyan}");
    assert!((0.03..0.5).contains(&pink), "pink {pink}");
    assert!((0.003..0.1).contains(&nuclei), "nuclei {nuclei}");
}

/// A folder with pictures whose pixels tell where they come from: R counts columns, G rows, B the picture.
fn folder_of_pictures() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (number, (width, height)) in [(700, 600), (650, 640), (900, 620)].into_iter().enumerate() {
        let path = folder.path().join(format!("{number}.png"));
        let picture = image::RgbImage::from_fn(width, height, |x, y| {
            image::Rgb([(x % 251) as u8, (y % 241) as u8, number as u8 * 60])
        });
        picture.save(path).unwrap();
    }
    std::fs::write(folder.path().join("notes.txt"), "not a picture").unwrap();
    image::RgbImage::new(20, 20).save(folder.path().join("tiny.png")).unwrap();
    folder
}

#[test]
fn given_pictures_are_shown_pixel_by_pixel() {
    let folder = folder_of_pictures();
    let source = Source::Pictures(folder.path().to_owned());
    for repeat in [Repeat::Never, Repeat::Always] {
        let spec = SlideSpec { source: source.clone(), repeat, ..SlideSpec::new(5000, 4000) };
        let drawing = Drawing::new(&spec).unwrap();
        check_tiles(&drawing, Rect { x: -100, y: 3500, width: 900, height: 700 }, 211);
        let picture = drawing.draw(Rect { x: 0, y: 0, width: 5000, height: 4000 }).unwrap();
        // Away from joints, each pixel is followed by that of the next column and the next row.
        let mut shown = [0_u32; 3];
        let mut steps = 0;
        for y in (0..3999).step_by(7) {
            for x in 0..4999 {
                let (a, right, below) =
                    (pixel(&picture, x, y), pixel(&picture, x + 1, y), pixel(&picture, x, y + 1));
                let next = [((i32::from(a[0]) + 1) % 251) as u8, ((i32::from(a[1]) + 1) % 241) as u8];
                steps += u32::from(right == [next[0], a[1], a[2]] && below == [a[0], next[1], a[2]]);
                if a[2] % 60 == 0 && a[2] < 180 {
                    shown[usize::from(a[2] / 60)] += 1;
                }
            }
        }
        let share = f64::from(steps) / f64::from(4999 * 572);
        assert!(share > 0.85, "{share} of the pixels have their neighbours");
        assert!(shown.iter().all(|count| *count > 200_000), "{shown:?}");
    }
}

#[test]
fn a_folder_without_pictures_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let with =
        |path: &Path| SlideSpec { source: Source::Pictures(path.to_owned()), ..SlideSpec::new(500, 500) };
    assert!(matches!(Drawing::new(&with(folder.path())), Err(Error::NoPictures { .. })));
    assert!(matches!(Drawing::new(&with(Path::new("nowhere"))), Err(Error::Io { .. })));
    std::fs::write(folder.path().join("broken.jpg"), "this is no JPEG").unwrap();
    assert!(matches!(Drawing::new(&with(folder.path())), Err(Error::Picture { .. })));
}

#[test]
fn real_fields_make_a_slide() {
    let fields = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/cric/fields"));
    if !fields.is_dir() {
        println!("skipped: no CRIC fields in ../shared/data");
        return;
    }
    let drawing =
        Drawing::new(&SlideSpec { source: Source::Pictures(fields), ..SlideSpec::new(3000, 2000) }).unwrap();
    let picture = drawing.draw(Rect { x: 0, y: 0, width: 3000, height: 2000 }).unwrap();
    let mean = picture.rgb.iter().map(|v| f64::from(*v)).sum::<f64>() / picture.rgb.len() as f64;
    assert!((120.0..250.0).contains(&mean), "{mean}");
}
