//! Whether normalizing a slide did harm: a slide is compared with its output, and what was found is said in figures, in words,
//! and in pictures.

mod checks;
mod error;
mod examine;
mod look;
mod pair;
mod plane;
mod region;
mod sample;
mod source;
mod survey;
mod thumbnail;

pub use checks::Check;
pub use error::{Error, Result};
pub use examine::{Examination, examine, pictures};
pub use region::Region;
pub use source::Source;
