//! Changes of colour while T learns: the rows `Enhance_Alexnet` and `Enhance_our` of Table I.

use rand_chacha::ChaCha8Rng;
use restain_data::Part;
use restain_stain::{
    augment::{HsvRanges, PcaNoise},
    gaussian::Gaussian,
};
use serde::{Deserialize, Serialize};

use crate::{Result, domain::MEASURED, domain::MEASURING, error::Measuring};

/// How the colours of patches are changed while T learns.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Augmentation {
    /// Not at all.
    #[default]
    None,
    /// Along the principal components of the training set's colours (`Enhance_Alexnet`).
    Pca,
    /// Linearly in hue, saturation and value (`Enhance_our`).
    Hsv,
}

/// An augmentation fitted on what T learns from.
pub(super) enum Fitted {
    None,
    Pca(PcaNoise),
    Hsv(HsvRanges),
}

impl Augmentation {
    /// Measures what the augmentation needs to know of the training set.
    pub(super) fn fit(self, part: &Part, seed: u64) -> Result<Fitted> {
        Ok(match self {
            Self::None => Fitted::None,
            Self::Hsv => Fitted::Hsv(HsvRanges::default()),
            Self::Pca => {
                let mut colours = Gaussian::new(3);
                for item in 0..MEASURED {
                    colours.add_rgb(&part.draw(seed, MEASURING, item)?.rgb);
                }
                Fitted::Pca(PcaNoise::fit(&colours).measuring("the source domain")?)
            }
        })
    }
}

impl Fitted {
    /// Changes a patch of interleaved RGB.
    pub(super) fn change(&self, rgb: &mut [u8], rng: &mut ChaCha8Rng) {
        match self {
            Self::None => (),
            Self::Pca(noise) => noise.apply(rgb, rng),
            Self::Hsv(ranges) => ranges.draw(rng).apply(rgb),
        }
    }
}
