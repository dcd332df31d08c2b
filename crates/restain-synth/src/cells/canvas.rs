//! How much of each dye is where.

use crate::{Cell, Rect};

/// Number of dyes.
pub(super) const DYES: usize = 4;
/// Concentrations of the dyes; 1 is a typical stained structure. They add up where things overlap.
pub(super) type Dyes = [f32; DYES];
/// Haematoxylin: blue-violet to black, in nuclei, bacteria and debris.
pub(super) const NUCLEAR: usize = 0;
/// Light green of the EA mixture: cyan cytoplasm.
pub(super) const CYAN: usize = 1;
/// Eosin of the EA mixture: pink cytoplasm.
pub(super) const PINK: usize = 2;
/// Orange G: keratin.
pub(super) const ORANGE: usize = 3;

/// A place in level-0 pixels, kept in whole pixels and the rest so that drawing is exact anywhere on a huge slide.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    pub(super) whole: [i64; 2],
    pub(super) rest: [f32; 2],
}

impl Spot {
    /// The place `by` pixels away.
    pub(super) fn moved(self, by: [f32; 2]) -> Self {
        let sum = [self.rest[0] + by[0], self.rest[1] + by[1]];
        let whole = sum.map(f32::floor);
        Self {
            whole: [self.whole[0] + whole[0] as i64, self.whole[1] + whole[1] as i64],
            rest: [sum[0] - whole[0], sum[1] - whole[1]],
        }
    }
}

/// The dyes of each pixel of a rectangle.
#[derive(Debug)]
pub(super) struct Canvas {
    pub(super) rect: Rect,
    pub(super) dyes: Vec<Dyes>,
    /// The squamous cells that were drawn, also those of which nothing lies in the rectangle.
    pub(super) cells: Vec<Cell>,
}

impl Canvas {
    /// Empty glass.
    pub(super) fn new(rect: Rect) -> Self {
        let pixels = rect.width as usize * rect.height as usize;
        Self { rect, dyes: vec![[0.0; DYES]; pixels], cells: Vec::new() }
    }

    /// Calls `paint` for each pixel at most `reach` pixels from `spot` in x and y, with its place relative to `spot`.
    pub(super) fn around(&mut self, spot: Spot, reach: f32, mut paint: impl FnMut(f32, f32, &mut Dyes)) {
        let Rect { x, y, width, height } = self.rect;
        let reach = reach.ceil() as i64;
        let clip = |centre: i64, start: i64, side: u32| {
            let side = i64::from(side);
            ((centre - reach - start).clamp(0, side), (centre + reach + 2 - start).clamp(0, side))
        };
        let (left, right) = clip(spot.whole[0], x, width);
        let (top, bottom) = clip(spot.whole[1], y, height);
        for row in top..bottom {
            let dy = (row + y - spot.whole[1]) as f32 - spot.rest[1];
            let start = row as usize * width as usize;
            let pixels = &mut self.dyes[start + left as usize..start + right as usize];
            for (column, pixel) in (left..).zip(pixels) {
                paint((column + x - spot.whole[0]) as f32 - spot.rest[0], dy, pixel);
            }
        }
    }
}

/// Adds `amount` of `dyes`.
#[inline]
pub(super) fn add(to: &mut Dyes, dyes: &Dyes, amount: f32) {
    for (sum, dye) in to.iter_mut().zip(dyes) {
        *sum += dye * amount;
    }
}

/// A mixture of dyes, `share` being the share of `b`.
#[inline]
pub(super) fn mix(a: &Dyes, b: &Dyes, share: f32) -> Dyes {
    std::array::from_fn(|dye| a[dye] + (b[dye] - a[dye]) * share)
}

/// 0 below `low`, 1 above `high`, smooth between.
#[inline]
pub(super) fn smooth(low: f32, high: f32, value: f32) -> f32 {
    let t = ((value - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
