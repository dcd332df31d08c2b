//! The stages of a run (paper, IV.F): what each trains on, how long and how fast.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::schedule::Schedule;

/// A term of the sum (5) that G minimises.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum Loss {
    /// Per-pixel regression, (2).
    L1,
    /// Intra-domain adversarial loss, (1): D1 tells real images of the source domain from reconstructed ones.
    Gan1,
    /// Inter-domain adversarial loss, (3): D2 tells real images of the source domain from reconstructed ones of the
    /// target domain.
    Gan2,
    /// Task loss, (4): T, frozen, is to see in the reconstructed source images the labels of the real ones.
    Task,
}

impl Loss {
    /// The paper's weight in (5), from IV.E.
    pub fn weight(self) -> f64 {
        match self {
            Self::L1 => 100.0,
            Self::Gan1 | Self::Gan2 => 1.0,
            Self::Task => 10.0,
        }
    }
}

/// Steps with one set of losses.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Steps of the stage.
    pub steps: u64,
    /// The losses of the stage with their weights in (5); without a number, the paper's.
    pub losses: BTreeMap<Loss, Option<f64>>,
    /// Step sizes of Adam.
    pub learning_rate: LearningRate,
    /// How the learning rates fall towards the end of the stage.
    pub schedule: Schedule,
}

/// Step sizes, alpha of Adam.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct LearningRate {
    /// For G.
    pub g: f64,
    /// For D1 and D2; needed where one of them takes part.
    #[serde(default)]
    pub d: Option<f64>,
}

impl Stage {
    /// The weight of a loss; `None` where it takes no part.
    pub fn weight(&self, loss: Loss) -> Option<f64> {
        self.losses.get(&loss).map(|weight| weight.unwrap_or(loss.weight()))
    }

    /// Whether a loss takes part.
    pub fn has(&self, loss: Loss) -> bool {
        self.losses.contains_key(&loss)
    }
}

/// Where in a run a step lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place<'a> {
    /// The number of the stage, from 1.
    pub number: usize,
    /// The stage.
    pub stage: &'a Stage,
    /// Factor on its learning rates, in 0..=1.
    pub factor: f64,
    /// Whether it is the stage's last step.
    pub last: bool,
}

/// The place of a step counted from 0; `None` beyond the last one.
pub fn place(stages: &[Stage], step: u64) -> Option<Place<'_>> {
    let mut first = 0;
    for (number, stage) in (1..).zip(stages) {
        if step - first < stage.steps {
            let factor = stage.schedule.factor(step - first, stage.steps);
            return Some(Place { number, stage, factor, last: step - first + 1 == stage.steps });
        }
        first += stage.steps;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Decay;

    fn stage(steps: u64, decay_from: f64) -> Stage {
        Stage {
            steps,
            losses: BTreeMap::from([(Loss::L1, None), (Loss::Gan1, Some(0.5))]),
            learning_rate: LearningRate { g: 1.0, d: None },
            schedule: Schedule { decay: Decay::Linear, decay_from },
        }
    }

    #[test]
    fn every_step_has_its_stage_and_each_stage_its_own_schedule() {
        let stages = [stage(2, 1.0), stage(4, 0.0), stage(1, 1.0)];
        let found: Vec<_> =
            (0..8).map(|step| place(&stages, step).map(|at| (at.number, at.factor, at.last))).collect();
        let truth = [
            (1, 1.0, false),
            (1, 1.0, true),
            (2, 1.0, false),
            (2, 0.75, false),
            (2, 0.5, false),
            (2, 0.25, true),
            (3, 1.0, true),
        ];
        assert_eq!(found, truth.into_iter().map(Some).chain([None]).collect::<Vec<_>>());
    }

    #[test]
    fn weights_are_those_given_or_the_papers() {
        let stage = stage(1, 1.0);
        let weights = [Loss::L1, Loss::Gan1, Loss::Gan2].map(|loss| stage.weight(loss));
        assert_eq!(weights, [Some(100.0), Some(0.5), None]);
    }
}
