//! Text files: manifests, tables and annotations.

use std::path::Path;

use crate::{Error, Result};

/// The largest text file that is read. QuPath writes some 500 bytes for a cell: this holds a million of them.
const LIMIT: u64 = 512 << 20;

/// Reads a whole text file, which must be UTF-8, with or without a byte order mark, and not empty.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    let fault = |source| Error::Read { path: path.to_owned(), source };
    let bytes = std::fs::metadata(path).map_err(fault)?.len();
    if bytes > LIMIT {
        return Err(Error::FileTooLarge { path: path.to_owned(), bytes, limit: LIMIT });
    }
    let content = std::fs::read(path).map_err(fault)?;
    let wrong =
        |line, message: &str| Error::Content { path: path.to_owned(), line, message: message.to_owned() };
    let text = String::from_utf8(content).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.split(|&byte| byte == b'\n').count() as u64;
        wrong(Some(line), "this is not UTF-8 text; save the file as UTF-8")
    })?;
    let text = text.strip_prefix('\u{feff}').map(ToOwned::to_owned).unwrap_or(text);
    if text.trim().is_empty() {
        return Err(wrong(None, "the file is empty"));
    }
    Ok(text)
}
