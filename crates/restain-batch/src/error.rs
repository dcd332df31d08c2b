//! Why a batch, or one slide of it, could not be done.

use std::{io, path::PathBuf};

/// An error of this crate: where it happened, why, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An input that is nothing one can look for slides in.
    #[error("{input}: {reason}")]
    Input {
        /// As it was given.
        input: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Two slides would be written to one output.
    #[error(
        "{} and {} would both become {name}.tif; run them into folders of their own, name their outputs in a manifest, or all by their content with --rename hash",
        .first.display(), .second.display()
    )]
    SameName {
        /// The name.
        name: String,
        /// The one.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// A manifest that cannot be read.
    #[error("{}: {message}", .path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its line.
        message: String,
    },
    /// A run file that cannot be read or makes no sense.
    #[error("{}: {message}", .path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its line.
        message: String,
    },
    /// A setting that makes no sense.
    #[error("{0}")]
    Setting(String),
    /// The output folder, or something in it, cannot be used.
    #[error("{}: {doing}: {cause}; {}", .path.display(), advice(.cause))]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        cause: io::Error,
    },
    /// A link, or something else, in the place of a file or folder of the batch.
    #[error("{}: restain has not made what lies there, and it could lead out of the folder; remove it", .0.display())]
    Stranger(PathBuf),
    /// A folder in which nothing is known of any batch.
    #[error("{}: no batch has been run into this folder; check the path", .0.display())]
    NoBatch(PathBuf),
    /// The file system has no locks.
    #[error(
        "{}: this file system has no locks ({cause}); run a part of the slides into a folder of its own on each machine",
        .path.display()
    )]
    NoLocks {
        /// The lock's file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A file of the input cannot be read.
    #[error("{}: cannot be read: {cause}; check its permissions and the disk", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A file in the place of an output that no record knows.
    #[error("{} exists already, and not from a batch; move it away", .0.display())]
    Foreign(PathBuf),
    /// The mapping of names cannot go there.
    #[error("{}: {reason}; name another file with --mapping", .path.display())]
    Mapping {
        /// The mapping's file.
        path: PathBuf,
        /// Why.
        reason: &'static str,
    },
    /// There is less room on the disk than the output may need.
    #[error(
        "{}: {free} bytes are free, and the next slide may need {needed}; free some space and run the same command again",
        .folder.display()
    )]
    NoRoom {
        /// The output folder.
        folder: PathBuf,
        /// Bytes free.
        free: u64,
        /// Bytes that the slide may need.
        needed: u64,
    },
    /// The slide could not be normalized.
    #[error(transparent)]
    Pipeline(#[from] restain_pipeline::Error),
    /// The output is not as it was written.
    #[error(transparent)]
    Tiff(#[from] restain_tiff::Error),
    /// The model cannot be used.
    #[error(transparent)]
    Net(#[from] restain_net::Error),
    /// The slide cannot be opened.
    #[error(transparent)]
    Slide(#[from] restain_slide::Error),
    /// An output cannot be compared with its slide.
    #[error(transparent)]
    Quality(#[from] restain_quality::Error),
    /// The report cannot be made.
    #[error(transparent)]
    Report(#[from] restain_report::Error),
    /// The process that works on slides cannot be started.
    #[error("cannot start a process: {0}")]
    Start(io::Error),
    /// The process that works on slides says something else than it should.
    #[error("the working process does not understand, or is not understood: {0}")]
    Protocol(String),
}

impl Error {
    /// Whether every further slide would fail of the same cause.
    pub(crate) fn stops_all(&self) -> bool {
        use restain_tiff::Error as Tiff;
        let tiff = |error: &Tiff| {
            matches!(error, Tiff::DiskFull { .. } | Tiff::NotWritable { .. } | Tiff::NoFolder { .. })
        };
        match self {
            Self::NoRoom { .. } | Self::NoLocks { .. } | Self::Folder { .. } | Self::Stranger(_) => true,
            Self::Pipeline(restain_pipeline::Error::Tiff(error)) | Self::Tiff(error) => tiff(error),
            _ => false,
        }
    }

    /// The message without what may name a person in a slide's files; see [`restain_slide::Error::discreet`].
    pub(crate) fn discreet(&self) -> String {
        match self {
            Self::Slide(error)
            | Self::Pipeline(restain_pipeline::Error::Slide(error))
            | Self::Quality(restain_quality::Error::Slide(error)) => error.discreet(),
            Self::Unreadable { cause, .. } => {
                format!("a file of the slide cannot be read: {cause}; check its permissions and the disk")
            }
            other => other.to_string(),
        }
    }

    /// Whether the user has stopped it.
    pub(crate) fn is_interrupt(&self) -> bool {
        matches!(
            self,
            Self::Pipeline(restain_pipeline::Error::Interrupted)
                | Self::Tiff(restain_tiff::Error::Stopped)
                | Self::Quality(restain_quality::Error::Interrupted)
        )
    }
}

/// What to do about a folder or a file that cannot be used.
fn advice(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space and run the same command again"
        }
        io::ErrorKind::NotFound => "has the output folder been moved? Run the same command again",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "choose a folder that may be written to, or change its permissions"
        }
        _ => "check the disk and run the same command again",
    }
}
