//! What can go wrong with the records of an evaluation, each with its place and what to do.

use std::path::PathBuf;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why results cannot be scored, kept, read or drawn; the message is one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A configuration that cannot be read or makes no sense.
    #[error("{}: {message}", .path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column where they are known.
        message: String,
    },
    /// A row or a benchmark that the configuration has not.
    #[error("there is no {what} `{name}`; there are {known}")]
    Unknown {
        /// `row` or `benchmark`.
        what: &'static str,
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Settings that cannot be told from others.
    #[error("cannot name what is trained: {0}")]
    Key(String),
    /// The user has stopped the run.
    #[error("stopped; the same command goes on from here")]
    Stopped,
    /// Nothing to measure on.
    #[error("{0}")]
    Nothing(&'static str),
    /// The pictures cannot be found or read.
    #[error(transparent)]
    Data(#[from] restain_data::Error),
    /// Training failed.
    #[error(transparent)]
    Train(#[from] restain_train::Error),
    /// A model cannot be used.
    #[error(transparent)]
    Net(#[from] restain_net::Error),
    /// A colour method cannot be fitted.
    #[error(transparent)]
    Stain(#[from] restain_stain::error::Error),
    /// A file of results cannot be read.
    #[error("{}: cannot read the results: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file of results cannot be written; nothing is left of it.
    #[error("{}: cannot write the results: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file that holds no results, or not these.
    #[error("{}: not the results of an evaluation: {source}", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What the decoder said, with line and column.
        source: serde_json::Error,
    },
    /// Results of another version of the format.
    #[error("{}: results of version {found}, but this restain reads version {expected}; evaluate again", .path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
        /// The version that is read.
        expected: u32,
    },
    /// Records that contradict themselves.
    #[error("{place}: {message}")]
    Record {
        /// The benchmark, the row and the seed, as far as they are known.
        place: String,
        /// What is wrong there.
        message: String,
    },
    /// A plot of nothing, or one that cannot be drawn.
    #[error(transparent)]
    Plot(#[from] restain_plot::Error),
    /// Patches that make no panel.
    #[error("panel: {0}")]
    Panel(String),
    /// A panel that cannot be encoded.
    #[error("cannot encode the panel: {0}")]
    Image(#[from] image::ImageError),
}
