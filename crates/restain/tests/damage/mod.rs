//! Kinds of damage to MIRAX slides, named after the cases of OpenSlide's test corpus (`test/cases/mirax-*`).

pub(crate) mod files;
pub(crate) mod index;
pub(crate) mod position;
pub(crate) mod rest;
pub(crate) mod slidedat;
pub(crate) mod tiles;
pub(crate) mod variants;

use files::Files;
use variants::Variant;

/// One way to damage a slide, or to write it otherwise.
pub(crate) struct Kind {
    /// The corpus's name, without `mirax-`; what the corpus lacks begins with `more-`.
    pub(crate) name: &'static str,
    /// The slide that is damaged.
    pub(crate) of: Variant,
    pub(crate) damage: fn(&mut Files),
    pub(crate) expected: Expected,
}

/// What has to come of a slide.
#[derive(Clone, Copy)]
pub(crate) enum Expected {
    /// An error that holds this.
    Refused(&'static str),
    /// The pixels of the slide without the damage.
    Same,
    /// One of the two: with `OpenSlide` 3.4.1, and with 4.
    Differs(&'static Expected, &'static Expected),
}

impl Expected {
    pub(crate) fn with(self, openslide: &str) -> Self {
        match self {
            Self::Differs(three, _) if openslide.starts_with("3.") => *three,
            Self::Differs(_, four) => *four,
            same => same,
        }
    }
}

/// All kinds, by what they damage.
pub(crate) fn groups() -> [(&'static str, &'static [Kind]); 5] {
    [
        ("Slidedat.ini", slidedat::KINDS),
        ("Index.dat", index::KINDS),
        ("position buffer", position::KINDS),
        ("tiles (JPEG, PNG, BMP)", tiles::KINDS),
        ("other pictures, files, variants", rest::KINDS),
    ]
}

const fn of(variant: Variant, name: &'static str, damage: fn(&mut Files), expected: Expected) -> Kind {
    Kind { name, of: variant, damage, expected }
}
