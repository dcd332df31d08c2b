//! The quantile map as a normalization method: no network, every pixel by itself.

use std::path::Path;

use restain_slide::{Coverage, LevelRect};
use restain_stain::quantile::{QuantileMap, STEEPEST};
use restain_stain::removal::Standard;

use crate::style::Style;
use crate::{Error, Result, crop};

/// A quantile map fitted to a style.
pub struct Quantile {
    map: QuantileMap,
    standard: Standard,
    sha256: String,
}

impl Quantile {
    /// The name under which reports have it.
    pub(crate) const NAME: &str = "quantile";

    /// Fits the map from the colours `own` to the style in the file `style`.
    pub(crate) fn fit(style: &Path, own: &Style) -> Result<Self> {
        let (style, sha256) = Style::load(style)?;
        let deviations = |style: &Style| style.histogram().deviations().unwrap_or_default();
        // A slide of nothing but glass: all of its channels would be stretched farther.
        let mut channels = deviations(own).into_iter().zip(deviations(&style));
        if channels.all(|(own, style)| style > f64::from(STEEPEST) * own) {
            return Err(Error::HardlyAnyColour);
        }
        let map = QuantileMap::between(own.histogram(), style.histogram())?;
        Ok(Self { map, standard: style.standard()?, sha256 })
    }

    /// SHA-256 of the style's file in hexadecimal digits.
    pub(crate) fn sha256(&self) -> &str {
        &self.sha256
    }

    /// What background and dark cells become: those of the style.
    pub(crate) fn standard(&self) -> Standard {
        self.standard
    }

    /// Maps interleaved RGB pixels.
    pub(crate) fn apply(&self, rgb: &mut [u8]) {
        self.map.apply(rgb);
    }

    /// Maps `rgb`, which is the part `rect` of what was read; what was never scanned keeps the background colour.
    pub(crate) fn apply_to_scanned(
        &self,
        rgb: &mut [u8],
        rect: LevelRect,
        (read, coverage): (LevelRect, &Coverage),
        background: [u8; 3],
    ) {
        self.map.apply(rgb);
        crop::composite(read, rect, coverage, background, rgb);
    }
}
