//! The section about one slide.

use maud::{Markup, html};
use restain_quality::{Check, Examination};

use super::{
    Look, Pictures, Recipe, SlideReport, Status,
    table::{flags, states, status},
};
use crate::{
    Result,
    checks::{KIND, UNEXAMINED, definition, title},
    figures::{NONE, bytes, count, duration, exact, number, percent, pixels, time},
    page::{chart, picture},
};
use restain_plot::{Size, colour_histograms};

/// The stages in the order of the data.
const STAGES: [&str; 6] = ["read", "stain", "generate", "reassemble", "encode", "write"];

/// All that is told of a slide; `number` is its place on the page.
pub(super) fn section(
    number: usize,
    slide: &SlideReport,
    recipes: &[Recipe],
    pictures: &Pictures,
) -> Result<Markup> {
    let loud = slide.has(KIND) || slide.has(UNEXAMINED);
    let class = match slide.status {
        _ if loud => "slide loud",
        Status::Failed => "slide failed",
        _ if slide.is_flagged() => "slide flagged",
        _ => "slide",
    };
    Ok(html! {
        article class=(class) id=(format!("slide-{number}")) data-slide=(number) data-state=(states(slide)) {
            header {
                h3 { (slide.name) }
                (status(slide)) " " (flags(slide))
                span.gap {}
                a.quiet href="#slides" { "All slides ↑" }
            }
            (reason(slide))
            @if let Some(look) = &slide.look { (seen(slide, look, recipes, pictures)?) }
        }
    })
}

/// Why it failed, was not examined, or must not be trusted.
fn reason(slide: &SlideReport) -> Markup {
    let error = slide.error.as_deref();
    html! {
        @if slide.has(KIND) {
            p.alarm { strong { "⚠ A slide of another kind: the model does not know such slides. Do not trust the output." } }
        }
        @if slide.has(UNEXAMINED) {
            p.alarm {
                strong { "⚠ Not examined: nobody knows whether harm was done." }
                @if let Some(error) = error { " " span { (error) } }
            }
        } @else if slide.status == Status::Failed {
            p.fault {
                strong { "✕ Failed" }
                @if slide.attempts > 1 { " after " (count(slide.attempts as usize, "attempt")) }
                ": " (error.unwrap_or("no reason is known"))
            }
        } @else if slide.status == Status::Due {
            p.quiet { (error.unwrap_or("not ended yet; the same command goes on with it")) }
        }
    }
}

fn seen(slide: &SlideReport, look: &Look, recipes: &[Recipe], pictures: &Pictures) -> Result<Markup> {
    let [before, after] = &pictures.whole;
    let examination = look.examination.as_ref();
    Ok(html! {
        div.columns {
            div {
                div.pair {
                    @for (name, bytes) in [("Before", before), ("After", after)] {
                        figure { (picture(bytes, &format!("{}, {}", slide.name, name.to_lowercase()))) figcaption { (name) } }
                    }
                }
                @if let Some(examination) = examination { (histograms(examination, recipes.get(look.recipe))?) }
            }
            div {
                (facts(slide, look, recipes.len()))
                @if let Some(examination) = examination { (sentences(examination)) }
                (stages(look))
                p.closer data-name=(slide.name) { "Look closer: " code { "restain view OUTDIR --slides SLIDES" } }
            }
        }
        @if let Some(examination) = examination {
            (checks(&examination.checks))
            (regions(slide, pictures))
        }
    })
}

fn facts(slide: &SlideReport, look: &Look, recipes: usize) -> Markup {
    let [width, height] = look.size;
    html! {
        dl.facts {
            div { dt { "Size" } dd { (width) " × " (height) " px, " (pixels(u64::from(width) * u64::from(height))) } }
            @if let Some([across, down]) = look.mpp {
                div { dt { "Scale" } dd { (exact(across)) @if exact(across) != exact(down) { " × " (exact(down)) } " µm a pixel" } }
            }
            div { dt { "Work" } dd { (duration(slide.seconds)) ", " (number(look.mp_per_s)) " MP/s" @if slide.attempts > 1 { ", " (count(slide.attempts as usize, "attempt")) } } }
            div { dt { "Output" } dd { (bytes(slide.bytes)) @if let Some(ended) = slide.ended { ", " (time(ended)) } } }
            @if recipes > 1 {
                div { dt { "Made by" } dd { a href=(format!("#recipe-{}", look.recipe)) { "recipe " (look.recipe + 1) } } }
            }
        }
    }
}

/// What was measured, in words.
fn sentences(examination: &Examination) -> Markup {
    let [before, after] = examination.background;
    html! {
        dl.facts {
            @if let Some([before, after]) = examination.distance {
                div {
                    dt { "Distance to the style" }
                    dd {
                        (number(before)) " → " (number(after)) ": "
                        strong { @if after < before { "↓ nearer" } @else if after > before { "↑ farther" } @else { "as before" } }
                        span.quiet { " (Bhattacharyya; 0 is the same mix of colours)" }
                    }
                }
            }
            div { dt { "Background" } dd { (percent(before)) " → " (percent(after)) " of the slide" } }
        }
    }
}

/// The time of each stage as a bar.
fn stages(look: &Look) -> Markup {
    let place = |name: &str| STAGES.iter().position(|stage| *stage == name).unwrap_or(STAGES.len());
    let mut stages: Vec<_> = look.stage_seconds.iter().filter(|stage| stage.1.is_finite()).collect();
    stages.sort_by_key(|(name, _)| place(name));
    let longest = stages.iter().map(|stage| *stage.1).fold(f64::MIN_POSITIVE, f64::max);
    html! {
        @if !stages.is_empty() {
            table.stages {
                caption { "Time of each stage, summed over its threads" }
                @for (name, seconds) in stages {
                    tr {
                        th scope="row" { (name) }
                        td { svg width="100%" height="10" aria-hidden="true" { rect width=(format!("{:.1}%", 100.0 * seconds / longest)) height="10" rx="2" {} } }
                        td.figure { (duration(*seconds)) }
                    }
                }
            }
        }
    }
}

fn histograms(examination: &Examination, recipe: Option<&Recipe>) -> Result<Markup> {
    let [before, after] = &examination.histograms;
    let style = recipe.and_then(|recipe| recipe.style.as_ref());
    let sets: Vec<_> = [("before", before), ("after", after)]
        .into_iter()
        .chain(style.map(|style| ("style of the model", style)))
        .collect();
    Ok(match colour_histograms("colours", &sets, Size::Compact) {
        Err(restain_plot::Error::Empty { .. }) => html! {},
        svg => chart(&svg?, "How often each level of red, green and blue occurs before and after"),
    })
}

/// Those that fired come first.
fn checks(checks: &[Check]) -> Markup {
    let fired = checks.iter().filter(|check| check.fired);
    let others = checks.iter().filter(|check| !check.fired);
    html! {
        div.wide tabindex="0" role="region" aria-label="Checks" {
            table.checks {
                thead { tr { th scope="col" { "Check" } th scope="col" { "Result" } th.figure scope="col" { "Value" } th scope="col" { "Threshold" } th scope="col" { "What that means" } } }
                tbody { @for check in fired.chain(others) { (row(check)) } }
            }
        }
    }
}

fn row(check: &Check) -> Markup {
    let definition = definition(&check.name);
    let value = |value: f64| definition.map_or_else(|| number(value), |definition| definition.value(value));
    html! {
        tr class=[check.fired.then_some("fired")] {
            th scope="row" {
                @if definition.is_some() { a href=(format!("#check-{}", check.name)) { (title(&check.name)) } }
                @else { (check.name) }
            }
            td {
                @if check.fired { strong { "⚠ fired" } } @else if check.value.is_some() { "✓ passed" } @else { "– not measured" }
            }
            td.figure { (check.value.map_or_else(|| NONE.to_owned(), value)) }
            td { (definition.map_or_else(|| exact(check.threshold), |definition| definition.fires(check.threshold))) }
            td {
                (check.why)
                @if let Some(definition) = definition.filter(|_| check.fired) { " " span.quiet { (definition.what) } }
            }
        }
    }
}

/// The worst places of checks that fired.
fn regions(slide: &SlideReport, pictures: &Pictures) -> Markup {
    html! {
        @if !pictures.regions.is_empty() {
            h4 { "Where it is worst" }
            div.regions {
                @for (check, region, [before, after]) in &pictures.regions {
                    @let place = format!("{} × {} px at {}, {}", region.width, region.height, region.x, region.y);
                    figure {
                        div.pair {
                            @for (name, bytes) in [("before", before), ("after", after)] {
                                (picture(bytes, &format!("{}, {}: {place}, {name}", slide.name, title(check))))
                            }
                        }
                        figcaption { strong { (title(check)) } ", before and after " span.quiet { (place) } }
                    }
                }
            }
        }
    }
}
