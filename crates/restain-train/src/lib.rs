//! Datasets and the training loop.
//!
//! [`run`] takes a [`TrainConfig`] and folders of images to a finished model, in the stages of the paper: per-pixel
//! regression from GM to the image, intra-domain and inter-domain adversarial learning.

pub mod adam;
pub mod config;
pub mod dataset;
mod ema;
mod error;
pub mod evaluate;
mod loader;
pub mod loss;
mod losses;
mod losslog;
mod network;
pub mod patches;
mod run;
pub mod schedule;
pub mod stage;
mod state;
mod trainer;
mod weights;

pub use config::TrainConfig;
pub use error::{Error, Result};
pub use losses::Losses;
pub use losslog::LOG_FILE;
pub use run::{EVALUATION_FILE, Outcome, Progress, run};
pub use state::STATE_FILE;
