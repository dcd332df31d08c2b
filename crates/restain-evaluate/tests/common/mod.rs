//! What the tests share: records whose numbers are easy to work with by hand.

#![allow(dead_code, reason = "every test file takes a part of it")]

use std::collections::BTreeMap;

use restain_evaluate::{
    Benchmark, CheckpointResult, Followed, FollowedStage, FollowedTask, Reconstructed, Results, Row, Scores,
    SeedResult, VERSION,
};

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
        seen: None,
        followed: None,
        seconds: 1.5,
    }
}

/// Three task networks, of steps 400, 200 and 100 with such accuracies untreated, that gain `gain` until step 20 of G, in the
/// middle of a first stage that ends at 40, and as much again until 40 and until 60, the end of a second one.
pub(crate) fn followed(untreated: [f64; 3], gain: f64) -> Followed {
    let task = |step, accuracy: f64| FollowedTask {
        step,
        untreated: scores(accuracy),
        reconstructed: (1..=3)
            .map(|times| Reconstructed { step: 20 * times, target: scores(accuracy + times as f64 * gain) })
            .collect(),
    };
    let [best, medium, poor] = untreated;
    Followed {
        stages: [("l1", 40), ("l1+gan2", 60)]
            .map(|(losses, ends)| FollowedStage { losses: losses.into(), ends })
            .to_vec(),
        tasks: [task(400, best), task(200, medium), task(100, poor)],
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
