//! What is to be written: sizes, compression and the words that go with them.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// Tile sides are multiples of this (TIFF 6.0, page 67).
const TILE_UNIT: u32 = 16;

/// The largest tile side, pixels: a tile is one JPEG picture and one buffer.
const LARGEST_TILE: u32 = 8192;

/// The largest side of a picture, pixels: readers count with signed 32-bit numbers.
const LARGEST_SIDE: u32 = i32::MAX as u32;

/// The most tiles level 0 may have: the offsets of all tiles are held until the end (16 bytes each).
const MOST_TILES: u64 = 1 << 26;

/// Micrometres a pixel that TIFF's rationals hold to 1e-5 on every level.
const MPP_RANGE: std::ops::RangeInclusive<f64> = 1e-5..=1e3;

/// A pyramidal picture to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// Width of level 0 in pixels, 1 to 2^31 - 1.
    pub width: u32,
    /// Height of level 0 in pixels, 1 to 2^31 - 1.
    pub height: u32,
    /// Side of a square tile in pixels: a multiple of 16 (as TIFF asks) up to 8192. Levels that are smaller may have
    /// smaller tiles, see [`LevelShape::tile`].
    pub tile: u32,
    /// How tiles are compressed.
    pub compression: Compression,
    /// Micrometres a pixel of level 0, horizontally and vertically, if known.
    pub mpp: Option<(f64, f64)>,
    /// The file's `ImageDescription`; may be empty, holds no NUL. In the file a space may follow it.
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
    /// Side of this level's tiles in pixels. With deflate it is the layout's divided so that a tile is no longer than
    /// the level in either direction, as far as 16 pixels allow: from a tile that is longer `OpenSlide` 3.4.1 reads
    /// garbage where libtiff has the remedy for CVE-2025-9900, as Debian 12's has. JPEG it decodes by itself.
    pub tile: u32,
    /// Tiles in a row.
    pub columns: u32,
    /// Rows of tiles.
    pub rows: u32,
}

impl LevelShape {
    fn new(width: u32, height: u32, tile: u32) -> Self {
        Self { width, height, tile, columns: width.div_ceil(tile), rows: height.div_ceil(tile) }
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
}

impl Layout {
    /// The shapes of all levels: each half of the one before, rounded up, until one tile holds the level.
    ///
    /// # Errors
    /// [`Error::Layout`] when a size, the tile, the quality, the resolution or the description cannot be written.
    pub fn levels(&self) -> Result<Vec<LevelShape>> {
        self.check()?;
        let mut levels = vec![self.level(self.width, self.height)];
        while let Some(last) = levels.last().filter(|last| last.width.max(last.height) > self.tile) {
            levels.push(self.level(last.width.div_ceil(2), last.height.div_ceil(2)));
        }
        Ok(levels)
    }

    fn level(&self, width: u32, height: u32) -> LevelShape {
        let units = self.tile / TILE_UNIT;
        let divided = (1..=units).filter(|parts| units.is_multiple_of(*parts)).map(|parts| self.tile / parts);
        let largest = match self.compression {
            Compression::Jpeg { .. } => self.tile,
            Compression::Deflate => width.min(height).max(TILE_UNIT),
        };
        let side = divided.into_iter().find(|side| *side <= largest);
        LevelShape::new(width, height, side.unwrap_or(TILE_UNIT))
    }

    fn check(&self) -> Result<()> {
        let complain = |what: String| Err(Error::Layout(what));
        if self.width == 0 || self.height == 0 {
            return complain(format!("a size of {}x{} px has no pixels", self.width, self.height));
        }
        if self.width > LARGEST_SIDE || self.height > LARGEST_SIDE {
            return complain(format!(
                "a side of {}x{} px is longer than {LARGEST_SIDE}",
                self.width, self.height
            ));
        }
        if self.tile == 0 || !self.tile.is_multiple_of(TILE_UNIT) || self.tile > LARGEST_TILE {
            return complain(format!(
                "a tile of {} px is not a multiple of {TILE_UNIT} between {TILE_UNIT} and {LARGEST_TILE}",
                self.tile
            ));
        }
        let tiles = self.level(self.width, self.height).tiles();
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
