//! Datasets and the training loop.
//!
//! [`run`] takes a [`TrainConfig`] and folders of images to a finished model, in the stages of the paper: per-pixel
//! regression from GM to the image, intra-domain and inter-domain adversarial learning.

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
pub use run::{EVALUATION_FILE, Outcome, Progress, run};
pub use scores::Scores;
pub use state::STATE_FILE;
