//! What is measured of a slide before its stain is removed: the colours of its background and of its dark cells.

use serde::{Deserialize, Serialize};

use crate::{error::Error, histogram::Histogram, removal::luma};

/// The share of pixels that may be brighter than any background: reflections, and its own noise.
const BRIGHTER: f64 = 0.02;
/// How many gray levels the search for the background's peak looks ahead.
const AHEAD: usize = 4;
/// How many gray levels around the background's count as background, at the least and at the most.
const REACH: (f64, f64) = (8.0, 24.0);
/// The share of the cells' pixels that is darker than [`Standard::dark`].
const DARKER: f64 = 0.1;

/// The standard colours of a slide, means of levels 0..=255 in red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standard {
    /// The background.
    pub white: [f64; 3],
    /// The tenth percentile, by gray, of what is not background: dark cytoplasm and nuclei. `None` of a slide without
    /// cells.
    pub dark: Option<[f64; 3]>,
}

impl Default for Standard {
    /// White where the levels end, and no cells.
    fn default() -> Self {
        Self { white: [255.0; 3], dark: None }
    }
}

/// Measures the [`Standard`] of a slide from pixels that come in any pieces and any order: those of a low-resolution
/// level are enough. Pixels that were never scanned are not to be added: they are no background.
///
/// The background is the brightest peak of the histogram of gray: from the level that 2% of the pixels exceed, darker
/// and darker as long as there is a more frequent level within four. So it is found where cells cover nearly all. It
/// counts as background as far below this level as three standard deviations of what is brighter, where there are no
/// cells, but at least 8 and at most 24 levels. All that is darker is cells.
///
/// ```
/// use restain_stain::removal::Measurement;
///
/// let mut measurement = Measurement::new();
/// measurement.add(&[230, 235, 240].repeat(900));
/// measurement.add(&[90, 60, 120].repeat(100));
/// let standard = measurement.standard()?;
/// assert_eq!((standard.white, standard.dark), ([230.0, 235.0, 240.0], Some([90.0, 60.0, 120.0])));
/// # Ok::<(), restain_stain::error::Error>(())
/// ```
///
/// In a file it is four lists of 256 numbers: for each level of gray, rounded, the `pixels` that have it, and the sums of
/// their `red`, `green` and `blue`. Sums that no such pixels have are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Grays", into = "Grays")]
pub struct Measurement {
    /// The pixels of each gray level, and the sums of their red, green and blue.
    counts: [u64; 256],
    sums: [[u64; 3]; 256],
}

/// The measurement in a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Grays {
    pixels: Vec<u64>,
    red: Vec<u64>,
    green: Vec<u64>,
    blue: Vec<u64>,
}

impl Default for Measurement {
    fn default() -> Self {
        Self::new()
    }
}

impl Measurement {
    /// No pixels yet.
    pub fn new() -> Self {
        Self { counts: [0; 256], sums: [[0; 3]; 256] }
    }

    /// Counts interleaved RGB pixels.
    ///
    /// # Panics
    /// If `rgb` is not a whole number of pixels.
    pub fn add(&mut self, rgb: &[u8]) {
        assert!(rgb.len().is_multiple_of(3), "a pixel is three bytes");
        for &pixel in rgb.as_chunks().0 {
            let gray = luma(pixel).round() as usize;
            self.counts[gray] += 1;
            for (sum, value) in self.sums[gray].iter_mut().zip(pixel) {
                *sum += u64::from(value);
            }
        }
    }

    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
        for (sum, more) in self.sums.as_flattened_mut().iter_mut().zip(other.sums.as_flattened()) {
            *sum += more;
        }
    }

    /// How many pixels were counted.
    pub fn pixels(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The sums of red, green and blue over all pixels.
    pub fn sums(&self) -> [u64; 3] {
        std::array::from_fn(|c| self.sums.iter().map(|sums| sums[c]).sum())
    }

    /// The standard colours of all pixels so far.
    ///
    /// # Errors
    /// [`Error::NoPixels`] before the first pixel.
    pub fn standard(&self) -> Result<Standard, Error> {
        if self.pixels() == 0 {
            return Err(Error::NoPixels("slide"));
        }
        let background = self.background();
        let reach = self.reach(background);
        let near = (reach / 4.0) as usize;
        let white = self.mean(background.saturating_sub(near), (background + near).min(255));
        let cells = &self.counts[..background.saturating_sub(reach.ceil() as usize)];
        let dark = cells.iter().any(|&count| count > 0).then(|| {
            let level = percentile(cells, DARKER);
            self.mean(level, level)
        });
        Ok(Standard { white, dark })
    }

    /// The gray level of the background.
    fn background(&self) -> usize {
        // A little smoother than the counts, so that no single level stands out.
        let count = |level: usize, offset: isize| {
            level.checked_add_signed(offset).and_then(|level| self.counts.get(level)).copied().unwrap_or(0)
        };
        let smooth = |&level: &usize| -> u64 {
            (-2isize..=2).map(|offset| (3 - offset.unsigned_abs() as u64) * count(level, offset)).sum()
        };
        let mut level = percentile(&self.counts, 1.0 - BRIGHTER);
        loop {
            let ahead = (level.saturating_sub(AHEAD)..=level).max_by_key(smooth).unwrap_or(level);
            if ahead == level {
                return level;
            }
            level = ahead;
        }
    }

    /// How many levels below its own the background goes down.
    fn reach(&self, background: usize) -> f64 {
        let (mut pixels, mut squares) = (self.counts[background] as f64 / 2.0, 0.0);
        for (distance, &count) in self.counts[background..].iter().enumerate().skip(1) {
            pixels += count as f64;
            squares += count as f64 * (distance * distance) as f64;
        }
        (3.0 * (squares / pixels.max(0.5)).sqrt()).clamp(REACH.0, REACH.1)
    }

    /// The mean colour of the pixels of these gray levels, both included.
    fn mean(&self, from: usize, to: usize) -> [f64; 3] {
        let pixels: u64 = self.counts[from..=to].iter().sum();
        std::array::from_fn(|c| {
            self.sums[from..=to].iter().map(|sum| sum[c]).sum::<u64>() as f64 / pixels as f64
        })
    }
}

impl TryFrom<Grays> for Measurement {
    type Error = Error;

    fn try_from(grays: Grays) -> Result<Self, Error> {
        let list = |numbers: Vec<u64>| <[u64; 256]>::try_from(numbers).map_err(|_| Error::Grays);
        let counts = list(grays.pixels)?;
        let [red, green, blue] = [list(grays.red)?, list(grays.green)?, list(grays.blue)?];
        let total = counts.iter().try_fold(0u64, |sum, &count| sum.checked_add(count));
        if total.is_none_or(|total| total > Histogram::MOST_IN_FILE) {
            return Err(Error::TooManyPixels { channel: "gray" });
        }
        let sums: [[u64; 3]; 256] = std::array::from_fn(|level| [red[level], green[level], blue[level]]);
        let fits = |(&count, sums): (&u64, &[u64; 3])| sums.iter().all(|&sum| sum <= 255 * count);
        if !counts.iter().zip(&sums).all(fits) {
            return Err(Error::Grays);
        }
        Ok(Self { counts, sums })
    }
}

impl From<Measurement> for Grays {
    fn from(Measurement { counts, sums }: Measurement) -> Self {
        let channel = |c: usize| sums.iter().map(|sum| sum[c]).collect();
        Self { pixels: counts.to_vec(), red: channel(0), green: channel(1), blue: channel(2) }
    }
}

/// The first level up to which there is more than this share of the pixels.
fn percentile(counts: &[u64], share: f64) -> usize {
    let wanted = share * counts.iter().sum::<u64>() as f64;
    let mut below = 0;
    counts
        .iter()
        .position(|&count| {
            below += count;
            below as f64 > wanted
        })
        .unwrap_or(0)
}
