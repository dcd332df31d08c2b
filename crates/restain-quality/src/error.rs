//! Why a slide and its output could not be compared.

use std::path::PathBuf;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a slide and its output could not be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The slide or its output could not be read.
    #[error(transparent)]
    Slide(#[from] restain_slide::Error),
    /// The output has another size than the part of the slide that it is said to show.
    #[error("{}: {} x {} px, but the part of the slide that it is said to show has {} x {} px; is it the output of this slide?", output.display(), shown[0], shown[1], said[0], said[1])]
    Size {
        /// The output.
        output: PathBuf,
        /// Its width and height.
        shown: [i64; 2],
        /// Width and height of the part of the slide.
        said: [i64; 2],
    },
    /// An output that does not say what it shows of which level of the slide.
    #[error("the output does not say what of the slide it shows: {0}; is it one of restain's?")]
    Source(serde_json::Error),
    /// A picture could not be compressed.
    #[error("cannot compress a picture for the report: {0}")]
    Jpeg(#[from] turbojpeg::Error),
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted,
}
