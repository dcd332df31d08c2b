//! The settings of a training run, read from YAML. `pipelines/train-stages12.yaml` explains each of them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    adam::AdamConfig,
    loss::Form,
    stage::{Loss, Stage},
};

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
    /// Folders of images in the source style, which G is to reconstruct; searched with all their subfolders.
    pub data: Vec<PathBuf>,
    /// Folders of unlabelled images in the target style, for the inter-domain loss; searched likewise.
    #[serde(default)]
    pub target: Vec<PathBuf>,
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
    /// The stages of the run, one after the other.
    pub stages: Vec<Stage>,
    /// Moments of Adam, of every network.
    pub adam: AdamConfig,
    /// The discriminators, where a stage has one.
    #[serde(default)]
    pub gan: Gan,
    /// Largest norm of a network's gradient, over all of its parameters; a larger one is scaled down to it.
    #[serde(default)]
    pub clip: Option<f64>,
    /// Decay, in 0..1, of a moving average of G's parameters, which then is the model.
    #[serde(default)]
    pub ema: Option<f64>,
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

/// The discriminators D1 and D2 and what G minimises to deceive them.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Gan {
    /// The form of G's adversarial losses.
    pub form: Form,
    /// Width of a discriminator's first convolution.
    pub base: usize,
}

impl Default for Gan {
    /// (1) and (3) in their minimax form; the width of DCGAN and pix2pix.
    fn default() -> Self {
        Self { form: Form::Minimax, base: 64 }
    }
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
        let fault = |setting: &str, occurrence, message: String| Error::Setting {
            path: path.to_path_buf(),
            line: line_of(text, setting, occurrence),
            setting: setting.to_owned(),
            message,
        };
        if let Some((setting, message)) = config.fault() {
            return Err(fault(setting, 0, message.to_owned()));
        }
        for (index, stage) in config.stages.iter().enumerate() {
            if let Some((setting, message)) = config.fault_of(stage) {
                return Err(fault(setting, index, format!("of stage {} {message}", index + 1)));
            }
        }
        Ok(config)
    }

    /// Steps in all.
    pub fn steps(&self) -> u64 {
        self.stages.iter().map(|stage| stage.steps).sum()
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
            (!self.stages.is_empty(), "stages", "must have at least one stage"),
            ((0.0..1.0).contains(&self.adam.beta1), "adam.beta1", "must be at least 0 and below 1"),
            ((0.0..1.0).contains(&self.adam.beta2), "adam.beta2", "must be at least 0 and below 1"),
            (above_zero(self.adam.epsilon), "adam.epsilon", "must be above 0"),
            (self.gan.base > 0 && self.gan.base <= 256, "gan.base", "must be 1 to 256"),
            (self.clip.is_none_or(above_zero), "clip", "must be above 0"),
            (
                self.ema.is_none_or(|decay| (0.0..1.0).contains(&decay)),
                "ema",
                "must be at least 0 and below 1",
            ),
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
            (self.card.mpp.is_none_or(above_zero), "card.mpp", "must be above 0"),
        ];
        first_broken(rules)
    }

    /// The first setting of a stage whose value makes no sense, and why.
    fn fault_of(&self, stage: &Stage) -> Option<(&'static str, &'static str)> {
        let adversarial = stage.has(Loss::Gan1) || stage.has(Loss::Gan2);
        let rate = stage.learning_rate;
        first_broken([
            ((1..=1 << 40).contains(&stage.steps), "stages.steps", "must be at least 1"),
            (!stage.losses.is_empty(), "stages.losses", "must name at least one of l1, gan1 and gan2"),
            (stage.losses.values().flatten().copied().all(above_zero), "stages.losses", "must be above 0"),
            (
                !stage.has(Loss::Gan2) || !self.target.is_empty(),
                "stages.losses",
                "has gan2, which needs images of the target domain: name their folders under `target`",
            ),
            (above_zero(rate.g), "stages.learning_rate", "must have a `g` above 0"),
            (
                rate.d.map_or(!adversarial, above_zero),
                "stages.learning_rate",
                "must have a `d` above 0 where gan1 or gan2 takes part",
            ),
            (
                (0.0..=1.0).contains(&stage.schedule.decay_from),
                "stages.schedule",
                "must have a `decay_from` in 0 to 1",
            ),
        ])
    }
}

/// Setting and message of the first rule that does not hold.
fn first_broken<const N: usize>(
    rules: [(bool, &'static str, &'static str); N],
) -> Option<(&'static str, &'static str)> {
    rules.into_iter().find(|(holds, ..)| !holds).map(|(_, setting, message)| (setting, message))
}

fn above_zero(value: f64) -> bool {
    value > 0.0 && value.is_finite()
}

/// Line (from 1) on which a setting, `key` or `section.key`, is written; of a list of sections the one with that index,
/// where each has the key. Values are checked after parsing, when the parser no longer says where they stood.
fn line_of(text: &str, setting: &str, index: usize) -> Option<usize> {
    let (section, key) =
        setting.split_once('.').map_or((None, setting), |(section, key)| (Some(section), key));
    let key_of = |line: &str| {
        let (key, _) = line.split_once(':')?;
        Some(key.trim().trim_start_matches("- ").trim_start().to_owned())
    };
    // In flow style a section has all its keys on one line.
    let in_flow = |line: &str| {
        let comes_before = |at: usize| line[..at].ends_with(['{', ' ', ',']);
        line.contains('{') && line.match_indices(&format!("{key}:")).any(|(at, _)| comes_before(at))
    };
    let mut inside = section.is_none();
    let mut lines = text.lines().enumerate().filter_map(|(number, line)| {
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            return None;
        }
        let top_level = !line.starts_with([' ', '\t', '-']);
        if top_level && section.is_some() {
            inside = key_of(line).as_deref() == section;
        }
        let has_key = match section {
            None => top_level && key_of(line).as_deref() == Some(key),
            Some(_) => in_flow(line) || (!top_level && key_of(line).as_deref() == Some(key)),
        };
        (inside && has_key).then_some(number + 1)
    });
    lines.nth(index)
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
