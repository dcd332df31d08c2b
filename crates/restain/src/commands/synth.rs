use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget};
use restain_synth::{SlideSpec, Source, Style, write_annotations, write_slide};

use crate::{interrupt, quantity};

/// Make synthetic slides
#[derive(Subcommand)]
pub(crate) enum Synth {
    Slide(SynthSlide),
}

impl Synth {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Slide(command) => command.run(),
        }
    }
}

/// Make a MIRAX slide of drawn Pap-smear cells or of given pictures
///
/// It has overlapping camera photographs, zoom levels, unscanned gaps, and label, macro and thumbnail images. Two
/// styles show the same cells for the same seed. Slides from 200 megapixels on repeat their picture.
#[derive(Args)]
pub(crate) struct SynthSlide {
    /// The slide to write; its folder lies beside it
    #[arg(value_name = "OUT.mrxs")]
    output: PathBuf,

    /// Width and height of what is scanned, in pixels
    #[arg(long, value_name = "WxH", value_parser = parse_size)]
    size: (u32, u32),

    /// Seed of all chance
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Show the JPEG and PNG pictures of this folder instead of drawn cells
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,

    /// Stain and colours of drawn cells
    #[arg(long, value_name = "NAME", value_enum, default_value_t = StyleName::NewScanner)]
    style: StyleName,

    /// Share of the drawn single cells that are abnormal, 0 to 1
    #[arg(long, value_name = "F", default_value_t = 0.03)]
    abnormal: f64,

    /// Fraction of the photographs that is scanned, above 0 and up to 1
    #[arg(long, value_name = "F", default_value_t = 1.0)]
    coverage: f64,

    /// Also write which cells are where, as QuPath exports annotations: OUT.geojson, classes normal and abnormal
    #[arg(long)]
    annotations: bool,

    /// Replace an existing slide
    #[arg(long)]
    force: bool,

    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

/// The styles there are.
#[derive(Clone, Copy, ValueEnum)]
enum StyleName {
    /// Violet-gray and cool, of low contrast.
    NewScanner,
    /// Orange and teal.
    OldScanner,
}

fn parse_size(text: &str) -> Result<(u32, u32), String> {
    let parsed = text
        .split_once(['x', 'X'])
        .and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    parsed.ok_or_else(|| "give width and height, such as 8000x6000".to_owned())
}

impl SynthSlide {
    fn run(self) -> anyhow::Result<()> {
        let interrupt = interrupt::catch()?;
        let (width, height) = self.size;
        let spec = SlideSpec {
            seed: self.seed,
            style: match self.style {
                StyleName::NewScanner => Style::new_scanner(),
                StyleName::OldScanner => Style::old_scanner(),
            },
            coverage: self.coverage,
            abnormal: self.abnormal,
            source: self.from.map_or(Source::Cells, Source::Pictures),
            force: self.force,
            ..SlideSpec::new(width, height)
        };
        let bar = ProgressBar::new(1000);
        if self.quiet {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let progress = |done: f64| {
            bar.set_position((done * 1000.0) as u64);
            if interrupt.load(std::sync::atomic::Ordering::Relaxed) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        // First, as they are refused where they make no sense.
        let annotations = self.output.with_extension("geojson");
        let cells = self.annotations.then(|| write_annotations(&spec, &annotations, &progress)).transpose();
        let summary = cells.and_then(|cells| Ok((write_slide(&spec, &self.output, &progress)?, cells)));
        bar.finish_and_clear();
        let (summary, cells) = summary.context("cannot make the slide")?;
        if !self.quiet {
            println!(
                "{}: {width} x {height} px, {} of {} photographs scanned, {}",
                self.output.display(),
                summary.photos_scanned,
                summary.photos,
                quantity::bytes(summary.bytes)
            );
            if let Some(cells) = cells {
                println!("{}: {cells} cells", annotations.display());
            }
        }
        Ok(())
    }
}
