//! Training patches, drawn at random: which ones a step gets depends on the seed and the step alone.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use restain_stain::removal::remove_stain;

use crate::{config::Augmentation, dataset::Field};

/// Draws the patches of a run.
#[derive(Debug)]
pub struct Sampler {
    /// The fields to draw from, each with the same chance; none is smaller than a patch.
    pub fields: Vec<Field>,
    /// Side of a patch in pixels.
    pub patch: u32,
    /// Patches a step.
    pub batch: u32,
    /// Seed of the run.
    pub seed: u64,
    /// Where the fields come from: patches of the two domains are drawn independently.
    pub domain: Domain,
    /// Changes to the patches.
    pub augmentation: Augmentation,
}

/// One of the two sets of images (paper, III.A).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// Images of the style that G reconstructs, XS.
    Source,
    /// Images of the style that is to be normalized, XT.
    Target,
}

/// Patches of one domain for one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// GM, `[batch, 2, patch, patch]`, in 0..=1.
    pub gm: Vec<f32>,
    /// The images, `[batch, 3, patch, patch]`, in 0..=1.
    pub images: Vec<f32>,
}

impl Sampler {
    /// The batch of a step.
    pub fn batch(&self, step: u64) -> Batch {
        let area = (self.patch * self.patch) as usize;
        let mut batch = Batch {
            gm: vec![0.0; 2 * area * self.batch as usize],
            images: vec![0.0; 3 * area * self.batch as usize],
        };
        let gms = batch.gm.chunks_exact_mut(2 * area);
        for (item, (gm, image)) in (0..).zip(gms.zip(batch.images.chunks_exact_mut(3 * area))) {
            let mut rng = keyed(self.seed, self.domain, step, item);
            let rgb = self.draw(&mut rng);
            remove_stain(&rgb, gm);
            jitter(&mut gm[..area], self.augmentation.gray_jitter, &mut rng);
            for (channel, plane) in image.chunks_exact_mut(area).enumerate() {
                plane
                    .iter_mut()
                    .zip(rgb.chunks_exact(3))
                    .for_each(|(out, px)| *out = f32::from(px[channel]) / 255.0);
            }
        }
        batch
    }

    /// One patch, interleaved RGB.
    fn draw(&self, rng: &mut ChaCha8Rng) -> Vec<u8> {
        let side = self.patch;
        let field = &self.fields[rng.random_range(0..self.fields.len() as u32) as usize];
        let left = rng.random_range(0..=field.width - side);
        let top = rng.random_range(0..=field.height - side);
        // The eight symmetries of the square: two mirrors and an exchange of the axes.
        let [mirror_x, mirror_y, swap] = std::array::from_fn(|_| rng.random_bool(0.5));
        let mut rgb = Vec::with_capacity((3 * side * side) as usize);
        for y in 0..side {
            for x in 0..side {
                let (x, y) = if swap { (y, x) } else { (x, y) };
                let x = if mirror_x { side - 1 - x } else { x };
                let y = if mirror_y { side - 1 - y } else { y };
                rgb.extend(field.pixel(left + x, top + y));
            }
        }
        if rng.random_bool(self.augmentation.blank_probability) {
            paint_blank(&mut rgb, side, field.glass, rng);
        }
        rgb
    }
}

/// The generator of one patch.
fn keyed(seed: u64, domain: Domain, step: u64, item: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&step.to_le_bytes());
    key[16..24].copy_from_slice(&item.to_le_bytes());
    key[24] = u8::from(domain == Domain::Target);
    ChaCha8Rng::from_seed(key)
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
