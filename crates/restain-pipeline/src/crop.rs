//! From the window of a tile back to its core.

use std::ops::Range;

use restain_slide::{Coverage, LevelRect};

/// The pixel ranges of `core`'s rows in a row-major picture of `window`.
pub(crate) fn rows(window: LevelRect, core: LevelRect) -> impl Iterator<Item = Range<usize>> {
    let width = window.width() as usize;
    let left = (core.min.x - window.min.x) as usize;
    let top = (core.min.y - window.min.y) as usize;
    let core_width = core.width() as usize;
    (0..core.height() as usize).map(move |y| {
        let start = (top + y) * width + left;
        start..start + core_width
    })
}

/// Cuts `core` out of the interleaved RGB picture of `window`.
pub(crate) fn rgb(window: LevelRect, core: LevelRect, picture: Vec<u8>) -> Vec<u8> {
    if window == core {
        return picture;
    }
    let mut cut = Vec::with_capacity(core.area() as usize * 3);
    for row in rows(window, core) {
        cut.extend_from_slice(&picture[row.start * 3..row.end * 3]);
    }
    cut
}

/// Lays the core of a restained window over the background by how much of each pixel the scanner saw: what was
/// never scanned keeps the background colour, exactly.
pub(crate) fn composite(
    window: LevelRect,
    core: LevelRect,
    coverage: &Coverage,
    background: [u8; 3],
    cut: &mut [u8],
) {
    let Coverage::Partly(alpha) = coverage else { return };
    let alphas = rows(window, core).flat_map(|row| &alpha[row]);
    for (pixel, &a) in cut.chunks_exact_mut(3).zip(alphas) {
        if a == u8::MAX {
            continue;
        }
        for (channel, back) in pixel.iter_mut().zip(background) {
            let a = u32::from(a);
            *channel = ((a * u32::from(*channel) + (255 - a) * u32::from(back) + 127) / 255) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use restain_slide::LevelPoint;

    use super::*;

    fn rect(x0: i64, y0: i64, x1: i64, y1: i64) -> LevelRect {
        LevelRect::new(LevelPoint::new(x0, y0), LevelPoint::new(x1, y1))
    }

    #[test]
    fn the_core_is_cut_from_its_place_in_the_window() {
        let window = rect(-2, 3, 3, 7);
        let core = rect(0, 4, 2, 6);
        let picture: Vec<u8> = (0..5 * 4).flat_map(|i| [i, i + 100, i + 200]).collect();
        assert_eq!(rgb(window, core, picture), [7, 107, 207, 8, 108, 208, 12, 112, 212, 13, 113, 213]);
    }

    #[test]
    fn unscanned_pixels_become_exactly_the_background() {
        let window = rect(0, 0, 3, 1);
        let coverage = Coverage::Partly(vec![255, 0, 51]);
        let mut cut = vec![10, 20, 30, 10, 20, 30, 100, 0, 200];
        composite(window, window, &coverage, [200, 210, 0], &mut cut);
        assert_eq!(cut, [10, 20, 30, 200, 210, 0, 180, 168, 40]);
    }
}
