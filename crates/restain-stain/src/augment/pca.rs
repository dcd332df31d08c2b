//! Noise along the principal components of colour: the paper's `Enhance_Alexnet`.

use rand::Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use crate::{error::Error, gaussian::Gaussian, symmetric};

/// The level of a value of 1.
const FULL: f64 = 255.0;

/// The standard deviation of each alpha.
const DEVIATION: f64 = 0.1;

/// Adds to a whole picture one colour along the principal components of the training set's RGB values.
///
/// A. Krizhevsky, I. Sutskever and G. E. Hinton, "`ImageNet` classification with deep convolutional neural networks",
/// Adv. Neural Inf. Process. Syst. 25 (2012), 4.1: to each pixel `[p1, p2, p3] [a1 l1, a2 l2, a3 l3]^T` is added,
/// with p and l the eigenvectors and eigenvalues of the covariance of RGB values, and each a from a normal
/// distribution of mean 0 and standard deviation 0.1, drawn once for a picture. The covariance grows with the square of
/// the unit, so the unit is part of the method. They name none; it is 0..=1 here, as in the implementations in use: with
/// levels, colours would move by hundreds of them.
///
/// ```
/// use rand::SeedableRng;
/// use restain_stain::{augment::PcaNoise, gaussian::Gaussian};
///
/// let mut colours = Gaussian::new(3);
/// for level in [90.0, 100.0, 110.0] {
///     colours.add(&[level, level, level]);
/// }
/// let noise = PcaNoise::fit(&colours)?;
/// let colour = noise.draw(&mut rand_chacha::ChaCha8Rng::seed_from_u64(1));
/// assert!((colour[0] - colour[2]).abs() < 1e-9, "grays vary along gray");
/// # Ok::<(), restain_stain::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PcaNoise {
    /// Each principal component times its eigenvalue, in levels.
    components: [[f64; 3]; 3],
}

impl PcaNoise {
    /// The noise for a training set with these RGB values in 0..=255.
    ///
    /// # Errors
    /// [`Error::NoPixels`] where there are none.
    ///
    /// # Panics
    /// If the vectors are not of three values.
    pub fn fit(colours: &Gaussian) -> Result<Self, Error> {
        assert_eq!(colours.dimension(), 3, "red, green and blue");
        let covariance = colours.covariance().ok_or(Error::NoPixels("training set"))?;
        let (values, vectors) = symmetric::eigen(&covariance, 3);
        Ok(Self {
            components: std::array::from_fn(|k| {
                std::array::from_fn(|c| values[k] / FULL * vectors[3 * k + c])
            }),
        })
    }

    /// A colour to add, in levels.
    pub fn draw(&self, rng: &mut impl Rng) -> [f64; 3] {
        let alpha: [f64; 3] = std::array::from_fn(|_| DEVIATION * rng.sample::<f64, _>(StandardNormal));
        std::array::from_fn(|c| {
            alpha.iter().zip(&self.components).map(|(alpha, component)| alpha * component[c]).sum()
        })
    }

    /// Draws a colour and adds it to all interleaved RGB pixels of a picture, clipped and rounded.
    ///
    /// # Panics
    /// If `rgb` is not a whole number of pixels.
    pub fn apply(&self, rgb: &mut [u8], rng: &mut impl Rng) {
        assert!(rgb.len().is_multiple_of(3), "a pixel is three bytes");
        let colour = self.draw(rng);
        for pixel in rgb.as_chunks_mut::<3>().0 {
            for (level, more) in pixel.iter_mut().zip(colour) {
                *level = (f64::from(*level) + more).round() as u8; // a cast clips
            }
        }
    }
}
