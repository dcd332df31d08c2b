//! Tables against lines written by hand.

mod common;

use common::{benchmark, checkpoints, followed, results, row, seed, single};
use restain_evaluate::{
    Benchmark, Fidelity, Measure, Scores, bhattacharyya_table, fidelity_table, followed_table, frechet_table,
    gap_recovery, report, table_1,
};

/// Two seeds untreated, at the ceiling, and of a method; one seed of a row without numbers of the target.
fn scanners() -> Benchmark {
    let mut method = row(
        "method",
        vec![
            seed(1, checkpoints(&[(0.9, 0.70), (0.8, 0.90)])),
            seed(2, checkpoints(&[(0.9, 0.80), (0.8, 0.80)])),
        ],
    );
    for found in method.seeds.iter_mut().flat_map(|seed| &mut seed.checkpoints) {
        let accuracy = found.target.unwrap().accuracy;
        found.target = Some(Scores { accuracy, balanced_accuracy: Some(0.75), auc: Some(accuracy) });
    }
    let mut untested = single("un|tested", &[0.5]);
    untested.seeds[0].checkpoints[0].target = None;
    let rows = vec![single("color", &[0.7, 0.6]), method, untested, single("ceiling", &[0.9, 1.0])];
    let gap_recovery = gap_recovery(&rows, Measure::Accuracy);
    Benchmark { gap_recovery, ..benchmark(rows) }
}

/// The method's means are 80 and 80, its variances 0.01 and 0, its maxima 90 and 80 (spread 10 / sqrt 2); it closes 10
/// of 20 and 20 of 40 points.
#[test]
fn table_1_is_that_written_by_hand() {
    let expected = "\
| | mean, paper's choice | variance | maximum | accuracy | balanced accuracy | AUC | recovery | recovery, balanced |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| Row color | 65.0 ± 7.1 | 0.00 ± 0.00 | 65.0 ± 7.1 | 65.0 ± 7.1 | - | - | - | - |
| Row method | 80.0 ± 0.0 | 0.50 ± 0.71 | 85.0 ± 7.1 | 80.0 ± 0.0 | 75.0 ± 0.0 | 80.0 ± 0.0 | 50.0 ± 0.0 | - |
| Row un\\|tested | - | - | - | - | - | - | - | - |
| Row ceiling | 95.0 ± 7.1 | 0.00 ± 0.00 | 95.0 ± 7.1 | 95.0 ± 7.1 | - | - | - | - |
";
    assert_eq!(table_1(&scanners()).unwrap(), expected);
}

#[test]
fn a_number_of_one_seed_has_no_spread_and_one_of_some_seeds_says_of_how_many() {
    let mut rows = vec![single("alone", &[0.5]), single("some", &[0.5, 0.5, 0.5])];
    rows[0].seeds[0].bhattacharyya = Some(0.20674);
    rows[1].seeds[0].bhattacharyya = Some(0.2);
    rows[1].seeds[2].bhattacharyya = Some(0.4);
    let expected = "\
| | Bhattacharyya distance |
| --- | ---: |
| Row alone | 0.2067 |
| Row some | 0.3000 ± 0.1414 (2 of 3) |
";
    assert_eq!(bhattacharyya_table(&benchmark(rows)).unwrap(), expected);
}

#[test]
fn infinite_and_tiny_numbers() {
    let mut rows = vec![single("equal", &[0.5]), single("near", &[0.5]), single("opposite", &[0.5])];
    rows[0].seeds[0].fidelity = Some(Fidelity { psnr: f64::INFINITY, ssim: 1.0, ciede2000: 0.0 });
    rows[1].seeds[0].fidelity = Some(Fidelity { psnr: 31.416, ssim: -0.000_01, ciede2000: 2.5 });
    rows[2].seeds[0].fidelity = Some(Fidelity { psnr: -0.125, ssim: -0.5, ciede2000: 100.0 });
    let expected = "\
| | PSNR, dB | SSIM | CIEDE2000 |
| --- | ---: | ---: | ---: |
| Row equal | ∞ | 1.0000 | 0.00 |
| Row near | 31.42 | 0.0000 | 2.50 |
| Row opposite | -0.12 | -0.5000 | 100.00 |
";
    assert_eq!(fidelity_table(&benchmark(rows)).unwrap(), expected);
}

#[test]
fn frechet_columns_are_not_mixed_up() {
    let mut rows = vec![single("color", &[0.5])];
    rows[0].seeds[0].frechet_colour = Some(123.456);
    rows[0].seeds[0].frechet_features = Some(7.8901);
    let table = frechet_table(&benchmark(rows)).unwrap();
    assert_eq!(table, "| | colours | features |\n| --- | ---: | ---: |\n| Row color | 123.46 | 7.890 |\n");
}

/// The end of a stage alone is in the table, not step 20.
#[test]
fn task_networks_that_were_followed() {
    let mut rows = vec![single("color", &[0.5, 0.5]), single("all", &[0.5, 0.5])];
    assert!(followed_table(&benchmark(rows.clone())).is_none());
    rows[1].seeds[0].followed = Some(followed([0.7, 0.6, 0.5], 0.05));
    rows[1].seeds[1].followed = Some(followed([0.8, 0.6, 0.5], 0.05));
    for at in &mut rows[1].seeds[1].followed.as_mut().unwrap().tasks[2].reconstructed {
        at.target.balanced_accuracy = Some(0.25);
    }
    let expected = "\
| | untreated | after l1 | after l1+gan2 |
| --- | ---: | ---: | ---: |
| best T, accuracy | 75.0 ± 7.1 | 85.0 ± 7.1 | 90.0 ± 7.1 |
| best T, balanced accuracy | - | - | - |
| medium T, accuracy | 60.0 ± 0.0 | 70.0 ± 0.0 | 75.0 ± 0.0 |
| medium T, balanced accuracy | - | - | - |
| poor T, accuracy | 50.0 ± 0.0 | 60.0 ± 0.0 | 65.0 ± 0.0 |
| poor T, balanced accuracy | - | 25.0 (1 of 2) | 25.0 (1 of 2) |
";
    assert_eq!(followed_table(&benchmark(rows.clone())).unwrap(), expected);
    assert!(report(&results(vec![benchmark(rows)])).contains(expected));
}

#[test]
fn a_report_has_what_was_measured_and_how() {
    let text = report(&results(vec![scanners()]));
    assert!(text.starts_with(
        "# Evaluation\n\nMade by `restain evaluate --config evaluate.yaml -o out` at commit 48cbbb1.\n"
    ));
    assert!(text.contains("\n## Two scanners\n\nOne scanner's pictures for a network of the other's.\n\nSource: 3D1. Target: 3D2.\n"));
    let headings: Vec<&str> = text.lines().filter(|line| line.starts_with("###")).collect();
    assert_eq!(headings, ["### Accuracy on the target (Table I)"], "tables without numbers are left out");
    assert!(text.contains(&table_1(&scanners()).unwrap()));
}
