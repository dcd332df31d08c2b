//! Pages about batches and trainings: one file each, that opens from the disk in any browser and asks no network for anything.

mod batch;

pub use batch::{BatchReport, Look, Pictures, Recipe, SlideReport, Status};
