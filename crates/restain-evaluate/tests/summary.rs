//! Statistics over checkpoints and seeds against numbers worked out by hand and the paper's own.

mod common;

use common::{checkpoints, row, scores, seed, single};
use restain_evaluate::{Best, Choice, Measure, OverSeeds, Scores, best, gap_recovery};

#[track_caller]
fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found} where {expected} is expected");
}

fn accuracy(found: &[restain_evaluate::CheckpointResult], choice: Choice) -> Best {
    best(found, choice, Measure::Accuracy).unwrap()
}

/// The target is best where validation is worst.
#[test]
fn each_choice_takes_its_own_five() {
    let found = checkpoints(&[
        (0.90, 0.10),
        (0.60, 0.80),
        (0.95, 0.20),
        (0.50, 0.90),
        (0.85, 0.30),
        (0.80, 0.40),
        (0.75, 0.50),
    ]);
    // Steps 100, 300, 500, 600 and 700: targets 0.1, 0.2, 0.3, 0.4, 0.5.
    let honest = accuracy(&found, Choice::Honest);
    near(honest.mean, 0.3);
    near(honest.variance, 0.02);
    near(honest.maximum, 0.5);
    // 0.9, 0.8, 0.5, 0.4, 0.3: mean 0.58, squares 0.1024 + 0.0484 + 0.0064 + 0.0324 + 0.0784 = 0.268.
    let paper = accuracy(&found, Choice::Paper);
    near(paper.mean, 0.58);
    near(paper.variance, 0.268 / 5.0);
    near(paper.maximum, 0.9);
}

#[test]
fn of_equals_the_later_step_counts() {
    let mut found = checkpoints(&[(0.9, 0.0), (0.9, 0.1), (0.9, 0.2), (0.9, 0.3), (0.9, 0.4), (0.9, 0.5)]);
    near(accuracy(&found, Choice::Honest).mean, 0.3);
    // Whatever the order they come in.
    found.reverse();
    near(accuracy(&found, Choice::Honest).mean, 0.3);
}

#[test]
fn fewer_than_five_all_count() {
    near(accuracy(&checkpoints(&[(0.9, 0.5), (0.8, 0.7)]), Choice::Honest).mean, 0.6);
    assert_eq!(best(&[], Choice::Honest, Measure::Accuracy), None);
}

/// All measures are of the networks that accuracy chose.
#[test]
fn accuracy_chooses_for_every_measure() {
    let mut found = checkpoints(&[(0.5, 0.5); 6]);
    for (index, checkpoint) in found.iter_mut().enumerate() {
        let (accuracy, auc) = (0.9 - 0.1 * index as f64, Some(0.1 * index as f64));
        checkpoint.validation = Scores { accuracy, balanced_accuracy: auc, auc };
        checkpoint.target = Some(Scores { accuracy: 0.5, balanced_accuracy: Some(0.25), auc });
    }
    // The first five: areas 0, 0.1, 0.2, 0.3 and 0.4.
    near(best(&found, Choice::Honest, Measure::Auc).unwrap().mean, 0.2);
    near(best(&found, Choice::Honest, Measure::BalancedAccuracy).unwrap().mean, 0.25);
    found[0].target = Some(scores(0.5));
    assert_eq!(best(&found, Choice::Honest, Measure::Auc), None, "a network that was chosen has no area");
}

/// What was tested must not choose: an untested checkpoint that validation prefers leaves the honest mean unknown.
#[test]
fn an_untested_checkpoint_is_not_passed_over() {
    let mut found = checkpoints(&[(0.9, 0.9), (0.8, 0.6)]);
    found[0].target = None;
    assert_eq!(best(&found, Choice::Honest, Measure::Accuracy), None);
    near(accuracy(&found, Choice::Paper).mean, 0.6);
}

/// 2, 4, 4, 4, 5, 5, 7, 9 have a sum of squares of 32 about their mean, 5.
#[test]
fn spread_is_the_sample_standard_deviation() {
    let over = OverSeeds::of(vec![2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).unwrap();
    near(over.mean, 5.0);
    near(over.spread, (32.0f64 / 7.0).sqrt());
    near(OverSeeds::of(vec![3.0]).unwrap().spread, 0.0);
    assert_eq!(OverSeeds::of(vec![]), None);
    let infinite = OverSeeds::of(vec![1.0, f64::INFINITY]).unwrap();
    assert_eq!((infinite.mean, infinite.spread), (f64::INFINITY, 0.0));
}

/// The paper's numbers: 75.41 % untreated, 96.33 % on the source, 89.58 % normalized, which is 14.17 of 20.92 points.
#[test]
fn recovery_of_the_papers_gap() {
    let rows = [single("full", &[0.8958]), single("color", &[0.7541]), single("ceiling", &[0.9633])];
    let recovery = gap_recovery(&rows, Measure::Accuracy);
    assert_eq!(recovery.keys().collect::<Vec<_>>(), ["full"]);
    near(recovery["full"].mean, 14.17 / 20.92);
    near(recovery["full"].spread, 0.0);
}

#[test]
fn each_seed_has_its_own_gap() {
    let mut rows = vec![
        single("color", &[0.5, 0.6, 0.7, 0.5]),
        single("ceiling", &[0.9, 0.8, 0.7, 0.4]),
        single("better", &[0.7, 0.75, 0.9, 0.9]),
        single("worse", &[0.4]),
    ];
    // Half and three quarters; seed 3 has no gap and seed 4 a negative one.
    let recovery = gap_recovery(&rows, Measure::Accuracy);
    assert_eq!(recovery["better"].seeds.len(), 2);
    near(recovery["better"].mean, 0.625);
    near(recovery["better"].spread, 0.125 * 2.0f64.sqrt());
    near(recovery["worse"].mean, -0.25);
    assert!(gap_recovery(&rows, Measure::BalancedAccuracy).is_empty(), "nothing has that score");
    // Seeds are told by their numbers, not by their places.
    rows[0].seeds.reverse();
    near(gap_recovery(&rows, Measure::Accuracy)["better"].mean, 0.625);
    rows.remove(1);
    assert!(gap_recovery(&rows, Measure::Accuracy).is_empty(), "there is no ceiling");
}

#[test]
fn balanced_accuracy_has_its_own_gap() {
    let with = |name: &str, balanced: f64| {
        let mut found = checkpoints(&[(0.5, 0.5)]);
        found[0].target = Some(Scores { accuracy: 0.5, balanced_accuracy: Some(balanced), auc: None });
        row(name, vec![seed(1, found)])
    };
    let rows = [with("color", 0.5), with("full", 0.6), with("ceiling", 0.9)];
    near(gap_recovery(&rows, Measure::BalancedAccuracy)["full"].mean, 0.25);
}
