//! `restain patches`: annotated places of slides as files.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use common::{assert_fails, names, restain, run, run_well, synth, text};
use restain_slide::{LevelPoint, LevelRect, LevelSize, Slide};
use tempfile::TempDir;

/// Two small slides for all tests.
static SLIDES: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    synth(&folder.path().join("Maria Muster.mrxs"), "800x700", &["--seed", "4"]);
    synth(&folder.path().join("b.mrxs"), "800x700", &["--seed", "5"]);
    folder
});

fn slide(name: &str) -> PathBuf {
    SLIDES.path().join(name)
}

/// An annotation file of points of the given classes.
fn annotations(path: &Path, points: &[(&str, i64, i64)]) {
    let feature = |(class, x, y): &(&str, i64, i64)| {
        serde_json::json!({
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [x, y]},
            "properties": {"objectType": "annotation", "classification": {"name": class}},
        })
    };
    let features: Vec<_> = points.iter().map(feature).collect();
    fs::write(path, serde_json::json!({"type": "FeatureCollection", "features": features}).to_string())
        .unwrap();
}

const POINTS: [(&str, i64, i64); 4] =
    [("NILM", 300, 100), ("HSIL", 200, 200), ("NILM", 400, 350), ("../NILM", 2, 650)];

/// The command on both slides, whose annotations lie in a folder.
fn both(desk: &Path, more: &[&str]) -> std::process::Output {
    let exports = desk.join("exports");
    if !exports.exists() {
        fs::create_dir(&exports).unwrap();
        annotations(&exports.join("Maria Muster.geojson"), &POINTS);
        annotations(&exports.join("b.geojson"), &POINTS[..2]);
    }
    let mut command = restain();
    command
        .arg("patches")
        .arg(slide("Maria Muster.mrxs"))
        .arg(slide("b.mrxs"))
        .args(["--quiet", "--size", "64"]);
    command.arg("--annotations").arg(exports).arg("-o").arg(desk.join("out")).args(more).output().unwrap()
}

#[test]
fn patches_show_what_the_slide_shows() {
    let desk = tempfile::tempdir().unwrap();
    let output = both(desk.path(), &["--pad", "white"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let out = desk.path().join("out");
    assert_eq!(names(desk.path()), ["exports", "out"]);
    assert_eq!(names(&out), ["HSIL", "NILM", "_.._NILM", "patches.csv"]);
    assert_eq!(names(&out.join("NILM")), ["Maria Muster_00001.png", "Maria Muster_00003.png", "b_00001.png"]);
    let opened = Slide::open(slide("Maria Muster.mrxs")).unwrap();
    let corner = opened.info().bounds.min;
    let table = fs::read_to_string(out.join("patches.csv")).unwrap();
    let row = |file: &str, slide: &str, x: i64, y: i64, class: &str| {
        format!("{file},{slide},{},{},{class},{slide}", corner.x + x, corner.y + y)
    };
    assert_eq!(
        table.lines().collect::<Vec<_>>(),
        [
            "file,slide,x,y,class,group",
            &row("NILM/Maria Muster_00001.png", "Maria Muster", 300, 100, "NILM"),
            &row("HSIL/Maria Muster_00002.png", "Maria Muster", 200, 200, "HSIL"),
            &row("NILM/Maria Muster_00003.png", "Maria Muster", 400, 350, "NILM"),
            &row("_.._NILM/Maria Muster_00004.png", "Maria Muster", 2, 650, "../NILM"),
            &row("NILM/b_00001.png", "b", 300, 100, "NILM"),
            &row("HSIL/b_00002.png", "b", 200, 200, "HSIL"),
        ]
    );
    for (slide_name, file, x, y) in [
        ("Maria Muster.mrxs", "HSIL/Maria Muster_00002.png", 200, 200),
        ("Maria Muster.mrxs", "_.._NILM/Maria Muster_00004.png", 2, 650),
        ("b.mrxs", "NILM/b_00001.png", 300, 100),
    ] {
        let rect = LevelRect::from_origin_and_size(
            LevelPoint::new(corner.x + x - 32, corner.y + y - 32),
            LevelSize::new(64, 64),
        );
        let shown = Slide::open(slide(slide_name)).unwrap().read(0, rect).unwrap().rgb;
        assert!(image::open(out.join(file)).unwrap().into_rgb8().into_raw() == shown, "{file}");
    }
}

#[test]
fn an_output_that_is_there_already() {
    let desk = tempfile::tempdir().unwrap();
    assert!(both(desk.path(), &[]).status.success());
    let out = desk.path().join("out");
    fs::write(out.join("mark"), "").unwrap();
    assert_fails(&both(desk.path(), &[]), &["out", "exists already", "--force"]);
    assert!(out.join("mark").exists());
    // What fails after it was allowed to replace a folder has not replaced it.
    assert_fails(&both(desk.path(), &["--force", "--mpp", "0.01"]), &["Maria Muster", "nearer `mpp`"]);
    assert!(out.join("mark").exists());
    let output = both(desk.path(), &["--force", "--format", "jpg", "--limit", "3"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(
        names(&out),
        ["HSIL", "NILM", "_.._NILM", "patches.csv"]
            .iter()
            .filter(|name| out.join(name).exists())
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    );
    assert!(!out.join("mark").exists());
    assert_eq!(fs::read_to_string(out.join("patches.csv")).unwrap().lines().count(), 1 + 3);
    assert_eq!(names(desk.path()), ["exports", "out"]);
    // A folder of something else is nobody's to replace.
    fs::remove_file(out.join("patches.csv")).unwrap();
    assert_fails(&both(desk.path(), &["--force"]), &["out", "something else"]);
}

#[test]
fn names_of_slides_stay_out_where_asked() {
    let desk = tempfile::tempdir().unwrap();
    let output = both(desk.path(), &["--rename", "hash"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let out = desk.path().join("out");
    let files: Vec<_> = names(&out.join("NILM")).into_iter().chain(names(&out.join("HSIL"))).collect();
    let table = fs::read_to_string(out.join("patches.csv")).unwrap();
    assert_eq!(files.len(), 5);
    assert!(!format!("{files:?}{table}").contains("Muster"), "{files:?} {table}");
    let groups: std::collections::BTreeSet<_> =
        table.lines().skip(1).map(|row| row.rsplit(',').next()).collect();
    assert_eq!(groups.len(), 2);
}

#[test]
fn what_is_wrong_is_said_and_nothing_is_left() {
    let desk = tempfile::tempdir().unwrap();
    let file = desk.path().join("a.geojson");
    let patches = |more: &[&str]| {
        let mut command = restain();
        command.arg("patches").arg(slide("b.mrxs")).arg("--annotations").arg(&file).args(more);
        command.arg("-o").arg(desk.path().join("out")).output().unwrap()
    };
    assert_fails(&patches(&[]), &["a.geojson", "cannot read"]);
    fs::write(&file, "{\"type\": \"FeatureCollection\",\n \"features\": [").unwrap();
    assert_fails(&patches(&[]), &["a.geojson:2", "EOF"]);
    annotations(&file, &[("NILM", 300, 100), ("NILM", 900, 100)]);
    assert_fails(&patches(&[]), &["a.geojson: object 2", "outside", "b.mrxs"]);
    annotations(&file, &[("a/b", 300, 100), ("a_b", 300, 100)]);
    assert_fails(&patches(&[]), &["`a/b`", "`a_b`", "share the folder"]);
    annotations(&file, &[("NILM", 2, 2)]);
    assert_fails(&patches(&["--pad", "skip"]), &["b.mrxs", "none of 1 samples"]);
    for (more, words) in [
        (["--size", "0"], ["`side`", "1 to 4096"]),
        (["--size", "4294967295"], ["`side`", "1 to 4096"]),
        (["--mpp", "nan"], ["`mpp`", "0.01 to 100"]),
        (["--mpp", "0.01"], ["b.mrxs", "nearer `mpp`"]),
        (["--limit", "0"], ["--limit 0", "no patch"]),
    ] {
        assert_fails(&patches(&more), &words);
    }
    let slides = [slide("b.mrxs"), slide("Maria Muster.mrxs")];
    let output = desk.path().join("out");
    let several = [
        "patches".as_ref(),
        slides[0].as_os_str(),
        slides[1].as_os_str(),
        "--annotations".as_ref(),
        file.as_os_str(),
    ];
    assert_fails(&run(several.into_iter().chain(["-o".as_ref(), output.as_os_str()])), &["several slides"]);
    let twice = [
        "patches".as_ref(),
        slides[0].as_os_str(),
        slides[0].as_os_str(),
        "--annotations".as_ref(),
        desk.path().as_os_str(),
    ];
    annotations(&desk.path().join("b.geojson"), &POINTS);
    assert_fails(&run(twice.into_iter().chain(["-o".as_ref(), output.as_os_str()])), &["also called b"]);
    let inside = slide("b").join("out");
    let within = ["patches".as_ref(), slides[0].as_os_str(), "-o".as_ref(), inside.as_os_str()];
    assert_fails(&run(within), &["among the slides"]);
    assert!(!inside.exists());
    assert_eq!(names(desk.path()), ["a.geojson", "b.geojson"]);
}

#[test]
fn the_help_teaches() {
    let help = run_well(["patches", "--help"]);
    for word in ["Example:", "--rename hash", "QuPath", "patches.csv", "level-0"] {
        assert!(help.contains(word), "{word:?} is not in: {help}");
    }
}
