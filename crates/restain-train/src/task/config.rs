//! The settings of the training of T, read from YAML. `pipelines/train-task.yaml` explains each of them.

use std::path::{Path, PathBuf};

use restain_data::Settings;
use serde::{Deserialize, Serialize};

use super::{Augmentation, Network, Sight};
use crate::{
    Result,
    adam::AdamConfig,
    config::{above_zero, check, first_broken, is_safe_name},
    domain::Domain,
    schedule::Schedule,
};

/// Everything that T's weights depend on.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TaskConfig {
    /// Name of the network: of its file.
    pub name: String,
    /// Folder for the weights, the checkpoints, the training state and the log; made where it is missing.
    pub output: PathBuf,
    /// What a patch is.
    pub patches: Settings,
    /// The source domain, all of it labelled; the part `held_out` says which checkpoint is the best.
    pub source: Domain,
    /// Seed of the weights and of the patches.
    pub seed: u64,
    /// Which network.
    #[serde(default)]
    pub network: Network,
    /// Weights to begin with, of the same network on another task: safetensors with the names of torchvision.
    #[serde(default)]
    pub backbone: Option<PathBuf>,
    /// What T sees of a patch.
    #[serde(default)]
    pub sight: Sight,
    /// How the colours of patches are changed while T learns.
    #[serde(default)]
    pub augmentation: Augmentation,
    /// Patches a step.
    pub batch: u32,
    /// Steps in all.
    pub steps: u64,
    /// Step size of Adam.
    pub learning_rate: f64,
    /// How it falls.
    pub schedule: Schedule,
    /// Moments of Adam.
    pub adam: AdamConfig,
    /// Largest norm of the gradient over all parameters; a larger one is scaled down to it.
    #[serde(default)]
    pub clip: Option<f64>,
    /// Steps between two checkpoints; each is kept and tried on the held-out part.
    pub checkpoint_every: u64,
    /// Threads that prepare patches beside the training itself.
    #[serde(default = "crate::config::default_loader_threads")]
    pub loader_threads: usize,
    /// Go on from the last checkpoint in `output` where there is one.
    #[serde(default)]
    pub resume: bool,
}

impl TaskConfig {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// As [`crate::TrainConfig::load`].
    pub fn load(path: &Path) -> Result<Self> {
        Self::parse(&crate::config::text_of(path)?, path)
    }

    /// Reads and checks a configuration from memory; `path` is only named in errors.
    ///
    /// # Errors
    /// As [`crate::TrainConfig::load`].
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let config: Self = crate::config::from_yaml(text, path)?;
        check(text, path, config.fault(), 0)?;
        Ok(config)
    }

    /// The first setting whose value makes no sense, and why.
    pub fn fault(&self) -> Option<(&'static str, &'static str)> {
        let moment = |value: f64| (0.0..1.0).contains(&value);
        first_broken([
            (is_safe_name(&self.name), "name", "becomes a file name: letters, digits, `-`, `_` and `.` only"),
            ((32..=4096).contains(&self.patches.side), "patches.side", "must be 32 to 4096"),
            (self.source.held_out.is_some(), "source", "must name a part to try checkpoints on, `held_out`"),
            ((1..=256).contains(&self.network.width), "network.width", "must be 1 to 256"),
            ((2..=4096).contains(&self.batch), "batch", "must be 2 to 4096"),
            ((1..=1 << 40).contains(&self.steps), "steps", "must be at least 1"),
            (above_zero(self.learning_rate), "learning_rate", "must be above 0"),
            ((0.0..=1.0).contains(&self.schedule.decay_from), "schedule.decay_from", "must be in 0 to 1"),
            (moment(self.adam.beta1), "adam.beta1", "must be at least 0 and below 1"),
            (moment(self.adam.beta2), "adam.beta2", "must be at least 0 and below 1"),
            (above_zero(self.adam.epsilon), "adam.epsilon", "must be above 0"),
            (self.clip.is_none_or(above_zero), "clip", "must be above 0"),
            (self.checkpoint_every > 0, "checkpoint_every", "must be at least 1"),
            ((1..=256).contains(&self.loader_threads), "loader_threads", "must be 1 to 256"),
        ])
    }
}
