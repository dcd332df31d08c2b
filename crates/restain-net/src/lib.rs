//! The networks of restain on candle: G, checkpoints with their model card, inference.
//!
//! [`Generator`] is G in a form that trains, [`Model`] a checkpoint in use. [`halo`] says how far G looks.

mod card;
mod checkpoint;
mod conv;
mod cpu;
mod device;
mod error;
mod file;
mod folded;
mod frozen;
mod generator;
mod matmul;
mod model;
mod norm;
mod precision;
mod receptive;
mod transpose;
mod values;

pub use card::{ARCHITECTURE, Card};
pub use checkpoint::{Checkpoint, Storage};
pub use cpu::Area;
pub use device::{DeviceChoice, open_device};
pub use error::{Error, Result};
pub use file::write_whole;
pub use generator::Generator;
pub use model::{Model, Window};
pub use precision::Precision;
pub use receptive::{GRID, field, halo};
