//! A loaded model: GM in, 8-bit RGB out.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::card::Card;
use crate::checkpoint::{self, Checkpoint, hex};
use crate::device::Place;
use crate::engine::{Engine, Window};
use crate::folded::Folded;
use crate::precision::Precision;
use crate::receptive::GRID;
use crate::{Error, Result, cpu, gpu};

/// The model that restain ships, see docs/models.md.
const SHIPPED: &[u8] = include_bytes!("../models/cric.safetensors");

/// The name that stands for the shipped model in place of a file's.
pub const SHIPPED_NAME: &str = "shipped";

impl Checkpoint {
    /// The checkpoint in a file, or that of the shipped model, whose name is [`SHIPPED_NAME`].
    ///
    /// # Errors
    /// As [`Checkpoint::load`].
    pub fn named(name: &Path) -> Result<Self> {
        if name == Path::new(SHIPPED_NAME) {
            Self::from_bytes(Path::new("the shipped model"), SHIPPED)
        } else {
            Self::load(name)
        }
    }
}

/// SHA-256 of the file of a model, or of the shipped one, in hexadecimal digits: that of [`Model::sha256`].
///
/// # Errors
/// [`Error::Io`].
pub fn sha256_of(name: &Path) -> Result<String> {
    Ok(hex(&Sha256::digest(&*bytes_of(name)?)))
}

/// The file of a model, or of the shipped one.
fn bytes_of(name: &Path) -> Result<Cow<'static, [u8]>> {
    if name == Path::new(SHIPPED_NAME) {
        return Ok(Cow::Borrowed(SHIPPED));
    }
    Ok(Cow::Owned(checkpoint::read(name)?))
}

/// G with its card, ready to run. Clones share its parameters.
#[derive(Debug, Clone)]
pub struct Model {
    card: Card,
    sha256: String,
    engine: Arc<dyn Engine>,
}

impl Model {
    /// Loads a checkpoint's file.
    ///
    /// # Errors
    /// As [`Checkpoint::load`], and [`Error::Gpu`] where a GPU cannot be used.
    pub fn load(path: &Path, place: &Place, precision: Precision) -> Result<Self> {
        Self::from_bytes(path, &bytes_of(path)?, place, precision)
    }

    /// The model that restain ships.
    ///
    /// # Errors
    /// [`Error::Gpu`] where a GPU cannot be used.
    pub fn shipped(place: &Place, precision: Precision) -> Result<Self> {
        Self::from_bytes(Path::new("the shipped model"), SHIPPED, place, precision)
    }

    /// The model in a file, or the shipped one, whose name is [`SHIPPED_NAME`].
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn named(name: &Path, place: &Place, precision: Precision) -> Result<Self> {
        if name == Path::new(SHIPPED_NAME) {
            Self::shipped(place, precision)
        } else {
            Self::load(name, place, precision)
        }
    }

    /// Takes the bytes of a checkpoint's file; `path` names it in errors.
    ///
    /// # Errors
    /// As [`Checkpoint::from_bytes`], and [`Error::Gpu`] where a GPU cannot be used.
    pub fn from_bytes(path: &Path, bytes: &[u8], place: &Place, precision: Precision) -> Result<Self> {
        let checkpoint = Checkpoint::from_bytes(path, bytes)?;
        let folded = Folded::new(&checkpoint)?;
        let engine = match place {
            Place::Cpu => cpu::plan(&folded, precision)?,
            Place::Cuda(indices) => gpu::plan(&folded, indices, precision)?,
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
        self.engine.name()
    }

    /// Bytes of the host's memory that G keeps for images of a size.
    pub fn workspace(&self, height: usize, width: usize) -> usize {
        self.engine.workspace(height, width)
    }

    /// Whether it takes RGB too, and removes the stain itself where it runs; GM it always takes.
    pub fn removes_stain(&self) -> bool {
        self.engine.removes_stain()
    }

    /// Images of a size to give it at a time: one on the CPU, whose threads already share each.
    pub fn batch_size(&self, height: usize, width: usize) -> usize {
        self.engine.batch_size(height, width)
    }

    /// Threads that may [`restain`](Self::restain) at once; more would wait for each other.
    pub fn workers(&self) -> usize {
        self.engine.workers()
    }

    /// Gives images of one size their stain: interleaved RGB of each one's core, rounded to 8 bits.
    ///
    /// A pixel does not depend on the other images, on the core it is wanted for, or on the number of threads; in f32 on
    /// a GPU it may by its last bits.
    ///
    /// # Errors
    /// [`Error::Input`] where a side is not a multiple of 64, the pixels have another length or are not what the model
    /// takes, or the core is empty or not inside; [`Error::Tensor`] or [`Error::Gpu`] where the device fails.
    pub fn restain(&self, windows: &[Window<'_>], height: usize, width: usize) -> Result<Vec<Vec<u8>>> {
        let grid = GRID as usize;
        let sides_fit = height > 0 && width > 0 && height.is_multiple_of(grid) && width.is_multiple_of(grid);
        for Window { pixels, core } in windows {
            let inside = core.rows.end <= height && core.columns.end <= width && core.pixels() > 0;
            let (values, channels) = pixels.values();
            let expected = height.checked_mul(width).and_then(|pixels| pixels.checked_mul(channels));
            if !sides_fit || !inside || expected != Some(values) {
                return Err(Error::Input { width, height, values });
            }
        }
        if windows.is_empty() {
            return Ok(Vec::new());
        }
        self.engine.restain(windows, height, width)
    }
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;
    use crate::{Area, Pixels};

    #[test]
    fn neither_threads_nor_company_nor_core_change_a_pixel() {
        let model = Model::shipped(&Place::Cpu, Precision::Auto).unwrap();
        let gm: Vec<f32> = (0..2 * 2 * 192 * 256).map(|i| (i * 7919 % 1009) as f32 / 1008.0).collect();
        let whole = |gm| Window { pixels: Pixels::Gm(gm), core: Area::whole(192, 256) };
        let [one, two] = [0, 1].map(|i| whole(&gm[i * 2 * 192 * 256..][..2 * 192 * 256]));
        let alone = model.restain(slice::from_ref(&one), 192, 256).unwrap().remove(0);
        for threads in [1, 2, 8] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let both = pool.install(|| model.restain(&[two.clone(), one.clone()], 192, 256)).unwrap();
            assert!(both[1] == alone && both[0] != alone);
            for core in [Area { rows: 63..130, columns: 0..1 }, Area { rows: 191..192, columns: 7..200 }] {
                let cut = pool.install(|| {
                    model.restain(&[Window { pixels: one.pixels, core: core.clone() }], 192, 256)
                });
                let rows = core.rows.flat_map(|y| {
                    alone[3 * (y * 256 + core.columns.start)..].chunks(3).take(core.columns.len())
                });
                assert!(cut.unwrap()[0].chunks(3).eq(rows));
            }
        }
        assert!(model.restain(&[whole(&gm)], 192, 256).is_err());
        let rgb = vec![0; 3 * 192 * 256];
        let rgb = Window { pixels: Pixels::Rgb { rgb: &rgb, soft_mask: false }, core: Area::whole(192, 256) };
        assert!(!model.removes_stain() && model.restain(&[rgb], 192, 256).is_err());
        assert!(model.restain(slice::from_ref(&one), 192, 255).is_err());
        assert!(
            model
                .restain(
                    &[Window { pixels: one.pixels, core: Area { rows: 0..193, columns: 0..1 } }],
                    192,
                    256
                )
                .is_err()
        );
        assert!(
            model
                .restain(&[Window { pixels: one.pixels, core: Area { rows: 5..5, columns: 0..1 } }], 192, 256)
                .is_err()
        );
    }
}
