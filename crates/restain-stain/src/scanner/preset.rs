//! Scanners with a name.

use serde::{Deserialize, Serialize};

use super::{Dyes, Illumination, Scanner, Sharpening, Shift, Zones};
use crate::matrix::IDENTITY;

/// What a scanner changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Colours only: the strengths of the dyes, camera, white balance and gamma, which an inverse of colours undoes.
    Global,
    /// Everything: besides these, what no map of colours can undo.
    Full,
}

/// How much a scanner changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strength {
    /// Another slide of the same laboratory.
    Mild,
    /// Another scanner.
    Medium,
    /// Another scanner and another stain.
    Strong,
}

impl Strength {
    /// The factor of all changes, of which 0 is none.
    pub fn factor(self) -> f64 {
        match self {
            Self::Mild => 0.5,
            Self::Medium => 1.0,
            Self::Strong => 2.0,
        }
    }
}

impl Scanner {
    /// The scanner whose changes are `strength` times those of medium strength; at 0 it changes no byte.
    ///
    /// Its dyes are an eosin-like pink to orange and a haematoxylin-like teal, its numbers chosen here so that a
    /// medium scanner is plainly another one and a strong one still shows every cell: less pink, more teal, a camera
    /// that mixes neighbouring channels without changing grays, a white that is bluish, and a steeper gamma. The
    /// factors of light hardly exceed 1, so hardly a colour is clipped. Beyond 2.5 dyes or light may turn negative.
    pub fn new(kind: Kind, strength: f64, seed: u64) -> Self {
        let changes = [[-0.06, 0.05, 0.01], [0.03, -0.08, 0.05], [0.0, 0.06, -0.06]];
        let global = Self {
            dyes: Dyes {
                vectors: [[0.10, 0.90, 0.42], [0.80, 0.50, 0.33]],
                strength: [1.0 - 0.15 * strength, 1.0 + 0.25 * strength],
            },
            zones: Zones::NONE,
            illumination: Illumination([0.0; 5]),
            blur: 0.0,
            noise: 0.0,
            camera: std::array::from_fn(|i| {
                std::array::from_fn(|j| IDENTITY[i][j] + strength * changes[i][j])
            }),
            white_balance: [0.06, 0.02, 0.0].map(|less| 1.0 - strength * less),
            gamma: 1.0 + 0.12 * strength,
            sharpening: Sharpening { amount: 0.0, sigma: 1.0 },
            seed,
        };
        match kind {
            Kind::Global => global,
            Kind::Full => Self {
                zones: Zones {
                    sigma: 3.0,
                    background: Shift { strength: [1.0; 2], offset: [0.010 * strength, 0.015 * strength] },
                    cytoplasm: Shift {
                        strength: [1.0 + 0.12 * strength, 1.0 - 0.10 * strength],
                        offset: [0.0; 2],
                    },
                    nucleus: Shift {
                        strength: [1.0 - 0.10 * strength, 1.0 + 0.12 * strength],
                        offset: [0.0; 2],
                    },
                },
                illumination: Illumination([0.03, -0.02, -0.06, 0.01, -0.05].map(|c| strength * c)),
                blur: 0.6 * strength,
                noise: 1.5 * strength,
                sharpening: Sharpening { amount: 0.4 * strength, sigma: 1.0 },
                ..global
            },
        }
    }
}
