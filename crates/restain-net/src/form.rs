//! The two forms of a layer of G, and how each sees its input.

/// Which of the two convolutions, k4 s2 p1 both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Each position is a pixel of the output and sees 4x4 pixels of the input.
    Convolution,
    /// Each position is a corner between pixels of the input and sees the 2x2 around it. It makes the four pixels of
    /// the output there, one a phase; [`Phase`] says which.
    Transposed,
}

/// Of the pixels that a transposed convolution makes at a corner, the one to the right (`x` 0) or left (1) of it, and
/// below (`y` 0) or above (1): the corner `m` makes rows `2m` and `2m - 1`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Phase {
    pub(crate) y: usize,
    pub(crate) x: usize,
}

impl Phase {
    /// In the order in which the last layer has them.
    pub(crate) const ALL: [Self; 4] =
        [Self { y: 0, x: 0 }, Self { y: 0, x: 1 }, Self { y: 1, x: 0 }, Self { y: 1, x: 1 }];
}

impl Form {
    /// The taps of the kernel that a position's window lies under, row by row.
    pub(crate) fn taps(self, phase: Phase) -> Vec<(usize, usize)> {
        match self {
            Self::Convolution => (0..16).map(|tap| (tap / 4, tap % 4)).collect(),
            // The upper and left pixel of the four has the later tap.
            Self::Transposed => {
                (0..4).map(|i| (3 - 2 * (i / 2) - phase.y, 3 - 2 * (i % 2) - phase.x)).collect()
            }
        }
    }

    /// Side of the window that a position sees, in pixels.
    pub(crate) fn window(self) -> usize {
        match self {
            Self::Convolution => 4,
            Self::Transposed => 2,
        }
    }

    /// Pixels of the input from one position to the next.
    pub(crate) fn stride(self) -> usize {
        match self {
            Self::Convolution => 2,
            Self::Transposed => 1,
        }
    }
}
