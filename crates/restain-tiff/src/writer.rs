//! The file: tiles as they come, directories at the end, and a name only once everything is on disk.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::mem;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use tiff::encoder::{TiffEncoder, TiffKindBig};
use tiff::{TiffError, TiffResult};

use crate::encode::{Encoded, EncodedTile, TileEncoder};
use crate::layout::{Layout, LevelShape};
use crate::{Error, Result, sums, tags};

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The file.
    pub path: PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
    /// Levels of the pyramid.
    pub levels: u32,
    /// Tiles of all levels.
    pub tiles: u64,
    /// How many of them are blank; those of one size share one stored tile.
    pub blank_tiles: u64,
}

/// Where the tiles of one level lie.
pub(crate) struct LevelTiles {
    /// Size in pixels and in tiles.
    pub(crate) shape: LevelShape,
    /// Offsets in the file, 0 for a tile that has not come yet.
    pub(crate) offsets: Vec<u64>,
    /// Lengths in bytes.
    pub(crate) lengths: Vec<u32>,
    /// Checksums.
    pub(crate) sums: Vec<u32>,
}

/// Where a tile lies, and its checksum.
#[derive(Clone, Copy)]
struct Stored {
    offset: u64,
    length: u32,
    sum: u32,
}

/// Writes a pyramid into a file that gets its name when it is finished. Dropped before that, it leaves nothing.
pub struct PyramidWriter {
    path: PathBuf,
    overwrite: bool,
    layout: Layout,
    jpeg_tables: Option<Vec<u8>>,
    file: NamedTempFile,
    /// Writes to `file` through a handle of its own.
    tiff: TiffEncoder<File, TiffKindBig>,
    /// Where the last tile ends.
    at: u64,
    levels: Vec<LevelTiles>,
    /// The stored blank tile of each side.
    blank: HashMap<u32, Stored>,
    blank_tiles: u64,
}

impl PyramidWriter {
    /// Begins a file for `layout` under a hidden name beside `path`; an existing file is replaced only with
    /// `overwrite`, and only at the end.
    ///
    /// # Errors
    /// [`Error::Layout`]; [`Error::IsFolder`], [`Error::Exists`], [`Error::NoFolder`], [`Error::NotWritable`],
    /// [`Error::DiskFull`] or [`Error::Write`] when the file cannot be made.
    pub fn create(path: impl AsRef<Path>, layout: &Layout, overwrite: bool) -> Result<Self> {
        let path = path.as_ref();
        let levels = layout.levels()?.into_iter().map(|shape| LevelTiles {
            shape,
            offsets: vec![0; shape.tiles() as usize],
            lengths: vec![0; shape.tiles() as usize],
            sums: vec![0; shape.tiles() as usize],
        });
        let failed = |cause| Error::output(path, "creating", 0, cause);
        let file = temporary(path, overwrite)?;
        let handle = file.as_file().try_clone().map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            overwrite,
            jpeg_tables: TileEncoder::new(layout)?.jpeg_tables().map(<[u8]>::to_vec),
            layout: layout.clone(),
            file,
            // Until the end the header names no directory, and a reader that finds this file sees that.
            tiff: TiffEncoder::new_big(handle).map_err(|error| failed(into_io(error)))?,
            at: 0,
            levels: levels.collect(),
            blank: HashMap::new(),
            blank_tiles: 0,
        })
    }

    /// Stores a tile; the first blank one stands for all of its size.
    ///
    /// # Errors
    /// [`Error::NoSuchTile`], [`Error::TileTwice`]; [`Error::DiskFull`] or [`Error::Write`] when the disk fails.
    pub fn write(&mut self, level: u32, column: u32, row: u32, tile: EncodedTile) -> Result<()> {
        let shape = self.levels.get(level as usize).map(|tiles| tiles.shape);
        let place = shape.and_then(|shape| Some((shape.tile, shape.index(column, row)?)));
        let (side, index) = place.ok_or(Error::NoSuchTile { level, column, row })?;
        if self.levels[level as usize].offsets[index] != 0 {
            return Err(Error::TileTwice { level, column, row });
        }
        let Stored { offset, length, sum } = match tile.0 {
            Encoded::Own(bytes) => self.store(&bytes)?,
            Encoded::Blank(bytes) => {
                self.blank_tiles += 1;
                let known = self.blank.get(&side).copied();
                let stored = known.map_or_else(|| self.store(&bytes), Ok)?;
                *self.blank.entry(side).or_insert(stored)
            }
        };
        let tiles = &mut self.levels[level as usize];
        (tiles.offsets[index], tiles.lengths[index], tiles.sums[index]) = (offset, length, sum);
        Ok(())
    }

    /// Writes the directories and the checksums, makes sure that all is on disk, and gives the file its name.
    ///
    /// # Errors
    /// [`Error::TilesMissing`]; [`Error::Exists`] when a file of that name has appeared meanwhile;
    /// [`Error::DiskFull`] or [`Error::Write`]. Nothing is left behind then.
    pub fn finish(mut self) -> Result<Summary> {
        let tiles = self.levels.iter().map(|level| level.shape.tiles()).sum();
        let missing =
            self.levels.iter().flat_map(|level| &level.offsets).filter(|offset| **offset == 0).count();
        if missing > 0 {
            return Err(Error::TilesMissing { path: self.path, missing: missing as u64, total: tiles });
        }
        self.write_directories().map_err(|error| self.failed("writing", into_io(error)))?;
        let sums = self.levels.iter_mut().map(|level| mem::take(&mut level.sums)).collect();
        sums::append(self.file.as_file_mut(), self.at, sums)
            .map_err(|cause| self.failed("writing", cause))?;
        self.file.as_file().sync_all().map_err(|cause| self.failed("syncing", cause))?;
        let length = self.file.as_file().metadata().map_err(|cause| self.failed("syncing", cause))?.len();
        let summary = Summary {
            path: self.path.clone(),
            bytes: length,
            levels: self.levels.len() as u32,
            tiles,
            blank_tiles: self.blank_tiles,
        };
        self.publish()?;
        Ok(summary)
    }

    /// Writes a tile at the end.
    fn store(&mut self, tile: &[u8]) -> Result<Stored> {
        let offset = self.append(tile).map_err(|error| self.failed("writing", into_io(error)))?;
        self.at = offset + tile.len() as u64;
        Ok(Stored { offset, length: tile.len() as u32, sum: crc32fast::hash(tile) })
    }

    /// Writes bytes at the end, at a multiple of 4; their offset.
    ///
    /// The `tiff` crate writes data only on the way to a directory. Tiles of all levels come mixed, so each goes
    /// through a directory of its own, which is forgotten: dropped, it would be written, too.
    fn append(&mut self, bytes: &[u8]) -> TiffResult<u64> {
        let mut passage = self.tiff.extra_directory()?;
        let offset = passage.write_data(bytes);
        mem::forget(passage); // empty, it holds no memory
        offset
    }

    /// The directories of all levels in their order.
    fn write_directories(&mut self) -> TiffResult<()> {
        for (level, tiles) in self.levels.iter().enumerate() {
            let mut directory = self.tiff.image_directory()?;
            tags::write(&mut directory, &self.layout, self.jpeg_tables.as_deref(), level, tiles)?;
            directory.finish()?;
        }
        Ok(())
    }

    /// Gives the complete file its name.
    fn publish(self) -> Result<()> {
        let Self { path, overwrite, file, at, .. } = self;
        let path = path.as_path();
        let named = if overwrite { file.persist(path) } else { file.persist_noclobber(path) };
        named.map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => Error::Exists(path.to_owned()),
            _ => Error::output(path, "renaming", at, error.error),
        })?;
        // The file is complete under its name. Some file systems cannot sync a folder, which is no reason to fail.
        if let Ok(folder) = File::open(folder_of(path)) {
            let _ = folder.sync_all();
        }
        Ok(())
    }

    fn failed(&self, doing: &'static str, cause: io::Error) -> Error {
        Error::output(&self.path, doing, self.at, cause)
    }
}

/// What the system said, or that the `tiff` crate refused something.
fn into_io(error: TiffError) -> io::Error {
    match error {
        TiffError::IoError(cause) => cause,
        other => io::Error::other(other),
    }
}

/// The folder that a path lies in.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A new hidden file beside `path`, deleted when dropped.
fn temporary(path: &Path, overwrite: bool) -> Result<NamedTempFile> {
    let name = path.file_name().filter(|_| !path.is_dir()).ok_or_else(|| Error::IsFolder(path.to_owned()))?;
    match fs::metadata(path) {
        // Replacing a device or a pipe would take it from everybody.
        Ok(there) if !there.is_file() => return Err(Error::NotAFile(path.to_owned())),
        _ if !overwrite && fs::symlink_metadata(path).is_ok() => return Err(Error::Exists(path.to_owned())),
        _ => {}
    }
    let folder = folder_of(path);
    if !folder.is_dir() {
        return Err(Error::NoFolder { path: path.to_owned(), folder: folder.to_owned() });
    }
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(".");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".part");
    #[cfg(unix)]
    // Readable by whom the umask allows, like any new file; a temporary file would be its owner's alone.
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder).map_err(|cause| match cause.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Error::NotWritable { path: path.to_owned(), folder: folder.to_owned() }
        }
        _ => Error::output(path, "creating", 0, cause),
    })
}
