//! What a model has seen in training, as far as a slide's kind can be told by it.

mod profile;

pub use profile::{Counts, Profile};
use serde::{Deserialize, Serialize};

use crate::{
    boxes,
    error::Error,
    histogram::Histogram,
    removal::{Measurement, weigh},
};

/// Micrometres of a pixel at which pictures are measured: nuclei have some pixels, and noise none.
const COARSE: f64 = 2.0;
/// No picture has smaller pixels, in micrometres: a hundredth of what light resolves.
const FINEST: f64 = 0.002;
/// The least unit of the distance of a slide from pictures: drawn ones are too much alike to tell how smears differ.
const ALIKE: f64 = 0.4;
/// How much darker than glass tissue is.
const DARKER: f64 = 0.08;
/// The pictures, at the least, that tell how pictures of a kind differ.
const FEWEST: usize = 3;

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

/// What a model has seen in training, or a style shows: no picture, only counts and means.
///
/// In a file it has no profiles, or 3 to [`Reference::MOST_PROFILES`]; what no pictures have is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Reference {
    /// How often each value of each channel occurs, of all pictures.
    pub histogram: Histogram,
    /// The colour of the glass, levels of red, green and blue, 0..=255.
    pub background: [f64; 3],
    /// The tissue of each picture, so that it is known how much pictures of this kind differ; none of a style.
    pub profiles: Vec<Profile>,
}

/// The reference in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    histogram: Histogram,
    background: [f64; 3],
    profiles: Vec<Profile>,
}

impl Reference {
    /// The most profiles that a file may have.
    pub const MOST_PROFILES: usize = 64;

    /// Measures pictures at 2 micrometres a pixel. Some ten pictures of several slides are enough; pictures without a cell are
    /// left out.
    ///
    /// # Errors
    /// [`Error::FewPictures`] where fewer than three have cells.
    ///
    /// # Panics
    /// If a picture is not whole rows.
    pub fn of<'a>(pictures: impl IntoIterator<Item = Picture<'a>>) -> Result<Self, Error> {
        let (mut histogram, mut measurement, mut profiles) = (Histogram::new(), Measurement::new(), vec![]);
        for Picture { rgb, width, mpp } in pictures {
            let step = (COARSE / mpp.max(FINEST)).round().max(1.0) as usize;
            let small = boxes::means(rgb, width, step);
            histogram.add(&small);
            measurement.add(&small);
            profiles.extend(profile(&small));
        }
        match measurement.standard() {
            Ok(standard) if profiles.len() >= FEWEST => {
                Ok(Self { histogram, background: standard.white, profiles })
            }
            _ => Err(Error::FewPictures(profiles.len())),
        }
    }

    /// What a style shows, with the colour of its glass, levels 0..=255. It tells of no kind: how its slides differ is not known.
    pub fn of_style(histogram: Histogram, background: [f64; 3]) -> Self {
        Self { histogram, background, profiles: vec![] }
    }

    /// How far tissue is from the nearest picture, in units of how far the picture that is farthest from all others is from its
    /// nearest, or of 0.4 where they are more alike than that. `None` where it is not known how pictures differ.
    pub fn distance(&self, profile: &Profile) -> Option<f64> {
        let nearest = |to: &Profile, but: Option<usize>| {
            let others = self.profiles.iter().enumerate().filter(|(i, _)| Some(*i) != but);
            others.map(|(_, other)| other.distance(to)).fold(f64::INFINITY, f64::min)
        };
        let spread = self.profiles.iter().enumerate().map(|(i, own)| nearest(own, Some(i)));
        (self.profiles.len() >= FEWEST).then(|| nearest(profile, None) / spread.fold(ALIKE, f64::max))
    }
}

impl TryFrom<Unchecked> for Reference {
    type Error = Error;

    fn try_from(Unchecked { histogram, background, profiles }: Unchecked) -> Result<Self, Error> {
        let fault = match profiles.len() {
            _ if !background.iter().all(|level| (0.0..=255.0).contains(level)) => "the glass is no colour",
            0 | FEWEST..=Self::MOST_PROFILES => {
                if profiles.iter().all(Profile::is_possible) {
                    return Ok(Self { histogram, background, profiles });
                }
                "a profile is of no picture"
            }
            _ => "profiles are too few or too many",
        };
        Err(Error::Reference(fault))
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

/// Whether the gray of a pixel is 8% below that of a glass.
pub fn is_tissue(pixel: [u8; 3], glass: [f64; 3]) -> bool {
    weigh(pixel.map(f64::from)) < (1.0 - DARKER) * weigh(glass)
}
