//! The batch at a glance, how its slides were made, and what its checks measure.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::Value;

use super::{BatchReport, Recipe};
use crate::{
    checks::{self, KIND, UNEXAMINED, title},
    figures::{count, duration, number, pixels},
    properties,
};

/// Slides that an alarm names.
const NAMED: usize = 8;

/// What a manager signs.
pub(super) fn glance(report: &BatchReport) -> Markup {
    let figures = [
        ("✓", "done", report.done.to_string()),
        ("⚠", "flagged", report.flagged.to_string()),
        ("✕", "failed", report.failed.to_string()),
        ("…", "due", report.due.to_string()),
        ("", "of pixels", pixels(report.pixels)),
        ("", "of work", duration(report.seconds)),
        ("", "MP/s", number(report.mp_per_s)),
    ];
    let mut fired = BTreeMap::<&str, usize>::new();
    for flag in report.slides.iter().flat_map(|slide| &slide.flags) {
        *fired.entry(flag).or_default() += 1;
    }
    let mut fired: Vec<_> = fired.into_iter().collect();
    fired.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    html! {
        section #glance {
            h2 { "At a glance" }
            (alarm(report, KIND, "A kind of slide that the model does not know: do not trust the output."))
            (alarm(report, UNEXAMINED, "Not examined: nobody knows whether harm was done."))
            dl.tiles {
                @for (sign, name, value) in figures {
                    div { dt { @if !sign.is_empty() { span aria-hidden="true" { (sign) } " " } (name) } dd { (value) } }
                }
            }
            @if !report.recipes.is_empty() {
                p {
                    "Made by "
                    @for (index, recipe) in report.recipes.iter().enumerate() {
                        @if index > 0 { ", " }
                        a href=(format!("#recipe-{index}")) { (method(recipe)) }
                    }
                    "."
                }
            }
            @if fired.is_empty() {
                p { "No check fired." }
            } @else {
                p.fired {
                    "Checks that fired: "
                    @for (name, slides) in fired {
                        span.flag { "⚠ " (title(name)) ": " (count(slides, "slide")) } " "
                    }
                }
            }
            @if report.slides.iter().any(|slide| slide.look.is_some()) {
                p.closer {
                    "To look closer, slide by slide: "
                    code { "restain view OUTDIR --slides SLIDES" }
                    span.quiet { " with SLIDES the folder where the slides are" }
                }
            }
        }
        section.signature {
            @for line in ["Name", "Date", "Signature"] { p { (line) } }
        }
    }
}

/// The model's name with the first digits of its hash, or the name of what took its place.
fn method(recipe: &Recipe) -> String {
    let of = |name: &str| recipe.model.get(name).and_then(Value::as_str);
    let hash = of("sha256").map(|hash| format!(" ({})", hash.chars().take(8).collect::<String>()));
    of("name").unwrap_or("a method without a name").to_owned() + &hash.unwrap_or_default()
}

/// Slides with a flag that must not be overlooked.
fn alarm(report: &BatchReport, flag: &str, what: &str) -> Markup {
    let names: Vec<&str> =
        report.slides.iter().filter(|slide| slide.has(flag)).map(|slide| slide.name.as_str()).collect();
    let shown = names[..names.len().min(NAMED)].join(", ");
    html! {
        @if !names.is_empty() {
            p.alarm role="alert" {
                strong { "⚠ " (what) } " "
                span { (count(names.len(), "slide")) ": " (shown) @if names.len() > NAMED { " and " (names.len() - NAMED) " more" } }
            }
        }
    }
}

/// How slides were made.
pub(super) fn recipes(recipes: &[Recipe]) -> Markup {
    html! {
        section #recipes {
            h2 { "How slides were made" }
            @if recipes.is_empty() { p { "No slide was made yet." } }
            @for (index, recipe) in recipes.iter().enumerate() {
                article.recipe id=(format!("recipe-{index}")) {
                    @if recipes.len() > 1 { h3 { "Recipe " (index + 1) } }
                    div.columns {
                        div {
                            h4 { "Method" }
                            (properties::list(&recipe.model))
                            @if let Some(card) = &recipe.card {
                                h4 { "The model's card" }
                                (properties::list(&properties::without_held_out(card)))
                            }
                        }
                        div {
                            @if let Some(figures) = recipe.card.as_ref().and_then(properties::held_out) {
                                h4 { "Measured on pictures that the model had not seen" }
                                (figures)
                            }
                            h4 { "Settings" }
                            (properties::list(&recipe.settings))
                        }
                    }
                }
            }
        }
    }
}

/// What the checks measure.
pub(super) fn definitions() -> Markup {
    html! {
        section #definitions {
            h2 { "What the checks measure" }
            p.quiet {
                "A region is a square of 64 micrometres. Tissue is what is darker than the slide's glass. "
                "Thresholds were set by planted faults; no check replaces a look at the slide."
            }
            dl.properties {
                @for check in &checks::ALL {
                    dt id=(format!("check-{}", check.name)) { (check.title) }
                    dd { (check.what) }
                }
            }
        }
    }
}
