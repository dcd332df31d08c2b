//! results.json on disk: read strictly, written whole or not at all.

use std::{fs, path::Path};

use restain_net::write_whole;
use serde::Deserialize;

use crate::{Error, Result, Results, VERSION};

/// What every version has.
#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

impl Results {
    /// Reads results.json.
    ///
    /// # Errors
    /// Where it cannot be read, is of another version, has a key too many or too few, or contradicts itself.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(|source| Error::Read { path: path.into(), source })?;
        Self::parse(&bytes, path)
    }

    /// Reads the bytes of results.json; `path` is only named in errors.
    ///
    /// # Errors
    /// As [`Results::load`].
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self> {
        let content = |source| Error::Content { path: path.into(), source };
        // First, as another version may well have other keys.
        let found = serde_json::from_slice::<Versioned>(bytes).map_err(content)?.version;
        if found != u64::from(VERSION) {
            return Err(Error::Version { path: path.into(), found, expected: VERSION });
        }
        let results: Self = serde_json::from_slice(bytes).map_err(content)?;
        results.check()?;
        Ok(results)
    }

    /// Writes results.json; the name holds the old content or all of the new. What is saved can be loaded.
    ///
    /// # Errors
    /// Where the records contradict themselves, or the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        self.check()?;
        let mut bytes =
            serde_json::to_vec_pretty(self).map_err(|source| Error::Content { path: path.into(), source })?;
        bytes.push(b'\n');
        write_whole(path, &bytes).map_err(|source| Error::Write { path: path.into(), source })
    }
}
