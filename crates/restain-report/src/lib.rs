//! Pages about batches, trainings and evaluations: one file each, that opens from the disk in any browser and asks no network for
//! anything.

mod batch;
mod checks;
mod error;
mod evaluation;
mod figures;
mod file;
mod loss_log;
mod page;
mod properties;
mod run;
mod training;

pub use batch::{BatchReport, Look, Pictures, Recipe, SlideReport, Status};
pub use error::{Error, Result};
pub use run::run;
