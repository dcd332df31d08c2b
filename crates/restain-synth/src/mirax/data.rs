//! The data files, `Data0000.dat` and so on.
//!
//! Each begins with the format's version, the slide's identity and its own number, filled up with the digit 0 to
//! 296 bytes. Images follow without separators; the index says where each begins and how long it is.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use crate::{Error, Result, mirax::index::Location};

/// Length in bytes of what precedes the first image.
const HEADER: usize = 296;
/// A data file is ended when it has grown to this many bytes; offsets in the index are signed 32-bit numbers.
const LARGEST: u32 = 1 << 28;

/// The data files of a slide. There are several streams of images, one a zoom level; each has its own files.
pub(super) struct DataFiles {
    folder: PathBuf,
    slide_id: String,
    streams: Vec<Option<DataFile>>,
    /// Files begun so far.
    pub(super) count: u32,
    /// Bytes written so far.
    pub(super) bytes: u64,
}

struct DataFile {
    number: u32,
    path: PathBuf,
    length: u32,
    file: BufWriter<File>,
}

/// The name of a data file.
pub(super) fn name(number: u32) -> String {
    format!("Data{number:04}.dat")
}

impl DataFiles {
    /// No files yet, in `folder`, for so many streams.
    pub(super) fn new(folder: &Path, slide_id: &str, streams: usize) -> Self {
        let streams = (0..streams).map(|_| None).collect();
        Self { folder: folder.to_owned(), slide_id: slide_id.to_owned(), streams, count: 0, bytes: 0 }
    }

    /// Writes `image` at the end of a stream.
    pub(super) fn append(&mut self, stream: usize, image: &[u8]) -> Result<Location> {
        if self.streams[stream].as_ref().is_some_and(|data| data.length >= LARGEST) {
            self.end(stream)?;
        }
        let data = match &mut self.streams[stream] {
            Some(data) => data,
            none => {
                let data = DataFile::create(&self.folder, &self.slide_id, self.count)?;
                self.count += 1;
                self.bytes += HEADER as u64;
                none.insert(data)
            }
        };
        let location = Location { offset: data.length, length: image.len() as u32, file: data.number };
        data.file.write_all(image).map_err(Error::io("write", &data.path))?;
        data.length += location.length;
        self.bytes += u64::from(location.length);
        Ok(location)
    }

    /// Ends all files.
    pub(super) fn finish(&mut self) -> Result<()> {
        (0..self.streams.len()).try_for_each(|stream| self.end(stream))
    }

    fn end(&mut self, stream: usize) -> Result<()> {
        match self.streams[stream].take() {
            Some(mut data) => data.file.flush().map_err(Error::io("write", &data.path)),
            None => Ok(()),
        }
    }
}

impl DataFile {
    fn create(folder: &Path, slide_id: &str, number: u32) -> Result<Self> {
        let path = folder.join(name(number));
        let mut file = BufWriter::new(File::create(&path).map_err(Error::io("create", &path))?);
        let mut header = format!("01.02{slide_id}{number:03}").into_bytes();
        header.resize(HEADER, b'0');
        file.write_all(&header).map_err(Error::io("write", &path))?;
        Ok(Self { number, path, length: HEADER as u32, file })
    }
}
