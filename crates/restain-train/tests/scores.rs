//! Scores against counts of every sample and of every pair of samples.

use std::cmp::Ordering;

use proptest::prelude::*;
use restain_train::Scores;

/// By the definitions, one sample and one pair at a time; NaN where a class is missing.
fn counted(predictions: &[(f64, bool)]) -> [f64; 3] {
    let mut right = [0.0; 2];
    let mut all = [0.0; 2];
    for &(probability, abnormal) in predictions {
        all[usize::from(abnormal)] += 1.0;
        if (probability >= 0.5) == abnormal {
            right[usize::from(abnormal)] += 1.0;
        }
    }
    let mut won = 0.0;
    for (abnormal, _) in predictions.iter().filter(|sample| sample.1) {
        for (normal, _) in predictions.iter().filter(|sample| !sample.1) {
            won += match abnormal.partial_cmp(normal).unwrap() {
                Ordering::Greater => 1.0,
                Ordering::Equal => 0.5,
                Ordering::Less => 0.0,
            };
        }
    }
    let accuracy = (right[0] + right[1]) / (all[0] + all[1]);
    [accuracy, f64::midpoint(right[0] / all[0], right[1] / all[1]), won / (all[0] * all[1])]
}

proptest! {
    /// Few different probabilities, so that ties abound, and the threshold is one of them.
    #[test]
    fn scores_are_those_counted_by_hand(
        predictions in prop::collection::vec(((0u8..=6).prop_map(|sixths| f64::from(sixths) / 6.0), any::<bool>()), 1..60)
    ) {
        let [accuracy, balanced, auc] = counted(&predictions);
        let scores = Scores::of(&predictions).unwrap();
        prop_assert!((scores.accuracy - accuracy).abs() < 1e-12);
        prop_assert_eq!(scores.balanced_accuracy.is_none(), balanced.is_nan());
        prop_assert_eq!(scores.auc.is_none(), auc.is_nan());
        prop_assert!(scores.balanced_accuracy.is_none_or(|value| (value - balanced).abs() < 1e-12));
        prop_assert!(scores.auc.is_none_or(|value| (value - auc).abs() < 1e-12));
    }
}

/// The example of scikit-learn's `roc_auc_score`: 0.75.
#[test]
fn a_published_area() {
    let scores = Scores::of(&[(0.1, false), (0.4, false), (0.35, true), (0.8, true)]).unwrap();
    assert_eq!(scores.auc, Some(0.75));
    assert_eq!((scores.accuracy, scores.balanced_accuracy), (0.75, Some(0.75)));
}

#[test]
fn zeros_of_both_signs_tie() {
    assert_eq!(Scores::of(&[(0.0, true), (-0.0, false)]).unwrap().auc, Some(0.5));
}

#[test]
fn a_diverged_network_is_an_error_and_not_a_score() {
    assert!(Scores::of(&[]).is_none());
    assert!(Scores::of(&[(0.2, true), (f64::NAN, true)]).is_none());
    assert!(Scores::of(&[(1.1, true)]).is_none());
}
