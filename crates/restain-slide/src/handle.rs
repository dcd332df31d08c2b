//! A handle of `OpenSlide` that outlives its errors.
//!
//! An error is terminal for a handle: every later call on it fails with the same message, whoever makes it. All
//! threads share one handle, and a read that fails is tried once more on a fresh handle of its own, which nobody else
//! can have spoilt. If that works, the fresh handle takes the spoilt one's place.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use openslide_rs::{OpenSlide, Region, errors::OpenSlideError};

use crate::{
    error::{Error, Result},
    info::openslide_version,
    mirax,
};

/// The shared handle of a slide.
#[derive(Debug)]
pub(crate) struct Handle {
    path: PathBuf,
    shared: RwLock<Arc<OpenSlide>>,
}

impl Handle {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        check_file(path)?;
        let slide = OpenSlide::new(path).map_err(|error| explain(path, error))?;
        Ok(Self { path: path.to_owned(), shared: RwLock::new(Arc::new(slide)) })
    }

    /// The handle that is current now.
    pub(crate) fn current(&self) -> Arc<OpenSlide> {
        Arc::clone(&self.shared.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads premultiplied ARGB, one native-endian `u32` a pixel; the second failure is the answer.
    pub(crate) fn read(&self, region: &Region) -> Result<Vec<u8>, OpenSlideError> {
        let spoilt = self.current();
        if let Ok(pixels) = spoilt.read_region(region) {
            return Ok(pixels);
        }
        let fresh = OpenSlide::new(&self.path)?;
        let pixels = fresh.read_region(region)?;
        let mut shared = self.shared.write().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&shared, &spoilt) {
            *shared = Arc::new(fresh);
        }
        Ok(pixels)
    }
}

/// Finds what `OpenSlide` would report less clearly, or not at all.
fn check_file(path: &Path) -> Result<()> {
    let slide = || path.to_owned();
    let meta = fs::metadata(path).map_err(|cause| unreadable(path, cause))?;
    if meta.is_dir() {
        return Err(Error::Directory { slide: slide() });
    }
    // Opening a pipe would wait for ever.
    if !meta.is_file() {
        return Err(Error::NotASlide { slide: slide(), version: openslide_version() });
    }
    let first =
        File::open(path).and_then(|mut file| file.read(&mut [0])).map_err(|cause| unreadable(path, cause))?;
    if first == 0 {
        return Err(Error::Empty { slide: slide() });
    }
    if path.extension().is_some_and(|extension| extension != "mrxs" && extension.eq_ignore_ascii_case("mrxs"))
    {
        return Err(Error::MiraxExtension { slide: slide() });
    }
    if let Some(folder) = companion(path) {
        let index = folder.join("Slidedat.ini");
        if !folder.is_dir() {
            return Err(Error::MissingCompanion { slide: slide(), missing: folder });
        }
        if !index.is_file() {
            return Err(Error::MissingCompanion { slide: slide(), missing: index });
        }
        if let Some(cause) = mirax::fault(&folder) {
            return Err(Error::Damaged { slide: slide(), cause });
        }
    }
    Ok(())
}

/// The folder that belongs to a MIRAX slide: `name/` beside `name.mrxs`.
pub fn companion(path: &Path) -> Option<PathBuf> {
    let mirax = path.extension().is_some_and(|extension| extension == "mrxs");
    mirax.then(|| path.with_extension(""))
}

fn unreadable(path: &Path, cause: io::Error) -> Error {
    let slide = path.to_owned();
    match cause.kind() {
        io::ErrorKind::NotFound => Error::Missing { slide },
        _ => Error::Unreadable { slide, cause },
    }
}

/// An error of opening in our words.
pub(crate) fn explain(path: &Path, error: OpenSlideError) -> Error {
    let slide = path.to_owned();
    match error {
        OpenSlideError::MissingFile(_) => Error::Missing { slide },
        OpenSlideError::UnsupportedFile(_) => Error::NotASlide { slide, version: openslide_version() },
        OpenSlideError::LibraryError(cause) => Error::Damaged { slide, cause: printable(&cause) },
        other => Error::Damaged { slide, cause: printable(&other.to_string()) },
    }
}

/// A message that may quote a damaged file: no control characters, and no more than a few lines of a terminal.
pub(crate) fn printable(message: &str) -> String {
    const LONGEST: usize = 240;
    let plain = message.chars().map(|c| if c.is_control() { ' ' } else { c });
    let short: String = plain.take(LONGEST).collect();
    if short.len() < message.len() { short + " ..." } else { short }
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn messages_are_printable_and_short() {
        assert_eq!(printable("line \u{201c}\u{1b}[2J\r\n"), "line \u{201c} [2J  ");
        assert_eq!(printable(&"\u{fffd}".repeat(9000)), "\u{fffd}".repeat(240) + " ...");
    }
}
