//! results.json: what is saved comes back, and what is wrong is refused with its place.

mod common;

use std::{fs, path::PathBuf};

use common::{benchmark, checkpoints, followed, results, row, seed, single};
use restain_evaluate::{Error, Fidelity, Measure, OverSeeds, Results, gap_recovery};
use tempfile::TempDir;

fn full() -> Results {
    let mut treated = seed(7, checkpoints(&[(0.75, 0.5), (0.875, 0.625)]));
    treated.fidelity = Some(Fidelity { psnr: f64::INFINITY, ssim: 1.0, ciede2000: 0.0 });
    treated.bhattacharyya = Some(f64::INFINITY);
    treated.frechet_colour = Some(12.5);
    treated.followed = Some(followed([0.5, 0.375, 0.25], 0.0625));
    let mut both = benchmark(vec![
        row("color", vec![seed(7, checkpoints(&[(0.5, 0.25)]))]),
        row("full", vec![treated]),
        row("ceiling", vec![seed(7, checkpoints(&[(0.5, 0.75)]))]),
    ]);
    both.gap_recovery = gap_recovery(&both.rows, Measure::Accuracy);
    results(vec![both])
}

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.json");
    (folder, path)
}

/// Loads the full results with one text replaced by another.
fn changed(from: &str, to: &str) -> Result<Results, Error> {
    let (_folder, path) = place();
    full().save(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "`{from}` is not in {text}");
    fs::write(&path, text.replacen(from, to, 1)).unwrap();
    Results::load(&path)
}

#[test]
fn what_is_saved_comes_back() {
    let (folder, path) = place();
    fs::write(&path, "old").unwrap();
    full().save(&path).unwrap();
    assert_eq!(Results::load(&path).unwrap(), full());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
}

/// Readers other than restain rely on these names.
#[test]
fn the_names_in_the_file() {
    let value = serde_json::to_value(full()).unwrap();
    assert_eq!(value["version"], 1);
    let benchmark = &value["benchmarks"][0];
    // Means 0.25, 0.5625 and 0.75: 0.3125 of 0.5.
    assert_eq!(benchmark["gap_recovery"]["full"]["mean"], 0.625);
    assert_eq!(benchmark["gap_recovery"]["full"]["seeds"][0], 0.625);
    let seed = &benchmark["rows"][1]["seeds"][0];
    assert_eq!(seed["checkpoints"][1]["target"]["accuracy"], 0.625);
    assert_eq!((&seed["fidelity"]["psnr"], &seed["bhattacharyya"]), (&"infinite".into(), &"infinite".into()));
    assert!(seed["frechet_features"].is_null());
    assert_eq!(seed["followed"]["stages"][1]["losses"], "l1+gan2");
    assert_eq!(seed["followed"]["tasks"][2]["reconstructed"][0]["target"]["accuracy"], 0.3125);
    assert!(benchmark["rows"][0]["seeds"][0].get("followed").is_none(), "as files of before have it");
}

#[test]
fn another_version_is_refused_by_its_number() {
    let error = changed("\"version\": 1", "\"other\": 0, \"version\": 2").unwrap_err();
    assert!(matches!(error, Error::Version { found: 2, expected: 1, .. }), "{error}");
}

#[test]
fn unknown_missing_and_odd_content_is_refused() {
    for (from, to) in [
        ("\"commit\"", "\"author\": \"\", \"commit\""),
        ("\"seconds\": 1.5", "\"minutes\": 1.5"),
        ("\"infinite\"", "\"large\""),
        ("\"step\": 100", "\"step\": -1"),
        ("\"version\": 1", "\"edition\": 1"),
    ] {
        let error = changed(from, to).unwrap_err();
        assert!(matches!(error, Error::Content { .. }), "{from} as {to}: {error}");
    }
    assert!(matches!(Results::load("absent.json".as_ref()), Err(Error::Read { .. })));
}

#[test]
fn a_record_that_contradicts_itself_is_refused_with_its_place() {
    for (from, to, place) in [
        ("\"accuracy\": 0.625", "\"accuracy\": 62.5", "benchmark `scanners`, row `full`, seed 7, step 200"),
        ("\"step\": 200", "\"step\": 100", "benchmark `scanners`, row `full`, seed 7"),
        ("\"name\": \"full\"", "\"name\": \"color\"", "benchmark `scanners`"),
        ("\"name\": \"full\"", "\"name\": \"none\"", "benchmark `scanners`, gap recovery of `full`"),
        ("\"seconds\": 1.5", "\"seconds\": -1.5", "benchmark `scanners`, row `color`, seed 7"),
        ("\"ends\": 60", "\"ends\": 40", "benchmark `scanners`, row `full`, seed 7, stages of G"),
        (
            "\"accuracy\": 0.3125",
            "\"accuracy\": 3.125",
            "benchmark `scanners`, row `full`, seed 7, poor task network",
        ),
        ("\"ssim\": 1.0", "\"ssim\": 1.5", "benchmark `scanners`, row `full`, seed 7"),
    ] {
        let error = changed(from, to).unwrap_err();
        assert!(matches!(&error, Error::Record { place: found, .. } if found == place), "{to}: {error}");
    }
}

/// JSON has no NaN: it would come back as a number that is missing.
#[test]
fn what_could_not_be_loaded_is_not_saved() {
    let (folder, path) = place();
    let mut broken = full();
    broken.benchmarks[0].rows[0].seeds[0].frechet_colour = Some(f64::NAN);
    assert!(matches!(broken.save(&path), Err(Error::Record { .. })));
    broken = results(vec![benchmark(vec![single("color", &[0.5])]), benchmark(vec![])]);
    assert!(broken.save(&path).unwrap_err().to_string().contains("two records of benchmark `scanners`"));
    broken = full();
    let nothing = OverSeeds { seeds: vec![], mean: 0.0, spread: 0.0 };
    broken.benchmarks[0].gap_recovery.insert("full".into(), nothing);
    assert!(broken.save(&path).unwrap_err().to_string().contains("no seed has it"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
