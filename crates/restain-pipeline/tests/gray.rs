//! Of what a model makes only the colour is taken: gray stays the slide's.

mod common;

use common::{checkpoint, normalize, read, settings, write_mirax_of};
use restain_pipeline::{Error, GrayKind, Settings};
use restain_slide::Extent;
use restain_stain::removal::gray;
use restain_synth::Source;

#[test]
fn gray_stays_the_slides_and_colour_is_the_models() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let slide = write_mirax_of(Source::Cells, folder.path(), 700, 500, 0.7);
    let model = checkpoint::write(&path("model.safetensors"), 2, 3);
    let make = |name: &str, gray| {
        let report = normalize(&slide, &path(name), &Settings { gray, ..settings(&model, 128) }).unwrap();
        (read(&path(name), 0, Extent::Full).rgb, report.model.gray)
    };
    let before = read(&slide, 0, Extent::Bounds).rgb;
    let (kept, of_slide) = make("kept.tif", None);
    let (models, of_model) = make("model.tif", Some(GrayKind::Model));
    assert_eq!((of_slide, of_model), (Some(GrayKind::Slide), Some(GrayKind::Model)));
    assert!(kept == make("asked.tif", Some(GrayKind::Slide)).0);
    let level = |pixel: &[u8]| 255.0 * gray([pixel[0], pixel[1], pixel[2]]);
    let (mut compared, mut apart) = (0, 0);
    for ((before, kept), model) in before.chunks(3).zip(kept.chunks(3)).zip(models.chunks(3)) {
        // Where a channel ends there may be less of the gray.
        if kept.iter().all(|value| (1..255).contains(value)) {
            compared += 1;
            apart += usize::from((level(before) - level(model)).abs() > 5.0);
            assert!((level(before) - level(kept)).abs() <= 0.501, "{before:?} {kept:?}");
            let differences =
                |p: &[u8]| [i16::from(p[0]) - i16::from(p[1]), i16::from(p[2]) - i16::from(p[1])];
            assert_eq!(differences(kept), differences(model));
        }
    }
    assert!(compared > 100_000 && apart > compared / 2, "{compared}, {apart}");
}

#[test]
fn a_gray_that_the_model_does_not_know_cannot_be_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let slide = write_mirax_of(Source::Cells, folder.path(), 300, 200, 1.0);
    let model = checkpoint::write_with(&path("model.safetensors"), 2, 3, &["standard_gray"]);
    let without = normalize(&slide, &path("out.tif"), &settings(&model, 128)).unwrap();
    assert_eq!(without.model.gray, Some(GrayKind::Model));
    let asked = Settings { gray: Some(GrayKind::Slide), ..settings(&model, 128) };
    let error = normalize(&slide, &path("asked.tif"), &asked).unwrap_err();
    assert!(matches!(&error, Error::Setting(said) if said.contains("standardized gray")), "{error}");
    assert!(!path("asked.tif").exists());
}
