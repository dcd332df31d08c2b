//! Training patches, drawn at random: which ones a step gets depends on the seed and the step alone.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use restain_data::{Label, Part, Patch, keyed};

use crate::{Result, config::Augmentation, domain::Preparation};

/// Items of the target domain are numbered from here on: patches of the two domains are drawn independently.
const TARGET: u64 = 1 << 32;

/// Draws the patches of a domain for a run.
#[derive(Debug)]
pub struct Sampler {
    /// Where to draw from.
    pub part: Part,
    /// How the stain is removed.
    pub preparation: Preparation,
    /// Patches a step.
    pub batch: u32,
    /// Seed of the run.
    pub seed: u64,
    /// Which domain it is.
    pub domain: Side,
    /// Changes to the patches.
    pub augmentation: Augmentation,
}

/// One of the two sets of images (paper, III.A).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Images of the style that G reconstructs, XS.
    Source,
    /// Images of the style that is to be normalized, XT.
    Target,
}

/// Patches of one domain for one step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// GM, `[batch, 2, side, side]`, in 0..=1.
    pub gm: Vec<f32>,
    /// The images, `[batch, 3, side, side]`, in 0..=1.
    pub images: Vec<f32>,
    /// Their labels.
    pub labels: Vec<Option<Label>>,
}

impl Sampler {
    /// The batch of a step.
    ///
    /// # Errors
    /// Where a picture cannot be read.
    pub fn batch(&self, step: u64) -> Result<Batch> {
        let mut batch = Batch::default();
        let first = if self.domain == Side::Source { 0 } else { TARGET };
        for item in first..first + u64::from(self.batch) {
            let Patch { mut rgb, side, label, .. } = self.part.draw(self.seed, step, item)?;
            let mut rng = keyed(self.seed, step, item);
            rng.set_stream(1); // the part has drawn from stream 0
            rgb = turn(&rgb, side, &mut rng);
            if rng.random_bool(self.augmentation.blank_probability) {
                let glass = self.preparation.removal.standard.white.map(|level| level.round() as u8);
                paint_blank(&mut rgb, side, glass, &mut rng);
            }
            let area = rgb.len() / 3;
            let at = batch.gm.len();
            batch.gm.resize(at + 2 * area, 0.0);
            self.preparation.gm(&rgb, &mut batch.gm[at..]);
            jitter(&mut batch.gm[at..at + area], self.augmentation.gray_jitter, &mut rng);
            planes(&rgb, &mut batch.images);
            batch.labels.push(label);
        }
        Ok(batch)
    }
}

/// Adds interleaved RGB to images as three planes in 0..=1.
pub(crate) fn planes(rgb: &[u8], images: &mut Vec<f32>) {
    for channel in 0..3 {
        images.extend(rgb.iter().skip(channel).step_by(3).map(|&level| f32::from(level) / 255.0));
    }
}

/// One of the eight symmetries of the square, by chance: two mirrors and an exchange of the axes.
pub(crate) fn turn(rgb: &[u8], side: u32, rng: &mut ChaCha8Rng) -> Vec<u8> {
    let [mirror_x, mirror_y, swap]: [bool; 3] = std::array::from_fn(|_| rng.random_bool(0.5));
    let mut turned = Vec::with_capacity(rgb.len());
    for y in 0..side {
        for x in 0..side {
            let (x, y) = if swap { (y, x) } else { (x, y) };
            let x = if mirror_x { side - 1 - x } else { x };
            let y = if mirror_y { side - 1 - y } else { y };
            turned.extend_from_slice(&rgb[3 * (y * side + x) as usize..][..3]);
        }
    }
    turned
}

/// Paints a rectangle plain, white or in the colour of the glass; the whole patch in one case of four. At use, G
/// sees such areas beyond the scanned part of a slide.
fn paint_blank(rgb: &mut [u8], side: u32, glass: [u8; 3], rng: &mut ChaCha8Rng) {
    let colour = if rng.random_bool(0.5) { [255; 3] } else { glass };
    let whole = rng.random_bool(0.25);
    let mut span = || {
        let (a, b) = (rng.random_range(0..side), rng.random_range(0..side));
        if whole { (0, side) } else { (a.min(b), a.max(b) + 1) }
    };
    let ((left, right), (top, bottom)) = (span(), span());
    for row in rgb.chunks_exact_mut(3 * side as usize).take(bottom as usize).skip(top as usize) {
        row[3 * left as usize..3 * right as usize].as_chunks_mut().0.fill(colour);
    }
}

/// Changes gamma, contrast and brightness of the gray by up to `strength` each, as another scanner might.
fn jitter(gray: &mut [f32], strength: f64, rng: &mut ChaCha8Rng) {
    if strength <= 0.0 {
        return;
    }
    let mut change = || rng.random_range(-strength..=strength) as f32;
    let (gamma, contrast, brightness) = (1.0 + change(), 1.0 + change(), change());
    for value in gray {
        *value = ((value.powf(gamma) - 0.5) * contrast + 0.5 + brightness).clamp(0.0, 1.0);
    }
}

#[cfg(test)]
#[path = "patches_tests.rs"]
mod tests;
