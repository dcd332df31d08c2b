//! Plots as SVG, without fonts or anything else of the system: the same numbers give the same bytes.
//!
//! Colours are those of M. Okabe and K. Ito, "Color Universal Design (CUD)" (2008), which colour-blind
//! readers tell apart, but for yellow, which is hard to see on white. For those who see no colours, lines also differ in
//! width and dashes.

mod canvas;
mod curves;
mod error;
mod histograms;

pub use canvas::{Area, Drawn, GRID, LINE, Series, TITLE, legend, legend_width, sheet, text, within};
pub use curves::{Line, Mark, curves};
pub use error::{Error, Result};
pub use histograms::{Size, colour_histograms};
