//! The log of a training, a line of JSON a step.

use std::path::Path;

use restain_plot::{Line, Mark};
use serde::Deserialize;

use crate::{Error, Result, file::read_if_there};

/// Name of the log in the folder of a training.
const FILE: &str = "log.jsonl";
/// Bytes that a log may have: a million steps.
const LONGEST: u64 = 256 << 20;
/// Points of a curve: more would hide it behind its noise.
const POINTS: usize = 250;

/// What is read of a line; the losses that take no part in a stage, and what is no finite number, are `None`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Step {
    #[serde(rename = "step")]
    number: u64,
    #[serde(default = "first")]
    stage: u64,
    g: Option<f64>,
    l1: Option<f64>,
    gan1: Option<f64>,
    gan2: Option<f64>,
    task: Option<f64>,
    d1: Option<f64>,
    d2: Option<f64>,
    accuracy: Option<f64>,
    balanced_accuracy: Option<f64>,
    auc: Option<f64>,
    learning_rate: Option<f64>,
    seconds: Option<f64>,
}

fn first() -> u64 {
    1
}

/// A figure of a step, and what it is called.
type Figure = (&'static str, fn(&Step) -> Option<f64>);

const LOSSES: [Figure; 7] = [
    ("G, all", |step| step.g),
    ("L1", |step| step.l1),
    ("GAN1", |step| step.gan1),
    ("GAN2", |step| step.gan2),
    ("task", |step| step.task),
    ("D1", |step| step.d1),
    ("D2", |step| step.d2),
];
const SCORES: [Figure; 3] = [
    ("accuracy", |step| step.accuracy),
    ("balanced accuracy", |step| step.balanced_accuracy),
    ("AUC", |step| step.auc),
];

/// What is told of a stage.
pub(crate) struct Stage {
    pub(crate) number: u64,
    /// Its first and its last step.
    pub(crate) steps: [u64; 2],
    /// The means of its losses over its last tenth.
    pub(crate) losses: Vec<(&'static str, f64)>,
    /// The learning rate at its beginning and at its end.
    pub(crate) learning_rate: Option<[f64; 2]>,
    /// The sum of its steps' own times; `None` where they are not in the log.
    pub(crate) seconds: Option<f64>,
}

/// The steps of a training.
pub(crate) struct LossLog {
    steps: Vec<Step>,
}

impl LossLog {
    /// Reads the log of a folder; `None` where there is none.
    pub(crate) fn of(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(FILE);
        let Some(bytes) = read_if_there(&path, LONGEST)? else { return Ok(None) };
        let fault = |what| Error::Content { path: path.clone(), what };
        // The last line of a run that was killed, or goes on, may not be whole.
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let mut steps = Vec::<Step>::new();
        for (number, line) in (1..).zip(bytes[..whole].split(|&byte| byte == b'\n')) {
            if line.is_empty() {
                continue;
            }
            let step: Step = serde_json::from_slice(line)
                .map_err(|error| fault(format!("line {number} is no step of a training ({error})")))?;
            if steps.last().is_some_and(|last| last.number >= step.number || last.stage > step.stage) {
                return Err(fault(format!("line {number} is not after the one before it")));
            }
            steps.push(step);
        }
        if steps.is_empty() {
            return Err(fault("no step is in it".to_owned()));
        }
        Ok(Some(Self { steps }))
    }

    /// How many steps were taken.
    pub(crate) fn last(&self) -> u64 {
        self.steps.last().map_or(0, |step| step.number)
    }

    /// The curves of the losses.
    pub(crate) fn losses(&self) -> Vec<Line> {
        let lines: Vec<Line> = LOSSES.iter().filter_map(|figure| self.line(figure)).collect();
        // The sum of a single loss is that loss.
        let parts = lines.len() - usize::from(lines.first().is_some_and(|line| line.title == LOSSES[0].0));
        lines.into_iter().filter(|line| parts > 1 || line.title != LOSSES[0].0).collect()
    }

    /// The curves of what a task network reaches.
    pub(crate) fn scores(&self) -> Vec<Line> {
        SCORES.iter().filter_map(|figure| self.line(figure)).collect()
    }

    /// Means over neighbouring steps of a stage.
    fn line(&self, (title, figure): &Figure) -> Option<Line> {
        let of = |step: &Step| Some((step.stage, step.number as f64, figure(step)?));
        let values: Vec<_> = self.steps.iter().filter_map(of).collect();
        let together = values.len().div_ceil(POINTS).max(1);
        let mean = |values: &[(u64, f64, f64)]| {
            let share = 1.0 / values.len() as f64;
            values.iter().fold((0.0, 0.0), |sum, value| (sum.0 + share * value.1, sum.1 + share * value.2))
        };
        let stages = values.chunk_by(|a, b| a.0 == b.0);
        let points: Vec<_> = stages.flat_map(|stage| stage.chunks(together)).map(mean).collect();
        (!points.is_empty()).then(|| Line { title: (*title).to_owned(), points })
    }

    /// Where stages begin; none of a training in one.
    pub(crate) fn marks(&self) -> Vec<Mark> {
        let stages: Vec<_> = self.stages().collect();
        let mark =
            |stage: &Stage| Mark { title: format!("stage {}", stage.number), at: stage.steps[0] as f64 };
        if stages.len() > 1 { stages.iter().map(mark).collect() } else { vec![] }
    }

    pub(crate) fn stages(&self) -> impl Iterator<Item = Stage> {
        self.steps.chunk_by(|a, b| a.stage == b.stage).map(|steps| {
            let (first, last) = (&steps[0], &steps[steps.len() - 1]);
            let end = &steps[steps.len() - steps.len().div_ceil(10)..];
            let mean = |(title, figure): &Figure| {
                let values: Vec<f64> = end.iter().filter_map(figure).collect();
                (!values.is_empty()).then(|| (*title, values.iter().sum::<f64>() / values.len() as f64))
            };
            Stage {
                number: first.stage,
                steps: [first.number, last.number],
                losses: LOSSES.iter().filter_map(mean).collect(),
                learning_rate: first.learning_rate.zip(last.learning_rate).map(|(first, last)| [first, last]),
                seconds: steps.iter().map(|step| step.seconds).sum(),
            }
        })
    }
}
