//! What a lab technician does with a slide, from one end to the other.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use common::{names, restain, run, run_json, run_well, synth, text};
use tempfile::TempDir;

/// A name no output may hold.
const PATIENT: &str = "Jane-Doe-1952";

/// One small slide for all tests.
static SLIDE: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let slide = folder.path().join(PATIENT).with_extension("mrxs");
    synth(&slide, "1500x1200", &["--coverage", "0.7", "--seed", "4"]);
    (folder, slide)
});

fn slide() -> &'static str {
    SLIDE.1.to_str().unwrap()
}

/// A folder and the path of an output in it.
fn desk() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.tif").into_os_string().into_string().unwrap();
    (folder, output)
}

#[test]
fn the_report_is_one_json_object() {
    let (folder, output) = desk();
    let report = run_json(["normalize", slide(), "-o", &output, "--model", "identity", "--json"]);
    assert_eq!(report["input"], slide());
    assert_eq!(report["output"], output.as_str());
    assert_eq!(report["pixels"], 1500 * 1200);
    assert_eq!(report["model"]["name"], "identity");
    assert_eq!(report["bytes"], fs::metadata(&output).unwrap().len());
    assert!(report["mp_per_s"].as_f64().unwrap() > 0.1);
    assert!(report["peak_memory"].as_u64().unwrap() > 10 << 20);
    let stages: Vec<_> = report["stage_seconds"].as_object().unwrap().keys().collect();
    let mut all = ["read", "stain", "generate", "reassemble", "encode", "write"];
    all.sort_unstable();
    assert_eq!(
        stages.iter().map(|stage| stage.as_str()).collect::<std::collections::BTreeSet<_>>(),
        all.into()
    );
    assert_eq!(names(folder.path()), ["out.tif"]);
}

#[test]
fn with_less_memory_the_same_pixels() {
    let (folder, output) = desk();
    let less = folder.path().join("less.tif").to_str().unwrap().to_owned();
    let identity = |output: &str, memory: &[&str]| {
        let words = ["normalize", slide(), "-o", output, "--model", "identity", "--threads", "2", "--json"];
        run_json([&words, memory].concat())
    };
    let plain = identity(&output, &[]);
    let small = identity(&less, &["--memory", "180MiB"]);
    let tile = |report: &serde_json::Value| report["tile"].as_u64().unwrap();
    assert!(tile(&small) < tile(&plain), "{} of {}", tile(&small), tile(&plain));
    assert!(small["peak_memory"].as_u64().unwrap() < 180 << 20);
    assert!(run_well(["compare", &less, &output]).contains("infinite: equal"));
    let plan = |memory| run_json(["inspect", slide(), "--memory", memory, "--threads", "8", "--json"]);
    assert!(plan("250MiB")["plan"]["memory"].as_u64().unwrap() <= 250 << 20);
    for (memory, words) in [("100MiB", "may have 100.0 MiB"), ("much", "invalid value 'much'")] {
        let refused = run(["normalize", slide(), "-o", &less, "--force", "--memory", memory]);
        assert!(!refused.status.success());
        assert!(text(&refused.stderr).contains(words), "{}", text(&refused.stderr));
    }
}

#[test]
fn inspect_knows_slides_and_outputs() {
    let (_folder, output) = desk();
    let inspection = run_json(["inspect", slide(), "--model", "identity", "--json"]);
    assert_eq!(inspection["slide"]["vendor"], "mirax");
    assert!(inspection["slide"]["associated"].as_array().unwrap().len() >= 3);
    assert!(inspection["plan"]["tiles"].as_u64().unwrap() >= 4);
    assert!(inspection["plan"]["memory"].as_u64().unwrap() > 0);
    run_well(["normalize", slide(), "-o", &output, "--model", "identity", "-q"]);
    let inspection = run_json(["inspect", &output, "--model", "identity", "--json"]);
    assert_eq!(inspection["slide"]["vendor"], "generic-tiff");
    assert_eq!(inspection["slide"]["associated"].as_array().unwrap().len(), 0);
    let printed = run_well(["inspect", &output, "--model", "identity"]);
    assert!(printed.contains("generic-tiff") && printed.contains("1500 x 1200 px"), "{printed}");
}

#[test]
fn compare_tells_equal_from_close() {
    let (folder, output) = desk();
    run_well(["normalize", slide(), "-o", &output, "--model", "identity", "-q"]);
    let close = run_json(["compare", slide(), &output, "--json"]);
    let psnr = close["psnr_db"].as_f64().unwrap();
    assert!(psnr > 35.0 && close["ssim"].as_f64().unwrap() > 0.9, "{close}");
    assert!(close["max_difference"].as_u64().unwrap() > 0, "JPEG without loss: {close}");
    assert!(close["bhattacharyya"].as_f64().unwrap() < 0.2, "{close}");
    let lossless = folder.path().join("lossless.tif").into_os_string().into_string().unwrap();
    run_well([
        "normalize",
        slide(),
        "-o",
        &lossless,
        "--model",
        "identity",
        "--compression",
        "deflate",
        "-q",
    ]);
    for (a, b) in [(slide(), lossless.as_str()), (&output, &output)] {
        let equal = run_json(["compare", a, b, "--json", "--region", "100,50,900,700"]);
        assert!(equal["psnr_db"].is_null(), "{equal}");
        assert_eq!(equal["max_difference"], 0);
        assert_eq!((&equal["width"], &equal["height"]), (&900.into(), &700.into()));
    }
    assert!(run_well(["compare", &output, &output]).contains("infinite: equal"));
    // What was scanned has 751 x 601 px at level 1 of the slide, and 750 x 600 px at that of the output.
    assert!(
        run_json(["compare", slide(), &output, "--level", "1", "--json"])["psnr_db"].as_f64().unwrap() > 20.0
    );
    common::assert_fails(&run(["compare", &output, &output, "--level", "9"]), &["no level 9"]);
}

#[test]
fn quiet_prints_nothing() {
    let (_folder, output) = desk();
    let quiet = run(["normalize", slide(), "-o", &output, "--model", "identity", "-q"]);
    assert!(quiet.status.success());
    assert_eq!((text(&quiet.stdout), text(&quiet.stderr)), (String::new(), String::new()));
    let talking = run(["normalize", slide(), "-o", &output, "--model", "identity", "--force"]);
    assert!(text(&talking.stdout).contains("1500 x 1200 px"), "{}", text(&talking.stdout));
    assert_eq!(text(&talking.stderr), "", "a progress bar where there is no terminal");
}

#[test]
fn a_run_configuration_gives_way_to_the_command_line() {
    let (folder, output) = desk();
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../../pipelines/normalize.yaml");
    let options = ["--config", shipped, "--model", "identity", "--json"];
    let report = run_json([&["normalize", slide(), "-o", &output], &options[..]].concat());
    assert_eq!(report["model"]["name"], "identity");

    let own = folder.path().join("own.yaml");
    fs::write(&own, "model: identity\nlevel: 1\nthreads: 1\n").unwrap();
    let own = own.to_str().unwrap();
    let report = run_json(["normalize", slide(), "-o", &output, "--config", own, "--force", "--json"]);
    assert_eq!((&report["source"]["level"], &report["threads"]), (&1.into(), &1.into()));
    let report =
        run_json(["normalize", slide(), "-o", &output, "--config", own, "--mpp", "1.0", "--force", "--json"]);
    assert_eq!(report["source"]["level"], 2, "0.25 micrometres a pixel at level 0 are 1.0 at level 2");
}

#[test]
fn pictures_and_folders_of_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let patches = folder.path().join("patches");
    fs::create_dir(&patches).unwrap();
    let patch = image::RgbImage::from_fn(200, 130, |x, y| image::Rgb([x as u8, y as u8, (x ^ y) as u8]));
    patch.save(patches.join("a.png")).unwrap();
    patch.save(patches.join("b.bmp")).unwrap();
    fs::write(patches.join("notes.txt"), "not a picture").unwrap();
    let path = |name: &str| folder.path().join(name).into_os_string().into_string().unwrap();

    let (a, single) = (path("patches/a.png"), path("single.png"));
    run_well(["normalize-image", &a, "-o", &single, "--model", "identity"]);
    assert_eq!(image::open(&single).unwrap().into_rgb8(), patch);

    let (input, output) = (path("patches"), path("output"));
    run_well(["normalize-image", &input, "-o", &output, "--model", "identity"]);
    assert_eq!(names(Path::new(&output)), ["a.png", "b.png"]);
    assert_eq!(image::open(path("output/b.png")).unwrap().into_rgb8(), patch);

    fs::create_dir(path("into")).unwrap();
    run_well(["normalize-image", &a, "-o", &path("into"), "--model", "identity"]);
    assert_eq!(names(Path::new(&path("into"))), ["a.png"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &str| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&single), mode(&path("patches/notes.txt")), "others may not read the picture");
    }

    let again = run(["normalize-image", &input, "-o", &output, "--model", "identity"]);
    common::assert_fails(&again, &["exists already", "--force"]);
}

#[test]
fn nothing_of_the_patient_reaches_the_output() {
    let (_folder, output) = desk();
    run_well(["normalize", slide(), "-o", &output, "--model", "identity", "-q"]);
    let bytes = fs::read(&output).unwrap();
    let holds = |words: &str| bytes.windows(words.len()).any(|window| window == words.as_bytes());
    assert!(holds("restain") && holds("mirax"), "the description is not where it is looked for");
    let ini = fs::read_to_string(SLIDE.1.with_extension("").join("Slidedat.ini")).unwrap();
    let said = |key: &str| {
        ini.lines().find_map(|line| line.strip_prefix(key)?.split_once("= ")).unwrap().1.to_owned()
    };
    for words in
        [PATIENT.to_owned(), said("SLIDE_ID"), said("SLIDE_NAME"), "Jane".to_owned(), "/tmp".to_owned()]
    {
        assert!(!holds(words.trim()), "the output holds {words:?}");
    }
}

#[test]
fn the_same_seed_makes_the_same_slide() {
    let folder = tempfile::tempdir().unwrap();
    let slides = ["one", "two", "other"].map(|name| folder.path().join(name));
    for (folder, seed) in slides.iter().zip(["3", "3", "4"]) {
        fs::create_dir(folder).unwrap();
        synth(&folder.join("slide.mrxs"), "600x500", &["--seed", seed, "--coverage", "0.8"]);
    }
    let [one, two, other] = slides.map(|folder| {
        let data = folder.join("slide");
        let parts = names(&data).into_iter().map(move |name| (fs::read(data.join(&name)).unwrap(), name));
        (fs::read(folder.join("slide.mrxs")).unwrap(), parts.collect::<Vec<_>>())
    });
    assert!(one == two, "the same seed makes another slide");
    assert!(one != other, "another seed makes the same slide");
}

#[test]
fn ctrl_c_leaves_nothing() {
    let (folder, output) = desk();
    let inputs = tempfile::tempdir().unwrap();
    let slide = inputs.path().join("large.mrxs");
    synth(&slide, "20000x12000", &["--coverage", "0.5"]);
    let mut command = restain();
    command.arg("normalize").arg(&slide).args(["-o", &output, "--model", "identity", "--threads", "1"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let started = Instant::now();
    while names(folder.path()).is_empty() && started.elapsed() < Duration::from_secs(20) {
        thread::sleep(Duration::from_millis(10));
    }
    thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none(), "the run was over before it could be interrupted");
    assert_eq!(names(folder.path()).len(), 1, "no temporary file");
    assert!(!Path::new(&output).exists(), "the final name is there before the end");

    let interrupted = Instant::now();
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let ended = child.wait_with_output().unwrap();
    assert!(interrupted.elapsed() < Duration::from_secs(2), "{:?}", interrupted.elapsed());
    assert_eq!(ended.status.code(), Some(130));
    let said = text(&ended.stderr);
    assert!(said.lines().last().is_some_and(|line| line.starts_with("error: interrupted")), "{said}");
    assert_eq!(names(folder.path()), [""; 0]);
}
