//! RGB histograms and the Bhattacharyya distance between them (paper, IV.D.5 and Table II).

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// How often each value of each channel occurs: one bin a value, 256 bins a channel.
///
/// In a file it is three lists of 256 counts, `red`, `green` and `blue`, of the same sum: each channel of a pixel is
/// counted once. Other lists are refused, and so are sums above [`Histogram::MOST_IN_FILE`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Channels", into = "Channels")]
pub struct Histogram {
    /// Not in place: what holds a histogram, such as a model's card, is handed about.
    counts: Box<[[u64; 256]; 3]>,
}

/// The histogram in a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Channels {
    red: Vec<u64>,
    green: Vec<u64>,
    blue: Vec<u64>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    /// The most pixels that a file may count, 2^53: beyond it, readers of JSON that take numbers for floats lose ones.
    pub const MOST_IN_FILE: u64 = 1 << 53;

    /// An empty histogram.
    pub fn new() -> Self {
        Self { counts: Box::new([[0; 256]; 3]) }
    }

    /// Counts interleaved RGB pixels.
    ///
    /// # Panics
    /// If `rgb` is not a whole number of pixels.
    pub fn add(&mut self, rgb: &[u8]) {
        assert!(rgb.len().is_multiple_of(3), "a pixel is three bytes");
        let [reds, greens, blues] = &mut *self.counts;
        for pixel in rgb.chunks_exact(3) {
            reds[usize::from(pixel[0])] += 1;
            greens[usize::from(pixel[1])] += 1;
            blues[usize::from(pixel[2])] += 1;
        }
    }

    /// Adds what another histogram has counted.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.as_flattened_mut().iter_mut().zip(other.counts.as_flattened()) {
            *count += more;
        }
    }

    /// The counts of red, green and blue, one for each value.
    pub fn counts(&self) -> &[[u64; 256]; 3] {
        &self.counts
    }

    /// How many pixels were counted.
    pub fn pixels(&self) -> u64 {
        self.counts[0].iter().sum()
    }

    /// The sums of red, green and blue over all pixels.
    pub fn sums(&self) -> [u64; 3] {
        self.counts.map(|counts| (0..).zip(counts).map(|(level, count)| level * count).sum())
    }

    /// The standard deviation of red, green and blue in grey levels, 0..=127.5, or `None` where nothing was counted.
    pub fn deviations(&self) -> Option<[f64; 3]> {
        let n = self.pixels();
        (n > 0).then(|| {
            self.counts.map(|counts| {
                let mean_of = |value: &dyn Fn(f64) -> f64| {
                    let sum: f64 =
                        (0u32..).zip(counts).map(|(v, count)| value(f64::from(v)) * count as f64).sum();
                    sum / n as f64
                };
                let mean = mean_of(&|v| v);
                mean_of(&|v| (v - mean).powi(2)).sqrt()
            })
        })
    }
}

impl TryFrom<Channels> for Histogram {
    type Error = Error;

    fn try_from(channels: Channels) -> Result<Self, Error> {
        let check = |counts: Vec<u64>, channel| {
            let counts = <[u64; 256]>::try_from(counts).map_err(|_| Error::Counts { channel })?;
            let sum = counts.iter().try_fold(0u64, |sum, &count| sum.checked_add(count));
            let sum = sum.filter(|&sum| sum <= Self::MOST_IN_FILE).ok_or(Error::TooManyPixels { channel })?;
            Ok::<_, Error>((counts, sum))
        };
        let red = check(channels.red, "red")?;
        let others = [check(channels.green, "green")?, check(channels.blue, "blue")?];
        if others.iter().any(|(_, sum)| *sum != red.1) {
            return Err(Error::UnequalChannels);
        }
        let [green, blue] = others.map(|(counts, _)| counts);
        Ok(Self { counts: Box::new([red.0, green, blue]) })
    }
}

impl From<Histogram> for Channels {
    fn from(histogram: Histogram) -> Self {
        let [red, green, blue] = histogram.counts.map(Vec::from);
        Self { red, green, blue }
    }
}

/// The Bhattacharyya coefficient of two RGB histograms, 0 (no colour in common) to 1 (equal), or `None` where one
/// is empty.
///
/// An RGB histogram is taken as one distribution over its 768 bins, each channel a third of it, so the coefficient
/// is the mean over the channels of `sum sqrt(p q)` with `p` and `q` normalised to 1. It does not depend on the
/// sizes of the images.
pub fn bhattacharyya_coefficient(a: &Histogram, b: &Histogram) -> Option<f64> {
    let (n, m) = (a.pixels(), b.pixels());
    if n == 0 || m == 0 {
        return None;
    }
    let sum: f64 = a
        .counts
        .as_flattened()
        .iter()
        .zip(b.counts.as_flattened())
        .map(|(&p, &q)| (p as f64 / n as f64 * (q as f64 / m as f64)).sqrt())
        .sum();
    Some((sum / 3.0).min(1.0))
}

/// The Bhattacharyya distance of two RGB histograms, `-ln` of their [coefficient](bhattacharyya_coefficient): 0 for
/// equal histograms, infinite for those without a common colour, `None` where one is empty.
///
/// The coefficient is that of A. Bhattacharyya, "On a measure of divergence between two statistical
/// populations defined by their probability distributions", Bull. Calcutta Math. Soc. 35 (1943), 99-109. The
/// paper's Table II names the distance without bins or formula; `OpenCV`'s `HISTCMP_BHATTACHARYYA` is
/// `sqrt(1 - coefficient)` instead.
pub fn bhattacharyya(a: &Histogram, b: &Histogram) -> Option<f64> {
    // Adding 0 makes the negative zero of equal histograms a plain one.
    bhattacharyya_coefficient(a, b).map(|coefficient| -coefficient.ln() + 0.0)
}
