//! Prints what `docs/quality-checks.md` holds: what the checks measure of clean outputs, and which of them planted faults
//! set off.
//!
//! Outputs are made by the program that is the first argument, `target/release/restain` by default; the folder of real
//! pictures is the second.

#[path = "../tests/faults/mod.rs"]
mod faults;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use faults::{Canvas, Fault, hematoxylin_and_eosin};
use image::RgbImage;
use restain_data::Split;
use restain_net::{Checkpoint, SHIPPED_NAME};
use restain_quality::{Check, Examination, Source, examine};
use restain_slide::{Extent, Slide};
use restain_stain::reference::{Picture, Reference};
use restain_synth::{Drawing, Rect, SlideSpec};

/// Side of the slides in pixels.
const SIDE: u32 = 2560;
/// The ranks by contrast, as shares, of the tiles in which a fault of one tile is planted.
const RANKS: [f64; 3] = [0.0, 0.3, 0.6];
/// The two kinds of drawn slides.
const DRAWN: [&str; 2] = ["new-scanner", "old-scanner"];
/// The checks that need no reference.
const NAMES: [&str; 9] = [
    "structure",
    "displacement",
    "sharpness",
    "hallucination",
    "noise",
    "red-blue",
    "mask",
    "clipping",
    "background",
];

/// A slide to normalize, of a kind that has a style.
struct Subject {
    name: String,
    kind: &'static str,
    path: PathBuf,
}

/// An output without a fault that was planted.
struct Output {
    subject: usize,
    way: String,
    path: PathBuf,
}

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let program = arguments.next().unwrap_or("target/release/restain".into());
    let data = arguments.next().unwrap_or("../shared/data".into());
    let folder = tempfile::tempdir()?;
    let bench = Bench { program, folder: folder.path().to_owned() };

    let mut subjects = vec![];
    for kind in DRAWN {
        for (seed, coverage) in [("1", "0.8"), ("2", "1"), ("3", "1")] {
            let name = format!("{kind} {seed}");
            let path = bench.slide(&name, &["--style", kind, "--seed", seed, "--coverage", coverage])?;
            subjects.push(Subject { name, kind, path });
        }
    }
    let mut styles: BTreeMap<&str, PathBuf> = BTreeMap::new();
    let mut references: BTreeMap<&str, Reference> = BTreeMap::new();
    for kind in DRAWN {
        styles.insert(kind, bench.style(kind, &bench.slide(kind, &["--style", kind, "--seed", "4"])?)?);
        references.insert(kind, drawn(kind)?);
    }
    let fields = sorted(&data.join("cric/fields"));
    if fields.is_empty() {
        println!("There are no real pictures in {}: drawn slides only.\n", data.display());
    } else {
        // The slide shows fields that the shipped model has not seen, the style others.
        let (seen, held_out) = parted(fields)?;
        let path = bench.mosaic("CRIC", &held_out)?;
        subjects.push(Subject { name: "CRIC".into(), kind: "CRIC", path });
        styles.insert("CRIC", bench.style("CRIC", &bench.mosaic("CRIC others", &seen[..24])?)?);
        let card = Checkpoint::named(Path::new(SHIPPED_NAME))?.card;
        references.insert("CRIC", card.seen.context("what the shipped model has seen")?);
    }
    for folder in sorted(&data.join("lbc")).iter().take(3) {
        let name = format!("LBC {}", subjects.len() - 6);
        let path = bench.mosaic(&name, &[bench.sheet(&name, &sorted(folder))?])?;
        subjects.push(Subject { name, kind: "LBC", path });
    }
    let field = data.join("3dhistech/field_4096x2816.jpg");
    if field.exists() {
        let path = bench.mosaic("3DHISTECH", &[field])?;
        subjects.push(Subject { name: "3DHISTECH".into(), kind: "3DHISTECH", path });
    }

    let outputs = clean(&bench, &subjects, &styles)?;
    planted(&bench, &subjects, &outputs)?;
    kinds(&bench, &subjects, &references, &data.join("slides"))
}

/// What the checks measure where nothing was planted.
fn clean(bench: &Bench, subjects: &[Subject], styles: &BTreeMap<&str, PathBuf>) -> Result<Vec<Output>> {
    let (mut outputs, mut unlike) = (vec![], vec![]);
    let mut compared = (0.0, 0.0);
    println!("### Clean outputs\n\n{}", header("slide | output"));
    for (index, Subject { name, kind, path }) in subjects.iter().enumerate() {
        let mut ways: Vec<(String, Vec<&OsStr>)> = vec![
            ("identity".into(), vec!["--model".as_ref(), "identity".as_ref()]),
            ("shipped model".into(), vec![]),
            ("shipped model and its gray".into(), vec!["--gray".as_ref(), "model".as_ref()]),
        ];
        ways.extend(
            styles.iter().map(|(style, path)| {
                (format!("style of {style}"), vec!["--style".as_ref(), path.as_os_str()])
            }),
        );
        let before = Slide::open(path)?;
        for (way, arguments) in ways {
            let output = bench.normalize(path, &format!("{name} {way}"), &arguments)?;
            let started = Instant::now();
            let examination = look(&before, &output, None)?;
            compared.0 += f64::from(SIDE).powi(2) / 1e6;
            compared.1 += started.elapsed().as_secs_f64();
            let line = format!("| {name} | {way} | {}", row(&examination));
            // A style of photographs does not fit drawings, nor the other way round: the two do not show the same.
            let fits = !way.starts_with("style") || way.ends_with("CRIC") != DRAWN.contains(kind);
            if fits {
                println!("{line}");
                outputs.push(Output { subject: index, way, path: output });
            } else {
                unlike.push(line);
            }
        }
    }
    println!("\n### Styles that do not fit\n\n{}\n{}", header("slide | output"), unlike.join("\n"));
    println!("\nCompared at {:.0} MP/s, reading included.\n", compared.0 / compared.1);
    Ok(outputs)
}

/// Which checks planted faults set off.
fn planted(bench: &Bench, subjects: &[Subject], outputs: &[Output]) -> Result<()> {
    println!("### Planted faults\n\n| fault | planted | flagged | {} |", NAMES.join(" | "));
    println!("| --- | ---: | ---: |{}", " ---: |".repeat(NAMES.len()));
    let chosen: Vec<_> = outputs
        .iter()
        .filter(|output| {
            let Subject { name, kind, .. } = &subjects[output.subject];
            let style = output.way.starts_with("style") && (!output.way.ends_with(kind) || *kind == "CRIC");
            (name.ends_with(" 1") || *kind == "CRIC") && (style || output.way == "shipped model")
        })
        .map(|output| {
            Ok((Slide::open(&subjects[output.subject].path)?, Canvas::of(&Slide::open(&output.path)?)?))
        })
        .collect::<Result<_>>()?;
    for fault in Fault::ALL {
        let (mut flagged, mut times, mut by) = (0, 0, [0; NAMES.len()]);
        for (before, clean) in &chosen {
            let tiles = clean.tiles();
            for rank in if fault.is_local() { &RANKS[..] } else { &RANKS[..1] } {
                let at = (rank * (tiles.len() - 1) as f64) as usize;
                let mut canvas = clean.clone();
                fault.plant(&mut canvas, tiles[at], tiles[(at + 1) % tiles.len()]);
                let path = bench.folder.join("fault.tif");
                canvas.write(&path)?;
                let examination = look(before, &path, None)?;
                times += 1;
                flagged += usize::from(!examination.flags().is_empty());
                for (count, name) in by.iter_mut().zip(NAMES) {
                    *count += usize::from(examination.flags().contains(&name));
                }
            }
        }
        let by = by.map(|count| count.to_string()).join(" | ");
        println!("| {} | {times} | {flagged} | {by} |", fault.name());
    }
    Ok(())
}

/// How far slides are from what a model may have seen.
fn kinds(
    bench: &Bench,
    subjects: &[Subject],
    references: &BTreeMap<&str, Reference>,
    real: &Path,
) -> Result<()> {
    let mut slides = vec![];
    for Subject { name, path, .. } in subjects {
        slides.push((name.clone(), Canvas::of(&Slide::open(path)?)?));
    }
    for Subject { name, path, .. } in subjects {
        let mut canvas = Canvas::of(&Slide::open(path)?)?;
        hematoxylin_and_eosin(&mut canvas);
        slides.push((format!("{name}, its cells in H&E"), canvas));
    }
    for name in ["cmu-1-small-region", "tcga-cr-7395-01a-01-ts1"] {
        let path = real.join(format!("{name}.svs"));
        if path.exists() {
            slides.push((format!("{name}, real H&E"), Canvas::of(&Slide::open(path)?)?));
        }
    }
    let columns: Vec<_> = references.keys().map(|kind| format!("knows {kind}")).collect();
    println!("\n### Slides of another kind\n\n| slide | {} |", columns.join(" | "));
    println!("| --- |{}", " ---: |".repeat(columns.len()));
    for (name, canvas) in slides {
        let path = bench.folder.join("kind.tif");
        let slide = canvas.write(&path)?;
        let mut line = format!("| {name} |");
        for reference in references.values() {
            let examination = look(&slide, &path, Some(reference))?;
            let kind = examination.checks.iter().find(|check| check.name == "kind").context("the check")?;
            let flagged = if kind.fired { ", flagged" } else { "" };
            write!(line, " {}{flagged} |", figure(kind))?;
        }
        println!("{line}");
    }
    Ok(())
}

/// The program, and where its files go.
struct Bench {
    program: PathBuf,
    folder: PathBuf,
}

impl Bench {
    fn run(&self, arguments: &[&OsStr]) -> Result<()> {
        let status = Command::new(&self.program).args(arguments).arg("--quiet").status();
        let status = status
            .with_context(|| format!("cannot start {}; `make build` makes it", self.program.display()))?;
        ensure!(status.success(), "{} {arguments:?} failed", self.program.display());
        Ok(())
    }

    fn slide(&self, name: &str, options: &[&str]) -> Result<PathBuf> {
        let path = self.folder.join(format!("{name}.mrxs"));
        let size = format!("{SIDE}x{SIDE}");
        let mut arguments: Vec<&OsStr> =
            vec!["synth".as_ref(), "slide".as_ref(), path.as_ref(), "--size".as_ref(), size.as_ref()];
        arguments.extend(options.iter().map(OsStr::new));
        self.run(&arguments)?;
        Ok(path)
    }

    /// A picture of 100 patches of 224 x 224 px, which are too small for a slide of them.
    fn sheet(&self, name: &str, patches: &[PathBuf]) -> Result<PathBuf> {
        const PATCH: u32 = 224;
        let mut sheet = RgbImage::new(10 * PATCH, 10 * PATCH);
        for (i, patch) in (0..100).zip(patches) {
            let patch = image::open(patch)?.into_rgb8();
            image::imageops::replace(
                &mut sheet,
                &patch,
                i64::from(i % 10 * PATCH),
                i64::from(i / 10 * PATCH),
            );
        }
        let path = self.folder.join(format!("{name}.png"));
        sheet.save(&path)?;
        Ok(path)
    }

    /// A slide of pictures.
    fn mosaic(&self, name: &str, pictures: &[PathBuf]) -> Result<PathBuf> {
        let folder = self.folder.join(format!("{name} pictures"));
        std::fs::create_dir(&folder)?;
        for picture in pictures {
            std::fs::copy(picture, folder.join(picture.file_name().context("a file's name")?))?;
        }
        self.slide(name, &["--from", folder.to_str().context("a folder's name")?])
    }

    fn style(&self, name: &str, slide: &Path) -> Result<PathBuf> {
        let path = self.folder.join(format!("{name}.style.json"));
        self.run(&["style".as_ref(), slide.as_ref(), "-o".as_ref(), path.as_ref()])?;
        Ok(path)
    }

    fn normalize(&self, slide: &Path, name: &str, options: &[&OsStr]) -> Result<PathBuf> {
        let path = self.folder.join(format!("{name}.tif"));
        let arguments = ["normalize".as_ref(), slide.as_ref(), "-o".as_ref(), path.as_ref()];
        self.run(&[&arguments, options].concat())?;
        Ok(path)
    }
}

fn look(before: &Slide, output: &Path, reference: Option<&Reference>) -> Result<Examination> {
    let extent = before.extent(0, Extent::Bounds)?;
    let region = [extent.min.x, extent.min.y, extent.width(), extent.height()];
    let source = Source { level: 0, region };
    Ok(examine(before, &Slide::open(output)?, &source, reference, &AtomicBool::new(false))?)
}

fn header(first: &str) -> String {
    let columns = first.split('|').count() + 1;
    let rule = format!("|{}{}", " --- |".repeat(columns), " ---: |".repeat(NAMES.len()));
    format!("| {first} | flagged | {} |\n{rule}", NAMES.join(" | "))
}

fn figure(check: &Check) -> String {
    check.value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"))
}

fn row(examination: &Examination) -> String {
    let figures: Vec<String> = examination.checks.iter().map(figure).collect();
    let flags = examination.flags().join(", ");
    format!("{} | {} |", if flags.is_empty() { "-" } else { &flags }, figures.join(" | "))
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// CRIC's fields that the shipped model was trained on, and the others, as `pipelines/train-default.yaml` has it.
fn parted(fields: Vec<PathBuf>) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let parts = [("train", 0.9), ("held-out", 0.1)].map(|(name, share)| (name.to_owned(), share));
    let name = |path: &PathBuf| path.file_name().and_then(OsStr::to_str).unwrap_or_default().to_owned();
    let names: Vec<String> = fields.iter().map(name).collect();
    let names = names.iter().map(|name| &**name).collect();
    let assigned = Split::Shares { seed: 1, parts: parts.into() }.assign(&names)?;
    Ok(fields.into_iter().partition(|path| assigned[&*name(path)] == "train"))
}

/// A reference of drawn fields, of other seeds than the slides.
fn drawn(kind: &str) -> Result<Reference> {
    const FIELD: u32 = 1024;
    let fields = (101..121)
        .map(|seed| {
            let spec = SlideSpec { seed, style: kind.parse()?, ..SlideSpec::new(FIELD, FIELD) };
            Ok(Drawing::new(&spec)?.draw(Rect { x: 0, y: 0, width: FIELD, height: FIELD })?.rgb)
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(Reference::of(fields.iter().map(|rgb| Picture { rgb, width: FIELD as usize, mpp: 0.25 }))?)
}
