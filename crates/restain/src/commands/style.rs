use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use anyhow::bail;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget};
use restain_pipeline::{Settings, Style, Subject};

use crate::{interrupt, pictures, quantity};

/// Measure the style of a lab, for normalizing to it without a model
///
/// The style is how often each value of red, green and blue occurs in slides of the lab. `restain normalize --style`
/// then gives each channel of another slide the same distribution. It takes some ten slides that are like those to be
/// normalized in what they show: a share of blood or of empty glass that they do not have would become a cast.
///
/// All slides are read at about 1 micrometre a pixel, so the scanner's resolution does not matter, and every scanned
/// pixel counts once: a slide with twice the area weighs twice as much. Pictures are counted pixel by pixel at the
/// scale they have; do not mix them with slides of another scale.
///
/// The file holds counts and nothing else: no name, no path, no picture.
#[derive(Args)]
pub(crate) struct MeasureStyle {
    /// Slides; PNG, JPEG, TIFF or BMP pictures; folders of pictures
    #[arg(required = true, value_name = "SLIDE_OR_PICTURE")]
    inputs: Vec<PathBuf>,

    /// The style to write
    #[arg(short, long, value_name = "STYLE.json")]
    output: PathBuf,

    /// Threads; the result does not depend on it [default: one a processor]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,

    /// Replace an existing output
    #[arg(long)]
    force: bool,

    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

impl MeasureStyle {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let threads = Settings { threads: self.threads, ..Settings::default() }.threads()?;
        let json = |extension: &OsStr| extension.eq_ignore_ascii_case("json");
        if !self.output.extension().is_some_and(json) {
            bail!("{}: the output is JSON; let its name end in .json", self.output.display());
        }
        if self.output.exists() && !self.output.is_file() {
            bail!("{} is no file; give the name of one", self.output.display());
        }
        if !self.force && self.output.exists() {
            bail!("{}: exists already; add --force to replace it", self.output.display());
        }
        let interrupt = interrupt::catch()?;
        let mut files = Vec::new();
        for input in self.inputs {
            if input.is_dir() {
                let (pictures, others) = pictures::in_folder(&input)?;
                if !self.quiet {
                    pictures::note_others(&input, others);
                }
                files.extend(pictures);
            } else {
                files.push(input);
            }
        }
        let style = measure(&files, threads, interrupt, self.quiet)?;
        style.save(&self.output)?;
        if !self.quiet {
            println!(
                "{}: {} and {}, {:.1} MP",
                self.output.display(),
                quantity::count(style.slides(), "slide"),
                quantity::count(style.pictures(), "picture"),
                style.pixels() as f64 / 1e6
            );
        }
        Ok(())
    }
}

fn measure(files: &[PathBuf], threads: usize, interrupt: &AtomicBool, quiet: bool) -> anyhow::Result<Style> {
    let bar = ProgressBar::new(files.len() as u64);
    if quiet {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let mut all = Style::default();
    for file in files {
        all.merge(&match Subject::open(file)? {
            Subject::Slide(slide) => Style::of_slide(&slide, threads, interrupt)?,
            Subject::Picture(picture) => Style::of_picture(&picture),
        });
        if interrupt::requested() {
            bail!("interrupted");
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(all)
}
