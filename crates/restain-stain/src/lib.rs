//! Colour math without I/O: stain removal, colour statistics and image metrics.

pub mod histogram;
pub mod metrics;
pub mod removal;
