use std::path::PathBuf;

use clap::Args;
use restain_pipeline::{Engine, Job, Plan};
use restain_slide::{Slide, SlideInfo};
use serde::Serialize;

use super::overrides::{InputArguments, ModelArguments};
use super::print_json;
use crate::quantity;

/// Show what a slide is and what normalizing it will take
#[derive(Args)]
pub(crate) struct Inspect {
    /// The slide, or an output of restain
    slide: PathBuf,

    #[command(flatten)]
    model: ModelArguments,
    #[command(flatten)]
    input: InputArguments,

    /// Print one JSON object on stdout
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Inspection<'a> {
    slide: &'a SlideInfo,
    plan: Plan,
}

impl Inspect {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let mut settings = self.input.settings()?;
        self.model.apply(&mut settings)?;
        let slide = Slide::open(&self.slide)?;
        let selection = Engine::select(settings.model.as_deref(), settings.device()?, settings.precision)?;
        let job = Job::new(&slide, &selection, &settings)?;
        let inspection =
            Inspection { slide: slide.info(), plan: Plan::of(&job, &selection.engine, settings.tile)? };
        if self.json {
            return print_json(&inspection);
        }
        print(&inspection);
        Ok(())
    }
}

fn print(Inspection { slide, plan }: &Inspection<'_>) {
    let size = slide.levels[0].size;
    let row = |name: &str, value: String| println!("{name:<12}{value}");
    row("format", slide.vendor.clone());
    row("size", format!("{} x {} px, {}", size.width, size.height, quantity::bytes(slide.file_bytes)));
    let bounds = slide.bounds;
    row(
        "scanned",
        format!("{} x {} px at {}, {}", bounds.width(), bounds.height(), bounds.min.x, bounds.min.y),
    );
    let mpp = slide.mpp.map_or("not stated".to_owned(), |mpp| format!("{} x {}", mpp.x, mpp.y));
    row("µm a pixel", mpp);
    for (index, level) in slide.levels.iter().enumerate() {
        let size = level.size;
        row(
            if index == 0 { "levels" } else { "" },
            format!("{index}: {} x {} px, 1:{}", size.width, size.height, level.downsample),
        );
    }
    let associated: Vec<_> = slide
        .associated
        .iter()
        .map(|image| format!("{} {} x {}", image.name, image.width, image.height))
        .collect();
    row("beside it", if associated.is_empty() { "nothing".to_owned() } else { associated.join(", ") });
    row("plan", format!("{} tiles of {} px", plan.tiles, plan.tile));
    row(
        "estimate",
        format!("{}, {} of memory", quantity::seconds(plan.seconds), quantity::bytes(plan.memory)),
    );
    row("reader", format!("OpenSlide {}", slide.openslide));
}
