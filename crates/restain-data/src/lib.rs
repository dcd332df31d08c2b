//! Datasets: what to draw patches from, how they are split, and the patches themselves.
//!
//! A manifest ([`Manifest`], YAML, or a CSV table) names folders of images by class, images with a table of points,
//! unlabelled folders, and slides with the annotations that QuPath exports. [`Dataset::load`] finds their
//! [`Sample`]s; nothing is decoded until a patch is read. Parts of a dataset hold whole groups, such as a field, a
//! slide or a patient: crops of one of them resemble each other, and a model that has seen one half of a field knows
//! the other.
//!
//! ```no_run
//! use restain_data::Dataset;
//!
//! let dataset = Dataset::load("data.yaml")?;
//! let parts = dataset.split_as_stated()?;
//! let train = &parts["train"];
//! for step in 0..1000 {
//!     let patch = train.draw(7, step, 0)?;
//!     assert_eq!(patch.rgb.len(), 3 * (patch.side * patch.side) as usize);
//! }
//! # Ok::<(), restain_data::Error>(())
//! ```

mod annotations;
mod dataset;
mod error;
mod find;
mod lru;
mod manifest;
mod padding;
mod part;
mod patch;
mod picture;
mod polygon;
mod sample;
mod split;
mod store;
mod text;
mod tissue;

pub use annotations::{Annotation, Shape, UNCLASSIFIED, parse_annotations, read_annotations};
pub use dataset::Dataset;
pub use error::{Error, Result};
pub use find::Row;
pub use manifest::{
    Balance, Classes, Folder, Group, LabelRule, Manifest, Origin, PlaceRule, Points, PolygonRule, Settings,
    SlidePlace, Slides, Source,
};
pub use padding::Padding;
pub use part::Part;
pub use patch::{Patch, keyed};
pub use picture::{Kind, Picture};
pub use polygon::Polygon;
pub use sample::{Label, Place, Sample};
pub use split::Split;
pub use store::read_image;
pub use tissue::Tissue;
