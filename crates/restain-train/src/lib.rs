//! Datasets and the training loop.
//!
//! [`run`] takes a [`TrainConfig`] and a folder of images to a finished model: stage one of the paper, per-pixel
//! regression from GM to the image.

pub mod adam;
pub mod config;
pub mod dataset;
mod error;
pub mod evaluate;
mod loader;
pub mod loss;
mod losslog;
pub mod patches;
mod run;
pub mod schedule;
mod state;
mod trainer;
mod weights;

pub use config::TrainConfig;
pub use error::{Error, Result};
pub use losslog::LOG_FILE;
pub use run::{EVALUATION_FILE, Outcome, Progress, run};
pub use state::STATE_FILE;
