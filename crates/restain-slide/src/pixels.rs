//! What a read gives.

use crate::geometry::LevelRect;

/// The pixels of a rectangle of one level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    /// Where they lie, in pixels of the level; exactly what was asked for.
    pub rect: LevelRect,
    /// Interleaved RGB, row by row, width x height x 3 bytes, composited on the slide's background colour.
    pub rgb: Vec<u8>,
    /// What of it the scanner has seen.
    pub coverage: Coverage,
}

/// Which pixels of a rectangle the scanner has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coverage {
    /// None: all is background.
    Nothing,
    /// All of them, wholly.
    Everything,
    /// Some: alpha of each pixel, row by row, width x height bytes; 0 is background and 255 wholly scanned.
    Partly(Vec<u8>),
}
