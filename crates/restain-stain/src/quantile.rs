//! The quantile map: a monotone change of each channel that gives one domain the histograms of another.

use serde::{Deserialize, Serialize};

use crate::{error::Error, histogram::Histogram};

/// A table of 256 levels for each channel that maps pixels of a target domain onto the levels of a source domain.
///
/// Fitted on the [`Histogram`]s of whole slides, it undoes any strictly monotone change of a channel, such as a
/// white balance or a gamma, up to rounding. It knows nothing of neighbours or of the other channels, so it can undo
/// neither a camera matrix nor anything local.
///
/// The map is the barycentric projection of the optimal transport plan on the line: the pixels of a target level
/// take up an interval of ranks, and the level becomes the mean level of the source's pixels of the same ranks, so it
/// is the map with the least mean squared error among those that depend on the level alone (G. Peyré and M. Cuturi,
/// "Computational optimal transport", Found. Trends Mach. Learn. 11 (2019), 355-607). Levels
/// that the target never shows lie on straight lines between those that it shows, with black on black and white on
/// white at the ends.
///
/// ```
/// use restain_stain::{histogram::Histogram, quantile::QuantileMap};
///
/// let (mut target, mut source) = (Histogram::new(), Histogram::new());
/// for level in 0..100 {
///     target.add(&[2 * level, level + 50, level]); // in as many pieces as convenient
///     source.add(&[level, level, level]);
/// }
/// let map = QuantileMap::fit(&target, &source)?;
/// let mut pixels = [40, 70, 20];
/// map.apply(&mut pixels);
/// assert_eq!(pixels, [20, 20, 20]);
/// # Ok::<(), restain_stain::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Tables", into = "Tables")]
pub struct QuantileMap {
    tables: [[u8; 256]; 3],
}

/// The map in a file: 256 levels for each channel.
#[derive(Serialize, Deserialize)]
struct Tables {
    red: Vec<u8>,
    green: Vec<u8>,
    blue: Vec<u8>,
}

/// How many levels neighbouring levels become apart at most where slides are mapped: a choice that leaves a darker lamp or a
/// sparser smear alone.
pub const STEEPEST: u8 = 4;

impl QuantileMap {
    /// The map as slides are mapped: [fitted](Self::fit), and [no steeper](Self::no_steeper_than) than [`STEEPEST`].
    ///
    /// # Errors
    /// As [`QuantileMap::fit`].
    pub fn between(target: &Histogram, source: &Histogram) -> Result<Self, Error> {
        Ok(Self::fit(target, source)?.no_steeper_than(STEEPEST))
    }

    /// The map that gives pixels counted in `target` the histograms of `source`; their numbers need not agree.
    ///
    /// # Errors
    /// [`Error::NoPixels`] where a histogram is empty.
    pub fn fit(target: &Histogram, source: &Histogram) -> Result<Self, Error> {
        for (histogram, name) in [(target, "target"), (source, "source")] {
            if histogram.pixels() == 0 {
                return Err(Error::NoPixels(name));
            }
        }
        Ok(Self { tables: std::array::from_fn(|c| table(&target.counts()[c], &source.counts()[c])) })
    }

    /// The same map, but that neighbouring levels become at most `steepest` levels apart: where it would stretch more, from the
    /// bright end on, levels stay brighter. So it never makes colours of noise, such as that of empty glass whose few levels
    /// would have to become all those of another lab's slides.
    #[must_use]
    pub fn no_steeper_than(mut self, steepest: u8) -> Self {
        for table in &mut self.tables {
            for level in (0..255).rev() {
                table[level] = table[level].max(table[level + 1].saturating_sub(steepest));
            }
        }
        self
    }

    /// Maps interleaved RGB pixels.
    ///
    /// # Panics
    /// If `rgb` is not a whole number of pixels.
    pub fn apply(&self, rgb: &mut [u8]) {
        assert!(rgb.len().is_multiple_of(3), "a pixel is three bytes");
        for pixel in rgb.chunks_exact_mut(3) {
            for (value, table) in pixel.iter_mut().zip(&self.tables) {
                *value = table[usize::from(*value)];
            }
        }
    }

    /// What each level of red, green and blue becomes; never falling.
    pub fn tables(&self) -> &[[u8; 256]; 3] {
        &self.tables
    }
}

impl TryFrom<Tables> for QuantileMap {
    type Error = Error;

    fn try_from(tables: Tables) -> Result<Self, Error> {
        let check = |table: Vec<u8>, channel| {
            <[u8; 256]>::try_from(table)
                .ok()
                .filter(|table| table.is_sorted())
                .ok_or(Error::Table { channel })
        };
        Ok(Self {
            tables: [check(tables.red, "red")?, check(tables.green, "green")?, check(tables.blue, "blue")?],
        })
    }
}

impl From<QuantileMap> for Tables {
    fn from(map: QuantileMap) -> Self {
        let [red, green, blue] = map.tables.map(Vec::from);
        Self { red, green, blue }
    }
}

/// One channel's table; ranks are counted in units of 1 / (n m), so that everything is exact in integers.
fn table(target: &[u64; 256], source: &[u64; 256]) -> [u8; 256] {
    let (n, m): (u64, u64) = (target.iter().sum(), source.iter().sum());
    let mut knots = vec![];
    let mut level = 0;
    let mut left = u128::from(source[0]) * u128::from(n); // ranks of the source's level not yet given out
    for (t, &count) in target.iter().enumerate().filter(|(_, count)| **count > 0) {
        let ranks = u128::from(count) * u128::from(m);
        let (mut wanted, mut sum) = (ranks, 0);
        while wanted > 0 {
            if left == 0 {
                level += 1;
                left = u128::from(source[level]) * u128::from(n);
            }
            let taken = left.min(wanted);
            sum += taken * level as u128;
            left -= taken;
            wanted -= taken;
        }
        knots.push((t, ((2 * sum + ranks) / (2 * ranks)) as usize));
    }
    // An end that occurs keeps its own value: the anchor beside it has length 0.
    let first = knots.first().copied().filter(|knot| knot.0 == 0).unwrap_or_default();
    let last = knots.last().copied().filter(|knot| knot.0 == 255).unwrap_or((255, 255));
    let mut table = [0; 256];
    let mut from = first;
    for to in knots.into_iter().chain([last]) {
        let (run, rise) = (to.0 - from.0, to.1 - from.1);
        for step in 0..=run {
            table[from.0 + step] = (from.1 + (2 * step * rise + run) / (2 * run).max(1)) as u8;
        }
        from = to;
    }
    table
}
