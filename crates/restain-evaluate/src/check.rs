//! Whether records make sense: names and seeds that tell apart, steps that rise, numbers in their ranges.

use std::{collections::BTreeSet, ops::RangeInclusive};

use crate::{
    Benchmark, CheckpointResult, Error, Followed, QUALITIES, Result, Results, Row, Scores, SeedResult,
    VERSION,
};

const SHARE: RangeInclusive<f64> = 0.0..=1.0;
const FINITE: RangeInclusive<f64> = f64::MIN..=f64::MAX;
const DISTANCE: RangeInclusive<f64> = 0.0..=f64::MAX;
const MAYBE_INFINITE: RangeInclusive<f64> = 0.0..=f64::INFINITY;

impl Results {
    /// # Errors
    /// With the place of the first record that contradicts itself or another.
    pub(crate) fn check(&self) -> Result<()> {
        if self.version != VERSION {
            let message = format!("version {} where {VERSION} is written", self.version);
            return Err(Error::Record { place: "results".into(), message });
        }
        all_differ(self.benchmarks.iter().map(|benchmark| &benchmark.name), "results", "benchmark")?;
        self.benchmarks.iter().try_for_each(check_benchmark)
    }
}

fn check_benchmark(benchmark: &Benchmark) -> Result<()> {
    let place = format!("benchmark `{}`", benchmark.name);
    all_differ(benchmark.rows.iter().map(|row| &row.name), &place, "row")?;
    for (name, recovery) in benchmark.gap_recovery.iter().chain(&benchmark.gap_recovery_balanced) {
        let place = format!("{place}, gap recovery of `{name}`");
        if !benchmark.rows.iter().any(|row| row.name == *name) {
            return Err(Error::Record { place, message: "there is no such row".into() });
        }
        if recovery.seeds.is_empty() {
            return Err(Error::Record { place, message: "no seed has it; leave the row out".into() });
        }
        let numbers = recovery.seeds.iter().chain([&recovery.mean]).map(|&value| ("recovery", value, FINITE));
        all_within(&place, numbers.chain([("spread", recovery.spread, DISTANCE)]))?;
    }
    benchmark.rows.iter().try_for_each(|row| check_row(row, &format!("{place}, row `{}`", row.name)))
}

fn check_row(row: &Row, place: &str) -> Result<()> {
    all_differ(row.seeds.iter().map(|seed| seed.seed), place, "seed")?;
    row.seeds.iter().try_for_each(|seed| check_seed(seed, &format!("{place}, seed {}", seed.seed)))
}

fn check_seed(seed: &SeedResult, place: &str) -> Result<()> {
    all_rise(seed.checkpoints.iter().map(|checkpoint| checkpoint.step), place)?;
    for CheckpointResult { step, validation, target } in &seed.checkpoints {
        let place = format!("{place}, step {step}");
        all_within(&place, [Some(validation), target.as_ref()].into_iter().flatten().flat_map(shares))?;
    }
    let fidelity = seed.fidelity.map(|fidelity| {
        [
            ("psnr", fidelity.psnr, f64::MIN..=f64::INFINITY),
            ("ssim", fidelity.ssim, -1.0..=1.0),
            ("ciede2000", fidelity.ciede2000, DISTANCE),
        ]
    });
    let distances = [
        ("bhattacharyya", seed.bhattacharyya, MAYBE_INFINITE),
        ("frechet_colour", seed.frechet_colour, DISTANCE),
        ("frechet_features", seed.frechet_features, DISTANCE),
        ("seconds", Some(seed.seconds), DISTANCE),
    ];
    let seen = seed.seen.map(|seen| [("seen.gray", seen.gray, DISTANCE), ("seen.mask", seen.mask, SHARE)]);
    let distances = distances.into_iter().filter_map(|(name, value, range)| Some((name, value?, range)));
    all_within(place, fidelity.into_iter().flatten().chain(seen.into_iter().flatten()).chain(distances))?;
    seed.followed.as_ref().map_or(Ok(()), |followed| check_followed(followed, place))
}

fn check_followed(followed: &Followed, place: &str) -> Result<()> {
    let stages = format!("{place}, stages of G");
    all_rise(followed.stages.iter().map(|stage| stage.ends), &stages)?;
    for (task, quality) in followed.tasks.iter().zip(QUALITIES) {
        let place = format!("{place}, {quality} task network");
        all_rise(task.reconstructed.iter().map(|at| at.step), &place)?;
        let scores = task.reconstructed.iter().map(|at| &at.target).chain([&task.untreated]);
        all_within(&place, scores.flat_map(shares))?;
    }
    Ok(())
}

fn all_rise(mut steps: impl Iterator<Item = u64>, place: &str) -> Result<()> {
    let Some(mut before) = steps.next() else { return Ok(()) };
    for step in steps {
        if before >= step {
            let message = format!("step {before} comes before step {step}");
            return Err(Error::Record { place: place.into(), message });
        }
        before = step;
    }
    Ok(())
}

type Named = (&'static str, f64, RangeInclusive<f64>);

fn shares(scores: &Scores) -> impl Iterator<Item = Named> + use<> {
    let named = [
        ("accuracy", Some(scores.accuracy)),
        ("balanced_accuracy", scores.balanced_accuracy),
        ("auc", scores.auc),
    ];
    named.into_iter().filter_map(|(name, value)| Some((name, value?, SHARE)))
}

fn all_within(place: &str, numbers: impl IntoIterator<Item = Named>) -> Result<()> {
    match numbers.into_iter().find(|(_, value, range)| !range.contains(value)) {
        None => Ok(()),
        Some((name, value, range)) => {
            let message = format!("`{name}` is {value}, not in {:e} to {:e}", range.start(), range.end());
            Err(Error::Record { place: place.into(), message })
        }
    }
}

fn all_differ<T: Ord + std::fmt::Display>(
    names: impl Iterator<Item = T>,
    place: &str,
    kind: &str,
) -> Result<()> {
    let mut seen = BTreeSet::new();
    for name in names {
        if seen.contains(&name) {
            let message = format!("there are two records of {kind} `{name}`");
            return Err(Error::Record { place: place.into(), message });
        }
        seen.insert(name);
    }
    Ok(())
}
