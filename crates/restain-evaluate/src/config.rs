//! What is compared, read from YAML. `pipelines/evaluate-cric.yaml` explains each setting.

use std::{
    cmp::Reverse,
    path::{Path, PathBuf},
};

use restain_data::{Settings, Source, Split};
use restain_stain::scanner::{Kind, Strength};
use restain_train::{
    adam::AdamConfig,
    config::{Augmentation as Changes, Gan},
    domain::{Domain, Input},
    schedule::Schedule,
    stage::Stage,
    task::{Augmentation, Network, Sight},
};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Benchmarks that share a source domain, networks and rows.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Everything is done with each of these seeds.
    pub seeds: Vec<u64>,
    /// What a patch is.
    pub patches: Settings,
    /// The source domain, labelled.
    pub source: SourceDomain,
    /// The training of T.
    pub task: Task,
    /// The training of G, where a row has one.
    #[serde(default)]
    pub generator: Option<Generator>,
    /// The target domains.
    pub benchmarks: Vec<Target>,
    /// The ways of treating the target's pictures, in the order of the tables.
    pub rows: Vec<RowConfig>,
    /// Samples that the panel of pictures shows.
    #[serde(default = "eight")]
    pub panel: usize,
}

fn eight() -> usize {
    8
}

/// The source domain and its parts.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SourceDomain {
    /// How it is called.
    pub name: String,
    /// Where its patches come from.
    #[serde(with = "serde_yaml::with::singleton_map_recursive")]
    pub sources: Vec<Source>,
    /// How their groups are cut into parts.
    #[serde(with = "serde_yaml::with::singleton_map_recursive")]
    pub split: Split,
    /// The part to train T and G on.
    pub train: String,
    /// The part to choose checkpoints of T on.
    pub validation: String,
    /// The part to test T on.
    pub test: String,
}

impl SourceDomain {
    /// The domain to train on, with a part to hold out.
    pub(crate) fn domain(&self, held_out: Option<&String>) -> Domain {
        Domain {
            sources: self.sources.clone(),
            split: Some(self.split.clone()),
            part: self.train.clone(),
            held_out: held_out.cloned(),
        }
    }
}

/// A target domain. G and the maps see its pixels, never its labels: those are for the test alone.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// How the benchmark is called in files.
    pub name: String,
    /// How it is called in tables.
    pub title: String,
    /// What it measures, in Markdown.
    pub description: String,
    /// How the target domain is called.
    pub target: String,
    /// Pictures of the source domain through a second scanner ...
    #[serde(default)]
    pub scanner: Option<SecondScanner>,
    /// ... or other pictures.
    #[serde(default, with = "serde_yaml::with::singleton_map_recursive")]
    pub sources: Option<Vec<Source>>,
    /// How the groups of the other pictures are cut into parts.
    #[serde(default, with = "serde_yaml::with::singleton_map_recursive")]
    pub split: Option<Split>,
    /// The part whose pixels G and the maps may see: of a second scanner, of the source's own split.
    pub train: String,
    /// The part to test on; it may be the same.
    pub test: String,
    /// Names of the rows that it is run with; without them all are.
    #[serde(default)]
    pub rows: Option<Vec<String>>,
}

/// A change of style that is known to the test alone.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct SecondScanner {
    /// Colours only, or everything.
    pub kind: Kind,
    /// How much.
    pub strength: Strength,
    /// Seed of its noise.
    pub seed: u64,
    /// Quality, 1..=100, of the JPEG files it writes.
    pub quality: u8,
}

/// The training of T: as in [`restain_train::task::TaskConfig`].
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Which network.
    pub network: Network,
    /// Weights to begin with.
    #[serde(default)]
    pub backbone: Option<PathBuf>,
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
    /// Largest norm of the gradient.
    #[serde(default)]
    pub clip: Option<f64>,
    /// Steps between two checkpoints.
    pub checkpoint_every: u64,
}

/// The training of G: as in [`restain_train::TrainConfig`].
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Generator {
    /// Width of G's first convolution.
    pub base: usize,
    /// Patches a step, of each domain.
    pub batch: u32,
    /// The discriminators.
    pub gan: Gan,
    /// Moments of Adam.
    pub adam: AdamConfig,
    /// Largest norm of a network's gradient.
    #[serde(default)]
    pub clip: Option<f64>,
    /// Decay of the moving average.
    #[serde(default)]
    pub ema: Option<f64>,
    /// Changes to the patches.
    #[serde(default)]
    pub augmentation: Changes,
    /// Steps between two snapshots, beside the end of every stage, on which the training is followed. Not part of the names of
    /// what is kept, as it changes no result.
    #[serde(default, skip_serializing)]
    pub snapshot_every: Option<u64>,
}

/// A way of treating the target's pictures.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RowConfig {
    /// How it is called in files.
    pub name: String,
    /// How it is called in tables.
    pub title: String,
    /// What T sees of pictures, in training and after.
    #[serde(default)]
    pub sight: Sight,
    /// How colours are changed while T learns.
    #[serde(default)]
    pub augmentation: Augmentation,
    /// What is done to the target's pictures before T sees them.
    #[serde(default, with = "serde_yaml::with::singleton_map")]
    pub normalize: Normalize,
}

impl RowConfig {
    /// Whether T is the one that learns from colours as they are.
    pub(crate) fn has_plain_task(&self) -> bool {
        (self.sight, self.augmentation) == (Sight::Colour, Augmentation::None)
    }

    /// The stages of G, where there is one.
    pub(crate) fn stages(&self) -> &[Stage] {
        if let Normalize::Generator(of) = &self.normalize { &of.stages } else { &[] }
    }
}

/// What is done to the target's pictures.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Normalize {
    /// Nothing.
    #[default]
    None,
    /// The quantile map of the whole target domain onto the source domain.
    Quantile,
    /// Colour transfer of Reinhard et al. between the two domains.
    Reinhard,
    /// G, trained in these stages.
    Generator(Stages),
    /// G as it is in a file.
    Model(Finished),
    /// Nothing is to be done: the pictures as the source's scanner gives them, which are those of the target itself where
    /// there is a second scanner, or the source's own test part.
    Ceiling,
}

impl Normalize {
    /// Whether the quantile map has part in it.
    pub(crate) fn maps(&self) -> bool {
        match self {
            Self::Quantile => true,
            Self::Generator(stages) => stages.input.quantile_map,
            Self::None | Self::Reinhard | Self::Model(_) | Self::Ceiling => false,
        }
    }
}

/// The stages of the training of G, and what is done to pixels before.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Stages {
    /// Of each domain.
    #[serde(default)]
    pub input: Input,
    /// One after the other.
    pub stages: Vec<Stage>,
    /// Give what G makes the gray that it has seen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_gray: bool,
}

/// A model that is there already.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Finished {
    /// Its file, or `shipped`.
    pub file: PathBuf,
    /// Give the target domain, as a whole, the histograms of the source domain first.
    #[serde(default)]
    pub quantile_map: bool,
    /// Give what G makes the gray that it has seen.
    #[serde(default)]
    pub keep_gray: bool,
}

/// A setting, and what it must be.
type Fault = (&'static str, &'static str);

impl Config {
    /// Reads and checks a configuration.
    ///
    /// # Errors
    /// [`Error::Config`] with the file and the line.
    pub fn load(path: &Path) -> Result<Self> {
        let text = restain_net::read_configuration(path).map_err(|error| Error::Config {
            path: path.to_owned(),
            message: format!("cannot be read: {error}"),
        })?;
        Self::parse(&text, path)
    }

    /// Reads and checks a configuration from memory; `path` is only named in errors.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let fault = |message: String| Error::Config { path: path.to_owned(), message };
        let config: Self = serde_yaml::from_str(text).map_err(|error| fault(error.to_string()))?;
        match config.fault() {
            Some(message) => Err(fault(message)),
            None => Ok(config),
        }
    }

    /// Leaves out every row and every benchmark that is not named; where none is named, all stay.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a name that there is not.
    pub fn keep(&mut self, rows: &[String], benchmarks: &[String]) -> Result<()> {
        let unknown = |what, names: Vec<&String>, asked: &[String]| {
            let name = asked.iter().find(|name| !names.contains(name))?.clone();
            let known = names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
            Some(Error::Unknown { what, name, known })
        };
        let of_rows = unknown("row", self.rows.iter().map(|row| &row.name).collect(), rows);
        let of_benchmarks =
            unknown("benchmark", self.benchmarks.iter().map(|target| &target.name).collect(), benchmarks);
        if let Some(unknown) = of_rows.or(of_benchmarks) {
            return Err(unknown);
        }
        if !rows.is_empty() {
            self.rows.retain(|row| rows.contains(&row.name));
        }
        if !benchmarks.is_empty() {
            self.benchmarks.retain(|target| benchmarks.contains(&target.name));
        }
        Ok(())
    }

    /// The rows that a benchmark is run with, in the order of the tables.
    pub(crate) fn rows_of(&self, target: &Target) -> impl Iterator<Item = &RowConfig> {
        let of = |row: &&RowConfig| target.rows.as_ref().is_none_or(|rows| rows.contains(&row.name));
        self.rows.iter().filter(of)
    }

    /// The row of a benchmark whose training of G is followed: of those with several stages and the plain T the one with
    /// the most, the first of equals.
    pub(crate) fn followed(&self, target: &Target) -> Option<&RowConfig> {
        let staged = self.rows_of(target).filter(|row| row.has_plain_task() && row.stages().len() > 1);
        staged.min_by_key(|row| Reverse(row.stages().len()))
    }

    /// The first thing that makes no sense.
    fn fault(&self) -> Option<String> {
        let name = |name: &str| {
            let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            name.is_empty() || !name.chars().all(safe)
        };
        if self.seeds.is_empty() || self.rows.is_empty() || self.benchmarks.is_empty() {
            return Some("`seeds`, `rows` and `benchmarks` must name at least one each".to_owned());
        }
        let names =
            self.rows.iter().map(|row| &row.name).chain(self.benchmarks.iter().map(|target| &target.name));
        if let Some(bad) = names.clone().find(|one| name(one)) {
            return Some(format!(
                "the name `{bad}` becomes part of a file name: letters, digits, `-` and `_` only"
            ));
        }
        if let Some(target) = self.benchmarks.iter().find(|of| of.scanner.is_some() == of.sources.is_some()) {
            return Some(format!("the benchmark `{}` needs either a `scanner` or `sources`", target.name));
        }
        let of_scanner = |target: &&Target| target.scanner.is_some() && target.split.is_some();
        if let Some(target) = self.benchmarks.iter().find(of_scanner) {
            return Some(format!(
                "the benchmark `{}` is split as the source is; leave `split` out",
                target.name
            ));
        }
        let bad_quality =
            |target: &&Target| target.scanner.is_some_and(|of| !(1..=100).contains(&of.quality));
        if let Some(target) = self.benchmarks.iter().find(bad_quality) {
            return Some(format!("the `quality` of `{}` must be 1 to 100", target.name));
        }
        let known = |name: &String| self.rows.iter().any(|row| row.name == *name);
        for Target { name, rows, .. } in &self.benchmarks {
            let Some(rows) = rows else { continue };
            if rows.is_empty() {
                return Some(format!(
                    "the `rows` of the benchmark `{name}` must name at least one; leave them out for all"
                ));
            }
            if let Some(row) = rows.iter().find(|row| !known(row)) {
                return Some(format!(
                    "the benchmark `{name}` names the row `{row}`, which is not among `rows`"
                ));
            }
        }
        if self.generator.as_ref().is_some_and(|generator| generator.snapshot_every == Some(0)) {
            return Some("`generator.snapshot_every` must be at least 1; leave it out for none".to_owned());
        }
        let generated = |row: &RowConfig| matches!(row.normalize, Normalize::Generator(_));
        if self.generator.is_none() && self.rows.iter().any(generated) {
            return Some("a row has a `generator`, but how to train one is missing: `generator`".to_owned());
        }
        self.rows.iter().find_map(|row| {
            let (network, (setting, message)) = self
                .task_fault(row)
                .map(|fault| ("T", fault))
                .or_else(|| self.generator_fault(row).map(|fault| ("G", fault)))?;
            Some(format!("to train {network} of the row `{}`, `{setting}` {message}", row.name))
        })
    }

    /// What makes no sense in the training of a row's T.
    fn task_fault(&self, row: &RowConfig) -> Option<Fault> {
        self.task_config(Path::new(""), 0, (row.sight, row.augmentation)).ok()?.fault()
    }

    /// What makes no sense in the training of a row's G, where it has one.
    fn generator_fault(&self, row: &RowConfig) -> Option<Fault> {
        let Normalize::Generator(stages) = &row.normalize else { return None };
        let [cache, guide] = [Path::new(""); 2];
        let training = self.generator_config(cache, 0, &self.source.domain(None), stages, guide).ok()?;
        training.fault().or_else(|| training.stages.iter().find_map(|stage| training.fault_of(stage)))
    }
}
