//! The loss log: a CSV file with one line a step.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use crate::{Error, Result, losses::Losses, stage::Place, state::write_whole};

/// Name of the log in the output folder.
pub const LOG_FILE: &str = "loss.csv";
const HEADER: &str = "step,stage,g,l1,gan1,gan2,d1,d2,learning_rate,seconds";

/// Appends to the loss log.
pub(crate) struct LossLog {
    path: PathBuf,
    file: BufWriter<File>,
}

impl LossLog {
    /// Opens the log for a run that has taken `steps` steps; lines of later steps, written after the last
    /// checkpoint, go.
    pub(crate) fn open(path: &Path, steps: u64) -> Result<Self> {
        let old = if steps == 0 { String::new() } else { std::fs::read_to_string(path).unwrap_or_default() };
        let mut text = format!("{HEADER}\n");
        let step_of = |line: &str| line.split(',').next().and_then(|step| step.parse::<u64>().ok());
        for line in old.lines().filter(|line| step_of(line).is_some_and(|step| step <= steps)) {
            text.push_str(line);
            text.push('\n');
        }
        write_whole(path, text.as_bytes())?;
        let fault = |source| Error::Write { path: path.to_path_buf(), source };
        let file = File::options().append(true).open(path).map_err(fault)?;
        Ok(Self { path: path.to_path_buf(), file: BufWriter::new(file) })
    }

    /// Adds one step, counted from 1, at its place; a loss that takes no part leaves its column empty. The learning rate
    /// is G's, `seconds` the step's own time.
    pub(crate) fn add(&mut self, step: u64, place: Place, losses: &Losses, seconds: f64) -> Result<()> {
        let number = |(_, loss): (_, Option<f32>)| loss.map_or(String::new(), |loss| format!("{loss:.6}"));
        let losses = losses.named().map(number).join(",");
        let rate = place.factor * place.stage.learning_rate.g;
        writeln!(self.file, "{step},{},{losses},{rate:.3e},{seconds:.3}", place.number)
            .map_err(|source| self.fault(source))
    }

    /// Brings what was added to the disk.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.file.flush().map_err(|source| self.fault(source))
    }

    fn fault(&self, source: std::io::Error) -> Error {
        Error::Write { path: self.path.clone(), source }
    }
}
