//! What turns GM into colour: a model, or nothing at all.

use std::path::Path;

use restain_net::{DeviceChoice, Model, halo, open_device};
use restain_slide::Margin;

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
    pub fn select(model: Option<&str>, device: DeviceChoice) -> Result<Selection> {
        if model == Some(Self::IDENTITY) {
            return Ok(Selection { engine: Self::Identity, device: "cpu".to_owned(), note: None });
        }
        let (device, note) = open_device(device)?;
        let model = match model {
            Some(path) => Model::load(Path::new(path), &device)?,
            None => Model::shipped(&device)?,
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

    /// Interleaved RGB of GM windows of one size, in their order.
    pub(crate) fn restain<'a>(
        &self,
        windows: impl ExactSizeIterator<Item = &'a [f32]>,
        height: usize,
        width: usize,
    ) -> Result<Vec<Vec<u8>>> {
        let Self::Model(model) = self else {
            return Err(Error::Setting("the identity model has no G".to_owned()));
        };
        let count = windows.len();
        let mut windows = windows.peekable();
        if count == 1
            && let Some(gm) = windows.peek()
        {
            return Ok(vec![model.restain(gm, 1, height, width)?]);
        }
        let gm: Vec<f32> = windows.flatten().copied().collect();
        let rgb = model.restain(&gm, count, height, width)?;
        Ok(rgb.chunks_exact(3 * height * width).map(<[u8]>::to_vec).collect())
    }
}
