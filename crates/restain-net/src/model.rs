//! A loaded model: GM in, 8-bit RGB out.

use std::path::Path;

use candle_core::{Device, Tensor};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::card::Card;
use crate::checkpoint::{Checkpoint, hex};
use crate::frozen::FrozenGenerator;
use crate::receptive::GRID;
use crate::{Error, Result};

/// The model that restain ships, see docs/models.md.
const SHIPPED: &[u8] = include_bytes!("../models/cric.safetensors");

/// Images a GPU takes at a time.
const GPU_BATCH: usize = 4;

/// G with its card, ready on a device.
#[derive(Debug, Clone)]
pub struct Model {
    card: Card,
    sha256: String,
    generator: FrozenGenerator,
    device: Device,
}

impl Model {
    /// Loads a checkpoint's file onto a device.
    ///
    /// # Errors
    /// As [`Checkpoint::load`].
    pub fn load(path: &Path, device: &Device) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|cause| Error::Io {
            path: path.to_owned(),
            action: "read",
            cause,
        })?;
        Self::from_bytes(path, &bytes, device)
    }

    /// The model that restain ships.
    ///
    /// # Errors
    /// [`Error::Tensor`] where the device is out of memory.
    pub fn shipped(device: &Device) -> Result<Self> {
        Self::from_bytes(Path::new("the shipped model"), SHIPPED, device)
    }

    /// Takes the bytes of a checkpoint's file; `path` names it in errors.
    ///
    /// # Errors
    /// As [`Checkpoint::from_bytes`].
    pub fn from_bytes(path: &Path, bytes: &[u8], device: &Device) -> Result<Self> {
        let checkpoint = Checkpoint::from_bytes(path, bytes)?;
        let generator = FrozenGenerator::new(&checkpoint, device)?;
        let sha256 = hex(&Sha256::digest(bytes));
        Ok(Self { card: checkpoint.card, sha256, generator, device: device.clone() })
    }

    /// The model card.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// SHA-256 of the checkpoint's file in hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Images it takes at a time: one on the CPU, whose threads already share each.
    pub fn batch_size(&self) -> usize {
        if self.device.is_cpu() { 1 } else { GPU_BATCH }
    }

    /// Gives `count` images their stain: GM `[count, 2, height, width]`, both channels in 0..=1, becomes interleaved
    /// RGB `[count, height, width, 3]`, rounded to 8 bits.
    ///
    /// On the CPU an image's result does not depend on `count` or on the number of threads.
    ///
    /// # Errors
    /// [`Error::Input`] where a side is not a multiple of 64 or `gm` has another length, [`Error::Tensor`] where the
    /// device fails.
    pub fn restain(&self, gm: &[f32], count: usize, height: usize, width: usize) -> Result<Vec<u8>> {
        let wrong = || Error::Input { width, height, count, values: gm.len() };
        let grid = GRID as usize;
        let sides_fit = height > 0 && width > 0 && height.is_multiple_of(grid) && width.is_multiple_of(grid);
        let pixels = height.checked_mul(width).ok_or_else(wrong)?;
        if !sides_fit || pixels.checked_mul(2 * count) != Some(gm.len()) {
            return Err(wrong());
        }
        let mut rgb = Vec::with_capacity(count * pixels * 3);
        for batch in gm.chunks(2 * pixels * self.batch_size()) {
            let n = batch.len() / (2 * pixels);
            let x = Tensor::from_slice(batch, (n, 2, height, width), &self.device)?;
            let planes = self.generator.forward(&x)?.flatten_all()?.to_vec1::<f32>()?;
            for image in planes.chunks_exact(3 * pixels) {
                interleave(image, &mut rgb);
            }
        }
        Ok(rgb)
    }
}

/// Appends planar RGB in 0..=1 as interleaved bytes, rounded to the nearest.
fn interleave(planes: &[f32], rgb: &mut Vec<u8>) {
    let pixels = planes.len() / 3;
    let (red, rest) = planes.split_at(pixels);
    let (green, blue) = rest.split_at(pixels);
    let start = rgb.len();
    rgb.resize(start + planes.len(), 0);
    let byte = |value: f32| (value * 255.0 + 0.5) as u8; // saturating
    rgb[start..].par_chunks_mut(3 * 4096).enumerate().for_each(|(chunk, out)| {
        for (i, pixel) in out.chunks_exact_mut(3).enumerate() {
            let at = chunk * 4096 + i;
            pixel.copy_from_slice(&[byte(red[at]), byte(green[at]), byte(blue[at])]);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_rounded_to_the_nearest() {
        let mut rgb = vec![9];
        interleave(&[0.0, 1.0, 0.5, 0.0019, 0.002, 0.999], &mut rgb);
        assert_eq!(rgb, [9, 0, 128, 1, 255, 0, 255]);
    }

    #[test]
    fn neither_threads_nor_company_change_an_image() {
        let model = Model::shipped(&Device::Cpu).unwrap();
        let gm: Vec<f32> = (0..2 * 2 * 64 * 128).map(|i| (i * 7919 % 1009) as f32 / 1008.0).collect();
        let alone = model.restain(&gm[..2 * 64 * 128], 1, 64, 128).unwrap();
        for threads in [1, 2, 8] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let both = pool.install(|| model.restain(&gm, 2, 64, 128)).unwrap();
            assert_eq!(both[..alone.len()], alone);
        }
        assert!(model.restain(&gm, 2, 64, 127).is_err());
        assert!(model.restain(&gm, 0, 0, 0).is_err());
    }
}
