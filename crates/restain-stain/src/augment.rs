//! The colour augmentations that the paper compares with (IV.D and Table I).

mod hsv;
mod pca;

pub use hsv::{HsvChange, HsvRanges};
pub use pca::PcaNoise;
