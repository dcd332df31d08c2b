//! Plants faults in outputs and prints which checks fire, for `docs/quality-checks.md`.
//!
//! Outputs are made with the program given as the first argument; the folder of real pictures, if there, is the second.

#[path = "../tests/faults/mod.rs"]
mod faults;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use faults::{Canvas, Fault, hematoxylin_and_eosin};
use restain_quality::{Check, Examination, Picture, Reference, Source, examine};
use restain_slide::{Extent, Slide};

/// Side of the slides in pixels.
const SIDE: u32 = 3072;
/// At which ranks of contrast among the tiles, as shares, a fault of one tile is planted.
const RANKS: [f64; 4] = [0.0, 0.25, 0.5, 0.75];

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let program = arguments.next().unwrap_or("target/release/restain".into());
    let data = arguments.next().unwrap_or("../shared/data".into());
    let folder = tempfile::tempdir()?;
    let mut bench =
        Bench { program, folder: folder.path().to_owned(), clean: vec![], spent: Duration::ZERO, pixels: 0 };
    let fields = pictures(&data.join("cric/fields"));
    println!(
        "Smears of {SIDE} x {SIDE} px, drawn{}.\n",
        if fields.is_empty() { "; no real pictures" } else { ", and of CRIC's fields" }
    );

    let mut slides: Vec<(String, &str, PathBuf)> = vec![];
    for style in ["new-scanner", "old-scanner"] {
        for seed in [1, 2, 3] {
            let arguments = [
                "--style",
                style,
                "--seed",
                &seed.to_string(),
                "--coverage",
                if seed == 1 { "0.8" } else { "1" },
            ];
            slides.push((
                format!("{style} {seed}"),
                style,
                bench.slide(&format!("{style}{seed}"), &arguments)?,
            ));
        }
    }
    if !fields.is_empty() {
        // The last of them are not among the fields that the reference is made of.
        let chosen = bench.folder.join("fields");
        std::fs::create_dir(&chosen)?;
        for field in &fields[fields.len() - 24..] {
            std::fs::copy(field, chosen.join(field.file_name().context("a file's name")?))?;
        }
        let chosen = chosen.to_str().context("a folder's name")?;
        slides.push(("CRIC".into(), "cric", bench.slide("cric", &["--from", chosen, "--seed", "4"])?));
    }
    let styles: BTreeMap<&str, PathBuf> = slides
        .iter()
        .map(|(_, style, path)| Ok((*style, bench.style(style, path)?)))
        .collect::<Result<_>>()?;
    let mut references = BTreeMap::new();
    for style in ["new-scanner", "old-scanner"] {
        references.insert(style, drawn_reference(style)?);
    }
    if !fields.is_empty() {
        references.insert("cric", pictures_reference(&fields[..40])?);
    }

    println!("## Clean outputs\n\n| slide | output | fired | {} |", NAMES.join(" | "));
    println!("| --- | --- | --- |{}", " ---: |".repeat(NAMES.len()));
    let mut outputs = vec![];
    for (name, own, slide) in &slides {
        let before = Slide::open(slide)?;
        let mut ways = vec![("identity".to_owned(), vec!["--model".into(), "identity".into()], Some(*own))];
        for (style, path) in styles.iter().filter(|(style, _)| *style != own) {
            ways.push((format!("style {style}"), vec!["--style".into(), path.into()], None));
        }
        ways.push(("shipped".to_owned(), vec![], None));
        ways.push(("shipped, its gray".to_owned(), vec!["--gray".into(), "model".into()], None));
        for (way, arguments, reference) in ways {
            let output = bench.normalize(slide, &arguments)?;
            let examination = bench.examine(&before, &output, reference.map(|style| &references[style]))?;
            println!("| {name} | {way} {}", row(&examination));
            outputs.push((slide.clone(), way, output));
        }
    }

    println!("\n## Planted faults\n");
    println!("| fault | in | flagged | by |\n| --- | ---: | ---: | --- |");
    for fault in Fault::ALL {
        let (mut flagged, mut planted, mut by) = (0, 0, BTreeMap::<String, usize>::new());
        for (slide, way, output) in &outputs {
            // Of each slide two ways: a style, or the shipped model.
            if !(way.starts_with("style") || way == "shipped") {
                continue;
            }
            let before = Slide::open(slide)?;
            let clean = Canvas::of(&Slide::open(output)?)?;
            let tiles = clean.tiles();
            for rank in if fault.is_local() { &RANKS[..] } else { &RANKS[..1] } {
                let at = (rank * (tiles.len() - 1) as f64) as usize;
                let mut canvas = clean.clone();
                fault.plant(&mut canvas, tiles[at], tiles[(at + 1) % tiles.len()]);
                let path = bench.folder.join("fault.tif");
                canvas.write(&path)?;
                let examination = bench.examine(&before, &path, None)?;
                planted += 1;
                flagged += usize::from(!examination.flags().is_empty());
                for flag in examination.flags() {
                    *by.entry(flag.to_owned()).or_default() += 1;
                }
            }
        }
        let by: Vec<String> = by.iter().map(|(name, count)| format!("{name} {count}")).collect();
        println!("| {} | {planted} | {flagged} | {} |", fault.name(), by.join(", "));
    }

    println!(
        "\n## Slides of another kind\n\n| slide | reference | distance | fired |\n| --- | --- | ---: | --- |"
    );
    let mut kinds: Vec<(String, Slide)> =
        slides.iter().map(|(name, _, path)| Ok((name.clone(), Slide::open(path)?))).collect::<Result<_>>()?;
    for (name, _, path) in slides.iter().filter(|slide| slide.0.ends_with(['1', '2']) || slide.0 == "CRIC") {
        let mut canvas = Canvas::of(&Slide::open(path)?)?;
        hematoxylin_and_eosin(&mut canvas);
        kinds.push((
            format!("{name}, drawn in H&E"),
            canvas.write(&bench.folder.join(format!("{name} he.tif")))?,
        ));
    }
    for name in ["cmu-1-small-region", "tcga-cr-7395-01a-01-ts1"] {
        let path = data.join(format!("slides/{name}.svs"));
        if path.exists() {
            kinds.push((format!("{name} (real H&E)"), Slide::open(path)?));
        }
    }
    for (name, slide) in &kinds {
        for (style, reference) in &references {
            let path = bench.folder.join("same.tif");
            let canvas = Canvas::of(slide)?;
            let before = canvas.write(&bench.folder.join("kind.tif"))?;
            canvas.write(&path)?;
            let examination = bench.examine(&before, &path, Some(reference))?;
            let kind = check(&examination, "kind").context("a check of the kind")?;
            println!("| {name} | {style} | {} | {} |", figure(kind), if kind.fired { "yes" } else { "no" });
        }
    }
    println!(
        "\n{:.1} MP/s were compared, decoding included.",
        bench.pixels as f64 / 1e6 / bench.spent.as_secs_f64()
    );
    Ok(())
}

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

struct Bench {
    program: PathBuf,
    folder: PathBuf,
    clean: Vec<PathBuf>,
    spent: Duration,
    pixels: i64,
}

impl Bench {
    fn run(&self, arguments: &[&std::ffi::OsStr]) -> Result<()> {
        let status = Command::new(&self.program).args(arguments).arg("--quiet").status();
        let status = status
            .with_context(|| format!("cannot start {}; `make build` makes it", self.program.display()))?;
        ensure!(status.success(), "{} {arguments:?} failed", self.program.display());
        Ok(())
    }

    fn slide(&self, name: &str, arguments: &[&str]) -> Result<PathBuf> {
        let path = self.folder.join(format!("{name}.mrxs"));
        let size = format!("{SIDE}x{SIDE}");
        let mut all =
            vec!["synth".as_ref(), "slide".as_ref(), path.as_os_str(), "--size".as_ref(), size.as_ref()];
        all.extend(arguments.iter().map(std::ffi::OsStr::new));
        self.run(&all)?;
        Ok(path)
    }

    fn style(&self, name: &str, slide: &Path) -> Result<PathBuf> {
        let path = self.folder.join(format!("{name}.style.json"));
        self.run(&[
            "style".as_ref(),
            slide.as_os_str(),
            "-o".as_ref(),
            path.as_os_str(),
            "--force".as_ref(),
        ])?;
        Ok(path)
    }

    fn normalize(&mut self, slide: &Path, arguments: &[std::ffi::OsString]) -> Result<PathBuf> {
        let path = self.folder.join(format!("{}.tif", self.clean.len()));
        let mut all = vec!["normalize".as_ref(), slide.as_os_str(), "-o".as_ref(), path.as_os_str()];
        all.extend(arguments.iter().map(std::ffi::OsString::as_os_str));
        self.run(&all)?;
        self.clean.push(path.clone());
        Ok(path)
    }

    fn examine(
        &mut self,
        before: &Slide,
        output: &Path,
        reference: Option<&Reference>,
    ) -> Result<Examination> {
        let after = Slide::open(output)?;
        let extent = before.extent(0, Extent::Bounds)?;
        let region = [extent.min.x, extent.min.y, extent.width(), extent.height()];
        let started = Instant::now();
        let examination =
            examine(before, &after, &Source { level: 0, region }, reference, &AtomicBool::new(false))?;
        self.spent += started.elapsed();
        self.pixels += extent.area();
        Ok(examination)
    }
}

fn check<'e>(examination: &'e Examination, name: &str) -> Option<&'e Check> {
    examination.checks.iter().find(|check| check.name == name)
}

fn figure(check: &Check) -> String {
    check.value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"))
}

fn row(examination: &Examination) -> String {
    let figures: Vec<String> = NAMES.iter().filter_map(|name| check(examination, name)).map(figure).collect();
    format!("| {} | {} |", examination.flags().join(", "), figures.join(" | "))
}

fn pictures(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn pictures_reference(paths: &[PathBuf]) -> Result<Reference> {
    let pictures = paths.iter().map(|path| Ok(image::open(path)?.into_rgb8())).collect::<Result<Vec<_>>>()?;
    let picture = |picture: &'_ image::RgbImage| -> (Vec<u8>, usize) {
        (picture.as_raw().clone(), picture.width() as usize)
    };
    let held: Vec<_> = pictures.iter().map(picture).collect();
    Ok(Reference::of(held.iter().map(|(rgb, width)| Picture { rgb, width: *width, mpp: 0.245 }))?)
}

/// Of drawn fields of other seeds than those of the slides.
fn drawn_reference(style: &str) -> Result<Reference> {
    let mut fields = vec![];
    for seed in 101..121 {
        let spec = restain_synth::SlideSpec {
            seed,
            style: style.parse()?,
            ..restain_synth::SlideSpec::new(1024, 1024)
        };
        fields.push(
            restain_synth::Drawing::new(&spec)?
                .draw(restain_synth::Rect { x: 0, y: 0, width: 1024, height: 1024 })?
                .rgb,
        );
    }
    Ok(Reference::of(fields.iter().map(|rgb| Picture { rgb, width: 1024, mpp: 0.25 }))?)
}
