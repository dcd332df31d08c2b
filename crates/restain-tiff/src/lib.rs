//! Tiles into a pyramid, the pyramid into a tiled `BigTIFF`.
//!
//! The way of a pixel: a finished piece of the picture enters [`Pyramid::insert`], which hands out every tile of
//! every level as it becomes complete; [`TileEncoder::encode`] compresses a tile (on any thread); and
//! [`PyramidWriter::write`] stores it. Nothing here knows of slides or of networks.
//!
//! ```
//! use restain_tiff::{Compression, Layout, Piece, Pyramid, PyramidWriter, TileEncoder};
//! # fn main() -> Result<(), restain_tiff::Error> {
//! # let folder = tempfile::tempdir().expect("a temporary folder");
//! # let path = folder.path().join("grey.tif");
//! let layout = Layout {
//!     width: 600,
//!     height: 300,
//!     tile: 256,
//!     compression: Compression::Deflate,
//!     mpp: Some((0.25, 0.25)),
//!     description: "a grey picture".to_owned(),
//!     background: [255; 3],
//! };
//! let mut pyramid = Pyramid::new(&layout)?;
//! let encoder = TileEncoder::new(&layout)?;
//! let mut writer = PyramidWriter::create(&path, &layout, false)?;
//! let mut tiles = Vec::new();
//! pyramid.insert(0, 0, 400, 300, Piece::Rgb(&[128; 400 * 300 * 3]), &mut |tile| tiles.push(tile))?;
//! pyramid.insert(400, 0, 200, 300, Piece::Blank, &mut |tile| tiles.push(tile))?;
//! for tile in tiles {
//!     writer.write(tile.level, tile.column, tile.row, encoder.encode(&tile.pixels)?)?;
//! }
//! assert!(pyramid.is_complete());
//! assert_eq!(writer.finish()?.levels, 3);
//! # Ok(())
//! # }
//! ```

mod description;
mod encode;
mod error;
mod halve;
mod jpeg_tables;
mod layout;
mod pyramid;
mod sums;
mod tags;
mod verify;
mod writer;

pub use description::description;
pub use encode::{EncodedTile, TileEncoder};
pub use error::Error;
pub use layout::{Compression, Layout, LevelShape, Subsampling};
pub use pyramid::{LevelTile, Piece, Pyramid, TilePixels};
pub use verify::{Verified, compare_sums, verify, verify_opened};
pub use writer::{PyramidWriter, Summary};

/// What a fallible function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;
