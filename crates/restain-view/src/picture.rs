//! A slide as a picture to zoom into: each level half the one before, in tiles.

use std::path::Path;

use image::RgbImage;
use image::imageops::{replace, thumbnail};
use restain_slide::{Level0Rect, LevelPoint, LevelRect, LevelSize, Slide};

use crate::Result;

/// Side of a tile in pixels.
pub const TILE: u32 = 512;
/// Longest side of an overview in pixels.
const OVERVIEW: i64 = 320;
/// How many levels are made beyond the coarsest of the slide: each takes reading four times as much.
const BEYOND: u32 = 3;
/// Side in pixels of what is read at once where a level has to be made from a finer one.
const BLOCK: f64 = 1024.0;

/// A slide that is shown.
#[derive(Debug)]
pub(crate) struct Picture {
    slide: Slide,
    /// For each level of the slide, how many level-0 pixels lie along the side of one of its pixels.
    downsamples: Vec<f64>,
}

/// Where a tile is: `halvings` times coarser than level 0, then its column and row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    pub(crate) halvings: u32,
    pub(crate) column: u32,
    pub(crate) row: u32,
}

impl Picture {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let slide = Slide::open(path)?;
        let levels = &slide.info().levels;
        let full = levels[0].size;
        let downsamples = levels.iter().map(|level| whole(level.downsample, full, level.size)).collect();
        Ok(Self { slide, downsamples })
    }

    pub(crate) fn slide(&self) -> &Slide {
        &self.slide
    }

    /// Size of level 0 in pixels.
    pub(crate) fn size(&self) -> LevelSize {
        self.slide.info().levels[0].size
    }

    /// How many level-0 pixels lie along the side of a pixel of a level of the slide.
    pub(crate) fn downsample(&self, level: u32) -> Option<f64> {
        self.downsamples.get(level as usize).copied()
    }

    /// How often the picture can be halved: until one tile holds it, or, of a slide without coarse levels, until a tile
    /// takes too much reading.
    pub(crate) fn halvings(&self) -> u32 {
        let side = self.size().width.max(self.size().height);
        let fits =
            (0..i64::BITS - 1).find(|halvings| shrunk(side, *halvings) <= i64::from(TILE)).unwrap_or(0);
        let coarsest = self.downsamples.last().map_or(0, |downsample| downsample.log2() as u32);
        fits.min(coarsest + BEYOND)
    }

    /// The pixels of a tile; `None` where there is none.
    pub(crate) fn tile(&self, Address { halvings, column, row }: Address) -> Result<Option<RgbImage>> {
        if halvings > self.halvings() {
            return Ok(None);
        }
        let size = LevelSize::new(shrunk(self.size().width, halvings), shrunk(self.size().height, halvings));
        let side = i64::from(TILE);
        let min = LevelPoint::new(i64::from(column) * side, i64::from(row) * side);
        let tile = LevelRect::from_origin_and_size(min, LevelSize::new(side, side));
        let Some(tile) = tile.intersection(&LevelRect::from_size(size)).filter(|tile| !tile.is_empty())
        else {
            return Ok(None);
        };
        self.scaled(tile, (1_u64 << halvings) as f64).map(Some)
    }

    /// What the scanner has seen, on a few pixels.
    pub(crate) fn overview(&self) -> Result<RgbImage> {
        let bounds: Level0Rect = self.slide.info().bounds;
        let scale = (bounds.width().max(bounds.height()) as f64 / OVERVIEW as f64).max(1.0);
        let place = |v: i64| (v as f64 / scale).floor() as i64;
        let side = |v: i64| place(v).max(1);
        let min = LevelPoint::new(place(bounds.min.x), place(bounds.min.y));
        let size = LevelSize::new(side(bounds.width()), side(bounds.height()));
        self.scaled(LevelRect::from_origin_and_size(min, size), scale)
    }

    /// Reads a rectangle of the picture that is `scale` times coarser than level 0, from the coarsest level that is no
    /// coarser, block by block.
    fn scaled(&self, rect: LevelRect, scale: f64) -> Result<RgbImage> {
        let fine = self.downsamples.iter().rposition(|downsample| *downsample <= scale).unwrap_or(0);
        let factor = scale / self.downsamples[fine];
        let read = |rect: LevelRect| -> Result<RgbImage> {
            let pixels = self.slide.read(fine as u32, rect)?;
            let (width, height) = (rect.width() as u32, rect.height() as u32);
            Ok(RgbImage::from_raw(width, height, pixels.rgb).unwrap_or_else(|| RgbImage::new(width, height)))
        };
        // Of a level of the slide as it is, not a pixel is computed.
        if (factor - 1.0).abs() < f64::EPSILON {
            return read(rect);
        }
        let mut whole = RgbImage::new(rect.width() as u32, rect.height() as u32);
        let block = ((BLOCK / factor) as i64).max(1);
        let finer = |v: i64| (v as f64 * factor).round() as i64;
        for y in (rect.min.y..rect.max.y).step_by(block as usize) {
            for x in (rect.min.x..rect.max.x).step_by(block as usize) {
                let (right, lower) = ((x + block).min(rect.max.x), (y + block).min(rect.max.y));
                let source = LevelRect::new(
                    LevelPoint::new(finer(x), finer(y)),
                    LevelPoint::new(finer(right), finer(lower)),
                );
                let small = thumbnail(&read(source)?, (right - x) as u32, (lower - y) as u32);
                replace(&mut whole, &small, x - rect.min.x, y - rect.min.y);
            }
        }
        Ok(whole)
    }
}

/// A side after so many halvings, each rounded up.
fn shrunk(side: i64, halvings: u32) -> i64 {
    (side + (1 << halvings) - 1) >> halvings
}

/// A downsample that is a whole number, but for the rounding of the level's size, as that number: `OpenSlide` divides the
/// sizes, and 313 px made of 5000 are 16 times coarser, not 15.97 times.
fn whole(downsample: f64, full: LevelSize, level: LevelSize) -> f64 {
    let nearest = downsample.round().max(1.0);
    let off = |full: i64, level: i64| (full as f64 / nearest - level as f64).abs();
    let rounding = off(full.width, level.width) <= 1.0 && off(full.height, level.height) <= 1.0;
    if rounding { nearest } else { downsample }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_downsample_is_whole_where_only_rounding_says_otherwise() {
        let full = LevelSize::new(6000, 5000);
        for (said, full, level, expected) in [
            (15.9872, full, (375, 313), 16.0),
            (2.0005, LevelSize::new(4443, 4443), (2221, 2221), 2.0),
            (2.8, full, (2143, 1786), 2.8),
            (1.0, full, (6000, 5000), 1.0),
        ] {
            let found = whole(said, full, level.into());
            assert!((found - expected).abs() < 1e-9, "{said}: {found}");
        }
    }

    #[test]
    fn sides_are_halved_rounding_up() {
        assert_eq!((shrunk(5000, 4), shrunk(5000, 0), shrunk(1, 9)), (313, 5000, 1));
    }
}
