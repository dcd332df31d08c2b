//! The quantile map as a normalization method: no network, every pixel by itself.

use std::path::Path;

use restain_stain::quantile::QuantileMap;

use crate::style::Style;
use crate::{Error, Result};

/// How many times the map may stretch the standard deviation of a channel. A slide of nothing but glass would have its noise
/// stretched into the colours of cells; 4 is a choice that leaves a darker lamp or a sparser smear alone.
const MOST_STRETCH: f64 = 4.0;

/// A quantile map fitted to a style, with where it comes from.
pub struct Quantile {
    map: QuantileMap,
    sha256: String,
    own_sha256: Option<String>,
}

impl Quantile {
    /// The name under which reports have it.
    pub(crate) const NAME: &str = "quantile";

    /// Fits the map to the style in the file `style`, from the colours in the file `own`, or those that `measure` gives
    /// where there is none.
    pub(crate) fn fit(
        style: &Path,
        own: Option<&Path>,
        measure: impl FnOnce() -> Result<Style>,
    ) -> Result<Self> {
        let (style, sha256) = Style::load(style)?;
        let (own, own_sha256) = match own {
            Some(path) => {
                let (own, sha256) = Style::load(path)?;
                (own, Some(sha256))
            }
            None => (measure()?, None),
        };
        let deviations = |style: &Style| style.histogram().deviations().unwrap_or_default();
        let mut channels = deviations(&own).into_iter().zip(deviations(&style));
        if channels.any(|(own, style)| style > MOST_STRETCH * own) {
            return Err(Error::HardlyAnyColour);
        }
        let map = QuantileMap::fit(own.histogram(), style.histogram())?;
        Ok(Self { map, sha256, own_sha256 })
    }

    /// SHA-256 of the style's file in hexadecimal digits.
    pub(crate) fn sha256(&self) -> &str {
        &self.sha256
    }

    /// SHA-256 of the file that stood in for the slide's own colours.
    pub(crate) fn own_sha256(&self) -> Option<&str> {
        self.own_sha256.as_deref()
    }

    /// Maps interleaved RGB pixels.
    pub(crate) fn apply(&self, rgb: &mut [u8]) {
        self.map.apply(rgb);
    }
}
