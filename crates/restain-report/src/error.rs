//! Why there is no page.

use std::io;
use std::path::PathBuf;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The page cannot be written.
    #[error("cannot write the report: {0}; is the disk full?")]
    Write(#[from] io::Error),
    /// The figures cannot be written as JSON.
    #[error("cannot write the report's figures: {0}")]
    Json(serde_json::Error),
    /// A chart cannot be drawn.
    #[error(transparent)]
    Plot(#[from] restain_plot::Error),
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's cause.
        source: io::Error,
    },
    /// A file holds something else than its name says.
    #[error("{}: {what}; is it whole, and of this version of restain?", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A folder of nothing that there are pages about.
    #[error(
        "{}: neither log.jsonl of `restain train` nor results.md of `restain evaluate` is in it; give the folder that one of them wrote",
        .0.display()
    )]
    NothingThere(PathBuf),
}
