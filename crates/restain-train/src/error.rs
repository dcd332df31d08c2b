//! What can go wrong in training, each with its place and its cause.

use std::path::PathBuf;

/// Why training or evaluation could not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration cannot be read from disk.
    #[error("cannot read the configuration {path}: {source}", path = .path.display())]
    ConfigRead {
        /// The configuration file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The configuration is not valid YAML, or has an unknown, missing or mistyped setting.
    #[error("{path}{line}: {message}", path = .path.display(), line = .line.map_or(String::new(), |l| format!(":{l}")))]
    ConfigSyntax {
        /// The configuration file.
        path: PathBuf,
        /// The line of the fault, counted from 1, where the parser knows it.
        line: Option<usize>,
        /// What is wrong there.
        message: String,
    },
    /// A setting's value makes no sense.
    #[error("{path}{line}: `{setting}` {message}", path = .path.display(), line = .line.map_or(String::new(), |l| format!(":{l}")))]
    Setting {
        /// The configuration file.
        path: PathBuf,
        /// The line of the setting, counted from 1; `None` where it is not written out in the file.
        line: Option<usize>,
        /// The setting, with the section it is in.
        setting: String,
        /// What is wrong with it and what it may be.
        message: String,
    },
    /// The split of a domain has no part of that name.
    #[error("there is no part `{part}`: the parts are {known}")]
    NoPart {
        /// The part that was asked for.
        part: String,
        /// The parts there are, comma separated.
        known: String,
    },
    /// Samples that must have a label do not.
    #[error(
        "{unlabelled} of {samples} samples have no label, normal or abnormal, which {what} needs; label them under `source`"
    )]
    Unlabelled {
        /// How many have none.
        unlabelled: usize,
        /// How many there are.
        samples: usize,
        /// What needs them.
        what: &'static str,
    },
    /// The images cannot be found or read.
    #[error(transparent)]
    Data(#[from] restain_data::Error),
    /// The colours of a domain cannot be measured.
    #[error("measuring {what}: {source}")]
    Measure {
        /// What was measured.
        what: &'static str,
        /// What is wrong with it.
        source: restain_stain::error::Error,
    },
    /// A training state cannot be continued from.
    #[error("{path}: a model of base {base} cannot be what G of base {wanted} begins with; set `base: {base}`", path = .path.display())]
    BeginWith {
        /// The model.
        path: PathBuf,
        /// Its base width.
        base: usize,
        /// The base width of the run.
        wanted: usize,
    },
    /// A saved state that cannot be gone on from.
    #[error("cannot resume from {path}: {reason}", path = .path.display())]
    State {
        /// The state file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// A run is already in the output folder.
    #[error("{path} holds the state of an earlier run; continue it with `resume`, or choose another `output`", path = .path.display())]
    Occupied {
        /// The state file found.
        path: PathBuf,
    },
    /// A result cannot be written.
    #[error("cannot write {path}: {source}", path = .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A loss, a gradient or a weight is infinite or not a number; the last checkpoint is from before.
    #[error(
        "{what} is not finite at step {step}; resume from the last checkpoint with a lower `learning_rate` or with `clip`"
    )]
    NotFinite {
        /// The step, counted from 1.
        step: u64,
        /// The loss's, the network's or the weight's name.
        what: String,
    },
    /// A thread that prepares patches ended early.
    #[error("a loader thread ended before step {step}: this is a fault of restain, please report it")]
    Loader {
        /// The step whose batch is missing, counted from 1.
        step: u64,
    },
    /// The tensor library failed.
    #[error("{doing}: {source}")]
    Tensor {
        /// What was being done.
        doing: String,
        /// What candle said.
        source: candle_core::Error,
    },
    /// The network or its checkpoint failed.
    #[error(transparent)]
    Net(#[from] restain_net::Error),
}

/// What every function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Says what was being measured.
pub(crate) trait Measuring<T> {
    fn measuring(self, what: &'static str) -> Result<T>;
}

impl<T> Measuring<T> for Result<T, restain_stain::error::Error> {
    fn measuring(self, what: &'static str) -> Result<T> {
        self.map_err(|source| Error::Measure { what, source })
    }
}

/// Says what was being done when candle failed.
pub(crate) trait While<T> {
    fn while_(self, doing: impl FnOnce() -> String) -> Result<T>;
}

impl<T> While<T> for candle_core::Result<T> {
    fn while_(self, doing: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| Error::Tensor { doing: doing(), source })
    }
}
