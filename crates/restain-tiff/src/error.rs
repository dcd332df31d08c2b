//! What can go wrong between a piece of picture and a file on disk.

use std::io;
use std::path::{Path, PathBuf};

/// An error of this crate: where it happened, why, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The layout asks for a picture that cannot be written.
    #[error("cannot write this picture: {0}")]
    Layout(String),
    /// A piece reaches outside the picture, or has no pixels.
    #[error(
        "the piece of {width}x{height} px at ({x}, {y}) has no pixels inside or some outside the picture of {picture_width}x{picture_height} px"
    )]
    PieceOutside {
        /// Left edge of the piece, level-0 pixels.
        x: u32,
        /// Upper edge of the piece, level-0 pixels.
        y: u32,
        /// Width of the piece.
        width: u32,
        /// Height of the piece.
        height: u32,
        /// Width of the picture.
        picture_width: u32,
        /// Height of the picture.
        picture_height: u32,
    },
    /// A piece covers pixels that an earlier piece has brought already.
    #[error("the piece of {width}x{height} px at ({x}, {y}) covers pixels that came before")]
    PieceOverlaps {
        /// Left edge of the piece, level-0 pixels.
        x: u32,
        /// Upper edge of the piece, level-0 pixels.
        y: u32,
        /// Width of the piece.
        width: u32,
        /// Height of the piece.
        height: u32,
    },
    /// A buffer does not hold the pixels it should.
    #[error("a buffer for {width}x{height} px holds {found} bytes instead of {expected} (interleaved RGB)")]
    BufferSize {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Bytes of interleaved RGB.
        expected: u64,
        /// Bytes given.
        found: u64,
    },
    /// The JPEG library refused a tile.
    #[error("libjpeg-turbo cannot encode a tile: {0}")]
    Jpeg(#[from] turbojpeg::Error),
    /// A JPEG stream is not built as expected.
    #[error("the JPEG stream of a tile cannot be split into tables and picture: {0}")]
    JpegStream(&'static str),
    /// The deflate library failed.
    #[error("cannot deflate a tile: {0}")]
    Deflate(#[source] io::Error),
    /// A tile was written that the layout does not have.
    #[error("level {level} has no tile in column {column}, row {row}")]
    NoSuchTile {
        /// Level, 0 is the full picture.
        level: u32,
        /// Column of the tile.
        column: u32,
        /// Row of the tile.
        row: u32,
    },
    /// A tile was written twice.
    #[error("the tile in column {column}, row {row} of level {level} was written twice")]
    TileTwice {
        /// Level, 0 is the full picture.
        level: u32,
        /// Column of the tile.
        column: u32,
        /// Row of the tile.
        row: u32,
    },
    /// The file was finished although tiles are missing.
    #[error("{}: {missing} of {total} tiles were never written, so the file is not kept", path.display())]
    TilesMissing {
        /// The file that was asked for.
        path: PathBuf,
        /// Tiles that never came.
        missing: u64,
        /// Tiles of all levels.
        total: u64,
    },
    /// The output exists and may not be overwritten.
    #[error("{} exists already; choose another name or allow it to be overwritten (--force)", .0.display())]
    Exists(PathBuf),
    /// The output's name belongs to a folder.
    #[error("{} is a folder; give the name of a file", .0.display())]
    IsFolder(PathBuf),
    /// The output is a device, a pipe or a socket.
    #[error("{} is no file; give the name of one", .0.display())]
    NotAFile(PathBuf),
    /// The output's folder does not exist.
    #[error("{}: the folder {} does not exist; create it first", path.display(), folder.display())]
    NoFolder {
        /// The file that was asked for.
        path: PathBuf,
        /// Its missing folder.
        folder: PathBuf,
    },
    /// The output's folder may not be written to.
    #[error("{}: no permission to write into {}; choose another folder", path.display(), folder.display())]
    NotWritable {
        /// The file that was asked for.
        path: PathBuf,
        /// The folder.
        folder: PathBuf,
    },
    /// The disk is full, or the user's share of it.
    #[error("{}: no space left after {written} bytes ({source}); free some space or write to another disk", path.display())]
    DiskFull {
        /// The file that was asked for.
        path: PathBuf,
        /// Bytes of the file when it happened.
        written: u64,
        /// What the system said.
        source: io::Error,
    },
    /// Writing failed for another reason.
    #[error("{}: {doing} failed: {source}; check the disk", path.display())]
    Write {
        /// The file that was asked for.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A file to verify cannot be read.
    #[error("{}: cannot be read: {source}; check its path and permissions, and the disk", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file to verify has no checksums.
    #[error(
        "{}: the checksums at its end are missing: it was cut off, or another program or an older restain wrote it; make it again",
        .0.display()
    )]
    NoSums(PathBuf),
    /// A file is not as it was written.
    #[error("{}: damaged: {place}: {reason}; make it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first damaged place: level, column and row of a tile, or what else.
        place: String,
        /// How it shows.
        reason: String,
    },
    /// Verifying was stopped.
    #[error("interrupted")]
    Stopped,
}

impl Error {
    /// The error of an operation on the output `path` that failed after `written` bytes.
    pub(crate) fn output(path: &Path, doing: &'static str, written: u64, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::DiskFull { path, written, source }
            }
            _ => Self::Write { path, doing, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_a_broken_one() {
        const NO_SPACE: i32 = 28;
        const BROKEN: i32 = 5;
        let error =
            |code| Error::output(Path::new("a.tif"), "writing", 7, io::Error::from_raw_os_error(code));
        assert!(matches!(error(NO_SPACE), Error::DiskFull { written: 7, .. }));
        assert!(matches!(error(BROKEN), Error::Write { doing: "writing", .. }));
    }
}
