use std::ffi::OsStr;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};
use clap::Args;
use image::ImageFormat;
use restain_net::write_whole;
use restain_pipeline::{Error, Job, Loaded, ModelReport, Region, SourceReport, Style, peak_bytes};
use restain_slide::Slide;
use serde::Serialize;

use super::overrides::{ConfigArgument, InputArguments, ModelArguments};
use super::print_json;
use crate::{desktop, interrupt, quantity};

/// Show in seconds what normalizing will make of a slide
///
/// The picture has before on the left and after on the right: the whole slide at low resolution, and below it some regions at
/// full resolution, from crowded to sparse, spread over the slide. The regions are, pixel by pixel, what `restain normalize`
/// with the same options makes of them. The whole is an estimate: models are trained at another scale, so it gets the linear
/// change of colour that comes nearest to what becomes of the regions.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of the command line")]
pub(crate) struct MakePreview {
    /// The slide: MIRAX (.mrxs with its folder beside it), SVS, NDPI, SCN, or whatever else OpenSlide reads
    slide: PathBuf,

    /// The PNG to write, in place of one that is there [default: the slide's name and -preview.png, in the current folder]
    #[arg(short, long, value_name = "OUT.png")]
    output: Option<PathBuf>,

    /// How many regions at most
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=32))]
    regions: u8,

    #[command(flatten)]
    model: ModelArguments,
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    config: ConfigArgument,

    /// Open the picture; the default where there is a desktop
    #[arg(long, overrides_with = "no_open")]
    open: bool,

    /// Do not open the picture
    #[arg(long, overrides_with = "open")]
    no_open: bool,

    /// Print one JSON object on stdout: input, output, what was read, regions in pixels of the output of `restain normalize`,
    /// model, seconds, peak memory
    #[arg(long)]
    json: bool,

    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    input: &'a Path,
    output: &'a Path,
    source: SourceReport,
    regions: &'a [Region],
    model: ModelReport,
    device: &'a str,
    seconds: f64,
    peak_memory: Option<u64>,
}

impl MakePreview {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let started = Instant::now();
        let mut settings = self.config.settings()?;
        self.input.apply(&mut settings)?;
        self.model.apply(&mut settings)?;
        let interrupt = interrupt::catch()?;
        let slide = Slide::open(&self.slide)?;
        let output = self.output.unwrap_or_else(|| default_output(&self.slide));
        check_output(&slide, &output)?;
        let threads = settings.threads()?;
        let selection = Loaded::new(&settings)?.select(|| Style::of_slide(&slide, threads, interrupt))?;
        let job = Job::new(&slide, &selection, &settings)?;
        for note in selection.note.iter().chain(&job.scale_note()).filter(|_| !self.quiet) {
            eprintln!("note: {note}");
        }
        let preview = job.preview(self.regions.into(), interrupt)?;
        let failed = || format!("{}: cannot write the picture", output.display());
        let mut bytes = Cursor::new(Vec::new());
        preview.picture.write_to(&mut bytes, ImageFormat::Png).with_context(failed)?;
        write_whole(&output, bytes.get_ref()).with_context(failed)?;
        let seconds = started.elapsed().as_secs_f64();
        if self.json {
            print_json(&Report {
                input: &self.slide,
                output: &output,
                source: job.source(),
                regions: &preview.regions,
                model: ModelReport::of(&selection),
                device: &selection.device,
                seconds,
                peak_memory: peak_bytes(),
            })?;
        } else if !self.quiet {
            println!(
                "{}: before on the left, after on the right; {}, {}",
                output.display(),
                quantity::count(preview.regions.len() as u64, "region"),
                quantity::seconds(seconds)
            );
        }
        if self.open || (!self.no_open && desktop::is_there()) {
            desktop::open(&output);
        }
        Ok(())
    }
}

/// The picture of a slide in the current folder.
fn default_output(slide: &Path) -> PathBuf {
    let mut name = slide.file_stem().unwrap_or(slide.as_os_str()).to_owned();
    name.push("-preview.png");
    name.into()
}

/// Checks what can be checked of the output before there is any work.
fn check_output(slide: &Slide, output: &Path) -> anyhow::Result<()> {
    let png = |extension: &OsStr| extension.eq_ignore_ascii_case("png");
    if output.exists() && !output.is_file() {
        bail!("{} is no file; give the name of one", output.display());
    }
    if !output.extension().is_some_and(png) {
        bail!("{}: the picture is a PNG; let its name end in .png", output.display());
    }
    if let Some(folder) = output.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir())
    {
        bail!("{}: no such folder; make it first", folder.display());
    }
    if slide.holds(output) {
        return Err(Error::OutputIsInput(output.to_owned()).into());
    }
    Ok(())
}
