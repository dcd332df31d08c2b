//! The networks of restain on candle: G, its discriminators, checkpoints with their model card, inference; T.
//!
//! [`Generator`] is G in a form that trains, [`Model`] a checkpoint in use. [`halo`] says how far G looks.
//! [`TaskNetwork`] is T, which tells classes of images apart.

mod adam;
mod card;
mod checkpoint;
mod colour;
mod conv;
mod cpu;
mod device;
mod discriminator;
mod distance;
mod engine;
mod error;
mod file;
mod folded;
mod form;
#[cfg(any(feature = "cuda", test))]
mod frozen;
mod generator;
mod gpu;
mod matmul;
mod model;
mod need;
mod norm;
mod precision;
mod receptive;
mod task;
#[cfg(test)]
mod testing;
mod transpose;
mod values;

pub use adam::{AdamStep, adam_on_gpu};
pub use card::{ARCHITECTURE, Card};
pub use checkpoint::{Checkpoint, Storage, hex};
pub use device::{DeviceChoice, Place, find_place, open_device};
pub use discriminator::Discriminator;
pub use distance::mean_distance;
pub use engine::{Pixels, Window};
pub use error::{Error, Result};
pub use file::{read_at_most, read_configuration, write_whole, write_whole_by};
pub use generator::Generator;
pub use model::{Model, SHIPPED_NAME, sha256_of};
pub use need::Area;
pub use precision::Precision;
pub use receptive::{GRID, field, halo};
pub use task::{ResNet, TaskNetwork, TaskWeights};
