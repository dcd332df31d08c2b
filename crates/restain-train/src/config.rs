//! The settings of a training run, read from YAML. `pipelines/train-stages12.yaml` explains each of them.

use std::path::{Path, PathBuf};

use restain_data::Settings;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Error, Result,
    adam::AdamConfig,
    domain::{Domain, Input},
    loss::Form,
    stage::{Loss, Stage},
    task::Network,
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
    /// What a patch is; its side is a multiple of 64.
    pub patches: Settings,
    /// The source domain, whose style G is to reconstruct.
    pub source: Domain,
    /// The unlabelled target domain, for the inter-domain loss.
    #[serde(default)]
    pub target: Option<Domain>,
    /// What is done to the pixels of both domains before G sees them.
    #[serde(default)]
    pub input: Input,
    /// Seed of the weights and of the patches.
    pub seed: u64,
    /// Width of G's first convolution.
    pub base: usize,
    /// The model whose weights G begins with, of the same base: its file, or `shipped`; without one they are drawn from the
    /// seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begin_with: Option<PathBuf>,
    /// Patches a step.
    pub batch: u32,
    /// The stages of the run, one after the other.
    pub stages: Vec<Stage>,
    /// Moments of Adam, of every network.
    pub adam: AdamConfig,
    /// The discriminators, where a stage has one.
    #[serde(default)]
    pub gan: Gan,
    /// The frozen task network, where a stage has its loss.
    #[serde(default)]
    pub task: Option<Guide>,
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
    /// Steps between two grids of pictures in `output`; 0 for none.
    #[serde(default)]
    pub pictures_every: u64,
    /// Steps between two snapshots of the model in `output`, counted over all stages; each stage also leaves one at its
    /// end. Without it there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_every: Option<u64>,
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

/// The task network that guides G, frozen.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Guide {
    /// Its weights: safetensors with the names of torchvision, two classes, normal and abnormal.
    pub weights: PathBuf,
    /// What network they are of.
    #[serde(default)]
    pub network: Network,
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

pub(crate) fn default_loader_threads() -> usize {
    1
}

impl TrainConfig {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// If the file cannot be read, is not YAML, has an unknown or missing setting, or a value is out of range; the
    /// message names the file and, where it is known, the line.
    pub fn load(path: &Path) -> Result<Self> {
        Self::parse(&text_of(path)?, path)
    }

    /// Reads and checks a configuration from memory; `path` is only named in errors.
    ///
    /// # Errors
    /// As [`TrainConfig::load`].
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let config: Self = from_yaml(text, path)?;
        check(text, path, config.fault(), 0)?;
        for (index, stage) in config.stages.iter().enumerate() {
            check(text, path, config.fault_of(stage), index).map_err(|fault| of_stage(fault, index + 1))?;
        }
        Ok(config)
    }

    /// Steps in all.
    pub fn steps(&self) -> u64 {
        self.stages.iter().map(|stage| stage.steps).sum()
    }

    /// The first setting whose value makes no sense, and why; those of stages are for [`TrainConfig::fault_of`].
    pub fn fault(&self) -> Option<(&'static str, &'static str)> {
        let share = |value: f64| (0.0..=1.0).contains(&value);
        let side = self.patches.side;
        let rules = [
            (is_safe_name(&self.name), "name", "becomes a file name: letters, digits, `-`, `_` and `.` only"),
            (self.base > 0 && self.base <= 256, "base", "must be 1 to 256"),
            (
                (64..=4096).contains(&side) && side.is_multiple_of(64),
                "patches.side",
                "must be a multiple of 64, at most 4096",
            ),
            (self.batch > 0 && self.batch <= 4096, "batch", "must be 1 to 4096"),
            (
                u64::from(self.batch) * u64::from(side / 64).pow(2) > 1,
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
            (self.snapshot_every != Some(0), "snapshot_every", "must be at least 1; leave it out for none"),
            ((1..=256).contains(&self.loader_threads), "loader_threads", "must be 1 to 256"),
            (self.card.mpp.is_none_or(above_zero), "card.mpp", "must be above 0"),
        ];
        first_broken(rules)
    }

    /// The first setting of a stage whose value makes no sense, and why.
    pub fn fault_of(&self, stage: &Stage) -> Option<(&'static str, &'static str)> {
        let adversarial = stage.has(Loss::Gan1) || stage.has(Loss::Gan2);
        let rate = stage.learning_rate;
        first_broken([
            ((1..=1 << 40).contains(&stage.steps), "stages.steps", "must be at least 1"),
            (!stage.losses.is_empty(), "stages.losses", "must name at least one of l1, gan1, gan2 and task"),
            (stage.losses.values().flatten().copied().all(above_zero), "stages.losses", "must be above 0"),
            (
                !stage.has(Loss::Gan2) || self.target.is_some(),
                "stages.losses",
                "has gan2, which needs images of the target domain: name them under `target`",
            ),
            (
                !stage.has(Loss::Task) || self.task.is_some(),
                "stages.losses",
                "has task, which needs a task network: name its weights under `task`",
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

/// The text of a configuration file.
pub(crate) fn text_of(path: &Path) -> Result<String> {
    restain_net::read_configuration(path)
        .map_err(|source| Error::ConfigRead { path: path.to_path_buf(), source })
}

/// A configuration in YAML; `path` is only named in errors.
pub(crate) fn from_yaml<T: DeserializeOwned>(text: &str, path: &Path) -> Result<T> {
    serde_yaml::from_str(text).map_err(|error| Error::ConfigSyntax {
        path: path.to_path_buf(),
        line: error.location().map(|place| place.line()),
        message: error.to_string(),
    })
}

/// Fails where a setting has a fault; of a list of sections it is in the one with that index.
pub(crate) fn check(
    text: &str,
    path: &Path,
    fault: Option<(&'static str, &'static str)>,
    index: usize,
) -> Result<()> {
    let Some((setting, message)) = fault else { return Ok(()) };
    Err(Error::Setting {
        path: path.to_path_buf(),
        line: line_of(text, setting, index),
        setting: setting.to_owned(),
        message: message.to_owned(),
    })
}

/// A fault in the settings of a stage, with its number.
fn of_stage(fault: Error, number: usize) -> Error {
    match fault {
        Error::Setting { path, line, setting, message } => {
            Error::Setting { path, line, setting, message: format!("of stage {number} {message}") }
        }
        other => other,
    }
}

/// Whether a name can be that of a file.
pub(crate) fn is_safe_name(name: &str) -> bool {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.chars().all(safe) && !name.starts_with('.')
}

/// Setting and message of the first rule that does not hold.
pub(crate) fn first_broken<const N: usize>(
    rules: [(bool, &'static str, &'static str); N],
) -> Option<(&'static str, &'static str)> {
    rules.into_iter().find(|(holds, ..)| !holds).map(|(_, setting, message)| (setting, message))
}

pub(crate) fn above_zero(value: f64) -> bool {
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
