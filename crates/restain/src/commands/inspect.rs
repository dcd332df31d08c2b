use std::path::PathBuf;

use clap::Args;
use restain_net::Model;
use restain_pipeline::{Job, Loaded, Plan, SourceReport, Style};
use restain_slide::{Mpp, Slide, SlideInfo};
use serde::Serialize;

use super::overrides::{ConfigArgument, InputArguments, ModelArguments};
use super::print_json;
use crate::{interrupt, quantity};

/// Show what a slide is and what normalizing it will take
#[derive(Args)]
pub(crate) struct Inspect {
    /// The slide, or an output of restain
    slide: PathBuf,

    #[command(flatten)]
    model: ModelArguments,
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    config: ConfigArgument,

    /// Print one JSON object on stdout
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Inspection<'a> {
    slide: &'a SlideInfo,
    /// What of it will be read.
    source: SourceReport,
    /// The model's name.
    model: Option<&'a str>,
    /// Micrometres a pixel that the model expects.
    model_mpp: Option<f64>,
    /// How many pictures of its training the model's card knows the colours of.
    model_seen: usize,
    plan: Plan,
}

impl Inspect {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let mut settings = self.config.settings()?;
        self.input.apply(&mut settings)?;
        self.model.apply(&mut settings)?;
        let slide = Slide::open(&self.slide)?;
        let threads = settings.threads()?;
        let interrupt = interrupt::catch()?;
        let selection = Loaded::new(&settings)?.select(|| Style::of_slide(&slide, threads, interrupt))?;
        let job = Job::new(&slide, &selection, &settings)?;
        let card = selection.engine.model().map(Model::card);
        let inspection = Inspection {
            slide: slide.info(),
            source: job.source(),
            model: card.map(|card| &*card.name),
            model_mpp: card.and_then(|card| card.mpp),
            model_seen: card.and_then(|card| card.seen.as_ref()).map_or(0, |seen| seen.profiles.len()),
            plan: Plan::of(&job, &selection.engine)?,
        };
        if self.json {
            return print_json(&inspection);
        }
        print(&inspection);
        Ok(())
    }
}

fn print(Inspection { slide, source, model, model_mpp, model_seen, plan }: &Inspection<'_>) {
    let size = slide.levels[0].size;
    let row = |name: &str, value: String| println!("{name:<12}{value}");
    row("format", slide.vendor.clone());
    row("size", format!("{} x {} px, {}", size.width, size.height, quantity::bytes(slide.file_bytes)));
    let bounds = slide.bounds;
    row(
        "scanned",
        format!("{} x {} px at {}, {}", bounds.width(), bounds.height(), bounds.min.x, bounds.min.y),
    );
    let scale = |mpp: Option<Mpp>| {
        let both = |mpp: Mpp| format!("{} x {}", quantity::number(mpp.x), quantity::number(mpp.y));
        mpp.map_or("not stated".to_owned(), both)
    };
    row("µm a pixel", scale(slide.mpp));
    for (index, level) in slide.levels.iter().enumerate() {
        let size = level.size;
        row(
            if index == 0 { "levels" } else { "" },
            format!("{index}: {} x {} px, 1:{}", size.width, size.height, quantity::number(level.downsample)),
        );
    }
    let associated: Vec<_> = slide
        .associated
        .iter()
        .map(|image| format!("{} {} x {}", image.name, image.width, image.height))
        .collect();
    row("beside it", if associated.is_empty() { "nothing".to_owned() } else { associated.join(", ") });
    let [_, _, width, height] = source.region;
    let expected =
        model_mpp.map_or(String::new(), |mpp| format!("; the model expects {}", quantity::number(mpp)));
    row(
        "reads",
        format!("level {}, {width} x {height} px, µm a pixel {}{expected}", source.level, scale(source.mpp)),
    );
    if let Some(model) = model {
        row(
            "model",
            format!(
                "{model}, whose card knows {} of its training",
                quantity::count(*model_seen as u64, "picture")
            ),
        );
    }
    row("plan", format!("{} of {} px", quantity::count(plan.tiles as u64, "tile"), plan.tile));
    row(
        "estimate",
        format!("{}, {} of memory", quantity::seconds(plan.seconds), quantity::bytes(plan.memory)),
    );
    row("reader", format!("OpenSlide {}", slide.openslide));
}
