//! Folders of plain pictures.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use restain_pipeline::picture_format;

/// The pictures of a folder in the order of their names, at least one, and how many other files and folders it has.
pub(crate) fn in_folder(folder: &Path) -> anyhow::Result<(Vec<PathBuf>, usize)> {
    let failed = || format!("{}: cannot list the folder", folder.display());
    let (mut pictures, mut others) = (Vec::new(), 0);
    for entry in folder.read_dir().with_context(failed)? {
        let path = entry.with_context(failed)?.path();
        if path.is_file() && picture_format(&path).is_ok() {
            pictures.push(path);
        } else {
            others += 1;
        }
    }
    if pictures.is_empty() {
        bail!("{}: holds no PNG, JPEG, TIFF or BMP picture", folder.display());
    }
    pictures.sort();
    Ok((pictures, others))
}

/// Says on stderr that a folder has more than pictures.
pub(crate) fn note_others(folder: &Path, others: usize) {
    if others > 0 {
        eprintln!("note: {others} other files and folders of {} were left out", folder.display());
    }
}
