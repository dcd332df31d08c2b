//! Makes MIRAX slides, from procedural Pap-smear cells or from given pictures.
//!
//! A synthetic slide has everything a real one of a 3DHISTECH scanner has and that makes reading it hard:
//! overlapping camera photographs that lie off-grid, gaps that were never scanned, zoom levels made photograph
//! by photograph, several data files, associated images. And it has what a real one lacks: the true picture,
//! from [`Drawing`], pixel for pixel, which cells are where, and the same cells in another scanner's colours, from another [`Style`].
//!
//! ```no_run
//! use std::{ops::ControlFlow, path::Path};
//! use restain_synth::{SlideSpec, write_slide};
//!
//! let spec = SlideSpec { coverage: 0.8, ..SlideSpec::new(8000, 8000) };
//! let summary = write_slide(&spec, Path::new("demo.mrxs"), &|_done| ControlFlow::Continue(()))?;
//! println!("{} of {} photographs", summary.photos_scanned, summary.photos);
//! # Ok::<(), restain_synth::Error>(())
//! ```

mod annotations;
mod cells;
mod drawing;
mod error;
mod hash;
mod mirax;
mod picture;
mod pictures;
mod spec;

pub use annotations::write_annotations;
pub use cells::Style;
pub use drawing::Drawing;
pub use error::{Error, Result};
pub use mirax::{Summary, write_slide};
pub use picture::{Cell, Picture, Rect};
pub use spec::{Repeat, SlideSpec, Source};
