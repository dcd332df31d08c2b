//! The page about a training.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use image::{ImageReader, codecs::jpeg::JpegEncoder};
use maud::{Markup, html};
use restain_plot::curves;
use safetensors::SafeTensors;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    Error, Result,
    figures::{NONE, count, duration, number},
    file::{names, read, read_if_there},
    loss_log::LossLog,
    page::{self, chart, picture},
    properties,
};

/// Bytes that a model may have, and an evaluation or a grid.
const LONGEST_MODEL: u64 = 512 << 20;
const LONGEST_FILE: u64 = 64 << 20;
/// The most grids that a page shows.
const GRIDS: usize = 12;
/// JPEG quality of the grids: as PNG, they would be ten times as large.
const QUALITY: u8 = 85;
/// What a training goes on from, beside its models.
const STATE: &str = "state.safetensors";

/// A folder of `restain train` or `restain train-task`.
pub(crate) struct Training {
    log: LossLog,
    card: Option<Map<String, Value>>,
    evaluation: Option<Evaluation>,
    /// The steps of the grids, and their files.
    grids: Vec<(u64, PathBuf)>,
}

/// What `eval.json` holds.
#[derive(Deserialize)]
struct Evaluation {
    #[serde(flatten)]
    means: Scores3,
    fields: Vec<Scores3>,
}

/// The scores of G, of G with the gray kept, and of the gray by itself.
#[derive(Clone, Copy, Deserialize)]
struct Scores3 {
    model: Scores,
    kept: Scores,
    gray: Scores,
}

/// PSNR is infinite of an equal picture, which JSON does not know.
#[derive(Clone, Copy, Deserialize)]
struct Scores {
    l1: Option<f64>,
    psnr: Option<f64>,
    ssim: Option<f64>,
}

impl Training {
    /// Reads what a training left; `None` where the folder holds no log of one.
    pub(crate) fn of(folder: &Path) -> Result<Option<Self>> {
        let Some(log) = LossLog::of(folder)? else { return Ok(None) };
        let path = folder.join("eval.json");
        let evaluation = read_if_there(&path, LONGEST_FILE)?
            .map(|json| serde_json::from_slice(&json))
            .transpose()
            .map_err(|error| Error::Content {
                path,
                what: format!("no evaluation of a training ({error})"),
            })?;
        Ok(Some(Self { log, card: card(folder)?, evaluation, grids: grids(&folder.join("pictures"))? }))
    }

    pub(crate) fn write(&self, out: &mut impl Write) -> Result<()> {
        let name = self.card.as_ref().and_then(|card| card.get("name")?.as_str());
        let about =
            html! { @if let Some(name) = name { (name) ", " } (count(self.log.last() as usize, "step")) };
        page::begin(out, "Training report", &about)?;
        let sections = html! {
            (self.curves()?)
            (self.samples()?)
            @if let Some(evaluation) = &self.evaluation { (evaluation.section()) }
            @if let Some(card) = &self.card {
                section {
                    h2 { "The model's card" }
                    @if let Some(figures) = properties::held_out(card) { (figures) }
                    (properties::list(&properties::without_held_out(card)))
                }
            }
        };
        out.write_all(sections.into_string().as_bytes())?;
        page::end(out)
    }

    fn curves(&self) -> Result<Markup> {
        let marks = self.log.marks();
        let draw = |title: &str, axis: &str, lines: &[restain_plot::Line]| -> Result<Markup> {
            Ok(match curves("", ["steps of training", axis], lines, &marks) {
                Err(restain_plot::Error::Empty { .. }) => html! {},
                svg => {
                    html! { h2 { (title) } (chart(&svg?, &format!("{title} over the steps of training"))) }
                }
            })
        };
        Ok(html! {
            section {
                (draw("Losses", "loss", &self.log.losses())?)
                (draw("On the validation part", "score", &self.log.scores())?)
                p.quiet { "Points are means of neighbouring steps; losses are those before their weights, and G, all is their sum with them. In the table they are means of the last tenth of a stage." }
                (self.stages())
            }
        })
    }

    fn stages(&self) -> Markup {
        html! {
            div.wide tabindex="0" role="region" aria-label="Stages" {
                table {
                    thead { tr { th scope="col" { "Stage" } th scope="col" { "Steps" } th scope="col" { "Losses at its end" } th scope="col" { "Learning rate" } th.figure scope="col" { "Time" } } }
                    tbody {
                        @for stage in self.log.stages() {
                            tr {
                                th scope="row" { (stage.number) }
                                td { (stage.steps[0]) " to " (stage.steps[1]) }
                                td { @for (name, loss) in stage.losses { span.pair-of { (name) " " (number(loss)) } " " } }
                                td { @if let Some([first, last]) = stage.learning_rate { (format!("{first:.1e} → {last:.1e}")) } @else { (NONE) } }
                                td.figure { (stage.seconds.map_or_else(|| NONE.to_owned(), duration)) }
                            }
                        }
                    }
                }
            }
        }
    }

    /// The grids in a row, or with a script one at a time.
    fn samples(&self) -> Result<Markup> {
        let last = self.grids.len().saturating_sub(1);
        Ok(html! {
            @if !self.grids.is_empty() {
                section {
                    h2 { "Samples over time" }
                    p.quiet { "Of each domain a row of patches, one of their gray, and one of what the model makes of it." }
                    input #step type="range" min="0" max=(last) value=(last) aria-label="Step" autocomplete="off";
                    div #film .film tabindex="0" role="region" aria-label="Samples" {
                        @for (index, (step, path)) in self.grids.iter().enumerate() {
                            figure class=[(index == last).then_some("shown")] {
                                (picture(&jpeg(path)?, &format!("Samples at step {step}")))
                                figcaption { "Step " (step) }
                            }
                        }
                    }
                }
            }
        })
    }
}

impl Evaluation {
    fn section(&self) -> Markup {
        let table = |title: &str, scores: Scores3| {
            let rows =
                [("G", scores.model), ("G, gray kept", scores.kept), ("Gray copied to RGB", scores.gray)];
            html! {
                @for (name, Scores { l1, psnr, ssim }) in rows {
                    tr {
                        @if !title.is_empty() { td { (title) } }
                        th scope="row" { (name) }
                        @for (value, digits) in [(l1, 2), (psnr, 2), (ssim, 4)] {
                            td.figure { (value.map_or_else(|| NONE.to_owned(), |value| format!("{value:.digits$}"))) }
                        }
                    }
                }
            }
        };
        let figures = html! { th.figure scope="col" { "L1, gray levels" } th.figure scope="col" { "PSNR, dB" } th.figure scope="col" { "SSIM" } };
        html! {
            section {
                h2 { "On " (count(self.fields.len(), "held-out field")) }
                div.wide tabindex="0" role="region" aria-label="Scores" {
                    table { thead { tr { th scope="col" { "Mean" } (figures) } } tbody { (table("", self.means)) } }
                }
                details {
                    summary { "Each field" }
                    div.wide tabindex="0" role="region" aria-label="Scores of each field" {
                        table {
                            thead { tr { th scope="col" { "Field" } th scope="col" { "By" } (figures) } }
                            tbody { @for (number, field) in (1..).zip(&self.fields) { (table(&format!("{number}"), *field)) } }
                        }
                    }
                }
            }
        }
    }
}

/// The card of the only model of a folder; `None` where there is none yet, or it has no card.
fn card(folder: &Path) -> Result<Option<Map<String, Value>>> {
    let is_model = |name: &String| name.ends_with(".safetensors") && name != STATE;
    let Some(name) = names(folder)?.into_iter().find(is_model) else { return Ok(None) };
    let path = folder.join(name);
    let bytes = read(&path, LONGEST_MODEL)?;
    let fault = |error: &dyn std::fmt::Display| Error::Content {
        path: path.clone(),
        what: format!("no model ({error})"),
    };
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|error| fault(&error))?;
    let card = metadata.metadata().as_ref().and_then(|entries| entries.get("restain"));
    card.map(|card| serde_json::from_str(card)).transpose().map_err(|error| fault(&error))
}

/// The grids that a page shows: `step-000250.png` and so on, the last one always.
fn grids(folder: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let step = |name: &str| name.strip_prefix("step-")?.strip_suffix(".png")?.parse().ok();
    let all: Vec<_> =
        names(folder)?.iter().filter_map(|name| Some((step(name)?, folder.join(name)))).collect();
    let shown = all.len().min(GRIDS);
    Ok((1..=shown).map(|index| all[index * all.len() / shown - 1].clone()).collect())
}

/// A picture as JPEG.
fn jpeg(path: &Path) -> Result<Vec<u8>> {
    let png = read(path, LONGEST_FILE)?;
    let encode = || {
        let picture = ImageReader::new(Cursor::new(png)).with_guessed_format()?.decode()?.into_rgb8();
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(&picture)?;
        Ok(bytes)
    };
    encode()
        .map_err(|error: image::ImageError| Error::Content { path: path.to_owned(), what: error.to_string() })
}
