//! A dataset: the samples of all its sources.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{
    Error, Manifest, Padding, Part, Patch, Result, Sample, Settings, Split, find::find, patch::Cutter,
};

/// The samples of a manifest, sorted by picture and place; at least one.
#[derive(Debug)]
pub struct Dataset {
    samples: Vec<Sample>,
    skipped: usize,
    split: Option<Split>,
    cutter: Arc<Cutter>,
}

impl Dataset {
    /// Reads a manifest and finds its samples. Of images, the head is read; slides are opened once.
    ///
    /// # Errors
    /// Those of [`Manifest::load`] and [`Dataset::build`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::build(&Manifest::load(path)?, path.parent().unwrap_or(Path::new("")))
    }

    /// Finds the samples of a manifest whose paths begin at `base`.
    ///
    /// # Errors
    /// If a setting makes no sense, a folder, table, annotation file, image or slide cannot be read or is wrong, a class
    /// has no label, a place lies outside its picture, a picture belongs to two groups, its scale is not known where a
    /// scale was asked for, or nothing is left.
    pub fn build(manifest: &Manifest, base: &Path) -> Result<Self> {
        if let Some((key, message)) = manifest.fault() {
            let message = format!("`{key}` {message}");
            return Err(Error::Content { path: base.to_owned(), line: None, message });
        }
        let settings = &manifest.patches;
        let mut samples = Vec::new();
        for source in &manifest.sources {
            samples.extend(find(source, base, settings)?);
        }
        let found = samples.len();
        let mut fits = Vec::with_capacity(found);
        for sample in samples {
            if keeps(&sample, settings)? {
                fits.push(sample);
            }
        }
        if fits.is_empty() {
            return Err(Error::Empty { found });
        }
        one_group_each(&fits)?;
        fits.sort_by(Sample::order);
        let skipped = found - fits.len();
        let cutter = Arc::new(Cutter::new(settings.clone()));
        Ok(Self { samples: fits, skipped, split: manifest.split.clone(), cutter })
    }

    /// What patches are.
    pub fn settings(&self) -> &Settings {
        &self.cutter.settings
    }

    /// Its samples.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// How many samples [`Padding::Skip`] left out.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// Its groups.
    pub fn groups(&self) -> BTreeSet<&str> {
        self.samples.iter().map(|sample| &*sample.group).collect()
    }

    /// The patch about a sample's centre, which is the same each time.
    ///
    /// # Errors
    /// If the picture cannot be read or decoded, or is no longer what it was.
    pub fn read(&self, sample: &Sample) -> Result<Patch> {
        self.cutter.read(sample)
    }

    /// All of it as one part.
    pub fn whole(&self) -> Part {
        Part::new(self.samples.clone(), self.cutter.clone())
    }

    /// Cuts it into parts by groups; no part is empty.
    ///
    /// # Errors
    /// Those of [`Split::assign`].
    pub fn split(&self, split: &Split) -> Result<BTreeMap<String, Part>> {
        let assigned = split.assign(&self.groups())?;
        let mut parts: BTreeMap<String, Vec<Sample>> = BTreeMap::new();
        for sample in &self.samples {
            parts.entry(assigned[&*sample.group].clone()).or_default().push(sample.clone());
        }
        let part = |(name, samples)| (name, Part::new(samples, self.cutter.clone()));
        Ok(parts.into_iter().map(part).collect())
    }

    /// Cuts it into the parts that its manifest states; without any, all of it is the part `train`.
    ///
    /// # Errors
    /// Those of [`Split::assign`].
    pub fn split_as_stated(&self) -> Result<BTreeMap<String, Part>> {
        match &self.split {
            Some(split) => self.split(split),
            None => Ok(BTreeMap::from([("train".to_owned(), self.whole())])),
        }
    }
}

/// Whether a sample's patch can be made as the padding wants it.
fn keeps(sample: &Sample, settings: &Settings) -> Result<bool> {
    let frame = sample.picture.frame(settings)?;
    Ok(settings.padding != Padding::Skip || frame.inside(&frame.about(sample.centre())))
}

/// Sees to it that a picture, by whatever name, is in one group only.
fn one_group_each(samples: &[Sample]) -> Result<()> {
    let mut real: HashMap<&Path, PathBuf> = HashMap::new();
    let mut groups: HashMap<PathBuf, &str> = HashMap::new();
    for sample in samples {
        let path = sample.picture.path.as_path();
        let real =
            real.entry(path).or_insert_with(|| path.canonicalize().unwrap_or_else(|_| path.to_owned()));
        let first = *groups.entry(real.clone()).or_insert(&sample.group);
        if first != &*sample.group {
            let (first, second) = (first.to_owned(), sample.group.to_string());
            return Err(Error::TwoGroups { path: path.to_owned(), first, second });
        }
    }
    Ok(())
}
