//! All slides in a table, to be sorted and filtered.

use maud::{Markup, html};

use super::{SlideReport, Status};
use crate::{
    checks::title,
    figures::{NONE, duration, number},
};

/// A row for each slide; `slides` are in the order of their sections.
pub(super) fn all(slides: &[&SlideReport]) -> Markup {
    let is = |status: Status| slides.iter().filter(|slide| slide.status == status).count();
    let flagged = slides.iter().filter(|slide| slide.is_flagged()).count();
    let states = [
        ("all", "All", slides.len()),
        ("flagged", "Flagged", flagged),
        ("failed", "Failed", is(Status::Failed)),
        ("done", "Done", is(Status::Done)),
    ];
    let columns = [
        ("Slide", ""),
        ("Status", ""),
        ("Flags", ""),
        ("Distance before", "Bhattacharyya distance of its colours to the style, before"),
        ("Distance after", "Bhattacharyya distance of its colours to the style, after"),
        ("Time", "Seconds of work"),
        ("MP/s", "Megapixels a second"),
    ];
    html! {
        section #slides {
            h2 { "Slides" }
            div #tools .tools {
                div.switch role="group" aria-label="Which slides" {
                    @for (state, name, count) in states {
                        button type="button" data-state=(state) aria-pressed=(if state == "all" { "true" } else { "false" }) {
                            (name) " " span.number { (count) }
                        }
                    }
                }
                input #filter type="search" placeholder="Find by name or flag" aria-label="Find by name or flag" autocomplete="off" spellcheck="false";
                p #shown .quiet aria-live="polite" {}
            }
            div.wide tabindex="0" role="region" aria-label="All slides" {
                table #all {
                    thead {
                        tr {
                            @for (index, (name, what)) in columns.into_iter().enumerate() {
                                th scope="col" class=[(index > 2).then_some("figure")] title=[(!what.is_empty()).then_some(what)] { button.sort type="button" { (name) } }
                            }
                        }
                    }
                    tbody { @for (number, slide) in slides.iter().enumerate() { (row(number, slide)) } }
                }
            }
            p #none .notice hidden {}
        }
    }
}

fn row(index: usize, slide: &SlideReport) -> Markup {
    let look = slide.look.as_ref();
    let distance = look.and_then(|look| look.examination.as_ref()?.distance);
    let [before, after] =
        [0, 1].map(|side| Some(distance?[side]).filter(|distance: &f64| distance.is_finite()));
    let figures = [
        (before, before.map(number)),
        (after, after.map(number)),
        (Some(slide.seconds), Some(duration(slide.seconds))),
        (look.map(|look| look.mp_per_s), look.map(|look| number(look.mp_per_s))),
    ];
    html! {
        tr data-slide=(index) data-state=(states(slide)) {
            th scope="row" { a href=(format!("#slide-{index}")) { (slide.name) } }
            td { (status(slide)) }
            td data-value=(slide.flags.len()) { (flags(slide)) }
            @for (value, text) in figures {
                td.figure data-value=[value] { (text.as_deref().unwrap_or(NONE)) }
            }
        }
    }
}

/// What the switch shows it under.
pub(super) fn states(slide: &SlideReport) -> String {
    let flagged = if slide.is_flagged() { " flagged" } else { "" };
    slide.status.word().to_owned() + flagged
}

pub(super) fn status(slide: &SlideReport) -> Markup {
    html! {
        span class=(format!("status {}", slide.status.word())) {
            span aria-hidden="true" { (slide.status.sign()) } " " (slide.status.word())
        }
    }
}

pub(super) fn flags(slide: &SlideReport) -> Markup {
    html! { @for flag in &slide.flags { span.flag { "⚠ " (title(flag)) } " " } }
}
