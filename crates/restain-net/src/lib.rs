//! The networks of restain on candle: G, checkpoints with their model card, inference.

pub mod conv;
pub mod generator;

pub use generator::Generator;
