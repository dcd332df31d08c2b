//! A second scanner: a known change of style, so that what a normalization should give is known too.

mod dyes;
mod optics;
mod preset;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use self::{dyes::Unmixing, optics::blur};
pub use self::{
    dyes::{Dyes, Shift, Zones},
    optics::{Illumination, Sharpening},
    preset::{Kind, Strength},
};
use crate::matrix;

/// What another stain and another scanner make of a picture, every parameter of it.
///
/// The steps, in this order, which is that of the light: the dyes take up more or less of it ([`Dyes`], [`Zones`]),
/// the lamp is uneven, the lens blurs, the sensor adds noise, the camera's matrix, white balance and gamma make a
/// picture, and software sharpens it; then values are clipped and rounded to levels. Colours are in 0..=1 and not
/// linearised: the optical densities and the matrix are those of the levels, as in A. C. Ruifrok and D. A. Johnston,
/// "Quantification of histochemical staining by color deconvolution", Anal. Quant. Cytol. Histol. 23 (2001), 291-299.
/// Compression is not among the steps: it belongs to the file.
///
/// ```
/// use restain_stain::scanner::{Kind, Scanner, Strength};
///
/// let mut rgb = [200, 120, 150].repeat(64 * 48);
/// Scanner::new(Kind::Full, Strength::Medium.factor(), 7).scan(&mut rgb, 64, 0);
/// assert_ne!(&rgb[..3], [200, 120, 150]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scanner {
    /// How much there is of each dye.
    pub dyes: Dyes,
    /// How the dyes differ by what they stain.
    pub zones: Zones,
    /// The light over the picture.
    pub illumination: Illumination,
    /// Standard deviation of the lens's Gaussian in pixels; 0 is sharp.
    pub blur: f64,
    /// Standard deviation of the sensor's normal noise in levels of 0..=255, independent for each pixel and channel.
    pub noise: f64,
    /// What each of red, green and blue takes of the sensor's three, as rows.
    pub camera: [[f64; 3]; 3],
    /// Factors of red, green and blue.
    pub white_balance: [f64; 3],
    /// Exponent of all channels, above 0.
    pub gamma: f64,
    /// Unsharp masking at the end.
    pub sharpening: Sharpening,
    /// Seed of the noise.
    pub seed: u64,
}

impl Scanner {
    /// Scans interleaved RGB pixels of a picture `width` pixels wide, in place; `picture` is its number, so that each
    /// has noise of its own.
    ///
    /// The bytes depend on the scanner, the picture and its number, not on the number of threads.
    ///
    /// # Panics
    /// If `rgb` does not hold whole rows, or the two dyes have the same colour.
    pub fn scan(&self, rgb: &mut [u8], width: usize, picture: u32) {
        assert!(width > 0 && rgb.len().is_multiple_of(3 * width), "a picture is whole rows");
        let mut colours: Vec<[f64; 3]> =
            rgb.par_chunks(3).map(|p| [p[0], p[1], p[2]].map(|v| f64::from(v) / 255.0)).collect();
        self.dyes.stain(&mut colours, width, &self.zones);
        self.illumination.light(&mut colours, width);
        blur(&mut colours, width, self.blur);
        self.add_noise(&mut colours, width, picture);
        colours.par_iter_mut().for_each(|colour| *colour = self.develop(*colour));
        self.sharpening.sharpen(&mut colours, width);
        rgb.par_chunks_mut(3).zip(colours).for_each(|(pixel, colour)| {
            for (level, value) in pixel.iter_mut().zip(colour) {
                *level = (255.0 * value).round() as u8; // a cast clips
            }
        });
    }

    /// What the global part makes of a colour in 0..=1: the dyes' strengths, camera, white balance and gamma, neither
    /// clipped at 1 nor rounded.
    pub fn colour(&self, colour: [f64; 3]) -> [f64; 3] {
        self.develop(Unmixing::new(&self.dyes.vectors).scale(colour, self.dyes.strength))
    }

    /// The colour in 0..=1 of which [`colour`](Self::colour) makes this one: the best that any change of colours
    /// alone can do. `None` where there is no such inverse: a singular camera, a factor of 0.
    pub fn undo(&self, colour: [f64; 3]) -> Option<[f64; 3]> {
        let camera = matrix::inverse(&self.camera)?;
        let strength = self.dyes.strength.map(f64::recip);
        let linear =
            std::array::from_fn(|c| colour[c].max(0.0).powf(1.0 / self.gamma) / self.white_balance[c]);
        let light = matrix::apply(&camera, linear);
        let undone = Unmixing::new(&self.dyes.vectors).scale(light, strength);
        undone.iter().all(|value| value.is_finite()).then_some(undone)
    }

    /// Camera, white balance and gamma.
    fn develop(&self, colour: [f64; 3]) -> [f64; 3] {
        let colour = matrix::apply(&self.camera, colour);
        std::array::from_fn(|c| (colour[c] * self.white_balance[c]).max(0.0).powf(self.gamma))
    }

    /// Each row has a stream of random numbers of its own, so rows can be done in any order.
    fn add_noise(&self, colours: &mut [[f64; 3]], width: usize, picture: u32) {
        if self.noise == 0.0 {
            return;
        }
        colours.par_chunks_mut(width).enumerate().for_each(|(row, colours)| {
            let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
            rng.set_stream(u64::from(picture) << 32 | row as u64);
            for value in colours.as_flattened_mut() {
                *value += self.noise / 255.0 * rng.sample::<f64, _>(StandardNormal);
            }
        });
    }
}
