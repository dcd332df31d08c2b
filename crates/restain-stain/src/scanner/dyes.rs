//! Two dyes by optical density.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::optics::blur;
use crate::matrix::dot;

/// Half a level, the least light that a level can stand for.
const DARK: f64 = 0.5 / 255.0;

/// Two dyes, and how much there is of each in place of 1.
///
/// A pixel's optical density, -log10 of its light in each channel, is unmixed by least squares into amounts of the
/// two dyes; these are rescaled, and what the dyes leave over is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dyes {
    /// The optical densities of each dye in red, green and blue, of any length.
    pub vectors: [[f64; 3]; 2],
    /// The factor of each dye's amount.
    pub strength: [f64; 2],
}

/// How each dye's amount changes in a part of the cell, besides [`Dyes::strength`]: amount * `strength` + `offset`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shift {
    /// Factor of each dye's amount.
    pub strength: [f64; 2],
    /// What is added to each dye's amount, in lengths of its vector.
    pub offset: [f64; 2],
}

/// Dyes that differ by what they stain, which no map of colours can undo: a pixel's part depends on its neighbours.
///
/// The parts are told apart by the mean optical density of the three channels, smoothed by a Gaussian, and go over
/// into each other smoothly (3 t^2 - 2 t^3): background below 0.03, cytoplasm from 0.10 to 0.35, nucleus above 0.60.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zones {
    /// Standard deviation of the smoothing in pixels; at 0 a pixel's own density decides.
    pub sigma: f64,
    /// Where there is no cell.
    pub background: Shift,
    /// The cell without its nucleus.
    pub cytoplasm: Shift,
    /// What is darkest.
    pub nucleus: Shift,
}

impl Dyes {
    pub(super) fn stain(&self, colours: &mut [[f64; 3]], width: usize, zones: &Zones) {
        let unmixing = Unmixing::new(&self.vectors);
        if zones.is_none() {
            colours.par_iter_mut().for_each(|colour| *colour = unmixing.scale(*colour, self.strength));
            return;
        }
        let mut densities: Vec<[f64; 1]> =
            colours.par_iter().map(|&colour| [density(colour).iter().sum::<f64>() / 3.0]).collect();
        blur(&mut densities, width, zones.sigma);
        colours.par_iter_mut().zip(densities).for_each(|(colour, [density])| {
            let shift = zones.shift(density);
            let change = |k, amount| self.strength[k] * shift.strength[k] * amount + shift.offset[k] - amount;
            *colour = unmixing.change(*colour, change);
        });
    }
}

impl Shift {
    /// Nothing changes.
    pub const NONE: Self = Self { strength: [1.0; 2], offset: [0.0; 2] };
}

impl Zones {
    /// The dyes are the same everywhere.
    pub const NONE: Self =
        Self { sigma: 0.0, background: Shift::NONE, cytoplasm: Shift::NONE, nucleus: Shift::NONE };

    fn is_none(&self) -> bool {
        [self.background, self.cytoplasm, self.nucleus].iter().all(|&shift| shift == Shift::NONE)
    }

    /// The mean of the parts' shifts, weighted by how much a pixel of this density belongs to each.
    fn shift(&self, density: f64) -> Shift {
        let nucleus = smoothstep(0.35, 0.60, density);
        let background = 1.0 - smoothstep(0.03, 0.10, density);
        let parts = [
            (background, self.background),
            (1.0 - nucleus - background, self.cytoplasm),
            (nucleus, self.nucleus),
        ];
        let mean = |of: fn(&Shift) -> [f64; 2], k: usize| {
            parts.iter().map(|(weight, shift)| weight * of(shift)[k]).sum::<f64>()
        };
        Shift {
            strength: [0, 1].map(|k| mean(|shift| shift.strength, k)),
            offset: [0, 1].map(|k| mean(|shift| shift.offset, k)),
        }
    }
}

/// 0 up to `from`, 1 from `to` on, 3 t^2 - 2 t^3 between.
fn smoothstep(from: f64, to: f64, value: f64) -> f64 {
    let t = ((value - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

fn density(colour: [f64; 3]) -> [f64; 3] {
    colour.map(|light| -light.max(DARK).log10())
}

/// The least squares that give the amounts of two dyes in a density: the pseudo-inverse of their vectors.
pub(super) struct Unmixing {
    vectors: [[f64; 3]; 2],
    inverse: [[f64; 3]; 2],
}

impl Unmixing {
    pub(super) fn new(&[a, b]: &[[f64; 3]; 2]) -> Self {
        let (aa, ab, bb) = (dot(a, a), dot(a, b), dot(b, b));
        let determinant = aa * bb - ab * ab;
        assert!(determinant > 1e-9 * aa * bb, "two dyes of the same colour cannot be told apart");
        let inverse = [
            std::array::from_fn(|c| (bb * a[c] - ab * b[c]) / determinant),
            std::array::from_fn(|c| (aa * b[c] - ab * a[c]) / determinant),
        ];
        Self { vectors: [a, b], inverse }
    }

    /// The colour with the amount of each dye times its factor.
    pub(super) fn scale(&self, colour: [f64; 3], strength: [f64; 2]) -> [f64; 3] {
        self.change(colour, |k, amount| (strength[k] - 1.0) * amount)
    }

    /// The colour with as much more of each dye as `more` says of its index and amount. Only the change is laid on
    /// the light, so that no change is none to the bit, and black stays black.
    fn change(&self, colour: [f64; 3], more: impl Fn(usize, f64) -> f64) -> [f64; 3] {
        let density = density(colour);
        let more = [0, 1].map(|k| more(k, dot(self.inverse[k], density)));
        std::array::from_fn(|c| {
            colour[c] * 10.0f64.powf(-(more[0] * self.vectors[0][c] + more[1] * self.vectors[1][c]))
        })
    }
}
