//! Stain removal that takes the slide's own background and cells as its measure.

use serde::{Deserialize, Serialize};

use super::{Standard, ramp, remove_stain, remove_with, soft_mask};
use crate::error::Error;

/// The weights of red, green and blue in gray, of ITU-R BT.601-7 (2.5.1).
const WEIGHTS: [f64; 3] = [0.299, 0.587, 0.114];
/// The optical density of dark cells in standardized gray: they become 10^-0.4 = 0.4.
const DENSITY: f64 = 0.4;
/// How much the densities of a slide may be stretched, and as much shrunk.
const STRETCH: f64 = 4.0;

/// How the stain of a slide is removed; by default as in the paper, which is [`remove_stain`] to the bit.
///
/// The options can be combined. All but the soft mask rest on the slide's [`Standard`], measured once and used for every
/// tile, so the result does not depend on the tiles.
///
/// Gray is standardized in optical density, d = -log10(gray / gray of the background), which becomes 0.4 d / d of the
/// dark cells: a change of the light adds to all densities and a gamma or a thicker stain multiplies them, so both
/// are undone, which an affine change of gray itself would not do. The factor stays within a quarter and four, and is
/// 1 on a slide without cells.
///
/// ```
/// use restain_stain::removal::{Removal, Standard, remove_stain};
///
/// let blue_light = Standard { white: [180.0, 220.0, 250.0], dark: None };
/// let pink_cell = [150, 120, 170];
/// let mut gm = [0.0; 2];
/// remove_stain(&pink_cell, &mut gm);
/// assert_eq!(gm[1], 0.0);
/// Removal { standard_mask: true, standard: blue_light, ..Removal::default() }.remove(&pink_cell, &mut gm);
/// assert_eq!(gm[1], 1.0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "options that can be combined freely")]
pub struct Removal {
    /// White-balance first: each channel is divided by the background's, and clipped at 1.
    pub white_balance: bool,
    /// Standardize gray: the background becomes 1, dark cells 0.4.
    pub standard_gray: bool,
    /// Compare channels for the mask each over the background's, not clipped.
    pub standard_mask: bool,
    /// Take the [soft mask](super::soft_mask).
    pub soft_mask: bool,
    /// The slide's colours.
    pub standard: Standard,
}

impl Removal {
    /// The removal with the options of these names, those of its fields, on a slide.
    ///
    /// # Errors
    /// [`Error::UnknownOption`].
    pub fn with_options(names: &[String], standard: Standard) -> Result<Self, Error> {
        let mut removal = Self { standard, ..Self::default() };
        for name in names {
            match removal.switches().into_iter().find(|(known, _)| name == known) {
                Some((_, switch)) => *switch = true,
                None => return Err(Error::UnknownOption(name.clone())),
            }
        }
        Ok(removal)
    }

    /// Names of the options that are on.
    pub fn options(mut self) -> Vec<String> {
        let on = self.switches().into_iter().filter(|(_, on)| **on);
        on.map(|(name, _)| name.to_owned()).collect()
    }

    fn switches(&mut self) -> [(&'static str, &mut bool); 4] {
        [
            ("white_balance", &mut self.white_balance),
            ("standard_gray", &mut self.standard_gray),
            ("standard_mask", &mut self.standard_mask),
            ("soft_mask", &mut self.soft_mask),
        ]
    }

    /// Whether it depends on the slide's [`Standard`].
    pub fn rests_on_standard(&self) -> bool {
        self.white_balance || self.standard_gray || self.standard_mask
    }

    /// Removes the stain of interleaved RGB pixels: `gm` becomes the planar image GM `[2, H, W]`, gray then mask,
    /// both in 0..=1.
    ///
    /// # Panics
    /// If `rgb` is not `3 * n` bytes long where `gm` holds `2 * n` values.
    pub fn remove(&self, rgb: &[u8], gm: &mut [f32]) {
        if !self.rests_on_standard() {
            return if self.soft_mask { remove_with(soft_mask, rgb, gm) } else { remove_stain(rgb, gm) };
        }
        let pixels = rgb.len() / 3;
        assert!(
            rgb.len() == 3 * pixels && gm.len() == 2 * pixels,
            "GM holds two values where RGB holds three"
        );
        let channels: [[f64; 256]; 3] =
            std::array::from_fn(|c| std::array::from_fn(|v| self.value(c, v as f64)));
        let compared: [[f64; 256]; 3] = if self.standard_mask {
            std::array::from_fn(|c| std::array::from_fn(|v| self.over_white(c, v as f64)))
        } else {
            channels
        };
        let (white, exponent) = self.gray_scale();
        let (grays, masks) = gm.split_at_mut(pixels);
        for ((pixel, gray), mask) in rgb.as_chunks::<3>().0.iter().zip(grays).zip(masks) {
            let of = |tables: &[[f64; 256]; 3]| std::array::from_fn(|c| tables[c][usize::from(pixel[c])]);
            let sum = weigh(of(&channels));
            *gray =
                if self.standard_gray { (sum / white).min(1.0).powf(exponent) as f32 } else { sum as f32 };
            let [r, g, b]: [f64; 3] = of(&compared);
            let lead = r - g.max(b);
            *mask =
                if self.soft_mask { ramp((255.0 * lead) as f32) } else { f32::from(u8::from(lead > 0.0)) };
        }
    }

    /// The gray of the background, and the exponent that brings the density of the cells to [`DENSITY`].
    fn gray_scale(&self) -> (f64, f64) {
        let gray = |colour: [f64; 3]| weigh(std::array::from_fn(|c| self.value(c, colour[c])));
        let white = gray(self.standard.white).max(f64::MIN_POSITIVE);
        let exponent = self.standard.dark.map_or(1.0, |dark| {
            DENSITY / (white / gray(dark).max(f64::MIN_POSITIVE)).log10().max(f64::MIN_POSITIVE)
        });
        (white, exponent.clamp(1.0 / STRETCH, STRETCH))
    }

    /// A level of channel `c` in 0..=1, balanced where that is asked for.
    fn value(&self, c: usize, level: f64) -> f64 {
        if self.white_balance { self.over_white(c, level).min(1.0) } else { level / 255.0 }
    }

    fn over_white(&self, c: usize, level: f64) -> f64 {
        level / self.standard.white[c].max(1.0)
    }
}

/// The gray of levels that need not be whole.
pub(crate) fn weigh(channels: [f64; 3]) -> f64 {
    WEIGHTS.iter().zip(channels).map(|(weight, value)| weight * value).sum()
}
