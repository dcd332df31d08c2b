//! What a model has seen in training, as far as a slide's kind can be told by it.

use restain_stain::{histogram::Histogram, removal::Measurement};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    pair::shrink,
    profile::{Counts, Profile, glass_gray},
};

/// Micrometres of a pixel at which pictures are measured: that of the coarse look at slides.
const COARSE: f64 = 2.0;
/// The least unit of the distance of a slide from pictures: drawn ones are too much alike to tell how smears differ.
const ALIKE: f64 = 0.4;
/// How much darker than glass tissue is.
pub(crate) const DARKER: f64 = 0.08;

/// A picture that a model was trained on.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a> {
    /// Interleaved RGB, row by row.
    pub rgb: &'a [u8],
    /// Pixels of a row.
    pub width: usize,
    /// Micrometres a pixel.
    pub mpp: f64,
}

/// What a model has seen in training: no picture, only counts and means. For its card.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// How often each value of each channel occurs, of all pictures.
    pub histogram: Histogram,
    /// The colour of the glass, levels of red, green and blue.
    pub background: [f64; 3],
    /// The tissue of each picture, so that it is known how much pictures of this kind differ.
    pub profiles: Vec<Profile>,
}

impl Reference {
    /// Measures pictures at 2 micrometres a pixel. Some ten pictures of several slides are enough; pictures without a cell are
    /// left out.
    ///
    /// # Errors
    /// [`Error::FewPictures`] where fewer than three have cells.
    pub fn of<'a>(pictures: impl IntoIterator<Item = Picture<'a>>) -> Result<Self> {
        let (mut histogram, mut measurement, mut profiles) = (Histogram::new(), Measurement::new(), vec![]);
        for Picture { rgb, width, mpp } in pictures {
            let step = (COARSE / mpp).round().max(1.0) as usize;
            let across = width / step;
            let rows: Vec<u8> =
                rgb.chunks_exact(3 * width).flat_map(|row| &row[..3 * across * step]).copied().collect();
            let small = shrink(&rows, across, step);
            histogram.add(&small);
            measurement.add(&small);
            profiles.extend(profile(&small));
        }
        let background = measurement.standard().map_err(|_| Error::FewPictures(0))?.white;
        if profiles.len() < 3 {
            return Err(Error::FewPictures(profiles.len()));
        }
        Ok(Self { histogram, background, profiles })
    }

    /// How far tissue is from the nearest picture, in units of how far the picture that is farthest from all others is from its
    /// nearest, or of 0.4 where they are more alike than that.
    pub fn distance(&self, profile: &Profile) -> f64 {
        let nearest = |to: &Profile, but: Option<usize>| {
            let others = self.profiles.iter().enumerate().filter(|(i, _)| Some(*i) != but);
            others.map(|(_, other)| other.distance(to)).fold(f64::INFINITY, f64::min)
        };
        let spread = self.profiles.iter().enumerate().map(|(i, own)| nearest(own, Some(i)));
        nearest(profile, None) / spread.fold(ALIKE, f64::max)
    }
}

/// The profile of a picture on its own glass.
fn profile(rgb: &[u8]) -> Option<Profile> {
    let mut measurement = Measurement::new();
    measurement.add(rgb);
    let glass = measurement.standard().ok()?.white;
    let mut counts = Counts::new();
    for &pixel in rgb.as_chunks().0.iter().filter(|&&pixel| is_tissue(pixel, glass)) {
        counts.add(pixel, glass);
    }
    counts.profile()
}

/// Whether a pixel is darker than a glass.
pub(crate) fn is_tissue(pixel: [u8; 3], glass: [f64; 3]) -> bool {
    glass_gray(pixel.map(f64::from)) < (1.0 - DARKER) * glass_gray(glass)
}
