use std::path::PathBuf;

use clap::Args;
use restain_pipeline::{Engine, Job, Report};
use restain_slide::Slide;

use super::overrides::{InputArguments, ModelArguments, OutputArguments};
use super::print_json;
use crate::{interrupt, progress, quantity};

/// Normalize a slide into a pyramidal TIFF
///
/// The slide is read once, its stain removed, and its colours made anew by the model. The output appears under its
/// name only when it is whole; label and macro images stay out of it.
#[derive(Args)]
pub(crate) struct Normalize {
    /// The slide: MIRAX (.mrxs with its folder beside it), SVS, NDPI, SCN, or whatever else OpenSlide reads
    slide: PathBuf,

    /// The TIFF to write
    #[arg(short, long, value_name = "OUT.tif")]
    output: PathBuf,

    #[command(flatten)]
    model: ModelArguments,
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    storage: OutputArguments,

    /// Replace an existing output
    #[arg(long)]
    force: bool,

    /// Print one JSON object on stdout: input, output, pixels, seconds a stage, MP/s, peak memory, model hash
    #[arg(long)]
    json: bool,

    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

impl Normalize {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let mut settings = self.input.settings()?;
        self.model.apply(&mut settings)?;
        self.storage.apply(&mut settings)?;
        let interrupt = interrupt::catch()?;
        let slide = Slide::open(&self.slide)?;
        let selection = Engine::select(settings.model.as_deref(), settings.device()?, settings.precision)?;
        if let Some(note) = selection.note.as_ref().filter(|_| !self.quiet) {
            eprintln!("note: {note}");
        }
        let job = Job::new(&slide, &selection, &settings)?;
        let report = progress::with_bar(self.quiet, |progress| {
            job.run(&self.output, self.force, interrupt, progress)
        })?;
        if self.json {
            print_json(&report)?;
        } else if !self.quiet {
            print(&report);
        }
        Ok(())
    }
}

fn print(report: &Report) {
    println!(
        "{}: {} x {} px, {} levels, {}, model {}",
        report.output.display(),
        report.width,
        report.height,
        report.levels,
        quantity::bytes(report.bytes),
        report.model.name
    );
    let memory =
        report.peak_memory.map_or(String::new(), |peak| format!(", peak memory {}", quantity::bytes(peak)));
    println!(
        "{} on {}, {:.1} MP/s{memory}",
        quantity::seconds(report.seconds),
        report.device,
        report.mp_per_s
    );
}
