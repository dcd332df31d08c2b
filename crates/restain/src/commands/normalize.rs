use std::ffi::OsStr;
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use restain_pipeline::{Job, Loaded, Report, Style};
use restain_slide::Slide;

use super::overrides::{ConfigArgument, InputArguments, ModelArguments, OutputArguments};
use super::print_json;
use crate::{interrupt, progress, quantity};

/// Normalize a slide into a pyramidal TIFF
///
/// The slide is read once, its stain removed, and its colours made anew by the model; with --style, its channels are first
/// mapped onto the distribution they have in another lab, and without --model that is all. The output appears under its name
/// only when it is whole; label and macro images stay out of it.
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
    config: ConfigArgument,
    #[command(flatten)]
    storage: OutputArguments,

    /// Replace an existing output
    #[arg(long)]
    force: bool,

    /// Print one JSON object on stdout: input, output, pixels, seconds a stage, MP/s, peak memory, hash of
    /// the model or style
    #[arg(long)]
    json: bool,

    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

impl Normalize {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let mut settings = self.config.settings()?;
        self.input.apply(&mut settings)?;
        self.model.apply(&mut settings)?;
        self.storage.apply(&mut settings)?;
        let interrupt = interrupt::catch()?;
        let slide = Slide::open(&self.slide)?;
        let tiff =
            |extension: &OsStr| ["tif", "tiff"].iter().any(|name| extension.eq_ignore_ascii_case(name));
        if !self.output.is_dir() && !self.output.extension().is_some_and(tiff) {
            bail!("{}: the output is a TIFF; let its name end in .tif", self.output.display());
        }
        let threads = settings.threads()?;
        let selection = Loaded::new(&settings)?.select(|| Style::of_slide(&slide, threads, interrupt))?;
        let job = Job::new(&slide, &selection, &settings)?;
        for note in selection.note.iter().chain(&job.scale_note()).filter(|_| !self.quiet) {
            eprintln!("note: {note}");
        }
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
        "{}: {} x {} px of level {}, {}, {}, model {}",
        report.output.display(),
        report.width,
        report.height,
        report.source.level,
        quantity::count(report.levels, "level"),
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
