//! What the tests share: records whose numbers are easy to work with by hand.

#![allow(dead_code, reason = "every test file takes a part of it")]

use std::collections::BTreeMap;

use restain_evaluate::{Benchmark, CheckpointResult, Results, Row, Scores, SeedResult, VERSION};

pub(crate) fn scores(accuracy: f64) -> Scores {
    Scores { accuracy, balanced_accuracy: None, auc: None }
}

/// Checkpoints at steps 100, 200, ... with an accuracy on the validation split and one on the target.
pub(crate) fn checkpoints(accuracies: &[(f64, f64)]) -> Vec<CheckpointResult> {
    let steps = accuracies.iter().zip((100..).step_by(100));
    steps
        .map(|(&(validation, target), step)| CheckpointResult {
            step,
            validation: scores(validation),
            target: Some(scores(target)),
        })
        .collect()
}

pub(crate) fn seed(seed: u64, checkpoints: Vec<CheckpointResult>) -> SeedResult {
    SeedResult {
        seed,
        checkpoints,
        fidelity: None,
        bhattacharyya: None,
        frechet_colour: None,
        frechet_features: None,
        seconds: 1.5,
    }
}

pub(crate) fn row(name: &str, seeds: Vec<SeedResult>) -> Row {
    Row { name: name.into(), title: format!("Row {name}"), seeds }
}

/// A row whose seeds, 1, 2, ..., have one checkpoint with such an accuracy on the target.
pub(crate) fn single(name: &str, targets: &[f64]) -> Row {
    let seeds = targets.iter().zip(1..).map(|(&target, number)| seed(number, checkpoints(&[(0.5, target)])));
    row(name, seeds.collect())
}

pub(crate) fn benchmark(rows: Vec<Row>) -> Benchmark {
    Benchmark {
        name: "scanners".into(),
        title: "Two scanners".into(),
        description: "One scanner's pictures for a network of the other's.".into(),
        source: "3D1".into(),
        target: "3D2".into(),
        rows,
        gap_recovery: BTreeMap::new(),
        gap_recovery_balanced: BTreeMap::new(),
    }
}

pub(crate) fn results(benchmarks: Vec<Benchmark>) -> Results {
    Results {
        version: VERSION,
        commit: "48cbbb1".into(),
        command: "restain evaluate --config evaluate.yaml -o out".into(),
        benchmarks,
    }
}
