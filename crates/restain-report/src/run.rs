//! Pages about the folders that training and evaluation leave.

use std::io::Write;
use std::path::Path;

use crate::{Error, Result, evaluation::Evaluation, training::Training};

/// Writes the page about a folder of `restain train`, `restain train-task` or `restain evaluate`: loss curves, sample grids and
/// figures of a training, or tables, plots and panels of an evaluation. One file that a browser shows from the disk.
///
/// Of a training, at most 12 grids are shown, evenly over its steps. Paths that files mention are not followed.
///
/// # Errors
/// [`Error::NothingThere`] where the folder is neither, [`Error::Read`] and [`Error::Content`] where a file in it is damaged,
/// [`Error::Write`].
pub fn run(folder: &Path, out: &mut impl Write) -> Result<()> {
    folder.read_dir().map_err(|source| Error::Read { path: folder.to_owned(), source })?;
    if let Some(evaluation) = Evaluation::of(folder)? {
        return evaluation.write(out);
    }
    if let Some(training) = Training::of(folder)? {
        return training.write(out);
    }
    Err(Error::NothingThere(folder.to_owned()))
}
