//! The whole job, as the command line and a YAML run file give it. `pipelines/batch.yaml` explains each setting.

use std::path::{Path, PathBuf};
use std::time::Duration;

use restain_pipeline::Settings;
use serde::{Deserialize, Serialize};

use crate::{Error, Result, Shard};

/// A batch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchConfig {
    /// Slides, folders, patterns and manifests.
    pub inputs: Vec<String>,
    /// The folder of the outputs.
    pub output: Option<PathBuf>,
    /// How each slide is normalized.
    pub normalize: Settings,
    /// Which part of the slides.
    pub shard: Option<Shard>,
    /// Minutes after which a slide is given up.
    pub timeout: Option<f64>,
    /// End with the first slide that fails.
    pub stop_on_error: bool,
    /// How outputs are called.
    pub rename: Rename,
}

/// How outputs are called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rename {
    /// As their slides.
    #[default]
    No,
    /// By a hash of their slide's content, which tells nothing about a patient.
    Hash,
}

impl BatchConfig {
    /// How long a slide may take; `None` where there is no limit, or one that makes no sense.
    pub fn limit(&self) -> Option<Duration> {
        Duration::try_from_secs_f64(self.timeout? * 60.0).ok()
    }

    /// Reads a run file.
    ///
    /// # Errors
    /// [`Error::Config`], with the line where it is known.
    pub fn load(path: &Path) -> Result<Self> {
        let text = restain_net::read_configuration(path).map_err(|error| Error::Config {
            path: path.to_owned(),
            message: format!("cannot be read: {error}"),
        })?;
        Self::parse(&text, path)
    }

    /// Reads a run file from memory; `path` is only named in errors.
    ///
    /// # Errors
    /// As [`BatchConfig::load`].
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        // An empty file asks for nothing but defaults.
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Ok(Self::default());
        }
        serde_yaml::from_str(text)
            .map_err(|error| Error::Config { path: path.to_owned(), message: error.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_run_file_holds_the_defaults() {
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../pipelines/batch.yaml"));
        assert_eq!(BatchConfig::load(path).expect("a run file"), BatchConfig::default());
    }
}
