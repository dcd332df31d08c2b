//! Models that were trained on standardized slides: background and cells of a slide are measured once, whatever the tiles,
//! and another light is undone.

mod common;

use std::sync::atomic::AtomicBool;

use common::{Picture, checkpoint, difference, normalize, read, settings, write_tiff};
use restain_net::{Area, Checkpoint, Model, Pixels, Place, Precision, Storage, Window};
use restain_pipeline::{Error, GrayKind, Loaded, Settings, Style, normalize_picture};
use restain_slide::{Extent, Slide};
use restain_stain::removal::Removal;
use restain_synth::{Drawing, Rect, SlideSpec};

const OPTIONS: [&str; 3] = ["standard_gray", "standard_mask", "soft_mask"];

/// Drawn cells in a light, each channel times a factor.
fn cells(light: [f64; 3]) -> Picture {
    let (width, height) = (640, 448);
    let drawing = Drawing::new(&SlideSpec::new(width, height)).unwrap();
    let rgb = drawing.draw(Rect { x: 0, y: 0, width, height }).unwrap().rgb;
    let rgb = rgb.iter().enumerate().map(|(i, &v)| (light[i % 3] * f64::from(v)).round() as u8).collect();
    Picture { width: width as usize, height: height as usize, rgb }
}

#[test]
fn another_light_is_undone_and_tiles_do_not_show() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    // The shipped weights, as chance ones would magnify what rounding leaves.
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../restain-net/models/cric.safetensors");
    let mut checkpoint = Checkpoint::load(shipped.as_ref()).unwrap();
    checkpoint.card.input = ["white_balance", "soft_mask"].map(str::to_owned).to_vec();
    checkpoint.save(&path("standard.safetensors"), Storage::F16).unwrap();
    let [standard, plain] = [path("standard.safetensors").to_str().unwrap(), "shipped"].map(str::to_owned);
    write_tiff(&cells([1.0; 3]), &path("here.tif"));
    write_tiff(&cells([0.95, 0.85, 0.8]), &path("there.tif"));
    let restained = |slide: &str, model: &str, tile: u32| {
        let output = path(&format!("{slide}-{tile}.out.tif"));
        let settings = Settings { precision: Precision::F32, ..settings(model, tile) };
        let report = normalize(&path(slide), &output, &settings).unwrap();
        let picture = read(&output, 0, Extent::Full);
        std::fs::remove_file(output).unwrap();
        (picture, report)
    };
    let mean = |model: &str| {
        let [here, there] = ["here.tif", "there.tif"].map(|slide| restained(slide, model, 256).0);
        let apart: u64 = here.rgb.iter().zip(&there.rgb).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        apart as f64 / here.rgb.len() as f64
    };
    let (with, without) = (mean(&standard), mean(&plain));
    println!("{with:.2} grey levels apart, {without:.2} without");
    assert!(with < 1.0 && without > 5.0, "{with}, {without}");

    let (small, report) = restained("there.tif", &standard, 128);
    assert!(small == restained("there.tif", &standard, 640).0);
    assert_eq!((report.model.own_sha256, report.model.style_sha256), (None, None));
}

/// The slide's own measure, then [`Removal`], then G, by hand.
#[test]
fn gm_is_what_the_options_say() {
    let folder = tempfile::tempdir().unwrap();
    let slide = folder.path().join("slide.tif");
    write_tiff(&cells([0.9, 0.8, 0.95]), &slide);
    let part = cells([0.9, 0.8, 0.95]).part(64, 64, 128, 128);
    for options in [&OPTIONS[..], &["white_balance"], &["soft_mask"]] {
        let model = checkpoint::write_with(&folder.path().join("model.safetensors"), 2, 3, options);
        let gray = Some(GrayKind::Model);
        let settings = Settings { precision: Precision::F32, gray, ..settings(&model, 128) };
        let measure = || Style::of_slide(&Slide::open(&slide)?, 2, &AtomicBool::new(false));
        let engine = Loaded::new(&settings).unwrap().select(measure).unwrap().engine;
        let ours = normalize_picture(&engine, &part.rgb, 128, 128, 128).unwrap();

        let names: Vec<String> = options.iter().map(ToString::to_string).collect();
        let removal = Removal::with_options(&names, measure().unwrap().standard().unwrap()).unwrap();
        // White lies around a picture, farther than G looks.
        let mut around = Picture { width: 384, height: 384, rgb: vec![255; 3 * 384 * 384] };
        for (y, row) in part.rgb.chunks_exact(3 * 128).enumerate() {
            around.rgb[3 * ((y + 128) * 384 + 128)..][..3 * 128].copy_from_slice(row);
        }
        let mut gm = vec![0.0; 2 * 384 * 384];
        removal.remove(&around.rgb, &mut gm);
        let model = Model::load(model.as_ref(), &Place::Cpu, Precision::F32).unwrap();
        let core = Area { rows: 128..256, columns: 128..256 };
        let rgb = model.restain(&[Window { pixels: Pixels::Gm(&gm), core }], 384, 384).unwrap().remove(0);
        let by_hand = Picture { width: 128, height: 128, rgb };
        let (largest, share) = difference(&Picture { rgb: ours, ..by_hand.part(0, 0, 128, 128) }, &by_hand);
        assert_eq!((largest, share), (0, 0.0), "{options:?}");
    }
}

#[test]
fn the_style_of_its_lab_can_stand_in_and_an_unknown_option_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write_tiff(&cells([0.9, 0.8, 0.95]), &path("slide.tif"));
    let model = checkpoint::write_with(&path("model.safetensors"), 2, 3, &OPTIONS);
    let slide = Slide::open(path("slide.tif")).unwrap();
    Style::of_slide(&slide, 2, &AtomicBool::new(false)).unwrap().save(&path("own.style.json")).unwrap();
    normalize(&path("slide.tif"), &path("measured.tif"), &settings(&model, 256)).unwrap();
    let own = Settings { own: Some(path("own.style.json")), ..settings(&model, 256) };
    let report = normalize(&path("slide.tif"), &path("given.tif"), &own).unwrap();
    assert!(report.model.own_sha256.is_some());
    assert!(read(&path("measured.tif"), 0, Extent::Full) == read(&path("given.tif"), 0, Extent::Full));

    let unknown = checkpoint::write_with(&path("unknown.safetensors"), 2, 3, &["hard_mask"]);
    let error = normalize(&path("slide.tif"), &path("out.tif"), &settings(&unknown, 256)).unwrap_err();
    assert!(matches!(&error, Error::Setting(said) if said.contains("hard_mask")), "{error}");
    assert!(!path("out.tif").exists());
}
