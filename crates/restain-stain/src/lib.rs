//! Colour math without I/O: stain removal, colour statistics, colour transforms and image metrics.

pub mod affine;
pub mod augment;
pub mod boxes;
pub mod error;
pub mod gaussian;
pub mod histogram;
pub mod lab;
mod matrix;
pub mod metrics;
pub mod quantile;
pub mod reference;
pub mod reinhard;
pub mod removal;
pub mod scanner;
mod symmetric;
