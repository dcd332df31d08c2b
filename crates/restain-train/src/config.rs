//! The settings of a training run, read from YAML. `pipelines/train-l1.yaml` explains each of them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Error, Result, adam::AdamConfig, schedule::Schedule};

/// Everything a training run depends on.
///
/// The same settings and the same images give the same weights, bit for bit, on the same kind of CPU.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Name of the model: of its file, and in its card.
    pub name: String,
    /// Folder for the model, the training state, the loss log and the evaluation; made where it is missing.
    pub output: PathBuf,
    /// Folders of images, searched with all their subfolders.
    pub data: Vec<PathBuf>,
    /// Share of the images held out from training, in 0..1.
    pub holdout: f64,
    /// Most memory the decoded training images may take, in bytes (three bytes a pixel).
    #[serde(default = "default_memory_limit")]
    pub memory_limit: u64,
    /// Seed of the weights, of the patches and of the choice of held-out images.
    pub seed: u64,
    /// Width of G's first convolution.
    pub base: usize,
    /// Side of a training patch in pixels, a multiple of 64.
    pub patch: u32,
    /// Patches a step.
    pub batch: u32,
    /// Steps in all.
    pub steps: u64,
    /// Step sizes and moments of Adam.
    pub adam: AdamConfig,
    /// How the learning rate falls towards the end.
    pub schedule: Schedule,
    /// Changes to the patches that teach G what the images alone do not show.
    pub augmentation: Augmentation,
    /// Steps between two checkpoints.
    pub checkpoint_every: u64,
    /// Threads that prepare patches beside the training itself.
    #[serde(default = "default_loader_threads")]
    pub loader_threads: usize,
    /// Go on from the last checkpoint in `output` where there is one.
    #[serde(default)]
    pub resume: bool,
    /// What the model card says about the data.
    pub card: CardFields,
}

/// Changes to the patches. The mask always comes from the unchanged pixels.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Augmentation {
    /// Largest change of brightness (in gray levels of 0..1), contrast and gamma (as a share) of the input gray.
    pub gray_jitter: f64,
    /// Share of the patches that are partly or wholly plain, in 0..=1.
    pub blank_probability: f64,
}

/// The part of the model card that only the user knows.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CardFields {
    /// The style G reconstructs.
    pub source_style: String,
    /// What the model was trained on.
    pub trained_on: String,
    /// Terms of the data and of the weights.
    pub licence: String,
    /// Micrometres a pixel of the images, where known.
    #[serde(default)]
    pub mpp: Option<f64>,
}

fn default_memory_limit() -> u64 {
    4 << 30
}

fn default_loader_threads() -> usize {
    1
}

impl TrainConfig {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// If the file cannot be read, is not YAML, has an unknown or missing setting, or a value is out of range; the
    /// message names the file and, where it is known, the line.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::ConfigRead { path: path.to_path_buf(), source })?;
        Self::parse(&text, path)
    }

    /// Reads and checks a configuration from memory; `path` is only named in errors.
    ///
    /// # Errors
    /// As [`TrainConfig::load`].
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let config: Self = serde_yaml::from_str(text).map_err(|error| Error::ConfigSyntax {
            path: path.to_path_buf(),
            line: error.location().map(|place| place.line()),
            message: error.to_string(),
        })?;
        match config.fault() {
            None => Ok(config),
            Some((setting, message)) => Err(Error::Setting {
                path: path.to_path_buf(),
                line: line_of(text, setting),
                setting: setting.to_owned(),
                message: message.to_owned(),
            }),
        }
    }

    /// The first setting whose value makes no sense, and why.
    fn fault(&self) -> Option<(&'static str, &'static str)> {
        let safe_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let share = |value: f64| (0.0..=1.0).contains(&value);
        let rules = [
            (
                !self.name.is_empty() && self.name.chars().all(safe_name) && !self.name.starts_with('.'),
                "name",
                "becomes a file name: letters, digits, `-`, `_` and `.` only",
            ),
            (!self.data.is_empty(), "data", "must name at least one folder"),
            ((0.0..1.0).contains(&self.holdout), "holdout", "must be at least 0 and below 1"),
            (self.base > 0 && self.base <= 256, "base", "must be 1 to 256"),
            (
                self.patch > 0 && self.patch.is_multiple_of(64) && self.patch <= 4096,
                "patch",
                "must be a multiple of 64, at most 4096",
            ),
            (self.batch > 0 && self.batch <= 4096, "batch", "must be 1 to 4096"),
            (
                u64::from(self.batch) * u64::from(self.patch / 64).pow(2) > 1,
                "batch",
                "must be at least 2 with patches of 64 px: batch norm needs more than one value a channel",
            ),
            (self.steps > 0, "steps", "must be at least 1"),
            (
                self.adam.learning_rate > 0.0 && self.adam.learning_rate.is_finite(),
                "adam.learning_rate",
                "must be above 0",
            ),
            ((0.0..1.0).contains(&self.adam.beta1), "adam.beta1", "must be at least 0 and below 1"),
            ((0.0..1.0).contains(&self.adam.beta2), "adam.beta2", "must be at least 0 and below 1"),
            (self.adam.epsilon > 0.0 && self.adam.epsilon.is_finite(), "adam.epsilon", "must be above 0"),
            (share(self.schedule.decay_from), "schedule.decay_from", "must be in 0 to 1"),
            (
                (0.0..=0.5).contains(&self.augmentation.gray_jitter),
                "augmentation.gray_jitter",
                "must be in 0 to 0.5",
            ),
            (
                share(self.augmentation.blank_probability),
                "augmentation.blank_probability",
                "must be in 0 to 1",
            ),
            (self.checkpoint_every > 0, "checkpoint_every", "must be at least 1"),
            ((1..=256).contains(&self.loader_threads), "loader_threads", "must be 1 to 256"),
            (self.card.mpp.is_none_or(|mpp| mpp > 0.0 && mpp.is_finite()), "card.mpp", "must be above 0"),
        ];
        rules.into_iter().find(|(holds, ..)| !holds).map(|(_, setting, message)| (setting, message))
    }
}

/// Line (from 1) on which a setting, `key` or `section.key`, is written: values are checked after parsing, when the
/// parser no longer says where they stood.
fn line_of(text: &str, setting: &str) -> Option<usize> {
    let (section, key) =
        setting.split_once('.').map_or((None, setting), |(section, key)| (Some(section), key));
    let key_of = |line: &str| line.split_once(':').map(|(key, _)| key.trim().to_owned());
    let mut inside = section.is_none();
    for (index, line) in text.lines().enumerate() {
        let top_level = !line.starts_with([' ', '\t', '#']) && !line.trim().is_empty();
        if top_level && let Some(section) = section {
            inside = key_of(line).as_deref() == Some(section);
            // A section in flow style has all its keys on its own line.
            if inside && line.contains(&format!("{key}:")) {
                return Some(index + 1);
            }
        } else if inside && top_level == section.is_none() && key_of(line).as_deref() == Some(key) {
            return Some(index + 1);
        }
    }
    None
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
