//! Stain and scanner: what makes the same cells look different.

use std::{fmt, str::FromStr};

use crate::Error;

/// A way to stain and scan cells.
#[derive(Debug, Clone)]
pub struct Style {
    name: &'static str,
    glass: [u8; 3],
    dyes: [[f32; 3]; 3],
}

impl Style {
    /// A new scanner: cool, violet-grey, of low contrast.
    pub fn new_scanner() -> Self {
        Self {
            name: "new-scanner",
            glass: [222, 224, 236],
            dyes: [[1.0, 1.1, 0.6], [0.5, 0.35, 0.2], [0.25, 0.5, 0.25]],
        }
    }

    /// The old scanner: warm, orange and teal.
    pub fn old_scanner() -> Self {
        Self {
            name: "old-scanner",
            glass: [245, 250, 250],
            dyes: [[1.4, 1.5, 0.9], [1.0, 0.4, 0.4], [0.1, 0.7, 0.9]],
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

    pub(super) fn dye(&self, index: usize) -> [f32; 3] {
        self.dyes[index]
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
