//! Files read and written whole.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

/// Writes a file beside its place, syncs it and renames it, so that its name never holds half of it.
///
/// # Errors
/// What the system says; nothing is left behind then.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_whole_by(path, |file| file.write_all(bytes))
}

/// As [`write_whole`], piece by piece.
///
/// # Errors
/// What the system or `fill` says; nothing is left behind then.
pub fn write_whole_by<E: From<io::Error>>(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), E> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut prefix = OsString::from(".");
    // With it, names of 255 bytes must do, the longest that file systems allow.
    if let Some(name) = path.file_name().filter(|name| name.len() <= 200) {
        prefix.push(name);
        prefix.push(".");
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".part");
    // Readable by whom the user's own settings let read, not only by the user as other temporary files are.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = BufWriter::new(builder.tempfile_in(folder).map_err(without_path)?);
    fill(&mut file)?;
    let file = file.into_inner().map_err(|error| without_path(error.into_error()))?;
    file.as_file().sync_all().map_err(without_path)?;
    file.persist(path).map_err(|error| without_path(error.error))?;
    Ok(())
}

/// What went wrong, without the name of the temporary file that the `tempfile` crate adds.
fn without_path(error: io::Error) -> io::Error {
    if error.raw_os_error().is_some() { error } else { error.kind().into() }
}

/// Reads a file that is not expected to be longer than `most` bytes; who made it may be a stranger.
///
/// # Errors
/// What the system says, or that the file is longer; no more of it is read then.
pub fn read_at_most(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let mut bytes = Vec::new();
    // Devices have no length, and files may grow.
    let length = file.metadata()?.len();
    if length <= most {
        file.take(most + 1).read_to_end(&mut bytes)?;
    }
    if length.max(bytes.len() as u64) > most {
        return Err(io::Error::other(format!("longer than {most} bytes, which no such file is")));
    }
    Ok(bytes)
}

/// Bytes that a configuration, which people write by hand, may have.
const LONGEST_CONFIGURATION: u64 = 1 << 20;

/// Lists within lists, and the like, that a configuration may have: readers of YAML take time with the square of them.
const DEEPEST: usize = 100;

/// Reads a configuration's file, in YAML.
///
/// # Errors
/// As [`read_at_most`], and where it is not UTF-8, or brackets are nested as by nobody.
pub fn read_configuration(path: &Path) -> io::Result<String> {
    let text = String::from_utf8(read_at_most(path, LONGEST_CONFIGURATION)?).map_err(io::Error::other)?;
    let mut depth = 0_usize;
    for letter in text.bytes() {
        match letter {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Err(io::Error::other(format!("more than {DEEPEST} brackets are open at a time")));
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_longer_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "1234").unwrap();
        assert_eq!(read_at_most(&path, 4).unwrap(), b"1234");
        assert!(read_at_most(&path, 3).unwrap_err().to_string().starts_with("longer than 3 bytes"));
        File::create(&path).unwrap().set_len(LONGEST_CONFIGURATION + 1).unwrap();
        assert!(read_configuration(&path).is_err());
        for (deep, is_read) in [(DEEPEST, true), (DEEPEST + 1, false)] {
            std::fs::write(&path, "[".repeat(deep) + &"]".repeat(deep)).unwrap();
            assert_eq!(read_configuration(&path).is_ok(), is_read);
        }
    }

    #[test]
    fn errors_name_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let error = write_whole(&folder.path().join("none/file"), b"").unwrap_err();
        assert_eq!((error.kind(), error.to_string().contains("part")), (io::ErrorKind::NotFound, false));
    }
}
