//! Plots as SVG, without fonts or anything else of the system: the same numbers give the same bytes.
//!
//! Colours are those of M. Okabe and K. Ito, "Color Universal Design (CUD)" (2008), which colour-blind
//! readers tell apart, but for yellow, which is hard to see on white. Beyond seven series, lines are dashed.

mod bars;
mod canvas;
mod curves;
mod histograms;
mod stages;

pub use bars::accuracy_bars;
pub use curves::{Curve, Point, accuracy_curves};
pub use histograms::colour_histograms;
pub use stages::{Network, Stage, stage_curves};
