//! Damaged MIRAX slides: each is refused with one clear line, or its output is what the sound slide gives. None ends a process,
//! hangs, or passes silently.
//!
//! The kinds of damage are those of `OpenSlide`'s test corpus (`test/cases/mirax-*` in its repository), and some more. With
//! `--nocapture` the tests print what became of each, and the table of docs/reliability.md.

mod common;
mod damage;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use common::{own_lines, restain, run, run_json, synth, text};
use damage::files::{Files, INDEX, INI, data_name};
use damage::variants::Variant;
use damage::{Expected, groups};
use image::RgbImage;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use tempfile::TempDir;

/// What a slide may take at most.
const SECONDS: u32 = 10;
/// A tile of the slide, in pixels.
const TILE: [u32; 2] = [80, 72];

/// The slide that is damaged, and its other variants.
static SOUND: LazyLock<BTreeMap<Variant, Files>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let slide = folder.path().join("slide.mrxs");
    synth(&slide, "600x500", &[]);
    let synth = Files::read(&slide);
    Variant::ALL.into_iter().map(|variant| (variant, variant.make(&synth))).collect()
});

/// Slides, and what a batch makes of them.
struct Night {
    folder: TempDir,
    /// The error of each slide that failed.
    failed: BTreeMap<String, String>,
    /// What was found wrong.
    faults: Vec<String>,
}

impl Night {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("slides")).unwrap();
        let night = Self { folder, failed: BTreeMap::new(), faults: Vec::new() };
        for (variant, files) in &*SOUND {
            night.put(&variant.name(), files);
        }
        night
    }

    fn slide(&self, name: &str) -> PathBuf {
        self.folder.path().join("slides").join(format!("{name}.mrxs"))
    }

    fn put(&self, name: &str, files: &Files) {
        files.write(&self.slide(name));
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn fault(&mut self, name: &str, what: &str) {
        self.faults.push(format!("{name}: {what}"));
    }

    /// Normalizes all slides in one batch, and checks what holds for every one of them.
    fn run(&mut self, names: &[&str]) {
        let minutes = (f64::from(SECONDS) / 60.0).to_string();
        let mut batch = restain();
        batch.args(["batch", "--model", "identity", "--compression", "deflate", "--timeout", &minutes, "-o"]);
        let ended = batch.arg(self.out()).arg(self.folder.path().join("slides")).output().unwrap();
        assert_eq!(ended.status.code(), Some(3), "{}", text(&ended.stderr));
        assert_eq!(run(["verify", "-q", self.out().to_str().unwrap()]).status.code(), Some(0));
        let mut lines = own_lines(&ended.stderr);
        for name in names {
            self.look_at(name, &mut lines);
        }
        assert!(lines.is_empty(), "lines of no slide: {lines:#?}");
        let hidden: Vec<_> =
            common::names(&self.out()).into_iter().filter(|name| name.starts_with('.')).collect();
        assert_eq!(hidden, [".restain"], "something is left behind");
    }

    /// Checks that a slide is done, or failed with one clear line in `lines`, from where it is taken.
    fn look_at(&mut self, name: &str, lines: &mut Vec<String>) {
        let record = self.out().join(".restain/records").join(format!("{name}.json"));
        let Ok(record) = fs::read(record) else { return self.fault(name, "it has no record") };
        let record: Value = serde_json::from_slice(&record).unwrap();
        let there = self.out().join(format!("{name}.tif")).exists();
        if record["state"] == "done" {
            if !there {
                self.fault(name, "done without an output");
            }
            return;
        }
        let error = record["error"].as_str().unwrap_or_default().to_owned();
        if record["state"] != "failed" || there {
            self.fault(name, &format!("{}, output: {there}", record["state"]));
        }
        let said = format!("error: {name}: {error}");
        match lines.iter().position(|line| *line == said) {
            Some(at) => drop(lines.remove(at)),
            None => self.fault(name, &format!("nobody was told: {error}")),
        }
        let unclear = ["panicked", "a bug in restain", "the process that worked on it", "given up after"];
        if !error.contains(name)
            || error.chars().any(char::is_control)
            || error.len() > 1000
            || unclear.iter().any(|words| error.contains(words))
        {
            self.fault(name, &error);
        }
        self.failed.insert(name.to_owned(), error);
    }

    /// Expects that `inspect` opens what could be normalized, and tells of the rest in one line.
    fn inspect(&mut self, name: &str) {
        let mut limited = Command::new("timeout");
        limited.args([&SECONDS.to_string(), env!("CARGO_BIN_EXE_restain"), "inspect", "--model", "identity"]);
        let ended = limited.arg(self.slide(name)).output().unwrap();
        let lines = own_lines(&ended.stderr);
        let fine = match (ended.status.code(), lines.as_slice()) {
            (Some(0), _) => true,
            (Some(1), [line]) => {
                line.starts_with("error: ") && line.contains(name) && self.failed.contains_key(name)
            }
            _ => false,
        };
        if !fine {
            self.fault(name, &format!("inspect: {}, {lines:?}", ended.status));
        }
    }

    fn pixels(&self, name: &str) -> RgbImage {
        pixels(&self.out().join(format!("{name}.tif")))
    }
}

fn pixels(output: &Path) -> RgbImage {
    image::open(output).unwrap().into_rgb8()
}

#[test]
fn every_kind_of_damage_is_told_or_does_no_harm() {
    let mut night = Night::new();
    let kinds: Vec<_> = groups().into_iter().flat_map(|(_, kinds)| kinds).collect();
    for kind in &kinds {
        let mut files = SOUND[&kind.of].clone();
        (kind.damage)(&mut files);
        night.put(kind.name, &files);
    }
    let sound: Vec<_> = Variant::ALL.into_iter().map(Variant::name).collect();
    let all: Vec<_> = sound.iter().map(String::as_str).chain(kinds.iter().map(|kind| kind.name)).collect();
    night.run(&all);
    for name in &all {
        night.inspect(name);
    }
    let truth: BTreeMap<_, _> = Variant::ALL.into_iter().map(|v| (v, night.pixels(&v.name()))).collect();
    check_variants(&truth);

    let sound = night.slide(&Variant::Jpeg.name());
    let inspection = run_json(["inspect", "--model", "identity", "--json", sound.to_str().unwrap()]);
    let openslide = inspection["slide"]["openslide"].as_str().unwrap();
    for kind in &kinds {
        let error = night.failed.get(kind.name).cloned();
        println!("{}: {}", kind.name, error.as_deref().unwrap_or("allowed"));
        let (expected, name) = (kind.expected.with(openslide), kind.name);
        match (expected, error) {
            (Expected::Refused(cause), Some(error)) if error.contains(cause) => {}
            (Expected::Refused(cause), error) => {
                night.fault(name, &format!("should fail with `{cause}`: {error:?}"));
            }
            (_, Some(error)) => night.fault(name, &format!("should not fail: {error}")),
            (_, None) if night.pixels(name) == truth[&kind.of] => {}
            (_, None) => night.fault(name, "other pixels than the sound slide"),
        }
    }
    println!(
        "\nOpenSlide {openslide}\n\n| what is damaged | kinds | refused | allowed |\n| --- | --- | --- | --- |"
    );
    for (group, kinds) in groups() {
        let (more, corpus): (Vec<_>, Vec<_>) = kinds.iter().partition(|kind| kind.name.starts_with("more-"));
        for (whose, kinds) in [("", corpus), (", not in the corpus", more)] {
            let refused = kinds.iter().filter(|kind| night.failed.contains_key(kind.name)).count();
            println!("| {group}{whose} | {} | {refused} | {} |", kinds.len(), kinds.len() - refused);
        }
    }
    assert!(night.faults.is_empty(), "{:#?}", night.faults);
}

/// Whether the sound slides are: the same picture, however it is written.
fn check_variants(truth: &BTreeMap<Variant, RgbImage>) {
    let jpeg = &truth[&Variant::Jpeg];
    assert_eq!(jpeg.dimensions(), (600, 500));
    assert!(*jpeg == truth[&Variant::Plain]);
    assert!(truth[&Variant::Png] == truth[&Variant::Bmp]);
    // Two libraries round the same JPEG differently.
    let far = jpeg.iter().zip(truth[&Variant::Png].iter()).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(far < Some(8), "{far:?}");
    // 2 x 2 photographs of 4 x 4 tiles each.
    assert_eq!(truth[&Variant::Edges].dimensions(), (8 * TILE[0], 8 * TILE[1]));
    assert_eq!(truth[&Variant::Half].dimensions(), (300, 250));
}

#[test]
fn random_damage_is_told_or_does_no_harm_elsewhere() {
    const EACH: usize = 100;
    let mut night = Night::new();
    let mut random = ChaCha8Rng::seed_from_u64(20_240);
    let mut all = Vec::new();
    let targets = [INI, INDEX, &data_name(0)].map(ToOwned::to_owned);
    for file in &targets {
        for n in 0..EACH {
            let mut files = SOUND[&Variant::Jpeg].clone();
            let bytes = files.file(file);
            let at = random.random_range(0..bytes.len());
            // Every tenth file is cut off.
            let what = if n % 10 == 0 {
                bytes.truncate(at);
                format!("{file} cut at {at}")
            } else {
                bytes[at] ^= random.random_range(1..=255);
                format!("{file} {at} is {:#x}", bytes[at])
            };
            night.put(&what, &files);
            all.push(what);
        }
    }
    let sound = Variant::Jpeg.name();
    night.run(&all.iter().chain(&Variant::ALL.map(Variant::name)).map(String::as_str).collect::<Vec<_>>());
    let truth = night.pixels(&sound);
    println!(
        "| random damage | slides | refused | same pixels | other pixels |\n| --- | --- | --- | --- | --- |"
    );
    for (file, whats) in targets.iter().zip(all.chunks(EACH)) {
        let (mut same, mut other) = (0, 0);
        for what in whats.iter().filter(|what| !night.failed.contains_key(*what)).cloned().collect::<Vec<_>>()
        {
            let pixels = night.pixels(&what);
            if pixels == truth {
                same += 1;
                continue;
            }
            other += 1;
            println!(
                "{what}: {}",
                difference(&pixels, &truth).map_or("another size".into(), |d| format!("{d:?}"))
            );
            // Nobody can tell a changed bit of a JPEG that still decodes; but it changes no other tile. In the index, a tile can
            // get another place: MIRAX has no checksums.
            if *file == targets[2]
                && difference(&pixels, &truth).is_none_or(|[w, h]| w > TILE[0] || h > TILE[1])
            {
                night.fault(&what, "pixels of other tiles have changed");
            }
        }
        println!("| {file} | {EACH} | {} | {same} | {other} |", EACH - same - other);
    }
    assert!(night.faults.is_empty(), "{:#?}", night.faults);
}

/// Width and height of the rectangle that holds all differing pixels; `None` where the pictures have other sizes.
fn difference(a: &RgbImage, b: &RgbImage) -> Option<[u32; 2]> {
    let differing = a.enumerate_pixels().zip(b.pixels()).filter(|((_, _, a), b)| a != b);
    let [mut min, mut max] = [[u32::MAX; 2], [0; 2]];
    for ((x, y, _), _) in differing {
        for (axis, at) in [x, y].into_iter().enumerate() {
            min[axis] = min[axis].min(at);
            max[axis] = max[axis].max(at + 1);
        }
    }
    (a.dimensions() == b.dimensions()).then(|| [max[0] - min[0], max[1] - min[1]])
}
