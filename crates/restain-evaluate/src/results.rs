//! The records of results.json.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Scores, infinite};

/// The version of the format that is written and read.
pub const VERSION: u32 = 1;

/// What a run of `restain evaluate` found: the content of results.json.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Results {
    /// The version of the format, [`VERSION`].
    pub version: u32,
    /// The commit of restain that was run, as git abbreviates it.
    pub commit: String,
    /// The command line that was run.
    pub command: String,
    /// One for each pair of a source and a target domain.
    pub benchmarks: Vec<Benchmark>,
}

/// The rows of one pair of a source and a target domain (paper, Table I and II).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Benchmark {
    /// How it is called in files: unique among the benchmarks.
    pub name: String,
    /// How it is called in tables.
    pub title: String,
    /// What it measures, in Markdown.
    pub description: String,
    /// The source domain, whose annotations the task networks are trained on.
    pub source: String,
    /// The target domain, whose annotations serve to test alone.
    pub target: String,
    /// The ways of treating the target's pictures, in the order of the tables.
    pub rows: Vec<Row>,
    /// By the name of the row, what [`gap_recovery`](crate::gap_recovery) says of accuracy.
    pub gap_recovery: BTreeMap<String, OverSeeds>,
    /// By the name of the row, what [`gap_recovery`](crate::gap_recovery) says of balanced accuracy.
    pub gap_recovery_balanced: BTreeMap<String, OverSeeds>,
}

/// A way of treating the target's pictures: none, an augmentation of the task network's training, or a normalization.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// How it is called in files: unique among the rows of a benchmark. [`BEFORE`](crate::BEFORE) and
    /// [`CEILING`](crate::CEILING) are the two between which recovery is measured.
    pub name: String,
    /// How it is called in tables.
    pub title: String,
    /// What each seed reached.
    pub seeds: Vec<SeedResult>,
}

/// What a row reached when everything random came from one seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedResult {
    /// The seed: unique within a row, and the same in all rows that are compared.
    pub seed: u64,
    /// What the task network reached at each checkpoint, by rising step.
    pub checkpoints: Vec<CheckpointResult>,
    /// How near the normalized pictures are to the truth, where there is one.
    pub fidelity: Option<Fidelity>,
    /// Bhattacharyya distance between the RGB histograms of the source's pictures and of their reconstructions, 0 or
    /// more, infinite where they have no colour in common (paper, Table II).
    #[serde(with = "infinite::optional")]
    pub bhattacharyya: Option<f64>,
    /// Squared Fréchet distance between the colours of the source and of the normalized target, in grey levels
    /// squared, 0 or more.
    pub frechet_colour: Option<f64>,
    /// Squared Fréchet distance between the task network's features of the source and of the normalized target, in
    /// the square of the features' unit, 0 or more.
    pub frechet_features: Option<f64>,
    /// How far what G has seen is from what it would have seen of the truth, where there are both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
    /// What task networks reached while G trained, where it was followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub followed: Option<Followed>,
    /// Wall time of measuring the row with this seed, without training its networks.
    pub seconds: f64,
}

impl Row {
    /// What was followed with each seed.
    pub(crate) fn followed(&self) -> impl Iterator<Item = &Followed> {
        self.seeds.iter().filter_map(|seed| seed.followed.as_ref())
    }
}

/// What the task networks of [`Followed`] are called, in their order.
pub const QUALITIES: [&str; 3] = ["best", "medium", "poor"];

/// Task networks that stay as they are while G trains, stage by stage (paper, Figure 5).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Followed {
    /// The stages of G, one after the other.
    pub stages: Vec<FollowedStage>,
    /// Three checkpoints of the task network: of all, the best, the one in the middle and the poorest by accuracy on the
    /// source's validation split ([`QUALITIES`]).
    pub tasks: [FollowedTask; 3],
}

/// A stage of the training of G.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FollowedStage {
    /// Its losses.
    pub losses: String,
    /// Steps of G, over all stages, until its end.
    pub ends: u64,
}

/// A task network that stays as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FollowedTask {
    /// Steps of its own training.
    pub step: u64,
    /// On the target's test split as it is.
    pub untreated: Scores,
    /// On the same pictures as G reconstructs them, by rising step of G; the end of every stage is among the steps.
    pub reconstructed: Vec<Reconstructed>,
}

/// What a task network reached on what G made of the target after some steps of its training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reconstructed {
    /// Steps of G, over all stages.
    pub step: u64,
    /// On the target's test split.
    pub target: Scores,
}

/// What the task network reached at one checkpoint of its training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointResult {
    /// Steps of training until then.
    pub step: u64,
    /// On the source's validation split, the only scores that may choose a checkpoint.
    pub validation: Scores,
    /// On the target's test split, treated as the row says, or `None` where it was not tested.
    pub target: Option<Scores>,
}

/// How far GM of the target is from GM of the same pictures as the source's scanner would have given them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// Mean absolute difference of gray in grey levels, 0..=255.
    pub gray: f64,
    /// Mean absolute difference of the mask, 0..=1: of a mask of zeros and ones the share of pixels in which it differs.
    pub mask: f64,
}

/// How near normalized pictures are to the same pictures as the source's scanner would have given them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fidelity {
    /// Peak signal-to-noise ratio in dB, infinite for equal pictures.
    #[serde(with = "infinite")]
    pub psnr: f64,
    /// Mean structural similarity, at most 1.
    pub ssim: f64,
    /// Mean colour difference CIEDE2000, 0 or more.
    pub ciede2000: f64,
}

/// A number that every seed gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverSeeds {
    /// What each seed gave, in the order of the seeds; never empty.
    pub seeds: Vec<f64>,
    /// Their mean.
    pub mean: f64,
    /// Their sample standard deviation (n - 1): 0 with a single seed, which tells nothing of the spread.
    pub spread: f64,
}
