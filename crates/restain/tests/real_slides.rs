//! Slides of real scanners.

#[path = "../../restain-pipeline/tests/common/checkpoint.rs"]
mod checkpoint;
mod common;

use std::fs;
use std::path::Path;

use common::{assert_fails, names, own_lines, run, run_json, run_well};

fn string(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn slides_of_all_kinds() {
    let Some(slides) = common::real_slides() else { return };
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("small.safetensors");
    fs::write(&model, checkpoint::bytes(2, 9)).unwrap();
    let output = folder.path().join("out.tif");
    let mut paths: Vec<_> = slides.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.is_file());
    assert!(paths.len() >= 5, "{paths:?}");
    for slide in &paths {
        run_well(["normalize", string(slide), "-o", string(&output), "--model", "identity", "--force", "-q"]);
        let close = run_json(["compare", string(slide), string(&output), "--json"]);
        println!("{}: {close}", slide.display());
        assert!(close["psnr_db"].as_f64().is_none_or(|psnr| psnr > 32.0), "{}: {close}", slide.display());

        let model = ["--model", string(&model), "--device", "cpu", "--tile", "512", "--force", "-q"];
        run_well([&["normalize", string(slide), "-o", string(&output)], &model[..]].concat());
        let far = run_json(["compare", string(slide), string(&output), "--json"]);
        assert!(far["psnr_db"].as_f64().unwrap() < 25.0, "{}: {far}", slide.display());
    }
    assert_eq!(names(folder.path()), ["out.tif", "small.safetensors"]);
}

#[test]
fn a_real_mirax_slide_with_files_missing() {
    let Some(slides) = common::real_slides() else { return };
    let slide = slides.join("mirax_real_fluorescence_partial/Mirax2-Fluorescence-2.mrxs");
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.tif");
    let normalize = |level: u32, compression: &str| {
        let level = level.to_string();
        let options =
            ["--model", "identity", "--force", "-q", "--level", &level, "--compression", compression];
        run([&["normalize", string(&slide), "-o", string(&output)], &options[..]].concat())
    };
    for level in 2..=9 {
        let done = normalize(level, "deflate");
        assert!(done.status.success(), "level {level}: {:?}", own_lines(&done.stderr));
        let inspection = run_json(["inspect", string(&output), "--model", "identity", "--json"]);
        assert_eq!(inspection["slide"]["vendor"], "generic-tiff", "level {level}");
        fs::remove_file(&output).unwrap();
    }
    for level in [0, 1] {
        let failed = normalize(level, "jpeg");
        assert_fails(&failed, &["Mirax2-Fluorescence-2.mrxs", &format!("level {level}, region x"), "Data00"]);
        assert_eq!(names(folder.path()), [""; 0]);
    }
}
