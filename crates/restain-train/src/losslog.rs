//! The loss log: one JSON object a line, one line a step.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{Error, Result, state::write_whole};

/// Name of the log in the output folder.
pub const LOG_FILE: &str = "log.jsonl";

/// Appends to the loss log.
pub(crate) struct LossLog {
    path: PathBuf,
    file: BufWriter<File>,
}

/// What every line has.
#[derive(Deserialize)]
struct Line {
    step: u64,
}

impl LossLog {
    /// Opens the log for a run that has taken `steps` steps; lines of later steps, written after the last
    /// checkpoint, go.
    pub(crate) fn open(path: &Path, steps: u64) -> Result<Self> {
        let old = if steps == 0 { String::new() } else { std::fs::read_to_string(path).unwrap_or_default() };
        let taken = |line: &&str| serde_json::from_str::<Line>(line).is_ok_and(|line| line.step <= steps);
        let text = old.lines().filter(taken).fold(String::new(), |text, line| text + line + "\n");
        write_whole(path, text.as_bytes())?;
        let fault = |source| Error::Write { path: path.to_path_buf(), source };
        let file = File::options().append(true).open(path).map_err(fault)?;
        Ok(Self { path: path.to_path_buf(), file: BufWriter::new(file) })
    }

    /// Adds a step: an object with its number, counted from 1, under `step`.
    pub(crate) fn add(&mut self, step: &impl Serialize) -> Result<()> {
        let json = serde_json::to_string(step).map_err(|error| self.fault(error.into()))?;
        writeln!(self.file, "{json}").map_err(|source| self.fault(source))
    }

    /// Brings what was added to the disk.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.file.flush().map_err(|source| self.fault(source))
    }

    fn fault(&self, source: std::io::Error) -> Error {
        Error::Write { path: self.path.clone(), source }
    }
}
