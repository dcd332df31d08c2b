//! A part of a dataset, to draw from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::Rng;

use crate::{
    Balance, Patch, Result, Sample, Settings,
    patch::{Cutter, keyed},
};

/// Samples of whole groups. Many threads may draw from it.
#[derive(Clone, Debug)]
pub struct Part {
    samples: Vec<Sample>,
    /// Indices of samples, by what the balance tells apart; each has the same chance.
    strata: Vec<Vec<usize>>,
    cutter: Arc<Cutter>,
}

impl Part {
    pub(crate) fn new(samples: Vec<Sample>, cutter: Arc<Cutter>) -> Self {
        let mut strata: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (index, sample) in samples.iter().enumerate() {
            let key = match cutter.settings.balance {
                Balance::None => (None, None),
                Balance::Label => (Some(sample.label), None),
                Balance::Class => (None, Some(sample.class.clone())),
            };
            strata.entry(key).or_default().push(index);
        }
        Self { samples, strata: strata.into_values().collect(), cutter }
    }

    /// Its samples, sorted by picture and place.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// What patches are.
    pub fn settings(&self) -> &Settings {
        &self.cutter.settings
    }

    /// The same samples, with patches that are something else.
    #[must_use]
    pub fn with_settings(&self, settings: Settings) -> Self {
        Self::new(self.samples.clone(), Arc::new(Cutter::new(settings)))
    }

    /// The groups in it.
    pub fn groups(&self) -> BTreeSet<&str> {
        self.samples.iter().map(|sample| &*sample.group).collect()
    }

    /// The patch about a sample's centre, which is the same each time.
    ///
    /// # Errors
    /// If the picture cannot be read or decoded any more, see [`crate::Dataset::read`].
    pub fn read(&self, sample: &Sample) -> Result<Patch> {
        self.cutter.read(sample)
    }

    /// Draws a patch, with repetition. Which one depends on the three numbers, the settings and the samples alone:
    /// steps can be prepared in any order and on any number of threads.
    ///
    /// # Errors
    /// If the picture cannot be read or decoded any more, see [`crate::Dataset::read`].
    pub fn draw(&self, seed: u64, step: u64, item: u64) -> Result<Patch> {
        let mut rng = keyed(seed, step, item);
        let mut below = |count: usize| rng.random_range(0..count as u64) as usize;
        let stratum = &self.strata[below(self.strata.len())];
        let sample = &self.samples[stratum[below(stratum.len())]];
        self.cutter.draw(sample, &mut rng)
    }

    /// Draws a patch of a sample, as [`draw`](Self::draw) does of one that it draws.
    ///
    /// # Errors
    /// As [`draw`](Self::draw).
    pub fn draw_of(&self, sample: &Sample, seed: u64, step: u64, item: u64) -> Result<Patch> {
        self.cutter.draw(sample, &mut keyed(seed, step, item))
    }

    /// One part of several of the same dataset, such as all folds but one.
    ///
    /// `None` where there are none.
    pub fn joined<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let mut parts = parts.into_iter();
        let first = parts.next()?;
        let mut samples = first.samples.clone();
        samples.extend(parts.flat_map(|part| part.samples.iter().cloned()));
        samples.sort_by(Sample::order);
        Some(Self::new(samples, first.cutter.clone()))
    }
}
