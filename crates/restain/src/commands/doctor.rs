use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::{Result, anyhow, bail, ensure};
use clap::Args;
use restain_batch::OutFolder;
use restain_net::find_place;
use restain_pipeline::{
    Comparison, CompressionKind, Engine, Job, Loaded, Progress, Report, Settings, Style, Subject,
};
use restain_slide::{Slide, openslide_version};
use restain_synth::{SlideSpec, write_slide};
use serde::Serialize;

use super::overrides::ModelArguments;
use super::print_json;
use crate::{interrupt, quantity, say};

/// The oldest `OpenSlide` that restain is tested with.
const OLDEST_OPENSLIDE: [u32; 3] = [3, 4, 1];
/// Width and height in pixels of the slide that is tried.
const TRIAL: (u32, u32) = (900, 700);

/// Check the installation
///
/// Looks at OpenSlide, the GPU, the model and the output folder, then makes a small slide, takes it through the whole pipeline,
/// once unchanged and once with the model, and verifies what was written. Nothing of that stays. The exit code is 1 where
/// something would not work.
#[derive(Args)]
pub(crate) struct Doctor {
    /// The folder where outputs will go
    #[arg(value_name = "OUTDIR", default_value = ".")]
    folder: PathBuf,

    #[command(flatten)]
    model: ModelArguments,

    /// Print one JSON object on stdout
    #[arg(long)]
    json: bool,
}

/// What was found.
#[derive(Serialize)]
struct Finding {
    /// What was looked at.
    what: &'static str,
    /// Whether it works.
    works: bool,
    /// What it is, or what is wrong.
    says: String,
}

impl Doctor {
    pub(crate) fn run(self) -> Result<()> {
        let mut settings = Settings::default();
        self.model.apply(&mut settings)?;
        settings.check()?;
        let interrupt = interrupt::catch()?;
        let mut findings = Vec::new();
        let mut look = |what, found: Result<String>| {
            let works = found.is_ok();
            let says = found.unwrap_or_else(|error| format!("{error:#}"));
            if !self.json {
                say::line(format_args!("{:<9}{what:<10}{says}", if works { "ok" } else { "PROBLEM" }));
            }
            findings.push(Finding { what, works, says });
        };
        look("restain", Ok(format!("{}, {}", env!("CARGO_PKG_VERSION"), machine(&settings)?)));
        look("OpenSlide", openslide());
        look("device", device(&settings));
        let loaded = Loaded::new(&settings);
        look("model", loaded.as_ref().map(model).map_err(|error| anyhow!("{error}")));
        // A folder that is still to be made is made in the nearest that is there.
        let there = self.folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
        let room = folder(there);
        // A folder that is of no use hides no other problem.
        let place = if room.is_ok() { there.to_owned() } else { std::env::temp_dir() };
        let later =
            if there == self.folder { "" } else { " (OUTDIR is not there yet, and will be made in it)" };
        look("folder", room.map(|room| room + later));
        look("pixels", unchanged(&place, &settings, interrupt));
        if let Ok(loaded) = &loaded {
            look("colours", restained(&place, loaded, &settings, interrupt));
        }
        let problems = findings.iter().filter(|finding| !finding.works).count() as u64;
        if self.json {
            print_json(&findings)?;
        }
        if problems > 0 {
            bail!("{}; see above", quantity::count(problems, "problem"));
        }
        Ok(())
    }
}

fn machine(settings: &Settings) -> Result<String> {
    Ok(format!("{} on {}", quantity::count(settings.threads()? as u64, "thread"), std::env::consts::ARCH))
}

fn openslide() -> Result<String> {
    let version = openslide_version();
    let numbers: Vec<u32> = version.split('.').map_while(|number| number.parse().ok()).collect();
    ensure!(
        numbers.as_slice() >= &OLDEST_OPENSLIDE[..],
        "version {version}; restain needs 3.4.1 or newer: install libopenslide0"
    );
    Ok(version)
}

fn device(settings: &Settings) -> Result<String> {
    let (place, note) = find_place(settings.device()?)?;
    Ok(note.map_or_else(|| place.to_string(), |note| format!("{place} ({note})")))
}

fn model(loaded: &Loaded) -> String {
    loaded.model().map_or("none is asked for".to_owned(), |model| {
        format!("{}, {}, computes in {}", model.card().name, &model.sha256()[..12], model.kernels())
    })
}

/// A folder in which the test writes, removed with all that is in it.
fn trial(folder: &Path) -> Result<tempfile::TempDir> {
    tempfile::Builder::new().prefix(".restain-doctor-").tempdir_in(folder).map_err(|error| {
        let cause = error.kind();
        anyhow!(
            "{}: cannot write into the folder: {cause}; choose one that may be written to",
            folder.display()
        )
    })
}

/// Whether files can be written and locked.
fn folder(folder: &Path) -> Result<String> {
    let trial = trial(folder)?;
    let free = OutFolder::create(trial.path())?.probe()?;
    Ok(format!("{}, {} free, with locks", folder.display(), quantity::bytes(free)))
}

/// Normalizes a small slide in `folder`.
fn normalize(
    folder: &Path,
    loaded: &Loaded,
    settings: &Settings,
    interrupt: &AtomicBool,
) -> Result<(Subject, Subject, Report)> {
    let (path, output) = (folder.join("trial.mrxs"), folder.join("trial.tif"));
    write_slide(&SlideSpec::new(TRIAL.0, TRIAL.1), &path, &|_| ControlFlow::Continue(()))?;
    let slide = Slide::open(&path)?;
    let selection = loaded.select(|| Style::of_slide(&slide, settings.threads()?, interrupt))?;
    let report =
        Job::new(&slide, &selection, settings)?.run(&output, false, interrupt, &Progress::default())?;
    restain_tiff::verify(&output, interrupt)?;
    Ok((Subject::open(&path)?, Subject::open(&output)?, report))
}

/// Whether pixels come through the pipeline as they are.
fn unchanged(folder: &Path, settings: &Settings, interrupt: &AtomicBool) -> Result<String> {
    let settings = Settings {
        model: Some(Engine::IDENTITY.to_owned()),
        compression: CompressionKind::Deflate,
        threads: settings.threads,
        memory: settings.memory,
        ..Settings::default()
    };
    let trial = trial(folder)?;
    let (before, after, _) = normalize(trial.path(), &Loaded::new(&settings)?, &settings, interrupt)?;
    let Comparison { max_difference, .. } = Comparison::of(&before, &after, 0, None)?;
    ensure!(max_difference == 0, "pixels are up to {max_difference} grey levels from what they should be");
    Ok("read, tiled, written and read again as they were".to_owned())
}

/// Whether the model runs.
fn restained(folder: &Path, loaded: &Loaded, settings: &Settings, interrupt: &AtomicBool) -> Result<String> {
    let trial = trial(folder)?;
    let (_, _, report) = normalize(trial.path(), loaded, settings, interrupt)?;
    Ok(format!("made on {} and verified, {:.1} MP/s on this small slide", report.device, report.mp_per_s))
}
