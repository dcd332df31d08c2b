//! What was measured of a row with a seed, kept beside the networks: an evaluation that goes on measures nothing twice.

use std::path::{Path, PathBuf};

use restain_stain::quantile::STEEPEST;

use crate::{
    Error, Result, SeedResult, VERSION,
    config::{Config, Normalize, RowConfig, Target},
    methods::Method,
    trained::key,
};

/// Where the result of a row with a seed is kept: its name stands for everything that it depends on.
pub(crate) struct Kept(PathBuf);

impl Kept {
    pub(crate) fn of(
        cache: &Path,
        config: &Config,
        target: &Target,
        (row, method): (&RowConfig, &Method),
        seed: u64,
    ) -> Result<Self> {
        // Names and titles change no number.
        let Target { scanner, sources, split, train, test, .. } = target;
        let target = (scanner, sources, split, train, test);
        let Config { patches, source, task, generator, .. } = config;
        let source = (&source.sources, &source.split, &source.train, &source.validation, &source.test);
        let row = (row.sight, row.augmentation, &row.normalize);
        let settings = (VERSION, seed, patches, source, task, generator, target, row);
        // Networks that are trained for the row follow from its settings; a file may be replaced. So may the map's own limit.
        let key = match (row.2, method) {
            (normalize, _) if normalize.maps() => key(&(settings, STEEPEST))?,
            (Normalize::Model(_), Method::Generator(g)) => key(&(settings, STEEPEST, g.model.sha256()))?,
            _ => key(&settings)?,
        };
        Ok(Self(cache.join(format!("row-{key}.json"))))
    }

    /// The result, where there is one that can be read; it is measured again otherwise.
    pub(crate) fn read(&self) -> Option<SeedResult> {
        serde_json::from_slice(&std::fs::read(&self.0).ok()?).ok()
    }

    /// Keeps a result.
    pub(crate) fn write(&self, result: &SeedResult) -> Result<()> {
        let json = serde_json::to_vec(result).map_err(|error| Error::Key(error.to_string()))?;
        restain_net::write_whole(&self.0, &json)
            .map_err(|source| Error::Write { path: self.0.clone(), source })
    }
}
