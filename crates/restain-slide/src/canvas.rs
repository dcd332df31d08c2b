//! Where the pieces of a read come together.

use std::ops::Range;

use crate::{
    composite::{Row, mixed, opaque},
    geometry::LevelRect,
    pixels::{Coverage, Pixels},
};

/// The pixels of a read in the making: all background until pieces are placed, each place at most once.
#[derive(Debug)]
pub(crate) struct Canvas {
    rect: LevelRect,
    width: usize,
    background: [u8; 3],
    rgb: Vec<u8>,
    /// Pixels that are wholly scanned; their alpha is written only if it turns out that it is needed.
    opaque: Vec<Range<usize>>,
    /// Alpha of the pixels that are neither background nor wholly scanned, empty as long as there are none.
    alpha: Vec<u8>,
}

impl Canvas {
    /// A canvas of nothing but background, or `None` where it does not fit into memory.
    pub(crate) fn new(rect: LevelRect, background: [u8; 3]) -> Option<Self> {
        let side = |min: i64, max: i64| max.checked_sub(min).and_then(|side| usize::try_from(side).ok());
        let width = side(rect.min.x, rect.max.x)?;
        let bytes = side(rect.min.y, rect.max.y)?.checked_mul(width)?.checked_mul(3)?;
        let mut rgb = Vec::new();
        rgb.try_reserve_exact(bytes).ok()?;
        rgb.resize(bytes, background[0]);
        if background != [background[0]; 3] {
            rgb.as_chunks_mut().0.fill(background);
        }
        Some(Self { rect, width, background, rgb, opaque: Vec::new(), alpha: Vec::new() })
    }

    /// Places what of `piece` lies on the canvas; `argb` holds all its pixels as `OpenSlide` gives them.
    pub(crate) fn place(&mut self, piece: LevelRect, argb: &[u8]) {
        let Some(visible) = piece.intersection(&self.rect) else { return };
        let length = visible.width() as usize;
        for (y, row) in (piece.min.y..).zip(argb.chunks_exact(4 * piece.width() as usize)) {
            if !(visible.min.y..visible.max.y).contains(&y) {
                continue;
            }
            let row = &row[4 * (visible.min.x - piece.min.x) as usize..][..4 * length];
            let at = (y - self.rect.min.y) as usize * self.width + (visible.min.x - self.rect.min.x) as usize;
            self.place_row(at..at + length, row);
        }
    }

    fn place_row(&mut self, at: Range<usize>, argb: &[u8]) {
        let rgb = &mut self.rgb[3 * at.start..3 * at.end];
        match Row::of(argb) {
            Row::Transparent => {}
            Row::Opaque => {
                opaque(argb, rgb);
                self.opaque.push(at);
            }
            Row::Mixed => {
                if self.alpha.is_empty() {
                    self.alpha = vec![0; self.rgb.len() / 3];
                }
                mixed(argb, self.background, &mut self.rgb[3 * at.start..3 * at.end], &mut self.alpha[at]);
            }
        }
    }

    /// The finished read.
    pub(crate) fn finish(mut self) -> Pixels {
        let pixels = self.rgb.len() / 3;
        let coverage = if self.opaque.iter().map(Range::len).sum::<usize>() == pixels {
            Coverage::Everything
        } else if self.opaque.is_empty() && self.alpha.is_empty() {
            Coverage::Nothing
        } else {
            self.alpha.resize(pixels, 0);
            for span in self.opaque {
                self.alpha[span].fill(255);
            }
            Coverage::Partly(self.alpha)
        };
        Pixels { rect: self.rect, rgb: self.rgb, coverage }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::LevelPoint;

    const BACKGROUND: [u8; 3] = [10, 200, 30];

    fn rect(x: i64, y: i64, width: i64, height: i64) -> LevelRect {
        LevelRect::new(LevelPoint::new(x, y), LevelPoint::new(x + width, y + height))
    }

    fn bytes(pixels: &[u32]) -> Vec<u8> {
        pixels.iter().flat_map(|pixel| pixel.to_ne_bytes()).collect()
    }

    proptest! {
        /// Pixel by pixel: where a piece lies its pixel shows, elsewhere the background does.
        #[test]
        fn pieces_land_where_they_belong(
            (x, y, width, height) in (-9i64..9, -9i64..9, 1i64..12, 1i64..12),
            (left, top) in (-9i64..9, -9i64..9),
            fills in prop::collection::vec(0u32..3, 4),
            (columns, rows) in (1i64..9, 1i64..9),
        ) {
            // Four pieces side by side, each transparent, opaque or half of each.
            let area = rect(left, top, width, height);
            let mut canvas = Canvas::new(area, BACKGROUND).expect("a small canvas");
            let colour = |x: i64, y: i64, fill: u32| match fill {
                0 => 0,
                2 if (x + y) % 2 == 0 => 0x8011_2233,
                _ => 0xff00_0000 | ((x & 0xff) << 16 | (y & 0xff) << 8 | 7) as u32,
            };
            let mut shown = std::collections::HashMap::new();
            for (i, &fill) in (0i64..).zip(&fills) {
                let piece = rect(x + i % 2 * columns, y + i / 2 * rows, columns, rows);
                let mut argb = Vec::new();
                for py in piece.min.y..piece.max.y {
                    for px in piece.min.x..piece.max.x {
                        argb.push(colour(px, py, fill));
                        shown.insert((px, py), colour(px, py, fill));
                    }
                }
                canvas.place(piece, &bytes(&argb));
            }
            let pixels = canvas.finish();
            let (mut rgb, mut alpha) = (Vec::new(), Vec::new());
            for py in area.min.y..area.max.y {
                for px in area.min.x..area.max.x {
                    let pixel = shown.get(&(px, py)).copied().unwrap_or(0);
                    alpha.push((pixel >> 24) as u8);
                    rgb.extend(match pixel >> 24 {
                        0 => BACKGROUND,
                        255 => [(pixel >> 16) as u8, (pixel >> 8) as u8, pixel as u8],
                        // 127/255 of the background, rounded, over 0x11, 0x22, 0x33.
                        _ => [0x11 + 5, 0x22 + 100, 0x33 + 15],
                    });
                }
            }
            prop_assert_eq!(pixels.rect, area);
            prop_assert_eq!(pixels.rgb, rgb);
            let coverage = if alpha.iter().all(|&a| a == 0) {
                Coverage::Nothing
            } else if alpha.iter().all(|&a| a == 255) {
                Coverage::Everything
            } else {
                Coverage::Partly(alpha)
            };
            prop_assert_eq!(pixels.coverage, coverage);
        }
    }

    #[test]
    fn what_no_memory_holds_is_refused() {
        assert!(Canvas::new(rect(0, 0, i64::MAX, i64::MAX), BACKGROUND).is_none());
        assert!(Canvas::new(rect(i64::MIN, 0, i64::MAX, 1), BACKGROUND).is_none());
        assert!(Canvas::new(rect(0, 0, i64::MAX / 3, 1), BACKGROUND).is_none());
    }
}
