//! Statistics over the checkpoints of a seed and over seeds (paper, IV.D and the note below Table I).

use std::collections::BTreeMap;

use crate::{CheckpointResult, OverSeeds, Row, Scores, SeedResult};

/// How many checkpoints of a task network count: "the top five task networks" of the note below Table I.
pub const TOP: usize = 5;
/// The row before any treatment: the paper's "Color", the target's pictures as they are.
pub const BEFORE: &str = "color";
/// The row that no treatment is expected to pass, such as the pictures in the source's own colours.
pub const CEILING: &str = "ceiling";
/// A smaller gap than this between two accuracies in 0..=1 is none.
const NO_GAP: f64 = 1e-9;

/// By what the best checkpoints are chosen.
///
/// Either way it is by accuracy, whatever is then measured on them: a score is one of networks that could be kept. Of
/// equals the later step is the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// By accuracy on the target's test split, as the note below the paper's Table I reads. The labels that test also
    /// choose, so the numbers are too good; they serve to compare with the paper's.
    Paper,
    /// By accuracy on the source's validation split alone. No label of the target takes part.
    Honest,
}

/// A score, in 0..=1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// [`Scores::accuracy`].
    Accuracy,
    /// [`Scores::balanced_accuracy`].
    BalancedAccuracy,
    /// [`Scores::auc`].
    Auc,
}

impl Measure {
    pub(crate) fn of(self, scores: &Scores) -> Option<f64> {
        match self {
            Self::Accuracy => Some(scores.accuracy),
            Self::BalancedAccuracy => scores.balanced_accuracy,
            Self::Auc => scores.auc,
        }
    }
}

/// A score on the target over the best checkpoints.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Best {
    /// Its mean, 0..=1.
    pub mean: f64,
    /// Its variance, divided by the number of checkpoints: a square, so in percent it is 100 times this.
    ///
    /// The paper prints 75.41±0.16 with a maximum of 81.01. Of five numbers none can be more than two standard
    /// deviations from their mean (P. A. Samuelson, "How deviant can you be?", J. Am. Stat. Assoc. 63 (1968),
    /// 1522-1525), so its 0.16 is no square of percentage points but 0.0016, four points' square, in percent.
    pub variance: f64,
    /// The largest, 0..=1.
    pub maximum: f64,
}

/// A score on the target over the [`TOP`] best checkpoints, or all where there are fewer.
///
/// `None` where there is none, or one that was chosen lacks the score. For [`Choice::Honest`] a checkpoint that was not
/// tested on the target can be chosen, as the choice must not depend on what was tested; for [`Choice::Paper`] it cannot.
pub fn best(checkpoints: &[CheckpointResult], choice: Choice, measure: Measure) -> Option<Best> {
    let key = |checkpoint: &CheckpointResult| match choice {
        Choice::Paper => checkpoint.target.map(|scores| scores.accuracy),
        Choice::Honest => Some(checkpoint.validation.accuracy),
    };
    let mut ranked: Vec<_> = checkpoints.iter().filter_map(|found| Some((key(found)?, found))).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.step.cmp(&a.1.step)));
    ranked.truncate(TOP);
    let values: Option<Vec<f64>> =
        ranked.iter().map(|(_, found)| measure.of(found.target.as_ref()?)).collect();
    let values = values.filter(|values| !values.is_empty())?;
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count;
    Some(Best { mean, variance, maximum: values.into_iter().fold(0.0, f64::max) })
}

impl OverSeeds {
    /// Mean and spread of one number a seed, or `None` of no numbers. The spread of numbers with an infinite mean is 0.
    pub fn of(seeds: Vec<f64>) -> Option<Self> {
        let count = seeds.len() as f64;
        let mean = seeds.iter().sum::<f64>() / count;
        let squares: f64 = seeds.iter().map(|value| (value - mean) * (value - mean)).sum();
        let spread = if seeds.len() > 1 && mean.is_finite() { (squares / (count - 1.0)).sqrt() } else { 0.0 };
        (!seeds.is_empty()).then_some(Self { seeds, mean, spread })
    }

    /// What `number` gives for the seeds of a row that have it, or `None` where none has.
    pub fn of_row(row: &Row, number: impl Fn(&SeedResult) -> Option<f64>) -> Option<Self> {
        Self::of(row.seeds.iter().filter_map(number).collect())
    }
}

/// How much of the gap between [`BEFORE`] and [`CEILING`] each other row closes, by its name.
///
/// For each seed (row - before) / (ceiling - before) of the same seed's honest means ([`Choice::Honest`]): 0 is no
/// better than without treatment, 1 as good as the ceiling, and both can be passed. A seed that one of the three lacks,
/// or whose gap is below 1e-9, is left out; a row without seeds is, too.
pub fn gap_recovery(rows: &[Row], measure: Measure) -> BTreeMap<String, OverSeeds> {
    let mean = |seed: &SeedResult| Some(best(&seed.checkpoints, Choice::Honest, measure)?.mean);
    let same = |name: &str, seed: u64| {
        let row = rows.iter().find(|row| row.name == name)?;
        mean(row.seeds.iter().find(|other| other.seed == seed)?)
    };
    let recovery = |after: &SeedResult| {
        let (before, ceiling) = (same(BEFORE, after.seed)?, same(CEILING, after.seed)?);
        let gap = ceiling - before;
        if gap < NO_GAP { None } else { Some((mean(after)? - before) / gap) }
    };
    let others = rows.iter().filter(|row| row.name != BEFORE && row.name != CEILING);
    others.filter_map(|row| Some((row.name.clone(), OverSeeds::of_row(row, recovery)?))).collect()
}
