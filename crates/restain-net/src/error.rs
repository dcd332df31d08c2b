use std::path::PathBuf;

/// Why a model could not be loaded, run or saved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A checkpoint could not be read or written.
    #[error("{}: cannot {action} the model: {cause}{}", path.display(), if *action == "read" { "; give the path of a checkpoint (.safetensors)" } else { "" })]
    Io {
        /// The checkpoint.
        path: PathBuf,
        /// Read or write.
        action: &'static str,
        /// What the system says.
        cause: std::io::Error,
    },
    /// A checkpoint is damaged, or is none.
    #[error("{}: not a usable model: {reason}", path.display())]
    Checkpoint {
        /// The checkpoint.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// A device name that means nothing.
    #[error("no such device: {0}; choose auto, cpu, cuda or cuda:N")]
    DeviceName(String),
    /// The GPU that was asked for cannot be used.
    #[error("cannot use cuda:{index}: {reason}; use --device cpu, or auto")]
    Gpu {
        /// Its number.
        index: usize,
        /// Why.
        reason: String,
    },
    /// An input whose shape G cannot take.
    #[error(
        "G takes images of two channels whose sides are multiples of 64, and a core inside, not {width} x {height} px in {values} values"
    )]
    Input {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Values given.
        values: usize,
    },
    /// The tensor library failed.
    #[error("the network failed: {0}")]
    Tensor(#[from] candle_core::Error),
}

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;
