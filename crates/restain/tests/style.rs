//! From a lab's slides to its style, and from the style to slides and pictures of another lab.

mod common;

use std::fs;
use std::path::Path;

use common::{assert_fails, names, run, run_json, run_well, synth, text};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// A name no style may hold.
const PATIENT: &str = "Jane-Doe-1952";

/// A folder of inputs: a slide, a folder of two pictures, and the lab's style measured on both.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        synth(Path::new(&bench.slide()), "1100x900", &["--coverage", "0.8"]);
        fs::create_dir(bench.path("patches")).unwrap();
        for (name, shift) in [("a.png", 0), (PATIENT, 40)] {
            let path = Path::new(&bench.path("patches")).join(name).with_extension("png");
            image::RgbImage::from_fn(90, 60, |x, y| {
                image::Rgb([x as u8 + shift, 3 * y as u8, 200 - x as u8])
            })
            .save(path)
            .unwrap();
        }
        fs::write(bench.path("patches/notes.txt"), "not a picture").unwrap();
        bench
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).into_os_string().into_string().unwrap()
    }

    fn slide(&self) -> String {
        self.path(&format!("{PATIENT}.mrxs"))
    }

    /// Measures the slide.
    fn style(&self) -> String {
        let style = self.path("lab.style.json");
        run_well(["style", &self.slide(), "-o", &style, "-q"]);
        style
    }
}

#[test]
fn a_style_counts_slides_and_pictures_and_names_none() {
    let bench = Bench::new();
    let style = bench.path("both.style.json");
    let (slide, patches) = (bench.slide(), bench.path("patches"));
    let measured = run(["style", &slide, &patches, &slide, "-o", &style]);
    let (said, noted) = (text(&measured.stdout), text(&measured.stderr));
    assert!(said.contains("2 slides and 2 pictures"), "{said}");
    assert!(noted.contains("1 other files and folders of") && noted.contains("were left out"), "{noted}");

    let written = fs::read_to_string(&style).unwrap();
    for words in [PATIENT, "Jane", "1952", "mrxs", "png", "patches", "/", "tmp"] {
        assert!(!written.contains(words), "the style holds {words:?}");
    }
    let content: serde_json::Value = serde_json::from_str(&written).unwrap();
    let keys: Vec<_> = content.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["counts", "grays", "pictures", "pixels", "slides", "version"]);
    // Both pictures and twice some 0.8 x 1100 x 900 px at a sixteenth.
    let pixels = content["pixels"].as_u64().unwrap();
    assert!((2 * 90 * 60 + 60_000..2 * 90 * 60 + 2 * 275 * 225).contains(&pixels), "{pixels}");

    for threads in ["1", "3"] {
        let again = bench.path("again.style.json");
        run_well(["style", &slide, &slide, &patches, "-o", &again, "-q", "--force", "--threads", threads]);
        assert_eq!(fs::read_to_string(again).unwrap(), written);
    }
}

#[test]
fn a_slide_in_its_own_style_stays_as_it_is() {
    let bench = Bench::new();
    let (slide, style, output) = (bench.slide(), bench.style(), bench.path("out.tif"));
    let lossless = ["--compression", "deflate", "--json", "--force"];
    let normalize =
        |more: &[&str]| run_json([&["normalize", &slide, "-o", &output], more, &lossless].concat());
    let report = normalize(&["--style", &style]);
    assert_eq!(report["model"]["name"], "quantile");
    assert_eq!(report["model"]["style_sha256"], format!("{:x}", Sha256::digest(fs::read(&style).unwrap())));
    assert!(report["model"]["sha256"].is_null());
    assert_eq!(report["device"], "cpu");
    let same = run_json(["compare", &slide, &output, "--json"]);
    assert!(same["max_difference"].as_u64().unwrap() <= 1, "{same}");
    let bytes = fs::read(&output).unwrap();
    let holds = |words: &str| bytes.windows(words.len()).any(|window| window == words.as_bytes());
    assert!(holds("quantile") && holds(report["model"]["style_sha256"].as_str().unwrap()));
    assert!(!holds(PATIENT) && !holds("lab.style"));

    // What the command line says of the colours takes the place of all that the configuration says of them.
    let config = bench.path("run.yaml");
    fs::write(&config, format!("style: {style}\nown: {style}\n")).unwrap();
    let report = normalize(&["--config", &config]);
    assert_eq!(report["model"]["own_sha256"], report["model"]["style_sha256"]);
    assert_eq!(normalize(&["--config", &config, "--model", "identity"])["model"]["name"], "identity");
    fs::write(&config, "model: identity\n").unwrap();
    assert_eq!(normalize(&["--config", &config, "--style", &style])["model"]["name"], "quantile");
    let both = normalize(&["--config", &config, "--style", &style, "--model", "shipped"]);
    assert_eq!(both["model"]["style_sha256"], report["model"]["style_sha256"]);
    assert!(both["model"]["sha256"].is_string() && both["model"]["name"] != "quantile");

    let inspection = run_json(["inspect", &slide, "--style", &style, "--json"]);
    assert!(
        inspection["model_mpp"].is_null() && inspection["plan"]["tiles"].as_u64() > Some(0),
        "{inspection}"
    );
}

#[test]
fn pictures_of_a_folder_are_measured_together() {
    let bench = Bench::new();
    let (patches, output) = (bench.path("patches"), bench.path("out"));
    let [together, first] = [&patches, &bench.path("patches/a.png")].map(|input| {
        let style = bench.path("pictures.style.json");
        run_well(["style", input, "-o", &style, "-q", "--force"]);
        run_well(["normalize-image", &patches, "-o", &output, "--style", &style, "-q", "--force"]);
        let read = |folder: &str, name: &str| image::open(Path::new(folder).join(name)).unwrap().into_rgb8();
        assert_eq!(names(Path::new(&output)).len(), 2);
        let differences = |name: &str| {
            let (before, after) = (read(&patches, name), read(&output, name));
            before.iter().zip(after.iter()).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
        };
        ["a.png", &format!("{PATIENT}.png")].map(differences)
    });
    assert_eq!(together, [0, 0], "both together already have their style");
    assert!(first[1] > 10, "the colours of both became those of the first: {first:?}");
}

#[test]
fn styles_that_cannot_be_measured_or_used() {
    let bench = Bench::new();
    let (slide, style, output) = (bench.slide(), bench.style(), bench.path("out.tif"));
    let measure = |input: &str, name: &str| run(["style", input, "-o", &bench.path(name)]);
    assert_fails(&measure(&slide, "lab.txt"), &["lab.txt", "end in .json"]);
    assert_fails(&measure(&slide, "lab.style.json"), &["lab.style.json", "exists already", "--force"]);
    assert_fails(&measure(&slide, "no/such/folder/a.json"), &["a.json", "cannot write the style"]);
    assert_fails(&measure(&bench.path("missing.mrxs"), "a.json"), &["missing.mrxs", "no such file"]);
    assert_fails(&measure(&bench.path(PATIENT), "a.json"), &[PATIENT, "no PNG"]);
    assert_eq!(run(["style", "-o", &bench.path("a.json")]).status.code(), Some(2));

    let normalize = |more: &[&str]| run([&["normalize", &slide, "-o", &output], more].concat());
    for useless in [["--style", &style], ["--own", &style]] {
        assert_fails(
            &normalize(&[&["--model", "identity"], &useless[..]].concat()),
            &["`identity` changes no colour"],
        );
    }
    assert_fails(&normalize(&["--own", &style]), &["`own`", "`style`"]);
    let config = bench.path("run.yaml");
    fs::write(&config, format!("model: identity\nstyle: {style}\n")).unwrap();
    assert_fails(&normalize(&["--config", &config]), &["`identity` changes no colour"]);
    let missing = normalize(&["--model", "missing.safetensors", "--style", &style]);
    assert_fails(&missing, &["missing.safetensors", "cannot read the model"]);

    let damaged = bench.path("damaged.style.json");
    fs::write(&damaged, &fs::read(&style).unwrap()[..900]).unwrap();
    let words = ["damaged.style.json", "not a usable style", "restain style"];
    assert_fails(&normalize(&["--style", &damaged]), &words);
    assert_fails(&normalize(&["--style", &style, "--own", &damaged]), &words);
    assert_fails(&normalize(&["--style", &bench.path("none.json")]), &["none.json", "cannot read the style"]);
    assert_fails(&normalize(&["--style", &slide]), &[PATIENT, "not a usable style"]);

    let glass = bench.path("glass.png");
    image::RgbImage::from_pixel(64, 64, image::Rgb([240, 241, 239])).save(&glass).unwrap();
    let out = bench.path("out.png");
    let failed = run(["normalize-image", &glass, "-o", &out, "--style", &style]);
    assert_fails(&failed, &["hardly any colours", "--own"]);
    assert!(!Path::new(&out).exists() && !Path::new(&output).exists());
}
