//! Stain and scanner: what makes the same cells look different.

use std::{fmt, str::FromStr};

use crate::{Error, cells::canvas::DYES};

/// A way to stain and scan cells.
#[derive(Debug, Clone)]
pub struct Style {
    pub(super) name: &'static str,
    /// Colour of empty glass in full light.
    pub(super) glass: [u8; 3],
    /// Optical density (natural logarithm) in R, G and B of each dye at concentration 1.
    pub(super) dyes: [[f32; 3]; DYES],
    /// Light that comes through nothing, as a fraction of the glass's: it takes away contrast.
    pub(super) flare: [f32; 3],
    /// How much darker the worst lit part of the slide is.
    pub(super) unevenness: f32,
    /// 0 for the optics' full blur, 1 for none, more for a camera that sharpens.
    pub(super) focus: f32,
    /// Largest noise of the camera in grey levels.
    pub(super) noise: f32,
}

impl Style {
    /// A new scanner: cool, violet-grey, soft, of low contrast.
    pub fn new_scanner() -> Self {
        Self {
            name: "new-scanner",
            glass: [224, 226, 238],
            dyes: [[1.10, 1.24, 0.64], [0.62, 0.36, 0.20], [0.16, 0.50, 0.36], [0.18, 0.62, 0.66]],
            flare: [0.10, 0.10, 0.12],
            unevenness: 0.07,
            focus: 0.2,
            noise: 2.0,
        }
    }

    /// The old scanner: warm, orange and teal, sharp, of high contrast.
    pub fn old_scanner() -> Self {
        Self {
            name: "old-scanner",
            glass: [246, 252, 253],
            dyes: [[1.62, 2.0, 1.1], [1.05, 0.46, 0.48], [0.10, 0.62, 0.66], [0.14, 0.86, 1.60]],
            flare: [0.0, 0.0, 0.0],
            unevenness: 0.05,
            focus: 1.3,
            noise: 2.5,
        }
    }

    /// All styles.
    pub fn all() -> [Self; 2] {
        [Self::new_scanner(), Self::old_scanner()]
    }

    /// The style's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The colour of empty glass.
    pub fn glass(&self) -> [u8; 3] {
        self.glass
    }
}

impl fmt::Display for Style {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl FromStr for Style {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let all = Self::all();
        let known = all.each_ref().map(Self::name).join(", ");
        let style = all.into_iter().find(|style| style.name == name);
        style.ok_or_else(|| Error::Style { name: name.to_owned(), known })
    }
}
