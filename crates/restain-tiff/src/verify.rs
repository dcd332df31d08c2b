//! Whether a file is as it was written: every checksum compared, every tile decoded.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use tiff::decoder::{Decoder, Limits};
use tiff::tags::Tag;

use crate::sums::{Fault, Sums};
use crate::{Error, Result};

/// What was found to be sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Length of the file in bytes.
    pub bytes: u64,
    /// Levels of the pyramid.
    pub levels: u32,
    /// Tiles of all levels.
    pub tiles: u64,
}

/// The tiles of one level, as its directory says.
struct Level {
    index: usize,
    columns: usize,
    offsets: Vec<u64>,
    lengths: Vec<u64>,
}

/// Compares every checksum of a file that [`crate::PyramidWriter`] has written, and decodes every tile. `stop` ends it early.
///
/// # Errors
/// [`Error::Read`] where the file cannot be read; [`Error::NoSums`] where it has no checksums, for it was cut off or is not of
/// this program; [`Error::Damaged`] with the first damaged place; [`Error::Stopped`].
pub fn verify(path: &Path, stop: &AtomicBool) -> Result<Verified> {
    verify_opened(path, &|| File::open(path), stop)
}

/// As [`verify`], of a file that `open` opens anew for each thread; `path` is only named in errors.
///
/// # Errors
/// As [`verify`].
pub fn verify_opened<F: Read + Seek>(
    path: &Path,
    open: &(impl Fn() -> io::Result<F> + Sync),
    stop: &AtomicBool,
) -> Result<Verified> {
    check(path, open, true, stop)
}

/// As [`verify`], without decoding: tells whether a file is still what it was when it was verified.
///
/// # Errors
/// As [`verify`].
pub fn compare_sums(path: &Path, stop: &AtomicBool) -> Result<Verified> {
    check(path, &|| File::open(path), false, stop)
}

fn check<F: Read + Seek>(
    path: &Path,
    open: &(impl Fn() -> io::Result<F> + Sync),
    decode: bool,
    stop: &AtomicBool,
) -> Result<Verified> {
    let mut file = open().map_err(|source| unreadable(path, source))?;
    let sums = read_sums(path, &mut file)?;
    let bytes = file.seek(SeekFrom::End(0)).map_err(|source| unreadable(path, source))?;
    let levels = levels(file, &sums).map_err(|error| damaged(path, "the directories", &error.to_string()))?;
    for (level, sums) in levels.iter().zip(&sums.levels) {
        check_level(path, open, (level, sums), decode, stop)?;
    }
    let tiles = sums.levels.iter().map(|level| level.len() as u64).sum();
    Ok(Verified { bytes, levels: levels.len() as u32, tiles })
}

/// The checksums of a file whose header and directories hold theirs.
fn read_sums(path: &Path, file: &mut (impl Read + Seek)) -> Result<Sums> {
    let sums = Sums::read(file).map_err(|fault| match fault {
        Fault::Missing => Error::NoSums(path.to_owned()),
        Fault::Damaged => damaged(path, "the list of checksums", "it does not match its own"),
        Fault::Read(source) => unreadable(path, source),
    })?;
    if !sums.directories_hold(file).map_err(|source| unreadable(path, source))? {
        return Err(damaged(path, "the header or a directory", "it does not match its checksum"));
    }
    Ok(sums)
}

fn unreadable(path: &Path, source: io::Error) -> Error {
    Error::Read { path: path.to_owned(), source }
}

fn damaged(path: &Path, place: &str, reason: &str) -> Error {
    Error::Damaged { path: path.to_owned(), place: place.to_owned(), reason: reason.to_owned() }
}

/// Reads where the tiles of every level lie, and whether they can.
fn levels(mut file: impl Read + Seek, sums: &Sums) -> Result<Vec<Level>, tiff::TiffError> {
    file.rewind()?;
    let mut decoder = decoder(file)?;
    let mut levels = Vec::new();
    for (index, sums) in sums.levels.iter().enumerate() {
        decoder.seek_to_image(index)?;
        let (width, tile) = (decoder.get_tag_u32(Tag::ImageWidth)?, decoder.get_tag_u32(Tag::TileWidth)?);
        let offsets = decoder.get_tag_u64_vec(Tag::TileOffsets)?;
        let lengths = decoder.get_tag_u64_vec(Tag::TileByteCounts)?;
        if offsets.len() != sums.len() || lengths.len() != sums.len() || tile == 0 {
            return Err(other("a level has another number of tiles than of checksums"));
        }
        levels.push(Level { index, columns: width.div_ceil(tile) as usize, offsets, lengths });
    }
    if decoder.more_images() {
        return Err(other("there are more levels than checksums"));
    }
    Ok(levels)
}

fn check_level<F: Read + Seek>(
    path: &Path,
    open: &(impl Fn() -> io::Result<F> + Sync),
    (level, sums): (&Level, &[u32]),
    decode: bool,
    stop: &AtomicBool,
) -> Result<()> {
    let open = || decoder(open()?).and_then(|mut file| file.seek_to_image(level.index).map(|()| file));
    let faults = sums.par_iter().enumerate().map_init(open, |decoder, (index, sum)| {
        if stop.load(Ordering::Relaxed) {
            return Some(Error::Stopped);
        }
        let decoder = match decoder {
            Ok(decoder) => decoder,
            Err(error) => return Some(fault(path, level, index, &error.to_string())),
        };
        check_tile(decoder, level, index, *sum, decode)
            .err()
            .map(|error| fault(path, level, index, &error.to_string()))
    });
    // The first in the order of the file, whichever thread is the fastest.
    faults.find_first(Option::is_some).flatten().map_or(Ok(()), Err)
}

fn fault(path: &Path, level: &Level, index: usize, reason: &str) -> Error {
    let (column, row) = (index % level.columns, index / level.columns);
    damaged(path, &format!("level {}, tile in column {column}, row {row}", level.index), reason)
}

fn check_tile(
    decoder: &mut Decoder<BufReader<impl Read + Seek>>,
    level: &Level,
    index: usize,
    sum: u32,
    decode: bool,
) -> Result<(), tiff::TiffError> {
    let mut stored = Vec::new();
    let file = decoder.inner();
    file.seek(SeekFrom::Start(level.offsets[index]))?;
    file.take(level.lengths[index]).read_to_end(&mut stored)?;
    if crc32fast::hash(&stored) != sum {
        return Err(other("it does not match its checksum"));
    }
    if !decode {
        return Ok(());
    }
    decoder.read_chunk(u32::try_from(index).map_err(|_| other("too many tiles"))?).map(|_| ())
}

fn decoder<F: Read + Seek>(file: F) -> Result<Decoder<BufReader<F>>, tiff::TiffError> {
    Ok(Decoder::new(BufReader::new(file))?.with_limits(Limits::default()))
}

fn other(what: &str) -> tiff::TiffError {
    tiff::TiffError::IoError(io::Error::other(what.to_owned()))
}
