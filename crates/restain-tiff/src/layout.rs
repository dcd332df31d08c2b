//! What is to be written: sizes, compression and the words that go with them.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// The largest tile side, pixels: a tile is one JPEG picture and one buffer.
const LARGEST_TILE: u32 = 8192;

/// The most tiles level 0 may have: the offsets of all tiles are held until the end (16 bytes each).
const MOST_TILES: u64 = 1 << 26;

/// Micrometres a pixel that TIFF's rationals hold to 1e-5 on every level.
const MPP_RANGE: std::ops::RangeInclusive<f64> = 1e-5..=1e3;

/// A pyramidal picture to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// Width of level 0 in pixels, at least 1.
    pub width: u32,
    /// Height of level 0 in pixels, at least 1.
    pub height: u32,
    /// Side of a square tile in pixels: a multiple of 16 (as TIFF asks) up to 8192.
    pub tile: u32,
    /// How tiles are compressed.
    pub compression: Compression,
    /// Micrometres a pixel of level 0, horizontally and vertically, if known.
    pub mpp: Option<(f64, f64)>,
    /// The file's `ImageDescription`; may be empty, holds no NUL.
    pub description: String,
    /// The colour of blank pieces.
    pub background: [u8; 3],
}

/// How tiles are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Baseline JPEG in `YCbCr`.
    Jpeg {
        /// 1 (worst) to 100 (best).
        quality: u8,
        /// How much colour detail is kept.
        subsampling: Subsampling,
    },
    /// Lossless: zlib after differencing neighbouring pixels.
    Deflate,
}

/// How many luminance samples share one chrominance sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Subsampling {
    /// 4:4:4, every pixel has its own colour.
    #[default]
    S444,
    /// 4:2:2, two pixels of a row share a colour.
    S422,
    /// 4:2:0, a block of 2 x 2 pixels shares a colour.
    S420,
}

impl Subsampling {
    /// Pixels that share one chrominance sample, across and down: TIFF's `YCbCrSubSampling`.
    pub fn factors(self) -> (u16, u16) {
        match self {
            Self::S444 => (1, 1),
            Self::S422 => (2, 1),
            Self::S420 => (2, 2),
        }
    }
}

impl fmt::Display for Subsampling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::S444 => "4:4:4",
            Self::S422 => "4:2:2",
            Self::S420 => "4:2:0",
        })
    }
}

impl FromStr for Subsampling {
    type Err = Error;

    /// Reads `4:2:0` or `420`, and likewise the others.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "4:4:4" | "444" => Ok(Self::S444),
            "4:2:2" | "422" => Ok(Self::S422),
            "4:2:0" | "420" => Ok(Self::S420),
            _ => Err(Error::Layout(format!("chroma subsampling {text:?} is none of 4:4:4, 4:2:2 and 4:2:0"))),
        }
    }
}

/// The shape of one level of a pyramid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelShape {
    /// Width in pixels of this level.
    pub width: u32,
    /// Height in pixels of this level.
    pub height: u32,
    /// Tiles in a row.
    pub columns: u32,
    /// Rows of tiles.
    pub rows: u32,
}

impl LevelShape {
    fn new(width: u32, height: u32, tile: u32) -> Self {
        Self { width, height, columns: width.div_ceil(tile), rows: height.div_ceil(tile) }
    }

    /// Tiles of this level.
    pub fn tiles(&self) -> u64 {
        u64::from(self.columns) * u64::from(self.rows)
    }

    /// The row-major index of a tile, if this level has it.
    pub(crate) fn index(&self, column: u32, row: u32) -> Option<usize> {
        (column < self.columns && row < self.rows)
            .then(|| row as usize * self.columns as usize + column as usize)
    }

    /// Width and height in pixels of the part of a tile that lies inside the level.
    pub(crate) fn inside(&self, column: u32, row: u32, tile: u32) -> (u32, u32) {
        ((self.width - column * tile).min(tile), (self.height - row * tile).min(tile))
    }
}

impl Layout {
    /// The shapes of all levels: each half of the one before, rounded up, until one tile holds the level.
    ///
    /// # Errors
    /// [`Error::Layout`] when a size, the tile, the quality, the resolution or the description cannot be written.
    pub fn levels(&self) -> Result<Vec<LevelShape>> {
        self.check()?;
        let mut levels = vec![LevelShape::new(self.width, self.height, self.tile)];
        while let Some(last) = levels.last().filter(|last| last.tiles() > 1) {
            levels.push(LevelShape::new(last.width.div_ceil(2), last.height.div_ceil(2), self.tile));
        }
        Ok(levels)
    }

    fn check(&self) -> Result<()> {
        let complain = |what: String| Err(Error::Layout(what));
        if self.width == 0 || self.height == 0 {
            return complain(format!("a size of {}x{} px has no pixels", self.width, self.height));
        }
        if self.tile == 0 || !self.tile.is_multiple_of(16) || self.tile > LARGEST_TILE {
            return complain(format!(
                "a tile of {} px is not a multiple of 16 between 16 and {LARGEST_TILE}",
                self.tile
            ));
        }
        let tiles = LevelShape::new(self.width, self.height, self.tile).tiles();
        if tiles > MOST_TILES {
            return complain(format!("{tiles} tiles are more than {MOST_TILES}; take larger tiles"));
        }
        if let Compression::Jpeg { quality, .. } = self.compression
            && !(1..=100).contains(&quality)
        {
            return complain(format!("JPEG quality {quality} is not between 1 and 100"));
        }
        if let Some((x, y)) = self.mpp
            && !(MPP_RANGE.contains(&x) && MPP_RANGE.contains(&y))
        {
            return complain(format!("a resolution of {x} x {y} micrometres a pixel makes no sense"));
        }
        if self.description.contains('\0') {
            return complain("the description contains a NUL character".to_owned());
        }
        Ok(())
    }
}
