//! What is shown.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// An output and, where it is known, the slide it was made from.
#[derive(Debug, Clone)]
pub struct Pair {
    /// What the page calls it.
    pub name: String,
    /// The slide.
    pub before: Option<PathBuf>,
    /// The output.
    pub after: PathBuf,
    /// Places worth a look, the worst first.
    pub regions: Vec<Region>,
}

/// A place worth a look, in level-0 pixels of the output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Region {
    /// Left edge.
    pub x: i64,
    /// Upper edge.
    pub y: i64,
    /// Width.
    pub width: i64,
    /// Height.
    pub height: i64,
    /// What is to be seen there.
    pub title: String,
}

impl Pair {
    /// A pair without regions.
    pub fn new(name: impl Into<String>, before: Option<PathBuf>, after: impl Into<PathBuf>) -> Self {
        Self { name: name.into(), before, after: after.into(), regions: Vec::new() }
    }
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Side {
    Before,
    After,
}
