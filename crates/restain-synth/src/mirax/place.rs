//! The place of the output: nothing is there until all of it is.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{Error, Result};

/// A slide in the making, in a temporary folder beside its final place. Dropped unfinished, it leaves nothing.
pub(super) struct Place {
    mrxs: PathBuf,
    folder: PathBuf,
    temporary: TempDir,
    force: bool,
}

impl Place {
    /// Begins a slide at `mrxs`, whose images go to the folder of the same name without `.mrxs`.
    pub(super) fn new(mrxs: &Path, force: bool) -> Result<Self> {
        if mrxs.extension().is_none_or(|extension| extension != "mrxs") {
            return Err(Error::Extension(mrxs.to_owned()));
        }
        let folder = mrxs.with_extension("");
        check(mrxs, &folder, force)?;
        let parent = match mrxs.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let temporary = tempfile::Builder::new()
            .prefix(".restain-synth-")
            .tempdir_in(parent)
            .map_err(Error::io("write to the folder", parent))?;
        let place = Self { mrxs: mrxs.to_owned(), folder, temporary, force };
        fs::create_dir(place.images()).map_err(Error::io("create", &place.images()))?;
        Ok(place)
    }

    /// The folder for the images.
    pub(super) fn images(&self) -> PathBuf {
        self.temporary.path().join("images")
    }

    /// Moves the slide to its final place, with `preview` as the `.mrxs` file.
    pub(super) fn finish(self, preview: &[u8]) -> Result<()> {
        let temporary = self.temporary.path().join("preview");
        fs::write(&temporary, preview).map_err(Error::io("write", &temporary))?;
        check(&self.mrxs, &self.folder, self.force)?;
        if self.force {
            remove(fs::remove_file(&self.mrxs)).map_err(Error::io("replace", &self.mrxs))?;
            remove(fs::remove_dir_all(&self.folder)).map_err(Error::io("replace", &self.folder))?;
        }
        fs::rename(self.images(), &self.folder).map_err(Error::io("create", &self.folder))?;
        fs::rename(&temporary, &self.mrxs).map_err(Error::io("create", &self.mrxs))
    }
}

/// Refuses what exists, and even with `force` a folder that is no slide's.
fn check(mrxs: &Path, folder: &Path, force: bool) -> Result<()> {
    let exists = [mrxs, folder].into_iter().find(|path| path.symlink_metadata().is_ok());
    match exists {
        Some(path) if !force => Err(Error::Exists(path.to_owned())),
        _ if folder.exists() && !folder.join("Slidedat.ini").is_file() => {
            Err(Error::NotASlide(folder.to_owned()))
        }
        _ => Ok(()),
    }
}

fn remove(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
