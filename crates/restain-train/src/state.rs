//! The state of a run on disk: weights, moments of Adam and the step, in one safetensors file.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use candle_core::{Device, Tensor};
use candle_nn::VarMap;
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};

use crate::{Error, Result, TrainConfig, adam::Adam, config::Augmentation, dataset::Split, weights};

/// Name of the state file in the output folder.
pub const STATE_FILE: &str = "state.safetensors";

/// The key of [`About`], as JSON, in the file's metadata.
const ABOUT_KEY: &str = "restain-training";

/// What a state file says of itself.
#[derive(Deserialize, Serialize)]
struct About {
    step: u64,
    identity: Identity,
}

/// What must be the same for a run to be the same run. Steps, learning rate and schedule may change at a resume.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
pub(crate) struct Identity {
    base: usize,
    seed: u64,
    patch: u32,
    batch: u32,
    augmentation: Augmentation,
    training: Vec<String>,
}

impl Identity {
    pub(crate) fn new(config: &TrainConfig, split: &Split) -> Self {
        Self {
            base: config.base,
            seed: config.seed,
            patch: config.patch,
            batch: config.batch,
            augmentation: config.augmentation.clone(),
            training: split.training.iter().map(|file| file.name.clone()).collect(),
        }
    }

    /// The first thing in which a saved run differs from this one.
    fn difference(&self, saved: &Self) -> Option<&'static str> {
        let differs = [
            (self.base != saved.base, "base"),
            (self.seed != saved.seed, "seed"),
            (self.patch != saved.patch, "patch"),
            (self.batch != saved.batch, "batch"),
            (self.augmentation != saved.augmentation, "augmentation"),
            (self.training != saved.training, "the list of training images"),
        ];
        differs.into_iter().find(|(differs, _)| *differs).map(|(_, what)| what)
    }
}

/// Writes the state to `path`, whole or not at all.
pub(crate) fn save(path: &Path, identity: &Identity, variables: &VarMap, adam: &Adam) -> Result<()> {
    let mut tensors = adam.state();
    for (name, variable) in weights::named(variables) {
        tensors.insert(format!("weight.{name}"), variable.as_detached_tensor());
    }
    let fault = |reason: String| Error::State { path: path.to_path_buf(), reason };
    // One entry only: safetensors writes several in no fixed order.
    let about = About { step: adam.steps(), identity: identity.clone() };
    let about = serde_json::to_string(&about).map_err(|error| fault(error.to_string()))?;
    let metadata = HashMap::from([(ABOUT_KEY.to_owned(), about)]);
    let bytes = safetensors::serialize(&tensors, Some(metadata)).map_err(|error| fault(error.to_string()))?;
    write_whole(path, &bytes)
}

/// Goes back to the state in `path`.
pub(crate) fn restore(path: &Path, identity: &Identity, variables: &VarMap, adam: &mut Adam) -> Result<()> {
    let fault = |reason: String| Error::State { path: path.to_path_buf(), reason };
    let bytes = std::fs::read(path).map_err(|error| fault(error.to_string()))?;
    let broken = |error: &dyn std::fmt::Display| fault(format!("the file is damaged ({error})"));
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| broken(&error))?;
    let about = header.metadata().as_ref().and_then(|metadata| metadata.get(ABOUT_KEY));
    let about = about.ok_or_else(|| fault("it is not a training state".to_owned()))?;
    let about: About = serde_json::from_str(about).map_err(|error| broken(&error))?;
    if let Some(what) = identity.difference(&about.identity) {
        return Err(fault(format!(
            "{what} differs from the run that was saved; start afresh in another `output`"
        )));
    }
    let mut state: HashMap<String, Tensor> =
        candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).map_err(|error| broken(&error))?;
    for (name, variable) in weights::named(variables) {
        let tensor = state
            .remove(&format!("weight.{name}"))
            .ok_or_else(|| fault(format!("the weight {name} is missing")))?;
        let tensor = tensor.to_device(variable.device()).and_then(|tensor| variable.set(&tensor));
        tensor.map_err(|error| broken(&error))?;
    }
    adam.restore(about.step, &state).map_err(|error| broken(&error))
}

/// Writes a file so that its name never holds half of it.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    restain_net::write_whole(path, bytes).map_err(|source| Error::Write { path: PathBuf::from(path), source })
}
