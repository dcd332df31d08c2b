//! What can go wrong with a slide, and what to do about it.

use std::path::PathBuf;

use crate::geometry::LevelRect;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with a slide; the message is one line for the person who named the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such file.
    #[error("{}: no such file; check the path", .slide.display())]
    Missing {
        /// The slide's path as given.
        slide: PathBuf,
    },
    /// The path is a directory.
    #[error("{}: this is a directory; name the slide file itself (for MIRAX, the .mrxs file beside it)", .slide.display())]
    Directory {
        /// The path as given.
        slide: PathBuf,
    },
    /// The file holds nothing.
    #[error("{}: the file is empty; copy it again from the scanner", .slide.display())]
    Empty {
        /// The slide's path as given.
        slide: PathBuf,
    },
    /// The file is there but cannot be read, for want of permission or otherwise.
    #[error("{}: cannot read the file: {cause}; check its permissions and the disk", .slide.display())]
    Unreadable {
        /// The slide's path as given.
        slide: PathBuf,
        /// The system's cause.
        cause: std::io::Error,
    },
    /// A MIRAX slide without the folder that holds its pixels.
    #[error("{}: {} is missing; a MIRAX slide is the .mrxs file and the folder of the same name, copy both", .slide.display(), .missing.display())]
    MissingCompanion {
        /// The slide's path as given.
        slide: PathBuf,
        /// The folder, or the file in it, that is not there.
        missing: PathBuf,
    },
    /// A MIRAX slide whose extension is not in lower case.
    #[error("{}: OpenSlide knows a MIRAX slide only by the extension .mrxs in lower case; rename the file", .slide.display())]
    MiraxExtension {
        /// The slide's path as given.
        slide: PathBuf,
    },
    /// No reader of `OpenSlide` recognises the file.
    #[error("{}: not a slide that OpenSlide {version} recognises; check that the file is whole and of a supported format (plain pictures: restain normalize-image)", .slide.display())]
    NotASlide {
        /// The slide's path as given.
        slide: PathBuf,
        /// The version of `OpenSlide` at work.
        version: String,
    },
    /// The slide cannot be opened, or is damaged where `OpenSlide` would not see it.
    #[error("{}: the slide is damaged or incomplete: {cause}; copy it again from the scanner", .slide.display())]
    Damaged {
        /// The slide's path as given.
        slide: PathBuf,
        /// What is wrong, mostly in `OpenSlide`'s own words.
        cause: String,
    },
    /// A region cannot be read, with a fresh handle neither.
    #[error("{}: cannot read level {level}, region {}: {cause}; the slide is damaged or incomplete there, copy it again from the scanner", .slide.display(), describe(.region))]
    Read {
        /// The slide's path as given.
        slide: PathBuf,
        /// The level.
        level: u32,
        /// What was asked for, in pixels of the level.
        region: LevelRect,
        /// `OpenSlide`'s own message.
        cause: String,
    },
    /// The slide has no such level.
    #[error("{}: there is no level {level}; the slide has {levels}, numbered from 0 to {}", .slide.display(), levels.saturating_sub(1))]
    NoSuchLevel {
        /// The slide's path as given.
        slide: PathBuf,
        /// The level asked for.
        level: u32,
        /// How many levels there are.
        levels: u32,
    },
    /// The region holds no pixel.
    #[error("{}: region {} of level {level} holds no pixel; give it a width and a height of at least 1", .slide.display(), describe(.region))]
    EmptyRegion {
        /// The slide's path as given.
        slide: PathBuf,
        /// The level.
        level: u32,
        /// What was asked for, in pixels of the level.
        region: LevelRect,
    },
    /// The region does not fit into memory.
    #[error("{}: region {} of level {level} does not fit into memory; read it in pieces", .slide.display(), describe(.region))]
    RegionTooLarge {
        /// The slide's path as given.
        slide: PathBuf,
        /// The level.
        level: u32,
        /// What was asked for, in pixels of the level.
        region: LevelRect,
    },
    /// A level was asked for by its micrometres a pixel, and the slide does not say how large its pixels are.
    #[error("{}: the slide does not say how many micrometres a pixel has; choose the level by its number", .slide.display())]
    NoMpp {
        /// The slide's path as given.
        slide: PathBuf,
    },
    /// Micrometres a pixel that no level can have.
    #[error("{mpp} micrometres a pixel make no sense; give a number above 0")]
    InvalidMpp {
        /// What was asked for.
        mpp: f64,
    },
    /// Finer pixels were asked for than the scanner has made.
    #[error("{}: {mpp} micrometres a pixel are finer than the scan, whose finest level has {finest:.4}", .slide.display())]
    FinerThanScanned {
        /// The slide's path as given.
        slide: PathBuf,
        /// Micrometres a pixel asked for.
        mpp: f64,
        /// Micrometres a pixel of level 0.
        finest: f64,
    },
    /// A tile grid over no pixels, or over coordinates no slide has.
    #[error("no tile grid over {}: the extent must hold a pixel, and its coordinates stay within 2^60", describe(.extent))]
    GridExtent {
        /// The extent asked for.
        extent: LevelRect,
    },
    /// A tile size or halo off the grid.
    #[error("{what} of {size} pixels: it must be a multiple of 64{}", if *what == "a tile" { " and above 0" } else { "" })]
    OffGrid {
        /// What is off the grid: "a tile" or "a halo".
        what: &'static str,
        /// Its size in pixels.
        size: u32,
    },
}

impl Error {
    /// The message without what a slide's files say of themselves, be it the name of one of them: any of that may name a person.
    pub fn discreet(&self) -> String {
        match self {
            Self::MissingCompanion { slide, .. } => format!(
                "{}: a file of the slide is missing; a MIRAX slide is the .mrxs file and the folder of the same name, copy both",
                slide.display()
            ),
            Self::Damaged { slide, .. } => format!(
                "{}: the slide is damaged or incomplete (`restain inspect` on it says where); copy it again from the scanner",
                slide.display()
            ),
            Self::Read { slide, level, region, .. } => format!(
                "{}: cannot read level {level}, region {}; the slide is damaged or incomplete there, copy it again from the scanner",
                slide.display(),
                describe(region)
            ),
            other => other.to_string(),
        }
    }
}

/// A region as people read it: corner and size.
fn describe(rect: &LevelRect) -> String {
    let (width, height) = (rect.max.x.saturating_sub(rect.min.x), rect.max.y.saturating_sub(rect.min.y));
    format!("x {}, y {}, {width} x {height} px", rect.min.x, rect.min.y)
}
