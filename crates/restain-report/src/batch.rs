//! What is told of a batch.

mod overview;
mod slide;
mod table;

use std::collections::BTreeMap;
use std::io::Write;

use restain_quality::{Examination, Region};
use restain_stain::histogram::Histogram;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    Error, Result,
    checks::{KIND, UNEXAMINED},
    figures::time,
    page,
};

/// A batch, as `report.json` holds it and the page shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Look {
    /// Which of [`BatchReport::recipes`].
    pub recipe: usize,
    /// Width and height of level 0 of the output, in pixels.
    pub size: [u32; 2],
    /// Micrometres a pixel of that, across and down.
    pub mpp: Option<[f64; 2]>,
    /// Megapixels a second.
    pub mp_per_s: f64,
    /// Seconds that each stage was at work, summed over its threads.
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

impl BatchReport {
    /// `report.json`: all of it but pictures. What is no finite number is `null`.
    ///
    /// # Errors
    /// [`Error::Json`].
    pub fn json(&self) -> Result<Vec<u8>> {
        let mut json = serde_json::to_vec_pretty(self).map_err(Error::Json)?;
        json.push(b'\n');
        Ok(json)
    }

    /// The figures in the bytes of a `report.json`; `None` where they are none.
    pub fn parse(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// Writes `report.html`: one file that a browser shows from the disk, without a network. `pictures` is asked for those of one
    /// slide after the other, so that only these are in memory; of slides without [`SlideReport::look`] it is not asked.
    ///
    /// # Errors
    /// [`Error::Write`], [`Error::Plot`].
    pub fn html(
        &self,
        out: &mut impl Write,
        pictures: &mut dyn FnMut(&SlideReport) -> Pictures,
    ) -> Result<()> {
        let slides = self.in_order();
        let about = maud::html! { "restain " (self.restain) ", " (time(self.written)) };
        page::begin(out, "Batch report", &about)?;
        for part in [overview::glance(self), table::all(&slides)] {
            out.write_all(part.into_string().as_bytes())?;
        }
        for (number, slide) in slides.iter().enumerate() {
            let pictures = slide.look.as_ref().map(|_| pictures(slide)).unwrap_or_default();
            let section = slide::section(number, slide, &self.recipes, &pictures)?;
            out.write_all(section.into_string().as_bytes())?;
        }
        for part in [overview::recipes(&self.recipes), overview::definitions()] {
            out.write_all(part.into_string().as_bytes())?;
        }
        page::end(out)
    }

    /// Those first that somebody should look at: of a kind that the model does not know, flagged otherwise, failed; then those that
    /// are due, and those without a fault. By name within.
    fn in_order(&self) -> Vec<&SlideReport> {
        let rank = |slide: &SlideReport| match slide.status {
            _ if slide.has(KIND) => 0,
            _ if slide.has(UNEXAMINED) => 1,
            _ if slide.is_flagged() => 2,
            Status::Failed => 3,
            Status::Due => 4,
            Status::Done => 5,
        };
        let mut slides: Vec<_> = self.slides.iter().collect();
        slides.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.name.cmp(&b.name)));
        slides
    }
}

impl SlideReport {
    /// Whether somebody should look at it.
    pub fn is_flagged(&self) -> bool {
        !self.flags.is_empty()
    }

    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|name| name == flag)
    }
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Due => "due",
        }
    }

    /// A sign beside the word, as no colour says it alone.
    fn sign(self) -> &'static str {
        match self {
            Self::Done => "✓",
            Self::Failed => "✕",
            Self::Due => "…",
        }
    }
}
