//! One place to take a patch from.

use std::cmp::Ordering;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{picture::Picture, polygon::Polygon, tissue::Tissue};

/// What a cell is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Label {
    /// No lesion: NILM.
    Normal,
    /// Any lesion.
    Abnormal,
}

/// Where in its picture the centre of a patch lies, in level-0 pixels from the picture's own top left corner. Pixel
/// `i` covers `i..i + 1`.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// The middle of the picture.
    Middle,
    /// Any place whose patch lies inside the picture; the middle where a sample is read and not drawn.
    Anywhere,
    /// This place.
    At([f64; 2]),
    /// Any place inside the polygon; its centre where a sample is read and not drawn.
    Inside(Arc<Polygon>),
    /// Any place of a slide where there is something to see; one of them where a sample is read and not drawn.
    Tissue(Arc<Tissue>),
}

/// A place to take a patch from. It holds no pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The picture it lies in.
    pub picture: Arc<Picture>,
    /// Where in it.
    pub place: Place,
    /// Its class as the source names it; empty where the source has none.
    pub class: Arc<str>,
    /// Its label; `None` where it has none.
    pub label: Option<Label>,
    /// What it must not be parted from: its field, slide or patient.
    pub group: Arc<str>,
}

impl Sample {
    /// Centre of the patch that [`crate::Dataset::read`] gives, in level-0 pixels of the picture.
    pub fn centre(&self) -> [f64; 2] {
        match &self.place {
            Place::Middle | Place::Anywhere => self.picture.middle(),
            Place::At(at) => *at,
            Place::Inside(polygon) => polygon.centre(),
            Place::Tissue(tissue) => tissue.middle(),
        }
    }

    /// The order of samples in a dataset: by picture, then by place, whatever order the sources gave them in.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        let ([x, y], [other_x, other_y]) = (self.centre(), other.centre());
        (self.picture.path.cmp(&other.picture.path))
            .then_with(|| y.total_cmp(&other_y))
            .then_with(|| x.total_cmp(&other_x))
            .then_with(|| self.class.cmp(&other.class))
    }
}
