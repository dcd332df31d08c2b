//! What a batch says of itself when it has ended: the page, its figures, and who can read them.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use common::{assert_fails, restain, run, run_well, synth};
use serde_json::Value;
use tempfile::TempDir;

/// Two small slides, and one that is cut off.
static SLIDES: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    for (name, seed) in [("first", "1"), ("second", "2"), ("torn", "3")] {
        synth(&folder.path().join(name).with_extension("mrxs"), "1500x1200", &["--seed", seed]);
    }
    fs::remove_file(folder.path().join("torn/Index.dat")).unwrap();
    folder
});

fn batch(out: &Path, more: &[&str]) -> Option<i32> {
    let mut command = restain();
    command.args(["batch", "--quiet", "-o"]).arg(out).arg(SLIDES.path()).args(more);
    command.status().unwrap().code()
}

fn desk() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    (folder, out)
}

fn figures(out: &Path) -> Value {
    serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap()
}

fn page(out: &Path) -> String {
    fs::read_to_string(out.join("report.html")).unwrap()
}

fn slide<'a>(figures: &'a Value, name: &str) -> &'a Value {
    let slides = figures["slides"].as_array().unwrap();
    slides.iter().find(|slide| slide["name"] == name).unwrap()
}

#[test]
fn every_slide_is_in_it_with_what_was_found() {
    let (_folder, out) = desk();
    assert_eq!(batch(&out, &["--model", "identity"]), Some(3));
    let figures = figures(&out);
    assert_eq!(
        (&figures["done"], &figures["failed"], &figures["flagged"]),
        (&2.into(), &1.into(), &0.into())
    );
    assert_eq!(figures["recipes"][0]["model"]["name"], "identity");
    for name in ["first", "second"] {
        let slide = slide(&figures, name);
        assert_eq!((&slide["status"], &slide["flags"]), (&"done".into(), &Value::Array(vec![])), "{slide}");
        assert_eq!(slide["look"]["size"], serde_json::json!([1500, 1200]));
        let checks = slide["look"]["examination"]["checks"].as_array().unwrap();
        let structure = checks.iter().find(|check| check["name"] == "structure").unwrap();
        assert!(structure["value"].as_f64().unwrap() > 0.95, "JPEG alone changed it: {structure}");
    }
    let torn = slide(&figures, "torn");
    assert_eq!(torn["status"], "failed");
    assert!(torn["error"].as_str().unwrap().contains("Index.dat"), "{torn}");
    let page = page(&out);
    assert!(page.contains("Index.dat") && page.matches("data:image/jpeg;base64,").count() >= 4);
}

#[test]
fn harm_is_flagged() {
    let (folder, out) = desk();
    let style = folder.path().join("odd.style.json");
    let odd = folder.path().join("odd.png");
    // Of no lab: glass becomes green, and much of the rest ends at black or full light.
    let picture = image::RgbImage::from_fn(256, 256, |x, y| {
        let level = ((x * 7 + y * 13) % 256) as u8;
        image::Rgb([level, 255 - level, if level > 128 { 255 } else { 0 }])
    });
    picture.save(&odd).unwrap();
    run_well([Path::new("style"), &odd, Path::new("-o"), &style]);
    assert_eq!(batch(&out, &["--style", style.to_str().unwrap()]), Some(3));
    let figures = figures(&out);
    assert_eq!(figures["flagged"], 2);
    let flags = slide(&figures, "first")["flags"].as_array().unwrap().clone();
    assert!(flags.contains(&"clipping".into()) || flags.contains(&"background".into()), "{flags:?}");
    let page = page(&out);
    for flag in &flags {
        assert!(page.contains(flag.as_str().unwrap()));
    }
}

#[test]
fn what_was_not_compared_says_so_and_is_made_up_for() {
    let (_folder, out) = desk();
    assert_eq!(batch(&out, &["--model", "identity"]), Some(3));
    let findings = out.join(".restain/findings/first.json");
    fs::write(&findings, "{}").unwrap();
    let told = run_well([Path::new("report"), &out]);
    assert!(told.contains("3 slides, 2 done, 1 failed, 1 flagged"), "{told}");
    assert_eq!(slide(&figures(&out), "first")["flags"], serde_json::json!(["unexamined"]));
    assert!(page(&out).contains("Not examined"));
    let made = fs::metadata(out.join("first.tif")).unwrap().modified().unwrap();
    assert_eq!(batch(&out, &["--model", "identity"]), Some(3));
    assert_eq!(fs::metadata(out.join("first.tif")).unwrap().modified().unwrap(), made);
    assert_eq!(slide(&figures(&out), "first")["flags"], serde_json::json!([]));
}

#[test]
fn an_output_that_was_taken_away_is_due() {
    let (_folder, out) = desk();
    assert_eq!(batch(&out, &["--model", "identity"]), Some(3));
    fs::remove_file(out.join("first.tif")).unwrap();
    let told = run_well([Path::new("report"), &out]);
    assert!(told.contains("3 slides, 1 done, 1 failed"), "{told}");
    assert_eq!(slide(&figures(&out), "first")["status"], "due");
    let told = run_well([Path::new("status"), &out]);
    assert!(told.contains("of all runs and parts: 1 slide done"), "{told}");
}

#[test]
fn a_folder_of_nothing_has_no_report() {
    let folder = tempfile::tempdir().unwrap();
    let output = run([Path::new("report"), folder.path()]);
    assert_fails(&output, &["no batch, training or evaluation was run into this folder"]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let output = run([Path::new("report"), &folder.path().join("none")]);
    assert_fails(&output, &["none: no such folder"]);
}
