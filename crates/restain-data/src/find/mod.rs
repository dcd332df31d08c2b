//! Finding the samples of a source.

mod classes;
mod files;
mod folder;
mod grouping;
mod points;
mod slides;

pub use points::Row;

use std::path::Path;
use std::sync::Arc;

use crate::{
    Error, Result, Sample, Settings, Source,
    manifest::{LabelRule, PlaceRule},
    sample::{Label, Place},
};

/// The samples of a source whose paths begin at `base`.
pub(crate) fn find(source: &Source, base: &Path, settings: &Settings) -> Result<Vec<Sample>> {
    match source {
        Source::Classes(source) => classes::find(source, base, settings),
        Source::Points(source) => points::find(source, base, settings),
        Source::Folder(source) => folder::find(source, base, settings),
        Source::Slides(source) => slides::find(source, base),
    }
}

/// A fault of a CSV table, at its line.
pub(crate) fn table_error(path: &Path, error: &csv::Error) -> Error {
    let line = error.position().map(csv::Position::line);
    Error::Content { path: path.to_owned(), line, message: error.to_string() }
}

/// The label that a rule gives; `None` where its samples are not used.
fn label(rule: LabelRule) -> Option<Label> {
    match rule {
        LabelRule::Normal => Some(Label::Normal),
        LabelRule::Abnormal => Some(Label::Abnormal),
        LabelRule::Ignore => None,
    }
}

fn place(rule: PlaceRule) -> Place {
    match rule {
        PlaceRule::Middle => Place::Middle,
        PlaceRule::Anywhere => Place::Anywhere,
    }
}

/// The same text once for all samples.
#[derive(Default)]
struct Names(std::collections::BTreeSet<Arc<str>>);

impl Names {
    fn of(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return known.clone();
        }
        let name: Arc<str> = name.into();
        self.0.insert(name.clone());
        name
    }
}
