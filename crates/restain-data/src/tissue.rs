//! Where on a slide there is something to see.

use rand::Rng;
use restain_slide::{Coverage, Extent, LevelPoint, LevelRect, Slide};

use crate::Result;

/// A slide is looked at in about so many pixels along its longer side.
const LOOK: i64 = 2048;
/// Side of the squares that are read at a time.
const SQUARE: i64 = 2048;
/// Share of the pixels that may be brighter than the glass.
const BRIGHTER: f64 = 0.02;
/// How much darker than glass something is.
const DARKER: f64 = 0.08;

/// The places of a slide that are scanned and darker than its glass, as squares of its level 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Tissue {
    /// Top left corners, in level-0 pixels, row by row; never empty.
    corners: Vec<[f64; 2]>,
    /// Side of a square in level-0 pixels.
    side: f64,
}

impl Tissue {
    /// Looks at a slide: at the coarsest level that has 2048 pixels along its longer side, of finer ones at some of their
    /// pixels. A pixel counts where the scanner has seen it and its luma is 8% below that of the glass, which is what 2% of
    /// the pixels exceed. `None` where there is none.
    ///
    /// # Errors
    /// Where the slide cannot be read.
    pub(crate) fn of(slide: &Slide) -> Result<Option<Self>> {
        let levels = &slide.info().levels;
        let long = |level: usize| levels[level].size.width.max(levels[level].size.height);
        let level = (0..levels.len()).rev().find(|&level| long(level) >= LOOK).unwrap_or(0);
        let (downsample, step) = (levels[level].downsample, (long(level) / LOOK).max(1));
        let extent = slide.extent(level as u32, Extent::Bounds)?;
        let mut seen: Vec<([i64; 2], u8)> = Vec::new();
        for y in (extent.min.y..extent.max.y).step_by(SQUARE as usize) {
            for x in (extent.min.x..extent.max.x).step_by(SQUARE as usize) {
                let end = LevelPoint::new((x + SQUARE).min(extent.max.x), (y + SQUARE).min(extent.max.y));
                let rect = LevelRect::new(LevelPoint::new(x, y), end);
                let pixels = slide.read(level as u32, rect)?;
                let scanned = |index: usize| match &pixels.coverage {
                    Coverage::Nothing => false,
                    Coverage::Everything => true,
                    Coverage::Partly(alpha) => alpha[index] == u8::MAX,
                };
                for row in (0..rect.height()).step_by(step as usize) {
                    for column in (0..rect.width()).step_by(step as usize) {
                        let index = (row * rect.width() + column) as usize;
                        if scanned(index) {
                            seen.push(([x + column, y + row], luma(&pixels.rgb[3 * index..][..3])));
                        }
                    }
                }
            }
        }
        let mut lumas: Vec<u8> = seen.iter().map(|(_, luma)| *luma).collect();
        lumas.sort_unstable();
        let glass = lumas.get(((1.0 - BRIGHTER) * lumas.len() as f64) as usize).copied().unwrap_or(u8::MAX);
        let dark = |luma: u8| f64::from(luma) < (1.0 - DARKER) * f64::from(glass);
        seen.retain(|(_, luma)| dark(*luma));
        // Squares of the grid row by row, whatever the order in which they were read.
        seen.sort_unstable_by_key(|([x, y], _)| (*y, *x));
        let corners: Vec<_> =
            seen.into_iter().map(|(at, _)| at.map(|along| along as f64 * downsample)).collect();
        Ok((!corners.is_empty()).then_some(Self { corners, side: step as f64 * downsample }))
    }

    /// A place, each with the same chance.
    pub(crate) fn draw(&self, rng: &mut impl Rng) -> [f64; 2] {
        let corner = self.corners[rng.random_range(0..self.corners.len() as u64) as usize];
        corner.map(|along| along + rng.random::<f64>() * self.side)
    }

    /// The place that is always the same.
    pub(crate) fn middle(&self) -> [f64; 2] {
        self.corners[self.corners.len() / 2].map(|along| along + 0.5 * self.side)
    }
}

/// Luma of ITU-R BT.601-7 (2.5.1), rounded down.
fn luma(pixel: &[u8]) -> u8 {
    let [r, g, b] = [pixel[0], pixel[1], pixel[2]].map(u32::from);
    ((299 * r + 587 * g + 114 * b) / 1000) as u8
}
