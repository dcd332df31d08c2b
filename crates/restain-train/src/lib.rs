//! Training of G and its discriminators, and of T.
//!
//! [`run`] takes a [`TrainConfig`] to a finished model in the stages of the paper (IV.F): per-pixel regression from GM to the
//! image with intra-domain adversarial learning, inter-domain adversarial learning, and the guidance of a frozen T.
//! [`task::train`] trains T. Both draw their patches from [`restain_data`], on threads of their own, and a run that was
//! stopped or killed goes on from its last checkpoint.

pub mod adam;
pub mod config;
pub mod domain;
mod ema;
mod error;
pub mod evaluate;
mod grid;
mod loader;
pub mod loss;
mod losses;
mod losslog;
mod network;
mod pace;
pub mod patches;
mod run;
pub mod schedule;
mod scores;
mod seen;
pub mod stage;
mod state;
pub mod task;
mod trainer;
mod weights;

pub use config::TrainConfig;
pub use error::{Error, Result};
pub use grid::PICTURES;
pub use losses::Losses;
pub use losslog::LOG_FILE;
pub use run::{EVALUATION_FILE, Outcome, Progress, SNAPSHOTS, run, snapshot_path};
pub use scores::Scores;
pub use state::{STATE_FILE, parse as parse_state};
