//! The state of a run on disk: each network's weights and moments of Adam, the moving average, stage and step, in one
//! safetensors file.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

use candle_core::{Device, Tensor};
use restain_net::Checkpoint;
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Error, Result, TrainConfig,
    config::Augmentation,
    domain::{Input, Parts, fingerprint},
    ema, stage,
    trainer::Trainer,
};

/// Name of the state file in the output folder.
pub const STATE_FILE: &str = "state.safetensors";

/// What a state file says of itself.
#[derive(Deserialize, Serialize)]
struct About {
    step: u64,
    /// The stage of that step, counted from 1; 0 before the first.
    stage: usize,
    /// Steps of each network: a discriminator learns only in the stages that have its loss.
    networks: BTreeMap<String, u64>,
    identity: Identity,
}

/// What must be the same for a run to be the same run. What is still ahead may change at a resume: stages, their
/// steps, losses and learning rates.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
pub(crate) struct Identity {
    base: usize,
    seed: u64,
    patches: restain_data::Settings,
    batch: u32,
    gan_base: usize,
    augmentation: Augmentation,
    input: Input,
    /// Of the parameters that G began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    begin_with: Option<String>,
    /// Of the samples to train on.
    source: String,
    target: Option<String>,
}

impl Identity {
    pub(crate) fn new(
        config: &TrainConfig,
        begin: Option<&Checkpoint>,
        source: &Parts,
        target: Option<&Parts>,
    ) -> Self {
        let of = |parts: &Parts| fingerprint(parts.training.samples());
        Self {
            base: config.base,
            seed: config.seed,
            patches: config.patches.clone(),
            batch: config.batch,
            gan_base: config.gan.base,
            augmentation: config.augmentation.clone(),
            input: config.input,
            begin_with: begin.map(|begin| begin.card.sha256.clone()),
            source: of(source),
            target: target.map(of),
        }
    }

    /// The first thing in which a saved run differs from this one.
    fn difference(&self, saved: &Self) -> Option<&'static str> {
        let differs = [
            (self.base != saved.base, "base"),
            (self.seed != saved.seed, "seed"),
            (self.patches != saved.patches, "patches"),
            (self.batch != saved.batch, "batch"),
            (self.gan_base != saved.gan_base, "gan.base"),
            (self.augmentation != saved.augmentation, "augmentation"),
            (self.input.of_source() != saved.input.of_source(), "input"),
            (self.begin_with != saved.begin_with, "begin_with"),
            (self.source != saved.source, "the list of training images"),
            // A run without a target has taken no step that depends on it.
            (saved.target.is_some() && self.target != saved.target, "the list of target images"),
            (saved.target.is_some() && self.input != saved.input, "input.quantile_map"),
        ];
        differs.into_iter().find(|(differs, _)| *differs).map(|(_, what)| what)
    }
}

/// Writes the state to `path`, whole or not at all.
pub(crate) fn save(path: &Path, identity: &Identity, config: &TrainConfig, trainer: &Trainer) -> Result<()> {
    let averages = trainer.ema.iter().flat_map(ema::Ema::average);
    let averages = averages.map(|(name, tensor)| (format!("{}{name}", ema::PREFIX), tensor.clone()));
    let networks = trainer.networks().flat_map(crate::network::Parameters::state);
    let tensors: HashMap<String, Tensor> = averages.chain(networks).collect();
    let about = About {
        step: trainer.steps(),
        stage: stage_of(config, trainer.steps()),
        networks: trainer.networks().map(|one| (one.name.to_owned(), one.adam.steps())).collect(),
        identity: identity.clone(),
    };
    write(path, &about, &tensors)
}

/// Goes back to the state in `path`. A network that was not yet in it stays fresh, as it would be had it waited.
pub(crate) fn restore(
    path: &Path,
    identity: &Identity,
    config: &TrainConfig,
    trainer: &mut Trainer,
) -> Result<()> {
    let fault = |reason: String| Error::State { path: path.to_path_buf(), reason };
    let broken = |error: &dyn std::fmt::Display| fault(format!("the file is damaged ({error})"));
    let (about, state): (About, _) = read(path)?;
    if let Some(what) = identity.difference(&about.identity) {
        return Err(fault(format!(
            "{what} differs from the run that was saved; start afresh in another `output`"
        )));
    }
    let stage = stage_of(config, about.step);
    if stage != about.stage {
        return Err(fault(format!(
            "step {} was in stage {}, by `stages` it is in stage {stage}; leave the stages before it as they were",
            about.step, about.stage
        )));
    }
    let mut missing = about.networks;
    for network in trainer.networks_mut() {
        if let Some(steps) = missing.remove(network.name) {
            network.restore(steps, &state).map_err(|error| broken(&error))?;
        }
    }
    if let Some(name) = missing.keys().next() {
        return Err(fault(format!("{name} took part in the run that was saved, and no stage has its loss")));
    }
    // Where no average was saved, it begins with the restored G.
    trainer
        .restart_ema()
        .and_then(|()| trainer.ema.as_mut().map_or(Ok(()), |ema| ema.restore(&state)))
        .map_err(|error| broken(&error))
}

/// The stage of the last of `steps` steps, counted from 1; 0 before the first.
fn stage_of(config: &TrainConfig, steps: u64) -> usize {
    let last = steps.checked_sub(1).and_then(|last| stage::place(&config.stages, last));
    last.map_or(if steps == 0 { 0 } else { config.stages.len() }, |place| place.number)
}

/// Writes tensors and what they are, whole or not at all.
pub(crate) fn write(path: &Path, about: &impl Serialize, tensors: &HashMap<String, Tensor>) -> Result<()> {
    let fault = |reason: String| Error::State { path: path.to_path_buf(), reason };
    // One entry only: safetensors writes several in no fixed order.
    let about = serde_json::to_string(about).map_err(|error| fault(error.to_string()))?;
    let metadata = HashMap::from([(ABOUT_KEY.to_owned(), about)]);
    let bytes = safetensors::serialize(tensors, Some(metadata)).map_err(|error| fault(error.to_string()))?;
    write_whole(path, &bytes)
}

/// Reads what [`write`] has written.
pub(crate) fn read<A: DeserializeOwned>(path: &Path) -> Result<(A, HashMap<String, Tensor>)> {
    let fault = |reason: String| Error::State { path: path.to_path_buf(), reason };
    parse(&std::fs::read(path).map_err(|error| fault(error.to_string()))?, path)
}

/// The tensors in the bytes of a state file, and what it says of itself; `path` is only named in errors.
///
/// # Errors
/// [`Error::State`].
pub fn parse<A: DeserializeOwned>(bytes: &[u8], path: &Path) -> Result<(A, HashMap<String, Tensor>)> {
    let fault = |reason: String| Error::State { path: path.to_path_buf(), reason };
    let broken = |error: &dyn std::fmt::Display| fault(format!("the file is damaged ({error})"));
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| broken(&error))?;
    let about = header.metadata().as_ref().and_then(|metadata| metadata.get(ABOUT_KEY));
    let about = about.ok_or_else(|| fault("it is not a training state".to_owned()))?;
    let about = serde_json::from_str(about).map_err(|error| {
        fault(format!(
            "it is of another kind of run or version of restain ({error}); start afresh in another `output`"
        ))
    })?;
    let state = candle_core::safetensors::load_buffer(bytes, &Device::Cpu).map_err(|error| broken(&error))?;
    Ok((about, state))
}

/// The key of what a state file says of itself, as JSON, in the file's metadata.
const ABOUT_KEY: &str = "restain-training";

/// Writes a file so that its name never holds half of it.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    restain_net::write_whole(path, bytes).map_err(|source| Error::Write { path: PathBuf::from(path), source })
}
