//! Reading slides whose every pixel is known, and real ones.

mod common;

use common::{colour, real, rect, write_slide};
use proptest::prelude::*;
use restain_slide::{
    Coverage, Error, Extent, Level0Point, Level0Rect, LevelRect, Margin, Mpp, Slide, TileGrid,
};

/// A slide of three levels, none smaller than a tile: OpenSlide 3.4.1 misreads such a level of an uncompressed TIFF.
fn made() -> (tempfile::TempDir, Slide) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("made.tif");
    write_slide(&path, &[(600, 400), (300, 200), (150, 100)], Some((1, 2)));
    let slide = Slide::open(&path).expect("the slide opens");
    (folder, slide)
}

#[test]
fn a_slide_tells_what_it_is() {
    let (_folder, slide) = made();
    let info = slide.info();
    assert_eq!(info.vendor, "generic-tiff");
    let sizes: Vec<_> = info.levels.iter().map(|l| (l.size.width, l.size.height, l.downsample)).collect();
    assert_eq!(sizes, [(600, 400, 1.0), (300, 200, 2.0), (150, 100, 4.0)]);
    assert_eq!(info.bounds, Level0Rect::new(Level0Point::new(0, 0), Level0Point::new(600, 400)));
    assert_eq!(info.mpp, Some(Mpp { x: 1.0, y: 2.0 }));
    assert_eq!(info.background, [255; 3]);
    assert_eq!(info.file_bytes, std::fs::metadata(slide.path()).expect("a file").len());
    assert_eq!(info.associated, []);
    assert!(info.openslide.starts_with(['3', '4']), "{}", info.openslide);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_rectangle_of_any_level_shows_its_own_pixels(
        level in 0u32..3,
        (x, y) in (-100i64..350, -100i64..250),
        (width, height) in (1i64..300, 1i64..200),
    ) {
        let (_folder, slide) = made();
        let area = rect(x, y, width, height);
        let size = slide.info().levels[level as usize].size;
        let pixels = slide.read(level, area).expect("the slide reads");
        let (mut rgb, mut alpha) = (Vec::new(), Vec::new());
        for y in y..y + height {
            for x in x..x + width {
                let inside = (0..size.width).contains(&x) && (0..size.height).contains(&y);
                rgb.extend(if inside { colour(level, x, y) } else { [255; 3] });
                alpha.push(if inside { 255 } else { 0 });
            }
        }
        prop_assert_eq!(pixels.rect, area);
        prop_assert!(pixels.rgb == rgb, "level {} {:?}", level, area);
        let coverage = match pixels.coverage {
            Coverage::Nothing => vec![0; alpha.len()],
            Coverage::Everything => vec![255; alpha.len()],
            Coverage::Partly(alpha) => {
                prop_assert!(alpha.contains(&0) && alpha.contains(&255), "a lazy coverage");
                alpha
            }
        };
        prop_assert!(coverage == alpha);
    }
}

#[test]
fn rectangles_nobody_can_read() {
    let (_folder, slide) = made();
    assert!(matches!(slide.read(3, rect(0, 0, 1, 1)), Err(Error::NoSuchLevel { level: 3, levels: 3, .. })));
    assert!(matches!(slide.extent(u32::MAX, Extent::Full), Err(Error::NoSuchLevel { .. })));
    assert!(matches!(slide.read(0, rect(5, 5, 0, 9)), Err(Error::EmptyRegion { .. })));
    assert!(matches!(slide.read(0, rect(5, 5, 9, -1)), Err(Error::EmptyRegion { .. })));
    let enormous = LevelRect::new(rect(i64::MIN, 0, 1, 1).min, rect(i64::MAX - 1, i64::MAX - 1, 1, 1).max);
    assert!(matches!(slide.read(0, enormous), Err(Error::RegionTooLarge { .. })));
    let far = slide.read(0, rect(i64::MAX - 9, i64::MIN, 9, 9)).expect("far away is background");
    assert_eq!((far.coverage, far.rgb), (Coverage::Nothing, vec![255; 243]));
    let message = slide.read(7, rect(0, 0, 1, 1)).expect_err("no level 7").to_string();
    assert!(
        message.ends_with("made.tif: there is no level 7; the slide has 3, numbered from 0 to 2"),
        "{message}"
    );
}

#[test]
fn levels_are_chosen_by_the_nearest_ratio() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("made.tif");
    write_slide(&path, &[(256, 256), (128, 128), (32, 32)], Some((1, 4)));
    let slide = Slide::open(&path).expect("the slide opens");
    // Geometric means of 2, 4 and 16 micrometres a pixel; the ratio is halfway at 8.
    for (mpp, level) in [(1.9, 0), (2.0, 0), (2.8, 0), (2.9, 1), (7.9, 1), (8.1, 2), (16.0, 2), (1e9, 2)] {
        assert_eq!(slide.level_for_mpp(mpp).expect("a level"), level, "{mpp}");
    }
    assert!(matches!(slide.level_for_mpp(1.8), Err(Error::FinerThanScanned { finest: 2.0, .. })));
    for nonsense in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(slide.level_for_mpp(nonsense), Err(Error::InvalidMpp { .. })), "{nonsense}");
    }
    write_slide(&path, &[(256, 256)], None);
    let slide = Slide::open(&path).expect("the slide opens");
    assert_eq!(slide.info().mpp, None);
    assert!(matches!(slide.level_for_mpp(1.0), Err(Error::NoMpp { .. })));
}

#[test]
fn real_slides_read_whole() {
    let slides = [
        "cmu-1-small-region.svs",
        "tcga-cr-7395-01a-01-ts1.svs",
        "small.svs",
        "boxes.tiff",
        "patch-8-level.tif",
    ];
    for name in slides {
        let Some(path) = real(name) else { return };
        let slide = Slide::open(&path).expect(name);
        for level in 0..slide.info().levels.len() as u32 {
            let extent = slide.extent(level, Extent::Bounds).expect(name);
            assert_eq!(extent, slide.extent(level, Extent::Full).expect(name), "{name} has no bounds");
            let pixels = slide.read(level, extent).expect(name);
            assert_eq!(pixels.rgb.len() as i64, 3 * extent.area(), "{name}");
            assert!(level > 0 || pixels.coverage == Coverage::Everything, "{name}");
            assert!(
                level > 0 || pixels.rgb.as_chunks::<3>().0.iter().any(|&p| p != pixels.rgb[..3]),
                "{name}"
            );
        }
    }
}

/// The promise behind tiles without seams: a pixel is the same whatever rectangle it was asked for with.
fn assert_same_in_every_tile(slide: &Slide, level: u32) {
    let extent = slide.extent(level, Extent::Bounds).expect("a level");
    let whole = slide.read(level, extent).expect("the level reads");
    let alpha_at = |coverage: &Coverage, i: usize| match coverage {
        Coverage::Nothing => 0,
        Coverage::Everything => 255,
        Coverage::Partly(alpha) => alpha[i],
    };
    let mut differing = 0;
    for tile in TileGrid::new(extent, 192, Margin::Halo(64)).expect("a grid").iter() {
        let pixels = slide.read(level, tile.window).expect("the tile reads");
        for y in tile.core.min.y..tile.core.max.y {
            for x in tile.core.min.x..tile.core.max.x {
                let index = |r: LevelRect| ((y - r.min.y) * r.width() + x - r.min.x) as usize;
                let (i, j) = (index(tile.window), index(extent));
                let same = pixels.rgb[3 * i..][..3] == whole.rgb[3 * j..][..3]
                    && alpha_at(&pixels.coverage, i) == alpha_at(&whole.coverage, j);
                differing += i32::from(!same);
            }
        }
    }
    assert_eq!(differing, 0, "{} level {level}", slide.path().display());
}

#[test]
fn a_pixel_is_the_same_in_every_tile() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("made.tif");
    // Downsamples of 1.997 and 4.01: `OpenSlide` interpolates, differently for each corner it is asked to begin at.
    write_slide(&path, &[(1501, 1001), (751, 502), (374, 250)], None);
    let slide = Slide::open(&path).expect("the slide opens");
    for level in 0..3 {
        assert_same_in_every_tile(&slide, level);
    }
}

#[test]
fn a_pixel_of_a_real_slide_is_the_same_in_every_tile() {
    let slides = [
        ("mirax_real_fluorescence_partial/Mirax2-Fluorescence-2.mrxs", 3..10),
        ("tcga-cr-7395-01a-01-ts1.svs", 1..2),
        ("boxes.tiff", 0..4),
    ];
    for (name, levels) in slides {
        let Some(path) = real(name) else { return };
        let slide = Slide::open(&path).expect(name);
        for level in levels {
            assert_same_in_every_tile(&slide, level);
        }
    }
}
