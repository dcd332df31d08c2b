//! What turns GM into colour: a model, or nothing at all.

use std::path::Path;

use restain_net::{Area, DeviceChoice, Model, Precision, Window, halo, open_device};
use restain_slide::{LevelRect, Margin, Tile};

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
    /// Where it runs: `cpu` or `cuda:N`.
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
            return Ok(Selection { engine: Self::Identity, device: "cpu".to_owned(), note: None });
        }
        let (device, note) = open_device(device)?;
        let model = match model {
            Some(path) => Model::load(Path::new(path), &device, precision)?,
            None => Model::shipped(&device, precision)?,
        };
        let device = match device.location() {
            candle_core::DeviceLocation::Cuda { gpu_id } => format!("cuda:{gpu_id}"),
            _ => "cpu".to_owned(),
        };
        Ok(Selection { engine: Self::Model(Box::new(model)), device, note })
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

    /// Windows G takes at a time.
    pub(crate) fn batch_size(&self) -> usize {
        self.model().map_or(1, Model::batch_size)
    }

    /// Interleaved RGB of the cores of tiles whose windows have one size, in their order; each with the GM of its
    /// window.
    pub(crate) fn restain<'a>(
        &self,
        tiles: impl Iterator<Item = (Tile, &'a [f32])>,
        height: usize,
        width: usize,
    ) -> Result<Vec<Vec<u8>>> {
        let Self::Model(model) = self else {
            return Err(Error::Setting("the identity model has no G".to_owned()));
        };
        let windows: Vec<_> =
            tiles.map(|(tile, gm)| Window { gm, core: area(tile.window, tile.core) }).collect();
        Ok(model.restain(&windows, height, width)?)
    }
}

/// Where a core lies in its window.
fn area(window: LevelRect, core: LevelRect) -> Area {
    let core = core.translate(-window.min.to_vector()).to_usize();
    Area { rows: core.min.y..core.max.y, columns: core.min.x..core.max.x }
}
