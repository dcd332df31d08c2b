//! What turns GM into colour: a model, or nothing at all.

use std::path::Path;

use restain_net::{Area, DeviceChoice, Model, Pixels, Place, Precision, Window, find_place, halo};
use restain_slide::{LevelRect, Margin, Tile};
use restain_stain::removal::remove_stain;

use crate::{Error, Result};

/// The colours a slide is given.
pub enum Engine {
    /// Its own: pixels pass through unchanged. For tests, and to measure everything but G.
    Identity,
    /// Those of a model.
    Model(Box<Model>),
}

/// An engine and what is to be said about the choice of its device.
pub struct Selection {
    /// The engine.
    pub engine: Engine,
    /// Where it runs: `cpu`, `cuda:0` or `cuda:0, cuda:1`.
    pub device: String,
    /// Why it does not run on a GPU although it might have; one line.
    pub note: Option<String>,
}

impl Engine {
    /// The name under which the identity model is asked for.
    pub const IDENTITY: &str = "identity";

    /// Loads `model`: a checkpoint's path, `identity`, or the shipped model where there is none.
    ///
    /// # Errors
    /// Where the checkpoint does not fit, or the device asked for is not there.
    pub fn select(model: Option<&str>, device: DeviceChoice, precision: Precision) -> Result<Selection> {
        if model == Some(Self::IDENTITY) {
            return Ok(Selection { engine: Self::Identity, device: Place::Cpu.to_string(), note: None });
        }
        let (place, note) = find_place(device)?;
        let model = match model {
            Some(path) => Model::load(Path::new(path), &place, precision)?,
            None => Model::shipped(&place, precision)?,
        };
        Ok(Selection { engine: Self::Model(Box::new(model)), device: place.to_string(), note })
    }

    /// What a window needs beyond its core for the core to come out right.
    pub fn margin(&self) -> Margin {
        match self {
            Self::Identity => Margin::None,
            Self::Model(_) => Margin::Halo(halo()),
        }
    }

    /// The model, unless it is the identity.
    pub fn model(&self) -> Option<&Model> {
        match self {
            Self::Identity => None,
            Self::Model(model) => Some(model),
        }
    }

    /// Windows of a size that G takes at a time.
    pub(crate) fn batch_size(&self, window: LevelRect) -> usize {
        let size = window.size().to_usize();
        self.model().map_or(1, |model| model.batch_size(size.height, size.width))
    }

    /// Threads that may run G at once.
    pub(crate) fn workers(&self) -> usize {
        self.model().map_or(1, Model::workers)
    }

    /// Whether G leaves the threads of the pool to others.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.model().is_some_and(Model::removes_stain)
    }

    /// What G is to see of a window: its stain is removed, unless G does that itself.
    pub(crate) fn prepare(&self, rgb: Vec<u8>) -> Prepared {
        if self.model().is_some_and(Model::removes_stain) {
            return Prepared::Rgb(rgb);
        }
        let mut gm = vec![0.0; rgb.len() / 3 * 2];
        remove_stain(&rgb, &mut gm);
        Prepared::Gm(gm)
    }

    /// Interleaved RGB of the cores of tiles whose windows have one size, in their order.
    pub(crate) fn restain<'a>(
        &self,
        tiles: impl Iterator<Item = (Tile, &'a Prepared)>,
        height: usize,
        width: usize,
    ) -> Result<Vec<Vec<u8>>> {
        let Self::Model(model) = self else {
            return Err(Error::Setting("the identity model has no G".to_owned()));
        };
        let windows: Vec<_> = tiles
            .map(|(tile, seen)| Window { pixels: seen.pixels(), core: area(tile.window, tile.core) })
            .collect();
        Ok(model.restain(&windows, height, width)?)
    }
}

/// A window as G takes it.
pub(crate) enum Prepared {
    /// GM `[2, H, W]`.
    Gm(Vec<f32>),
    /// Interleaved RGB.
    Rgb(Vec<u8>),
}

impl Prepared {
    fn pixels(&self) -> Pixels<'_> {
        match self {
            Self::Gm(gm) => Pixels::Gm(gm),
            Self::Rgb(rgb) => Pixels::Rgb(rgb),
        }
    }
}

/// Where a core lies in its window.
fn area(window: LevelRect, core: LevelRect) -> Area {
    let core = core.translate(-window.min.to_vector()).to_usize();
    Area { rows: core.min.y..core.max.y, columns: core.min.x..core.max.x }
}
