//! Reading so that a pixel is the same whatever rectangle it was asked for with.
//!
//! `OpenSlide` is addressed in whole level-0 pixels. Where a level's downsample is no whole number (4443 px over
//! 2221 make 2.0005), few of its pixels begin at one, and `OpenSlide` shifts the level by the rest, up to half a
//! level-0 pixel, interpolating. The shift follows from the corner of the read, so overlapping reads would disagree.
//! On such levels all reads therefore begin at the corners of fixed blocks, and what lies before the rectangle is
//! thrown away.

use crate::geometry::{LevelPoint, LevelRect};

/// Side of a block, in pixels of the level: small beside a tile, so that little is read for nothing.
const BLOCK: i64 = 256;

/// The rectangles to read for `rect`, which lies inside the level: together they cover it.
pub(crate) fn pieces(rect: LevelRect, downsample: f64) -> Vec<LevelRect> {
    if downsample.fract() == 0.0 {
        return vec![rect];
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
    fn a_whole_downsample_needs_one_read() {
        let anywhere = rect(3, 5, 2000, 3000);
        assert_eq!(pieces(anywhere, 4.0), [anywhere]);
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
