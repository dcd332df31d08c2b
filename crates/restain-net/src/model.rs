//! A loaded model: GM in, 8-bit RGB out.

use std::path::Path;
use std::sync::Arc;

use candle_core::{Device, Tensor};
use sha2::{Digest, Sha256};

use crate::card::Card;
use crate::checkpoint::{Checkpoint, hex};
use crate::cpu::{self, Area, CpuGenerator};
use crate::folded::Folded;
use crate::frozen::FrozenGenerator;
use crate::precision::Precision;
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
    engine: Engine,
}

/// What runs G.
#[derive(Debug, Clone)]
enum Engine {
    Cpu(Arc<dyn CpuGenerator>),
    Device(FrozenGenerator, Device),
}

/// An image to be given its stain.
#[derive(Debug, Clone)]
pub struct Window<'a> {
    /// GM `[2, height, width]`, both channels in 0..=1.
    pub gm: &'a [f32],
    /// The part of it that is wanted. What lies farther from it than [`halo`](crate::halo) has no influence.
    pub core: Area,
}

impl Model {
    /// Loads a checkpoint's file onto a device. `precision` is that of a CPU; a GPU computes in f32.
    ///
    /// # Errors
    /// As [`Checkpoint::load`].
    pub fn load(path: &Path, device: &Device, precision: Precision) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|cause| Error::Io {
            path: path.to_owned(),
            action: "read",
            cause,
        })?;
        Self::from_bytes(path, &bytes, device, precision)
    }

    /// The model that restain ships.
    ///
    /// # Errors
    /// [`Error::Tensor`] where the device is out of memory.
    pub fn shipped(device: &Device, precision: Precision) -> Result<Self> {
        Self::from_bytes(Path::new("the shipped model"), SHIPPED, device, precision)
    }

    /// Takes the bytes of a checkpoint's file; `path` names it in errors.
    ///
    /// # Errors
    /// As [`Checkpoint::from_bytes`].
    pub fn from_bytes(path: &Path, bytes: &[u8], device: &Device, precision: Precision) -> Result<Self> {
        let checkpoint = Checkpoint::from_bytes(path, bytes)?;
        let folded = Folded::new(&checkpoint)?;
        let engine = if device.is_cpu() {
            Engine::Cpu(cpu::plan(&folded, precision)?)
        } else {
            Engine::Device(FrozenGenerator::new(&folded, device)?, device.clone())
        };
        Ok(Self { card: checkpoint.card, sha256: hex(&Sha256::digest(bytes)), engine })
    }

    /// The model card.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// SHA-256 of the checkpoint's file in hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The kernels that run G and the numbers they compute in, for people.
    pub fn kernels(&self) -> &str {
        match &self.engine {
            Engine::Cpu(generator) => generator.name(),
            Engine::Device(..) => "candle, f32",
        }
    }

    /// Bytes of the host's memory that G keeps for images of a size.
    pub fn workspace(&self, height: usize, width: usize) -> usize {
        match &self.engine {
            Engine::Cpu(generator) => generator.workspace(height, width),
            Engine::Device(..) => GPU_BATCH * height * width * (2 + 3) * size_of::<f32>(),
        }
    }

    /// Images it takes at a time: one on the CPU, whose threads already share each.
    pub fn batch_size(&self) -> usize {
        match self.engine {
            Engine::Cpu(_) => 1,
            Engine::Device(..) => GPU_BATCH,
        }
    }

    /// Gives images of one size their stain: interleaved RGB of each one's core, rounded to 8 bits.
    ///
    /// On the CPU a pixel does not depend on the other images, on the core it is wanted for, or on the number of
    /// threads.
    ///
    /// # Errors
    /// [`Error::Input`] where a side is not a multiple of 64, `gm` has another length or the core is empty or not
    /// inside; [`Error::Tensor`] where the device fails.
    pub fn restain(&self, windows: &[Window<'_>], height: usize, width: usize) -> Result<Vec<Vec<u8>>> {
        let grid = GRID as usize;
        let sides_fit = height > 0 && width > 0 && height.is_multiple_of(grid) && width.is_multiple_of(grid);
        for Window { gm, core } in windows {
            let inside = core.rows.end <= height && core.columns.end <= width && core.pixels() > 0;
            let values = height.checked_mul(width).and_then(|pixels| pixels.checked_mul(2));
            if !sides_fit || !inside || values != Some(gm.len()) {
                return Err(Error::Input { width, height, values: gm.len() });
            }
        }
        match &self.engine {
            Engine::Cpu(generator) => Ok(windows
                .iter()
                .map(|Window { gm, core }| generator.restain(gm, height, width, core))
                .collect()),
            Engine::Device(generator, device) => {
                let mut cores = Vec::with_capacity(windows.len());
                for batch in windows.chunks(GPU_BATCH) {
                    let gm: Vec<f32> = batch.iter().flat_map(|window| window.gm).copied().collect();
                    let x = Tensor::from_vec(gm, (batch.len(), 2, height, width), device)?;
                    let planes = generator.forward(&x)?.flatten_all()?.to_vec1::<f32>()?;
                    let images = planes.chunks_exact(3 * height * width).zip(batch);
                    cores.extend(images.map(|(planes, window)| interleave(planes, width, &window.core)));
                }
                Ok(cores)
            }
        }
    }
}

/// The core of planar RGB in 0..=1 as interleaved bytes, rounded to the nearest.
fn interleave(planes: &[f32], width: usize, core: &Area) -> Vec<u8> {
    let plane = planes.len() / 3;
    let byte = |value: f32| (value * 255.0 + 0.5) as u8; // saturating
    let places =
        core.rows.clone().flat_map(|row| core.columns.clone().map(move |column| row * width + column));
    places.flat_map(|at| [0, 1, 2].map(|channel| byte(planes[channel * plane + at]))).collect()
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;

    #[test]
    fn bytes_are_rounded_to_the_nearest() {
        let planes = [9.0, 0.0, 0.0019, 9.0, 1.0, 0.002, 9.0, 0.5, 0.999];
        assert_eq!(interleave(&planes, 3, &Area { rows: 0..1, columns: 1..3 }), [0, 255, 128, 0, 1, 255]);
    }

    #[test]
    fn neither_threads_nor_company_nor_core_change_a_pixel() {
        let model = Model::shipped(&Device::Cpu, Precision::Auto).unwrap();
        let gm: Vec<f32> = (0..2 * 2 * 192 * 256).map(|i| (i * 7919 % 1009) as f32 / 1008.0).collect();
        let whole = |gm| Window { gm, core: Area::whole(192, 256) };
        let [one, two] = [0, 1].map(|i| whole(&gm[i * 2 * 192 * 256..][..2 * 192 * 256]));
        let alone = model.restain(slice::from_ref(&one), 192, 256).unwrap().remove(0);
        for threads in [1, 2, 8] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let both = pool.install(|| model.restain(&[two.clone(), one.clone()], 192, 256)).unwrap();
            assert!(both[1] == alone && both[0] != alone);
            for core in [Area { rows: 63..130, columns: 0..1 }, Area { rows: 191..192, columns: 7..200 }] {
                let cut =
                    pool.install(|| model.restain(&[Window { gm: one.gm, core: core.clone() }], 192, 256));
                let rows = core.rows.flat_map(|y| {
                    alone[3 * (y * 256 + core.columns.start)..].chunks(3).take(core.columns.len())
                });
                assert!(cut.unwrap()[0].chunks(3).eq(rows));
            }
        }
        assert!(model.restain(&[whole(&gm)], 192, 256).is_err());
        assert!(model.restain(slice::from_ref(&one), 192, 255).is_err());
        assert!(
            model
                .restain(&[Window { gm: one.gm, core: Area { rows: 0..193, columns: 0..1 } }], 192, 256)
                .is_err()
        );
        assert!(
            model
                .restain(&[Window { gm: one.gm, core: Area { rows: 5..5, columns: 0..1 } }], 192, 256)
                .is_err()
        );
    }
}
