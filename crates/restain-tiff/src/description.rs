//! What a file says of itself.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use tiff::decoder::Decoder;
use tiff::tags::Tag;

use crate::{Error, Result};

/// The description of a TIFF file, as [`crate::Layout::description`] put it there; `None` where it has none that can be read.
///
/// # Errors
/// [`Error::Read`] where the file cannot be opened.
pub fn description(path: &Path) -> Result<Option<String>> {
    let file = File::open(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let text = Decoder::new(BufReader::new(file))
        .and_then(|mut decoder| decoder.get_tag_ascii_string(Tag::ImageDescription));
    Ok(text.ok())
}
