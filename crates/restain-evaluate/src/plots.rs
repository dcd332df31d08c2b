//! Plots of an evaluation, as SVG.

mod bars;
mod curves;
mod stages;

pub use bars::accuracy_bars;
pub use curves::{Curve, Point, accuracy_curves};
pub use stages::{Network, Stage, stage_curves};
