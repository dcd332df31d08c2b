//! The tables of the paper's evaluation, in Markdown (IV.D, Table I and II).

mod cell;

use cell::{Cell, markdown};

use crate::{
    Benchmark, Best, Choice, Fidelity, FollowedStage, FollowedTask, Measure, OverSeeds, QUALITIES, Results,
    Row, Scores, SeedResult, best,
};

/// All tables of all benchmarks, with headings, what the columns mean, and the command that measured them.
///
/// A table without a single number is left out. The same results give the same bytes.
pub fn report(results: &Results) -> String {
    let made = format!("Made by `{}` at commit {}.", results.command, results.commit);
    let benchmarks: String = results.benchmarks.iter().map(section).collect();
    format!("# Evaluation\n\n{made}\n\n{NUMBERS_NOTE}\n{benchmarks}")
}

fn section(benchmark: &Benchmark) -> String {
    let Benchmark { title, description, source, target, .. } = benchmark;
    let tables = [
        ("Accuracy on the target (Table I)", ACCURACY_NOTE, table_1(benchmark)),
        ("Accuracy while G trains (Figure 5)", FOLLOWED_NOTE, followed_table(benchmark)),
        ("Distance of reconstruction (Table II)", BHATTACHARYYA_NOTE, bhattacharyya_table(benchmark)),
        ("What G sees", SEEN_NOTE, seen_table(benchmark)),
        ("Nearness to the truth", FIDELITY_NOTE, fidelity_table(benchmark)),
        ("Distance of normalized target and source", FRECHET_NOTE, frechet_table(benchmark)),
    ];
    let tables = tables
        .into_iter()
        .filter_map(|(heading, note, table)| Some(format!("\n### {heading}\n\n{note}\n\n{}", table?)));
    let head = format!("\n## {title}\n\n{description}\n\nSource: {source}. Target: {target}.\n");
    head + &tables.collect::<String>()
}

const NUMBERS_NOTE: &str = "Each number is `mean ± spread` over the seeds, the spread being their sample standard \
    deviation; a number without a spread comes from a single seed, one with `(n of m)` from n of the row's m. A dash is a \
    number that was not measured.";
const ACCURACY_NOTE: &str = "In percent. The first three columns are of the five checkpoints best on the target's \
    test split, as in the paper: the labels that test them also choose them. All others are of the five best on the \
    source's validation split, which no label of the target has part in. Variance is that of shares in 0..1, times 100. \
    Recovery is how much of the gap between `color` and `ceiling` a row closes.";
const FOLLOWED_NOTE: &str = "In percent: three checkpoints of one task network, on the target untreated and on what G makes \
    of it after each stage of its training. The checkpoints are the best, the one in the middle and the poorest by accuracy on \
    the source's validation split, which no label of the target has part in. The plot has the steps in between as well.";
const BHATTACHARYYA_NOTE: &str = "Bhattacharyya distance between the RGB histograms of the source's pictures and of \
    their reconstructions: 0 is the same mix of colours.";
const SEEN_NOTE: &str = "Mean absolute difference between gray and mask of the target's pictures, as G sees them, and those of \
    the same pictures in the source's colours. G cannot make up for what is lost here.";
const FIDELITY_NOTE: &str = "Normalized pictures against the same pictures in the source's colours: higher PSNR and \
    SSIM are nearer, and a lower CIEDE2000 is.";
const FRECHET_NOTE: &str = "Squared Fréchet distance between the normalized target and the source, of colours in grey \
    levels and of features of the task network: lower is nearer.";

/// Table I: accuracy on the target the paper's way, then honestly, with balanced accuracy, AUC and gap recovery; in
/// percent. `None` where no row has a number.
pub fn table_1(benchmark: &Benchmark) -> Option<String> {
    let of = |row: &Row, choice, measure, number: fn(Best) -> f64| {
        OverSeeds::of_row(row, |seed| best(&seed.checkpoints, choice, measure).map(number))
    };
    let percent = |row: &Row, number: Option<OverSeeds>| Cell::percent(number, row.seeds.len(), 1);
    let honest = |row: &Row, measure| percent(row, of(row, Choice::Honest, measure, |best| best.mean));
    let cells = |row: &Row| {
        let paper = |number| of(row, Choice::Paper, Measure::Accuracy, number);
        vec![
            percent(row, paper(|best| best.mean)),
            Cell::percent(paper(|best| best.variance), row.seeds.len(), 2),
            percent(row, paper(|best| best.maximum)),
            honest(row, Measure::Accuracy),
            honest(row, Measure::BalancedAccuracy),
            honest(row, Measure::Auc),
            percent(row, benchmark.gap_recovery.get(&row.name).cloned()),
            percent(row, benchmark.gap_recovery_balanced.get(&row.name).cloned()),
        ]
    };
    let columns = [
        "mean, paper's choice",
        "variance",
        "maximum",
        "accuracy",
        "balanced accuracy",
        "AUC",
        "recovery",
        "recovery, balanced",
    ];
    markdown(&columns, lines(benchmark, cells))
}

/// Accuracy and balanced accuracy of the task networks that were followed, on the target untreated and after each stage of
/// G, in percent. `None` where none was.
pub fn followed_table(benchmark: &Benchmark) -> Option<String> {
    let row = benchmark.rows.iter().find(|row| row.followed().next().is_some())?;
    let stages = &row.followed().next()?.stages;
    let columns: Vec<String> = stages.iter().map(|stage| format!("after {}", stage.losses)).collect();
    let columns: Vec<&str> = std::iter::once("untreated").chain(columns.iter().map(String::as_str)).collect();
    let measures = [("accuracy", Measure::Accuracy), ("balanced accuracy", Measure::BalancedAccuracy)];
    let of = |(index, quality): (usize, &str)| {
        measures.map(|(name, measure)| {
            let cell = |scores: &dyn Fn(&FollowedTask) -> Option<Scores>| {
                let number = |seed: &SeedResult| measure.of(&scores(&seed.followed.as_ref()?.tasks[index])?);
                Cell::percent(OverSeeds::of_row(row, number), row.seeds.len(), 1)
            };
            let after = |stage: &FollowedStage| {
                cell(&|task| Some(task.reconstructed.iter().find(|at| at.step == stage.ends)?.target))
            };
            let untreated = cell(&|task| Some(task.untreated));
            let cells = std::iter::once(untreated).chain(stages.iter().map(after)).collect::<Vec<_>>();
            (format!("{quality} T, {name}"), cells)
        })
    };
    let lines: Vec<_> = QUALITIES.into_iter().enumerate().flat_map(of).collect();
    markdown(&columns, lines)
}

/// Table II: the Bhattacharyya distance of the source's pictures and their reconstructions. `None` where no row has it.
pub fn bhattacharyya_table(benchmark: &Benchmark) -> Option<String> {
    plain(benchmark, &[("Bhattacharyya distance", 4, |seed| seed.bhattacharyya)])
}

/// How far what G sees is from what it would see of the truth. `None` where no row has it.
pub fn seen_table(benchmark: &Benchmark) -> Option<String> {
    let columns: [Column; 2] = [
        ("gray, grey levels", 2, |seed| seed.seen.map(|seen| seen.gray)),
        ("mask, % of pixels", 1, |seed| seed.seen.map(|seen| 100.0 * seen.mask)),
    ];
    plain(benchmark, &columns)
}

/// PSNR in dB, SSIM and CIEDE2000 of normalized pictures against their truth. `None` where no row has them.
pub fn fidelity_table(benchmark: &Benchmark) -> Option<String> {
    fn of(seed: &SeedResult, number: fn(Fidelity) -> f64) -> Option<f64> {
        seed.fidelity.map(number)
    }
    let columns: [Column; 3] = [
        ("PSNR, dB", 2, |seed| of(seed, |fidelity| fidelity.psnr)),
        ("SSIM", 4, |seed| of(seed, |fidelity| fidelity.ssim)),
        ("CIEDE2000", 2, |seed| of(seed, |fidelity| fidelity.ciede2000)),
    ];
    plain(benchmark, &columns)
}

/// Squared Fréchet distances of colours and of features. `None` where no row has one.
pub fn frechet_table(benchmark: &Benchmark) -> Option<String> {
    plain(
        benchmark,
        &[("colours", 2, |seed| seed.frechet_colour), ("features", 3, |seed| seed.frechet_features)],
    )
}

/// A heading, decimals, and the number of a seed.
type Column = (&'static str, usize, fn(&SeedResult) -> Option<f64>);

fn plain(benchmark: &Benchmark, columns: &[Column]) -> Option<String> {
    let headings: Vec<&str> = columns.iter().map(|column| column.0).collect();
    let cells = |row: &Row| {
        let cell = |&(_, decimals, number): &Column| {
            Cell::plain(OverSeeds::of_row(row, number), row.seeds.len(), decimals)
        };
        columns.iter().map(cell).collect()
    };
    markdown(&headings, lines(benchmark, cells))
}

/// A line for each row.
fn lines(benchmark: &Benchmark, cells: impl Fn(&Row) -> Vec<Cell>) -> Vec<(String, Vec<Cell>)> {
    benchmark.rows.iter().map(|row| (row.title.clone(), cells(row))).collect()
}
