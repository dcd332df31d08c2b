//! The way of a slide: read, stain removal, G, reassembly, encoding, writing; each a stage of its own, joined by
//! bounded channels, so that memory follows the width of a band of tiles and never the height of the slide.

mod compare;
mod control;
mod crop;
mod engine;
mod error;
mod memory;
mod normalize;
mod ordered;
mod picture;
mod plan;
mod preview;
mod quantile;
mod restainer;
mod settings;
mod stages;
mod style;
mod threads;

pub use compare::{Comparison, Region, Subject};
pub use control::{Progress, StageName};
pub use engine::{Engine, Loaded, Selection};
pub use error::Error;
pub use memory::peak_bytes;
pub use normalize::{Job, ModelReport, Report, SourceReport};
pub use picture::{normalize_picture, picture_format, read_picture};
pub use plan::Plan;
pub use preview::Preview;
pub use quantile::Quantile;
pub use restainer::Restainer;
pub use settings::{CompressionKind, ExtentKind, GrayKind, Settings, SubsamplingKind};
pub use style::Style;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;
