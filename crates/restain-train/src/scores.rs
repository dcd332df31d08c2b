//! How well a task network tells abnormal from normal cells.

use serde::{Deserialize, Serialize};

/// From this probability of abnormal on, a sample is called abnormal.
const THRESHOLD: f64 = 0.5;

/// What the predictions of a task network on one set of samples are worth; each score is in 0..=1.
///
/// The paper reports accuracy alone, on as many abnormal as normal samples (IV.A, IV.D). Where a set is not balanced,
/// accuracy favours the larger class; the other two do not.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scores {
    /// The share of samples that are called what they are, where a probability of 0.5 or more is called abnormal.
    pub accuracy: f64,
    /// The mean of the shares within the abnormal and within the normal samples, or `None` where a class is missing.
    pub balanced_accuracy: Option<f64>,
    /// The area under the receiver operating characteristic: how probable it is that an abnormal sample has a higher
    /// probability than a normal one, where equal ones count half. `None` where a class is missing.
    ///
    /// J. A. Hanley and B. J. `McNeil`, "The meaning and use of the area under a receiver operating characteristic (ROC)
    /// curve", Radiology 143 (1982), 29-36: it is the Mann-Whitney statistic over the number of pairs.
    pub auc: Option<f64>,
}

impl Scores {
    /// Scores predictions: for each sample the probability of abnormal, 0..=1, and whether it is abnormal. Their order
    /// does not matter.
    ///
    /// `None` where there is no prediction, or one is no probability.
    pub fn of(predictions: &[(f64, bool)]) -> Option<Self> {
        let sound = predictions.iter().all(|(probability, _)| (0.0..=1.0).contains(probability));
        if predictions.is_empty() || !sound {
            return None;
        }
        let called = |abnormal: bool| {
            let class = predictions.iter().filter(|sample| sample.1 == abnormal);
            class.filter(|sample| (sample.0 >= THRESHOLD) == abnormal).count() as f64
        };
        let abnormal = predictions.iter().filter(|sample| sample.1).count() as f64;
        let normal = predictions.len() as f64 - abnormal;
        let both = abnormal > 0.0 && normal > 0.0;
        Some(Self {
            accuracy: (called(true) + called(false)) / predictions.len() as f64,
            balanced_accuracy: both.then(|| f64::midpoint(called(true) / abnormal, called(false) / normal)),
            auc: both.then(|| pairs_in_order(predictions) / (abnormal * normal)),
        })
    }
}

/// How many pairs of an abnormal and a normal sample have the abnormal one first; equal probabilities count half.
fn pairs_in_order(predictions: &[(f64, bool)]) -> f64 {
    let mut sorted = predictions.to_vec();
    sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    // -0 and 0 are neighbours in that order and equal here.
    let groups = sorted.chunk_by(|a, b| a.0.partial_cmp(&b.0).is_some_and(std::cmp::Ordering::is_eq));
    let (mut below, mut twice) = (0, 0);
    for group in groups {
        let abnormal = group.iter().filter(|sample| sample.1).count();
        let normal = group.len() - abnormal;
        twice += abnormal * (2 * below + normal);
        below += normal;
    }
    twice as f64 / 2.0
}
