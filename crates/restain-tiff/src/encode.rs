//! Compression of tiles, on as many threads as there are.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use flate2::{Compress, FlushCompress, Status};
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

use crate::jpeg_tables::{self, Abbreviated};
use crate::layout::{Compression, Layout, LevelShape, Subsampling};
use crate::pyramid::TilePixels;
use crate::{Error, Result};

/// Level 6 would save 1.5% on stained cells and take 1.7 times as long.
const DEFLATE_LEVEL: u32 = 4;

/// A tile as it will lie in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedTile(pub(crate) Encoded);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Encoded {
    /// The tile that all blank tiles share.
    Blank(Arc<[u8]>),
    /// A tile of its own.
    Own(Vec<u8>),
}

impl EncodedTile {
    /// The compressed bytes: an abbreviated JPEG stream without tables, or a zlib stream.
    pub fn bytes(&self) -> &[u8] {
        match &self.0 {
            Encoded::Blank(bytes) => bytes,
            Encoded::Own(bytes) => bytes,
        }
    }

    /// Whether this is the shared blank tile.
    pub fn is_blank(&self) -> bool {
        matches!(self.0, Encoded::Blank(_))
    }
}

/// Compresses tiles. Shared by all threads: each call borrows a compressor from a pool that grows to the number of
/// threads.
pub struct TileEncoder {
    method: Method,
    /// For each side of tiles that the layout has, the compressed blank tile.
    blank: BTreeMap<u32, Arc<[u8]>>,
}

enum Method {
    Jpeg {
        compressors: Pool<JpegCompressor>,
        /// What every tile shares, TIFF's `JPEGTables`.
        tables: Vec<u8>,
    },
    Deflate(Pool<Deflater>),
}

impl TileEncoder {
    /// An encoder for the tiles of `layout`.
    ///
    /// # Errors
    /// [`Error::Layout`] when `layout` cannot be written; [`Error::Jpeg`] when libjpeg-turbo cannot be set up.
    pub fn new(layout: &Layout) -> Result<Self> {
        let levels = layout.levels()?;
        let method = match layout.compression {
            Compression::Jpeg { quality, subsampling } => {
                let mut compressor = JpegCompressor::new(layout.tile, quality, subsampling)?;
                // The tables follow from the quality alone, so any picture shows them.
                let tables = compressor.encode(&background(layout, layout.tile))?.tables;
                Method::Jpeg {
                    compressors: Pool::new(compressor, {
                        let tile = layout.tile;
                        move || JpegCompressor::new(tile, quality, subsampling)
                    }),
                    tables,
                }
            }
            Compression::Deflate => Method::Deflate(Pool::new(Deflater::new(), || Ok(Deflater::new()))),
        };
        let mut blank = BTreeMap::new();
        for LevelShape { tile, .. } in levels {
            if let Entry::Vacant(place) = blank.entry(tile) {
                place.insert(method.compress(&background(layout, tile), tile)?.into());
            }
        }
        Ok(Self { method, blank })
    }

    /// Compresses one tile; the blank tile has been compressed already.
    ///
    /// # Errors
    /// [`Error::BufferSize`] when the layout has no tile of that size; [`Error::Jpeg`], [`Error::JpegStream`] or
    /// [`Error::Deflate`] when the compressor fails.
    pub fn encode(&self, pixels: &TilePixels) -> Result<EncodedTile> {
        match pixels {
            TilePixels::Blank { side } => {
                let blank = self.blank.get(side).ok_or_else(|| self.no_tile(0))?;
                Ok(EncodedTile(Encoded::Blank(Arc::clone(blank))))
            }
            TilePixels::Rgb(rgb) => {
                let side = self.blank.keys().find(|side| bytes(**side) == rgb.len());
                let side = side.ok_or_else(|| self.no_tile(rgb.len()))?;
                Ok(EncodedTile(Encoded::Own(self.method.compress(rgb, *side)?)))
            }
        }
    }

    /// The tables that every JPEG tile of this encoder leaves out, as one stream.
    pub fn jpeg_tables(&self) -> Option<&[u8]> {
        match &self.method {
            Method::Jpeg { tables, .. } => Some(tables),
            Method::Deflate(_) => None,
        }
    }

    fn no_tile(&self, found: usize) -> Error {
        let side = self.blank.keys().last().copied().unwrap_or_default();
        Error::BufferSize { width: side, height: side, expected: bytes(side) as u64, found: found as u64 }
    }
}

impl Method {
    /// Compresses a tile of a side that the layout has.
    fn compress(&self, rgb: &[u8], side: u32) -> Result<Vec<u8>> {
        match self {
            Self::Jpeg { compressors, tables } => {
                let coded = compressors.with(|compressor| compressor.encode(rgb))?;
                if coded.tables != *tables {
                    return Err(Error::JpegStream("its tables are not those of the other tiles"));
                }
                Ok(coded.picture)
            }
            Self::Deflate(deflaters) => deflaters.with(|deflater| deflater.encode(rgb, side)),
        }
    }
}

/// Bytes of a tile's interleaved RGB.
fn bytes(side: u32) -> usize {
    3 * side as usize * side as usize
}

/// A whole tile of the background colour.
fn background(layout: &Layout, side: u32) -> Vec<u8> {
    layout.background.repeat(side as usize * side as usize)
}

/// Compressors that are not in use.
struct Pool<T> {
    idle: Mutex<Vec<T>>,
    make: Box<dyn Fn() -> Result<T> + Send + Sync>,
}

impl<T> Pool<T> {
    fn new(first: T, make: impl Fn() -> Result<T> + Send + Sync + 'static) -> Self {
        Self { idle: Mutex::new(vec![first]), make: Box::new(make) }
    }

    /// Lends a compressor to `work`. One that failed is not used again.
    fn with<R>(&self, work: impl FnOnce(&mut T) -> Result<R>) -> Result<R> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let lent = idle().pop();
        let mut lent = lent.map_or_else(&self.make, Ok)?;
        let result = work(&mut lent)?;
        idle().push(lent);
        Ok(result)
    }
}

/// libjpeg-turbo set up for one kind of tile, with room for the largest stream it can make.
struct JpegCompressor {
    compressor: Compressor,
    tile: usize,
    stream: Vec<u8>,
}

impl JpegCompressor {
    fn new(tile: u32, quality: u8, subsampling: Subsampling) -> Result<Self> {
        let subsamp = match subsampling {
            Subsampling::S444 => Subsamp::None,
            Subsampling::S422 => Subsamp::Sub2x1,
            Subsampling::S420 => Subsamp::Sub2x2,
        };
        let tile = tile as usize;
        let mut compressor = Compressor::new()?;
        compressor.set_quality(quality.into())?;
        compressor.set_subsamp(subsamp)?;
        let stream = vec![0; turbojpeg::compressed_buf_len(tile, tile, subsamp)?];
        Ok(Self { compressor, tile, stream })
    }

    fn encode(&mut self, rgb: &[u8]) -> Result<Abbreviated> {
        let image = Image {
            pixels: rgb,
            width: self.tile,
            pitch: 3 * self.tile,
            height: self.tile,
            format: PixelFormat::RGB,
        };
        let length = self.compressor.compress_to_slice(image, &mut self.stream)?;
        jpeg_tables::split(&self.stream[..length])
    }
}

/// zlib with TIFF's horizontal predictor.
struct Deflater {
    zlib: Compress,
    /// The differences of the tile at hand.
    differences: Vec<u8>,
}

impl Deflater {
    fn new() -> Self {
        Self { zlib: Compress::new(flate2::Compression::new(DEFLATE_LEVEL), true), differences: Vec::new() }
    }

    fn encode(&mut self, rgb: &[u8], side: u32) -> Result<Vec<u8>> {
        let stride = 3 * side as usize;
        self.differences.resize(rgb.len(), 0);
        for (row, out) in rgb.chunks_exact(stride).zip(self.differences.chunks_exact_mut(stride)) {
            out[..3].copy_from_slice(&row[..3]);
            for ((out, left), here) in out[3..].iter_mut().zip(row).zip(&row[3..]) {
                *out = here.wrapping_sub(*left);
            }
        }
        self.zlib.reset();
        // Stored blocks are the worst case: a few bytes for each 16 KiB.
        let mut coded = Vec::with_capacity(rgb.len() + rgb.len() / 1024 + 64);
        let failed = |cause: std::io::Error| Error::Deflate(cause);
        match self.zlib.compress_vec(&self.differences, &mut coded, FlushCompress::Finish) {
            Ok(Status::StreamEnd) => {
                coded.shrink_to_fit();
                Ok(coded)
            }
            Ok(_) => Err(failed(std::io::Error::other("the output is longer than it can be"))),
            Err(cause) => Err(failed(cause.into())),
        }
    }
}
