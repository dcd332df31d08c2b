//! Reading so that a pixel is the same whatever rectangle it was asked for with.
//!
//! `OpenSlide` is addressed in whole level-0 pixels. Where a level's downsample is no whole number (4443 px over
//! 2221 make 2.0005), few of its pixels begin at one, and `OpenSlide` shifts the level by the rest, up to half a
//! level-0 pixel, interpolating. The shift follows from the corner of the read, so overlapping reads would disagree.
//! On such levels all reads therefore begin at the corners of fixed blocks, and what lies before the rectangle is
//! thrown away. On the others a read is cut into strips.

use crate::geometry::{LevelPoint, LevelRect};

/// Side of a block and height of a strip, in pixels of the level: small beside a tile, so that little is read for
/// nothing and what was read is still in the processor's cache when it is laid on its background.
const BLOCK: i64 = 256;

/// The rectangles to read for `rect`, which lies inside the level: together they cover it.
pub(crate) fn pieces(rect: LevelRect, downsample: f64) -> Vec<LevelRect> {
    if downsample.fract() == 0.0 {
        let strip = |y: i64| {
            LevelRect::new(
                LevelPoint::new(rect.min.x, y),
                LevelPoint::new(rect.max.x, y + BLOCK).min(rect.max),
            )
        };
        return (rect.min.y..rect.max.y).step_by(BLOCK as usize).map(strip).collect();
    }
    let corners = |min: i64, max: i64| (min / BLOCK..=(max - 1) / BLOCK).map(|block| block * BLOCK);
    corners(rect.min.y, rect.max.y)
        .flat_map(|y| corners(rect.min.x, rect.max.x).map(move |x| LevelPoint::new(x, y)))
        .map(|min| LevelRect::new(min, LevelPoint::new(min.x + BLOCK, min.y + BLOCK).min(rect.max)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rect(x0: i64, y0: i64, x1: i64, y1: i64) -> LevelRect {
        LevelRect::new(LevelPoint::new(x0, y0), LevelPoint::new(x1, y1))
    }

    #[test]
    fn at_a_whole_downsample_strips_begin_with_the_rectangle() {
        assert_eq!(pieces(rect(3, 5, 2000, 261), 4.0), [rect(3, 5, 2000, 261)]);
        assert_eq!(pieces(rect(3, 5, 2000, 300), 1.0), [rect(3, 5, 2000, 261), rect(3, 261, 2000, 300)]);
    }

    #[test]
    fn other_reads_begin_at_blocks_and_end_with_the_rectangle() {
        assert_eq!(
            pieces(rect(300, 10, 512, 300), 2.0005),
            [rect(256, 0, 512, 256), rect(256, 256, 512, 300)]
        );
        assert_eq!(pieces(rect(255, 255, 257, 256), 4.016), [rect(0, 0, 256, 256), rect(256, 0, 257, 256)]);
    }
}
