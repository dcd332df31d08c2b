//! The report of an output folder: what records, findings and summaries say of each slide.

use std::collections::BTreeMap;
use std::path::Path;

use restain_report::{BatchReport, Pictures, Recipe, SlideReport, Status};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::folder::read_own;
use crate::record::{Record, now};
use crate::report::{Fate, SlideSummary};
use crate::{OutFolder, Result, State};

/// The page, in the output folder.
pub const PAGE: &str = "report.html";
/// The same in figures.
pub const FIGURES: &str = "report.json";
/// The figures of a slide have some 15 KB; nothing longer is read than those of many thousands.
const MOST_BYTES: u64 = 1 << 28;
/// The flag of an output that could not be compared with its slide.
const UNEXAMINED: &str = "unexamined";

/// Writes [`PAGE`] and [`FIGURES`] about all slides of an output folder, whichever run made them.
///
/// # Errors
/// [`Error::Folder`](crate::Error::Folder) where they cannot be written.
pub fn write_report(out: &OutFolder) -> Result<BatchReport> {
    let report = gather(out);
    out.write(FIGURES, &report.json()?)?;
    out.write_by(PAGE, |file| {
        let pictures = &mut |slide: &SlideReport| {
            out.findings(&slide.name).map_or_else(Pictures::default, |findings| findings.pictures())
        };
        report.html(&mut &mut *file, pictures)
    })?;
    Ok(report)
}

/// The figures of the last report of a folder; `None` where there is none that can be read.
pub fn read_report(folder: &Path) -> Option<BatchReport> {
    BatchReport::parse(&read_own(&folder.join(FIGURES), MOST_BYTES).ok()?)
}

fn gather(out: &OutFolder) -> BatchReport {
    let mut recipes = Vec::new();
    let mut slides: BTreeMap<String, SlideReport> =
        out.summaries().into_iter().map(|slide| (slide.name.clone(), never_begun(slide))).collect();
    for (name, record) in out.records() {
        let slide = of_record(out, &name, record, &mut recipes);
        slides.insert(name, slide);
    }
    let slides: Vec<SlideReport> = slides.into_values().collect();
    let count = |status| slides.iter().filter(|slide| slide.status == status).count() as u64;
    let looks = || slides.iter().filter_map(|slide| slide.look.as_ref());
    let pixels = looks().map(|look| u64::from(look.size[0]) * u64::from(look.size[1])).sum();
    let seconds: f64 = slides.iter().filter(|slide| slide.look.is_some()).map(|slide| slide.seconds).sum();
    BatchReport {
        restain: env!("CARGO_PKG_VERSION").to_owned(),
        written: now(),
        done: count(Status::Done),
        failed: count(Status::Failed),
        due: count(Status::Due),
        flagged: slides.iter().filter(|slide| slide.is_flagged()).count() as u64,
        pixels,
        seconds,
        mp_per_s: rate(pixels, seconds),
        recipes,
        slides,
    }
}

/// A slide that has no record: it was not begun, or could not even have one.
fn never_begun(slide: SlideSummary) -> SlideReport {
    SlideReport {
        name: slide.name,
        status: if slide.fate == Fate::Failed { Status::Failed } else { Status::Due },
        flags: Vec::new(),
        error: slide.error,
        attempts: 0,
        ended: None,
        seconds: slide.seconds,
        bytes: 0,
        look: None,
    }
}

fn of_record(out: &OutFolder, name: &str, record: Record, recipes: &mut Vec<Recipe>) -> SlideReport {
    let mut slide = SlideReport {
        name: name.to_owned(),
        status: match record.state {
            State::Done => Status::Done,
            State::Failed => Status::Failed,
            State::Running => Status::Due,
        },
        flags: Vec::new(),
        error: record.error,
        attempts: record.attempts,
        ended: record.ended,
        seconds: record.seconds,
        bytes: record.output.as_ref().map_or(0, |made| made.bytes),
        look: None,
    };
    let Some(made) = record.output.filter(|_| record.state == State::Done) else { return slide };
    if !out.output(name).is_file() {
        slide.status = Status::Due;
        slide.error = Some("its output is no longer there; the same command makes it again".to_owned());
        return slide;
    }
    let findings = out.findings(name).filter(|findings| findings.is_about(&made));
    let examination = findings.as_ref().and_then(|findings| findings.look.examination.as_ref());
    slide.flags = examination.map_or_else(
        || vec![UNEXAMINED.to_owned()],
        |examination| examination.flags().into_iter().map(str::to_owned).collect(),
    );
    slide.error = findings.as_ref().and_then(|findings| findings.trouble.clone());
    slide.look = findings.map(|findings| {
        let recipe = Recipe {
            model: findings.model,
            card: findings.card.as_ref().map(fields),
            settings: fields(&record.recipe.settings),
            style: findings.style,
        };
        let index = recipes.iter().position(|known| *known == recipe).unwrap_or_else(|| {
            recipes.push(recipe);
            recipes.len() - 1
        });
        let mp_per_s = rate(made.pixels, record.seconds);
        restain_report::Look { recipe: index, mp_per_s, ..findings.look }
    });
    slide
}

/// The fields of what is an object as JSON.
fn fields(of: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(of) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// Megapixels a second.
fn rate(pixels: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { pixels as f64 / 1e6 / seconds } else { 0.0 }
}
