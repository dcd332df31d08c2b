//! What is known of a slide: one small file each, whole or not there.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::folder::read_small;
use crate::{Fingerprint, Recipe};

/// Version of the file.
const VERSION: u32 = 1;

/// How far a slide is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Begun, and not yet ended.
    Running,
    /// Its output is whole.
    Done,
    /// It was tried and cannot be done.
    Failed,
}

/// The output of a slide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// SHA-256 of the file.
    pub sha256: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Pixels of its level 0.
    pub pixels: u64,
}

/// The record of one slide. It names no file: its own name says whose it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Version of the record.
    pub version: u32,
    /// How far the slide is.
    pub state: State,
    /// The slide's files; `None` where they could not be read.
    pub input: Option<Fingerprint>,
    /// How it was to be made.
    pub recipe: Recipe,
    /// What was made.
    pub output: Option<Output>,
    /// Why it was not.
    pub error: Option<String>,
    /// How often it was tried in the run that ended last.
    pub attempts: u32,
    /// Milliseconds since 1970 when it was begun.
    pub begun: u64,
    /// Milliseconds since 1970 when it ended.
    pub ended: Option<u64>,
    /// Seconds of work.
    pub seconds: f64,
    /// The machine that worked on it.
    pub host: String,
    /// The process that worked on it.
    pub process: u32,
}

impl Record {
    /// One that has just been begun.
    pub(crate) fn begin(input: Option<Fingerprint>, recipe: Recipe) -> Self {
        Self {
            version: VERSION,
            state: State::Running,
            input,
            recipe,
            output: None,
            error: None,
            attempts: 0,
            begun: now(),
            ended: None,
            seconds: 0.0,
            host: host(),
            process: std::process::id(),
        }
    }

    /// Whether it says that just this was done.
    pub(crate) fn has_done(&self, input: &Fingerprint, recipe: &Recipe) -> bool {
        self.state == State::Done
            && self.input.as_ref().is_some_and(|known| known.files == input.files)
            && self.recipe == *recipe
    }

    /// The record in a file; `None` where there is none that can be read: the slide is due then.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        Self::parse(&read_small(path).ok()?)
    }

    /// The record in the bytes of its file; `None` where they are none of this version.
    pub fn parse(json: &[u8]) -> Option<Self> {
        let record: Self = serde_json::from_slice(json).ok()?;
        (record.version == VERSION).then_some(record)
    }

    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
        restain_net::write_whole(path, &bytes)
    }
}

/// Milliseconds since 1970.
pub(crate) fn now() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |time| time.as_millis() as u64)
}

/// The name of this machine.
pub(crate) fn host() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}
