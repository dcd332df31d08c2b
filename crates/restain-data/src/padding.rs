//! What a patch shows beyond the edge of its picture.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// What a patch shows where it reaches beyond its picture: beyond an image's pixels, or what of a slide was scanned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Padding {
    /// The picture mirrored at its edge, whose own pixels are not repeated: `c b | a b c | b a`.
    #[default]
    Reflect,
    /// Empty glass: white, or a slide's own background colour.
    White,
    /// Nothing: such samples are left out.
    Skip,
}

impl Padding {
    /// For each pixel of a side of a window, the pixel of the picture that it shows; `None` shows glass. `inside` is
    /// the side of the picture, not empty.
    pub(crate) fn sources(self, window: Range<i64>, inside: &Range<i64>) -> Vec<Option<i64>> {
        let mirrored = |at: i64| {
            let last = inside.end - inside.start - 1;
            let phase = (at - inside.start).rem_euclid((2 * last).max(1));
            inside.start + phase.min(2 * last - phase)
        };
        let source = |at| match self {
            _ if inside.contains(&at) => Some(at),
            Self::Reflect => Some(mirrored(at)),
            Self::White | Self::Skip => None,
        };
        window.map(source).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_stands_on_each_edge_pixel() {
        let reflect = |window, inside| -> Vec<i64> {
            Padding::Reflect.sources(window, &inside).into_iter().map(Option::unwrap).collect()
        };
        assert_eq!(reflect(-3..7, 0..4), [3, 2, 1, 0, 1, 2, 3, 2, 1, 0]);
        assert_eq!(reflect(8..15, 10..13), [12, 11, 10, 11, 12, 11, 10]);
        assert_eq!(reflect(-2..3, 0..1), [0; 5], "a single pixel is all there is");
    }

    #[test]
    fn glass_lies_beyond_the_edge() {
        for padding in [Padding::White, Padding::Skip] {
            assert_eq!(padding.sources(-1..3, &(0..2)), [None, Some(0), Some(1), None]);
        }
    }
}
