//! How fast a run goes, and how long it still takes.

use std::time::{Duration, Instant};

/// The pace of a run since it was started or resumed.
#[derive(Debug)]
pub(crate) struct Pace {
    started: Instant,
    first: u64,
    steps: u64,
    batch: u32,
    waited: Duration,
}

/// The pace after a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    /// Patches of the source domain a second.
    pub(crate) patches_per_second: f64,
    /// Share of the time, in 0..=1, that the networks waited for patches.
    pub(crate) waited: f64,
    /// Time left at that rate.
    pub(crate) left: Duration,
}

impl Pace {
    /// Of the steps `first..steps`, with `batch` patches each.
    pub(crate) fn new((first, steps): (u64, u64), batch: u32) -> Self {
        Self { started: Instant::now(), first, steps, batch, waited: Duration::ZERO }
    }

    /// Runs `next`, which waits for patches.
    pub(crate) fn waiting<T>(&mut self, next: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let patches = next();
        self.waited += begun.elapsed();
        patches
    }

    /// The rate after `done` steps in all.
    pub(crate) fn after(&self, done: u64) -> Rate {
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = (done - self.first) as f64 / seconds;
        Rate {
            patches_per_second: rate * f64::from(self.batch),
            waited: self.waited.as_secs_f64() / seconds,
            left: Duration::from_secs_f64((self.steps - done) as f64 / rate),
        }
    }
}
