//! Opening slides, their geometry, and the tile grid.
//!
//! This is the only crate that knows `OpenSlide`: MIRAX, SVS, NDPI, SCN, generic TIFF and whatever else it reads
//! come out as [`Pixels`] on the slide's background colour, whatever the library's version (3.4.1 and 4.x).
//!
//! ```no_run
//! use restain_slide::{Extent, Margin, Slide, TileGrid};
//!
//! let slide = Slide::open("slide.mrxs")?;
//! let level = 0;
//! let grid = TileGrid::new(slide.extent(level, Extent::Bounds)?, 1024, Margin::Halo(128))?;
//! for tile in grid.iter() {
//!     let pixels = slide.read(level, tile.window)?;
//!     assert_eq!(pixels.rgb.len() as i64, 3 * pixels.rect.area());
//! }
//! # Ok::<(), restain_slide::Error>(())
//! ```

mod canvas;
mod composite;
mod error;
mod geometry;
mod grid;
mod handle;
mod info;
mod mirax;
mod phase;
mod pixels;
mod slide;

pub use error::{Error, Result};
pub use geometry::{
    Level, Level0, Level0Point, Level0Rect, Level0Size, LevelPoint, LevelRect, LevelSize, Micrometre, Mpp,
    PhysicalSize, squares,
};
pub use grid::{GRID, Margin, Tile, TileGrid};
pub use handle::companion;
pub use info::{AssociatedImage, LevelInfo, SlideInfo, openslide_version};
pub use pixels::{Coverage, Pixels};
pub use slide::{Extent, Slide, check_mpp};
