//! What is told of a batch.

use std::collections::BTreeMap;

use restain_quality::{Examination, Region};
use restain_stain::histogram::Histogram;
use serde::Serialize;
use serde_json::{Map, Value};

/// A batch, as `report.json` holds it and the page shows it.
#[derive(Debug, Clone, Serialize)]
pub struct BatchReport {
    /// restain's version.
    pub restain: String,
    /// Milliseconds since 1970 when this was written.
    pub written: u64,
    /// Slides that are done.
    pub done: u64,
    /// Slides that failed.
    pub failed: u64,
    /// Slides that are neither.
    pub due: u64,
    /// Slides some of whose checks fired.
    pub flagged: u64,
    /// Pixels of the slides that are done, of their level 0.
    pub pixels: u64,
    /// Seconds of work on them; two slides may have been worked on at once.
    pub seconds: f64,
    /// Megapixels a second of work.
    pub mp_per_s: f64,
    /// How slides were made.
    pub recipes: Vec<Recipe>,
    /// Every slide that is known, by name.
    pub slides: Vec<SlideReport>,
}

/// How slides were made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recipe {
    /// The model, or the method in its place: its name, hash, kernels.
    pub model: Map<String, Value>,
    /// What the model says about itself.
    pub card: Option<Map<String, Value>>,
    /// The settings.
    pub settings: Map<String, Value>,
    /// The colours of the style that slides are given.
    pub style: Option<Histogram>,
}

/// How far a slide is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Its output is whole and was verified.
    Done,
    /// It cannot be done.
    Failed,
    /// It was begun, or given back.
    Due,
}

/// A slide.
#[derive(Debug, Clone, Serialize)]
pub struct SlideReport {
    /// Name of its output, without `.tif`.
    pub name: String,
    /// How far it is.
    pub status: Status,
    /// The checks that fired; `unexamined` where an output could not be compared with its slide.
    pub flags: Vec<String>,
    /// Why it failed, or was not examined.
    pub error: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// Milliseconds since 1970 when it ended.
    pub ended: Option<u64>,
    /// Seconds of work.
    pub seconds: f64,
    /// Bytes of the output.
    pub bytes: u64,
    /// What is known of what was made of it.
    pub look: Option<Look>,
}

/// What is known of a slide that is done.
#[derive(Debug, Clone, Serialize)]
pub struct Look {
    /// Which of [`BatchReport::recipes`].
    pub recipe: usize,
    /// Width and height of level 0 of the output, in pixels.
    pub size: [u32; 2],
    /// Micrometres a pixel of that, across and down.
    pub mpp: Option<[f64; 2]>,
    /// Megapixels a second.
    pub mp_per_s: f64,
    /// Seconds that each stage was at work, summed over its threads, in the order of the data.
    pub stage_seconds: BTreeMap<String, f64>,
    /// What comparing it with its slide has found.
    pub examination: Option<Examination>,
}

/// The pictures of a slide, as JPEG.
#[derive(Debug, Clone, Default)]
pub struct Pictures {
    /// All of it, before and after.
    pub whole: [Vec<u8>; 2],
    /// What checks that fired have found worst: the check, the place, before and after.
    pub regions: Vec<(String, Region, [Vec<u8>; 2])>,
}

impl SlideReport {
    /// Whether somebody should look at it.
    pub fn is_flagged(&self) -> bool {
        !self.flags.is_empty()
    }
}
