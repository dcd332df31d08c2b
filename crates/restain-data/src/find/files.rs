//! Image files below a folder.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::{Error, Result};

/// File name endings taken for images, in lower case.
const ENDINGS: [&str; 6] = ["png", "jpg", "jpeg", "tif", "tiff", "bmp"];

/// The images below a folder, sorted; links are followed, but not in circles.
pub(crate) fn images(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name() {
        let entry = entry.map_err(|error| Error::Folder {
            path: error.path().unwrap_or(folder).to_owned(),
            message: error.to_string(),
        })?;
        let known = |end: &std::ffi::OsStr| ENDINGS.iter().any(|ending| end.eq_ignore_ascii_case(ending));
        if entry.file_type().is_file() && entry.path().extension().is_some_and(known) {
            paths.push(entry.into_path());
        }
    }
    if paths.is_empty() {
        return Err(Error::Nothing {
            path: folder.to_owned(),
            what: "holds no PNG, JPEG, TIFF or BMP image",
        });
    }
    Ok(paths)
}

/// A path below a folder as a name: with `/` between its parts, on every system.
pub(crate) fn name_inside(folder: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(folder).unwrap_or(path);
    let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}
