//! The quantile map gives a slide back the colours that it had before its channels were changed.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use common::{Picture, difference, normalize, read, settings, write_mirax_of, write_tiff};
use restain_pipeline::{
    CompressionKind, Error, ExtentKind, GrayKind, Loaded, Settings, Style, normalize_picture,
};
use restain_slide::{Coverage, Extent, Slide};
use restain_stain::histogram::Histogram;
use restain_stain::quantile::QuantileMap;
use restain_synth::{Drawing, Rect, SlideSpec, Source};

/// Strictly rising, another curve for each channel: a darker lamp, a gamma, and a veil.
fn change(rgb: &[u8]) -> Vec<u8> {
    let curve = |i: usize, v: u8| {
        let v = f64::from(v) / 255.0;
        let changed = [0.82 * v, v.powf(1.6), 0.2 + 0.7 * v][i % 3];
        (255.0 * changed).round() as u8
    };
    rgb.iter().enumerate().map(|(i, &v)| curve(i, v)).collect()
}

/// Drawn cells.
fn cells(width: u32, height: u32) -> Picture {
    let drawing = Drawing::new(&SlideSpec::new(width, height)).unwrap();
    let rgb = drawing.draw(Rect { x: 0, y: 0, width, height }).unwrap().rgb;
    Picture { width: width as usize, height: height as usize, rgb }
}

/// Writes cells as a slide, and as another one whose channels are changed.
fn cells_twice(folder: &Path, width: u32, height: u32) -> (PathBuf, PathBuf) {
    let (original, changed) = (folder.join("original.tif"), folder.join("changed.tif"));
    let cells = cells(width, height);
    write_tiff(&cells, &original);
    write_tiff(&Picture { rgb: change(&cells.rgb), ..cells }, &changed);
    (original, changed)
}

fn measure(slide: &Path, threads: usize) -> Style {
    Style::of_slide(&Slide::open(slide).unwrap(), threads, &AtomicBool::new(false)).unwrap()
}

/// Writes the style of a slide and gives its path.
fn style_of(slide: &Path, folder: &Path) -> PathBuf {
    let path = folder.join(slide.file_stem().unwrap()).with_extension("style.json");
    measure(slide, 2).save(&path).unwrap();
    path
}

/// Settings of a run to a style.
fn to_style(style: PathBuf) -> Settings {
    Settings { model: None, style: Some(style), ..settings("", 512) }
}

/// How many values differ by so many grey levels, 0..256.
fn differences(a: &Picture, b: &Picture) -> [usize; 256] {
    let mut counts = [0; 256];
    a.rgb.iter().zip(&b.rgb).for_each(|(a, b)| counts[usize::from(a.abs_diff(*b))] += 1);
    counts
}

#[test]
fn a_monotone_change_of_each_channel_is_undone() {
    let folder = tempfile::tempdir().unwrap();
    let (original, changed) = cells_twice(folder.path(), 2300, 1700);
    let output = folder.path().join("out.tif");
    let report = normalize(&changed, &output, &to_style(style_of(&original, folder.path()))).unwrap();
    assert_eq!((report.model.name.as_str(), report.device.as_str()), ("quantile", "cpu"));
    let [before, between, after] = [&original, &changed, &output].map(|slide| read(slide, 0, Extent::Full));
    assert!(differences(&before, &between)[10..].iter().sum::<usize>() > before.rgb.len() / 2);
    let (largest, share) = difference(&before, &after);
    println!("{largest} at most, {share:.3} of the pixels differ");
    assert!(largest <= 2 && share < 0.4, "{largest}, {share}");
}

/// Pictures as the camera's photographs of a MIRAX slide with gaps, in JPEG, before and after the change.
#[test]
fn a_mirax_slide_gets_its_colours_back_and_gaps_stay_gaps() {
    let folder = tempfile::tempdir().unwrap();
    let cells = cells(2048, 2048);
    let [original, changed] = ["original", "changed"].map(|name| {
        let folder = folder.path().join(name);
        let pictures = folder.join("pictures");
        fs::create_dir_all(&pictures).unwrap();
        let rgb = if name == "changed" { change(&cells.rgb) } else { cells.rgb.clone() };
        image::RgbImage::from_vec(2048, 2048, rgb).unwrap().save(pictures.join("cells.png")).unwrap();
        write_mirax_of(Source::Pictures(pictures), &folder, 2700, 2100, 0.6)
    });
    let output = folder.path().join("out.tif");
    normalize(&changed, &output, &to_style(style_of(&original, folder.path()))).unwrap();

    let slide = Slide::open(&original).unwrap();
    let before = slide.read(0, slide.extent(0, Extent::Bounds).unwrap()).unwrap();
    let Coverage::Partly(alpha) = before.coverage else { panic!("the slide has no gaps") };
    let after = read(&output, 0, Extent::Full);
    let background = slide.info().background;
    let (mut sum, mut scanned) = (0, 0);
    for ((a, b), alpha) in before.rgb.chunks_exact(3).zip(after.rgb.chunks_exact(3)).zip(alpha) {
        if alpha == 0 {
            assert_eq!(b, background);
        } else {
            sum += a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>();
            scanned += 3;
        }
    }
    let mean = sum as f64 / f64::from(scanned);
    println!("{mean:.2} grey levels on average over {scanned} values");
    assert!(scanned > 3 * 1_000_000 && mean < 1.0, "{mean}");
}

#[test]
fn every_scanned_pixel_counts_once_and_no_other_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = write_mirax_of(Source::Cells, folder.path(), 2700, 2100, 0.5);
    let slide = Slide::open(&path).unwrap();
    let style = measure(&path, 2);
    assert_eq!((style.slides(), style.pictures()), (1, 0));
    // 0.25 micrometres a pixel at level 0 are 1 at level 2.
    let pixels = slide.read(2, slide.extent(2, Extent::Bounds).unwrap()).unwrap();
    let Coverage::Partly(alpha) = &pixels.coverage else { panic!("the slide has no gaps") };
    let scanned: Vec<u8> = (pixels.rgb.chunks_exact(3).zip(alpha))
        .filter(|(_, alpha)| **alpha == 255)
        .flat_map(|(pixel, _)| pixel.to_vec())
        .collect();
    let mut histogram = Histogram::new();
    histogram.add(&scanned);
    assert_eq!(*style.histogram(), histogram);
    let share = style.pixels() as f64 / alpha.len() as f64;
    assert!((0.3..0.7).contains(&share), "{share} of the pixels were counted");
}

#[test]
fn neither_threads_nor_tiles_change_the_output() {
    let folder = tempfile::tempdir().unwrap();
    let slide = write_mirax_of(Source::Cells, folder.path(), 2300, 1700, 0.7);
    let [one, two, eight] = [1, 2, 8].map(|threads| measure(&slide, threads));
    assert!(one == two && one == eight);

    let lab = folder.path().join("lab.tif");
    write_tiff(&Picture { rgb: change(&cells(2300, 1700).rgb), ..cells(2300, 1700) }, &lab);
    let to_lab = to_style(style_of(&lab, folder.path()));
    let output = folder.path().join("out.tif");
    for compression in [CompressionKind::Jpeg, CompressionKind::Deflate] {
        let [one, two, eight] = [1, 2, 8].map(|threads| {
            let settings = Settings { threads: Some(threads), tile: 256, compression, ..to_lab.clone() };
            normalize(&slide, &output, &settings).unwrap();
            let bytes = fs::read(&output).unwrap();
            fs::remove_file(&output).unwrap();
            bytes
        });
        assert!(one.len() > 100_000, "{} bytes", one.len());
        assert!(one == two && one == eight, "{compression:?}: threads change the bytes");
        // The description names the tile size, and tiles of the file lie in another order.
        let [small, medium, large] = [128, 512, 2048].map(|tile| {
            normalize(&slide, &output, &Settings { tile, compression, ..to_lab.clone() }).unwrap();
            let levels = [0, 1].map(|level| read(&output, level, Extent::Full));
            fs::remove_file(&output).unwrap();
            levels
        });
        assert!(small == medium && small == large, "{compression:?}: tiles change the pixels");
    }
}

#[test]
fn the_style_of_its_lab_can_stand_in_for_the_slides_own_colours() {
    let folder = tempfile::tempdir().unwrap();
    let (original, changed) = cells_twice(folder.path(), 2300, 1700);
    let style = style_of(&original, folder.path());
    let measured = folder.path().join("measured.tif");
    let report = normalize(&changed, &measured, &to_style(style.clone())).unwrap();
    assert_eq!(report.model.own_sha256, None);
    let own = style_of(&changed, folder.path());
    let with_own = Settings { own: Some(own), ..to_style(style.clone()) };
    let given = folder.path().join("given.tif");
    let report = normalize(&changed, &given, &with_own).unwrap();
    assert!(report.model.own_sha256.is_some_and(|own| Some(own) != report.model.style_sha256));
    let measured = read(&measured, 0, Extent::Full);
    assert!(measured == read(&given, 0, Extent::Full));

    // A part of the slide as a picture gets the colours of the slide.
    let part = read(&changed, 0, Extent::Full).part(300, 200, 130, 90);
    let never = || unreachable!("its colours are given");
    let engine = Loaded::new(&with_own).unwrap().select(never).unwrap().engine;
    let rgb = normalize_picture(&engine, &part.rgb, 130, 90, 512).unwrap();
    assert!(rgb == measured.part(300, 200, 130, 90).rgb);

    // Its own colours would map that part, and even empty glass, onto all of the style.
    let glass = folder.path().join("glass.tif");
    let mut bright = cells(600, 600);
    bright.rgb.iter_mut().enumerate().for_each(|(i, v)| *v = 230 + (i % 7) as u8);
    write_tiff(&bright, &glass);
    let output = folder.path().join("out.tif");
    let error = normalize(&glass, &output, &to_style(style)).unwrap_err();
    assert!(matches!(error, Error::HardlyAnyColour), "{error}");
    assert!(!output.exists());
    normalize(&glass, &output, &with_own).unwrap();
}

/// In one go, and mapped first and then as a slide of its own.
#[test]
fn with_a_model_the_map_comes_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (slide, lab) = cells_twice(folder.path(), 700, 500);
    let to_lab = to_style(style_of(&lab, folder.path()));
    let model = common::checkpoint::write(&path("model.safetensors"), 2, 3);
    let to_both = Settings { style: to_lab.style.clone(), ..settings(&model, 512) };
    let report = normalize(&slide, &path("both.tif"), &to_both).unwrap();
    assert_eq!((report.model.name.as_str(), report.model.own_sha256), ("chance", None));
    assert!(report.model.sha256.is_some() && report.model.style_sha256.is_some());

    normalize(&slide, &path("mapped.tif"), &to_lab).unwrap();
    normalize(&path("mapped.tif"), &path("after.tif"), &settings(&model, 512)).unwrap();
    normalize(&slide, &path("alone.tif"), &settings(&model, 512)).unwrap();
    let whole = |name: &str| read(&path(name), 0, Extent::Full);
    assert!(whole("both.tif") == whole("after.tif"));
    assert!(whole("both.tif") != whole("alone.tif"));

    // A picture goes the same way.
    let with_own = Settings { own: Some(style_of(&slide, folder.path())), ..to_both };
    let normalized = |settings: &Settings, slide: &str| {
        let engine = Loaded::new(settings)
            .unwrap()
            .select(|| unreachable!("no colours are asked for"))
            .unwrap()
            .engine;
        normalize_picture(&engine, &whole(slide).part(300, 200, 130, 90).rgb, 130, 90, 512).unwrap()
    };
    assert!(normalized(&with_own, "original.tif") == normalized(&settings(&model, 512), "mapped.tif"));
}

/// To G too, what was never scanned is the background, whatever the map makes of that: by hand, as a slide without gaps.
#[test]
fn gaps_of_a_mapped_slide_are_background_to_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let slide = write_mirax_of(Source::Cells, folder.path(), 900, 600, 0.5);
    let dark = Picture { rgb: cells(400, 300).rgb.iter().map(|v| v / 2).collect(), ..cells(400, 300) };
    write_tiff(&dark, &path("dark.tif"));
    let model = common::checkpoint::write(&path("model.safetensors"), 2, 3);
    let alone = Settings { extent: ExtentKind::Full, ..settings(&model, 512) };
    let to_both = Settings { style: Some(style_of(&path("dark.tif"), folder.path())), ..alone.clone() };
    normalize(&slide, &path("both.tif"), &to_both).unwrap();

    let map = QuantileMap::between(measure(&slide, 1).histogram(), measure(&path("dark.tif"), 1).histogram())
        .unwrap();
    let slide = Slide::open(&slide).unwrap();
    let pixels = slide.read(0, slide.extent(0, Extent::Full).unwrap()).unwrap();
    let Coverage::Partly(alpha) = &pixels.coverage else { panic!("the slide has no gaps") };
    let (width, height) = (pixels.rect.width() as usize, pixels.rect.height() as usize);
    let mut mapped = Picture { width, height, rgb: pixels.rgb };
    for (pixel, alpha) in mapped.rgb.chunks_exact_mut(3).zip(alpha).filter(|(_, alpha)| **alpha > 0) {
        assert_eq!(*alpha, 255);
        map.apply(pixel);
    }
    write_tiff(&mapped, &path("mapped.tif"));
    normalize(&path("mapped.tif"), &path("after.tif"), &alone).unwrap();
    let [both, after] = ["both.tif", "after.tif"].map(|name| read(&path(name), 0, Extent::Full).rgb);
    let pixels = both.chunks_exact(3).zip(after.chunks_exact(3)).zip(alpha);
    assert!(pixels.filter(|(_, alpha)| **alpha == 255).all(|((both, after), _)| both == after));
}

#[test]
fn settings_that_contradict_each_other() {
    let never = || unreachable!("the settings are wrong");
    let select = |settings: &Settings| match Loaded::new(settings).and_then(|loaded| loaded.select(never)) {
        Err(Error::Setting(message)) => message,
        other => panic!("{:?}", other.map(|selection| selection.device).map_err(|error| error.to_string())),
    };
    let both = Settings { style: Some("lab.style.json".into()), ..settings("identity", 512) };
    assert!(select(&both).contains("are of no use"));
    let gray = Settings { gray: Some(GrayKind::Slide), ..to_style("lab.style.json".into()) };
    assert!(select(&gray).contains("`gray`"));
    for model in ["identity", "shipped"] {
        let own = Settings { own: Some("own.style.json".into()), ..settings(model, 512) };
        assert!(select(&own).contains("`own`"));
    }
}
