//! What can go wrong while making a slide.

use std::{
    io,
    path::{Path, PathBuf},
};

/// The result of making a slide.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong while making a slide.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A side of the slide is too short or too long for the format.
    #[error("a slide of {width} x {height} px cannot be made: each side must have {min} to {max} px")]
    Size {
        /// Requested width in pixels.
        width: u32,
        /// Requested height in pixels.
        height: u32,
        /// The shortest side, in pixels.
        min: u32,
        /// The longest side, in pixels.
        max: u32,
    },
    /// A setting is outside its range.
    #[error("{name} is {value}, but must be {range}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: f64,
        /// The values that it can have.
        range: &'static str,
    },
    /// Annotations of what is not drawn cell by cell.
    #[error(
        "annotations need a slide of drawn cells that does not repeat: below 200 megapixels and without given pictures"
    )]
    NoAnnotations,
    /// There is no style of this name.
    #[error("no style is called '{name}'; there are {known}")]
    Style {
        /// The name asked for.
        name: String,
        /// All names, comma-separated.
        known: String,
    },
    /// The name of the output does not end in `.mrxs`.
    #[error("{}: the name of a MIRAX slide must end in .mrxs", .0.display())]
    Extension(PathBuf),
    /// The output or its companion folder exists already.
    #[error("{}: exists already; choose another name or allow it to be replaced", .0.display())]
    Exists(PathBuf),
    /// The companion folder exists and is not that of a slide, so it is never replaced.
    #[error("{}: is a folder that belongs to no slide and is not replaced; choose another name", .0.display())]
    NotASlide(PathBuf),
    /// A folder of pictures holds none that can be used.
    #[error("{}: no JPEG or PNG picture with sides of at least {min} px is in this folder", folder.display())]
    NoPictures {
        /// The folder.
        folder: PathBuf,
        /// The shortest usable side, in pixels.
        min: u32,
    },
    /// A picture cannot be read.
    #[error("{}: the picture cannot be read: {source}", path.display())]
    Picture {
        /// The picture.
        path: PathBuf,
        /// Why.
        source: image::ImageError,
    },
    /// A file or folder cannot be read or written.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An image cannot be compressed.
    #[error("a JPEG image cannot be compressed: {0}")]
    Jpeg(#[from] turbojpeg::Error),
    /// The caller stopped the work.
    #[error("stopped; nothing was written")]
    Stopped,
}

impl Error {
    /// For `map_err`: an I/O error while doing `action` with `path`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
