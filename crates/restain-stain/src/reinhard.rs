//! Colour transfer of Reinhard et al.: the means and deviations of l, alpha and beta become another domain's.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    gaussian::Gaussian,
    matrix::{self, Matrix},
};

/// RGB to the cones' L, M and S (Reinhard et al., 2001, equation 4).
const CONES: Matrix = [[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]];

static CONES_INVERSE: LazyLock<Matrix> =
    LazyLock::new(|| matrix::inverse(&CONES).unwrap_or(matrix::IDENTITY));

/// l, alpha and beta of an RGB pixel: lightness, yellow against blue and red against green, of the logarithms of the
/// cones' answers to levels in 0..=255 (Reinhard et al., 2001). Answers below one level count as one.
pub fn from_rgb(pixel: [u8; 3]) -> [f64; 3] {
    let [l, m, s] = matrix::apply(&CONES, pixel.map(f64::from)).map(|cone| cone.max(1.0).log10());
    [(l + m + s) / 3.0f64.sqrt(), (l + m - 2.0 * s) / 6.0f64.sqrt(), (l - m) / 2.0f64.sqrt()]
}

/// The RGB levels of l, alpha and beta, neither clipped to 0..=255 nor rounded (Reinhard et al., 2001,
/// with the exact inverse in place of the printed one).
pub fn to_rgb([l, alpha, beta]: [f64; 3]) -> [f64; 3] {
    let (l, alpha, beta) = (l / 3.0f64.sqrt(), alpha / 6.0f64.sqrt(), beta / 2.0f64.sqrt());
    let cones = [l + alpha + beta, l + alpha - beta, l - 2.0 * alpha].map(|log| 10.0f64.powf(log));
    matrix::apply(&CONES_INVERSE, cones)
}

/// The statistics of a domain's pixels that [`Reinhard`] is fitted on; they may come in any pieces.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics(Gaussian);

impl Default for Statistics {
    fn default() -> Self {
        Self::new()
    }
}

impl Statistics {
    /// No pixels yet.
    pub fn new() -> Self {
        Self(Gaussian::new(3))
    }

    /// Adds interleaved RGB pixels.
    ///
    /// # Panics
    /// If `rgb` is not a whole number of pixels.
    pub fn add(&mut self, rgb: &[u8]) {
        assert!(rgb.len().is_multiple_of(3), "a pixel is three bytes");
        rgb.as_chunks().0.iter().for_each(|&pixel| self.0.add(&from_rgb(pixel)));
    }

    /// Adds what was added elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0);
    }

    /// The mean and the standard deviation of l, alpha and beta, or `None` before the first pixel.
    pub fn mean_and_deviation(&self) -> Option<([f64; 3], [f64; 3])> {
        let covariance = self.0.covariance()?;
        let mean = self.0.mean();
        Some(([mean[0], mean[1], mean[2]], [0, 4, 8].map(|i| covariance[i].max(0.0).sqrt())))
    }
}

/// The colour transfer from a target domain to a source domain, `factor * x + offset` of l, alpha and beta each.
///
/// E. Reinhard, M. Ashikhmin, B. Gooch and P. Shirley, "Color transfer between images", IEEE Comput. Graph. Appl.
/// 21(5) (2001), 34-41, in the space l-alpha-beta of that paper (D. L. Ruderman et al., 1998), not in CIELAB,
/// as some take it. The source here is what the target is to look like.
///
/// ```
/// use restain_stain::reinhard::{Reinhard, Statistics};
///
/// let (mut target, mut source) = (Statistics::new(), Statistics::new());
/// target.add(&[100, 100, 100, 200, 200, 200]);
/// source.add(&[50, 50, 50, 100, 100, 100]);
/// let mut pixels = [140; 3];
/// Reinhard::fit(&target, &source)?.apply(&mut pixels);
/// assert_eq!(pixels, [70; 3]);
/// # Ok::<(), restain_stain::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reinhard {
    factor: [f64; 3],
    offset: [f64; 3],
}

impl Reinhard {
    /// The transfer that gives pixels of `target` the means and deviations of `source`. Where the target does not
    /// vary, only its mean is moved.
    ///
    /// # Errors
    /// [`Error::NoPixels`] where one has none.
    pub fn fit(target: &Statistics, source: &Statistics) -> Result<Self, Error> {
        let (from, from_deviation) = target.mean_and_deviation().ok_or(Error::NoPixels("target"))?;
        let (to, to_deviation) = source.mean_and_deviation().ok_or(Error::NoPixels("source"))?;
        // Below what rounding leaves of a plain colour.
        let varies = |c: usize| from_deviation[c] > 1e-9;
        let factor =
            std::array::from_fn(|c| if varies(c) { to_deviation[c] / from_deviation[c] } else { 1.0 });
        Ok(Self { factor, offset: std::array::from_fn(|c| to[c] - factor[c] * from[c]) })
    }

    /// The colour of a pixel in levels, neither clipped to 0..=255 nor rounded.
    pub fn colour(&self, pixel: [u8; 3]) -> [f64; 3] {
        let colour = from_rgb(pixel);
        to_rgb(std::array::from_fn(|c| self.factor[c] * colour[c] + self.offset[c]))
    }

    /// Maps interleaved RGB pixels, clipped and rounded.
    ///
    /// # Panics
    /// If `rgb` is not a whole number of pixels.
    pub fn apply(&self, rgb: &mut [u8]) {
        assert!(rgb.len().is_multiple_of(3), "a pixel is three bytes");
        for pixel in rgb.as_chunks_mut::<3>().0 {
            *pixel = self.colour(*pixel).map(|level| level.round() as u8); // a cast clips
        }
    }
}
