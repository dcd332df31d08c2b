//! Colour math without I/O: stain removal, colour statistics, colour transforms and image metrics.

pub mod error;
pub mod histogram;
pub mod lab;
pub mod metrics;
pub mod quantile;
pub mod removal;
