//! What the file says of each level: TIFF's tags (TIFF 6.0, sections 8, 14, 15, 20 and 21; `JPEGTables` in
//! TIFF Technical Note 2).

use std::io::{Seek, Write};

use tiff::encoder::{DirectoryEncoder, Rational, TiffKindBig};
use tiff::tags::{
    CompressionMethod, PhotometricInterpretation, PlanarConfiguration, Predictor, ResolutionUnit, Tag, Type,
};
use tiff::{Directory, TiffResult};

use crate::layout::{Compression, Layout};
use crate::writer::LevelTiles;

const REFERENCE_BLACK_WHITE: Tag = Tag::Unknown(532);

/// Writes all that the directory of one level says.
pub(crate) fn write<W: Write + Seek>(
    directory: &mut DirectoryEncoder<'_, W, TiffKindBig>,
    layout: &Layout,
    jpeg_tables: Option<&[u8]>,
    level: usize,
    tiles: &LevelTiles,
) -> TiffResult<()> {
    directory.write_tag(Tag::TileOffsets, &tiles.offsets[..])?;
    directory.write_tag(Tag::TileByteCounts, &tiles.lengths[..])?;
    // Bit 0: a reduced version of another picture in this file.
    directory.write_tag(Tag::NewSubfileType, u32::from(level > 0))?;
    directory.write_tag(Tag::ImageWidth, tiles.shape.width)?;
    directory.write_tag(Tag::ImageLength, tiles.shape.height)?;
    directory.write_tag(Tag::TileWidth, tiles.shape.tile)?;
    directory.write_tag(Tag::TileLength, tiles.shape.tile)?;
    directory.write_tag(Tag::BitsPerSample, &[8_u16; 3][..])?;
    directory.write_tag(Tag::SamplesPerPixel, 3_u16)?;
    // Red, green and blue of a pixel side by side.
    directory.write_tag(Tag::PlanarConfiguration, PlanarConfiguration::Chunky)?;
    match layout.compression {
        Compression::Jpeg { subsampling, .. } => {
            let (across, down) = subsampling.factors();
            directory.write_tag(Tag::Compression, CompressionMethod::ModernJPEG)?;
            directory.write_tag(Tag::PhotometricInterpretation, PhotometricInterpretation::YCbCr)?;
            directory.write_tag(Tag::ChromaSubsampling, &[across, down][..])?;
            // All of 0..=255 is used, as in JFIF.
            let range = [0_u32, 1, 255, 1, 128, 1, 255, 1, 128, 1, 255, 1].map(u32::to_ne_bytes);
            write_bytes(directory, REFERENCE_BLACK_WHITE, Type::RATIONAL, range.as_flattened())?;
        }
        Compression::Deflate => {
            directory.write_tag(Tag::Compression, CompressionMethod::Deflate)?;
            directory.write_tag(Tag::PhotometricInterpretation, PhotometricInterpretation::RGB)?;
            // Each byte less its left neighbour's.
            directory.write_tag(Tag::Predictor, Predictor::Horizontal)?;
        }
    }
    if let Some((x, y)) = layout.mpp {
        // Every level halves the sampling exactly, although its size is rounded up.
        let scale = f64::from(1_u32 << level);
        directory.write_tag(Tag::XResolution, pixels_per_centimetre(x * scale))?;
        directory.write_tag(Tag::YResolution, pixels_per_centimetre(y * scale))?;
        directory.write_tag(Tag::ResolutionUnit, ResolutionUnit::Centimeter)?;
    }
    if let Some(tables) = jpeg_tables {
        write_bytes(directory, Tag::JPEGTables, Type::UNDEFINED, tables)?;
    }
    write_text(directory, Tag::Software, concat!("restain ", env!("CARGO_PKG_VERSION")))?;
    if level == 0 && !layout.description.is_empty() {
        write_text(directory, Tag::ImageDescription, &layout.description)?;
    }
    Ok(())
}

/// Writes a value that the `tiff` crate has no type for, in the machine's byte order, as all of its file.
fn write_bytes<W: Write + Seek>(
    directory: &mut DirectoryEncoder<'_, W, TiffKindBig>,
    tag: Tag,
    kind: Type,
    bytes: &[u8],
) -> TiffResult<()> {
    let entry = directory.write_entry_bytes(kind, bytes)?;
    directory.extend_from(&Directory::from_iter([(tag, entry)]));
    Ok(())
}

/// Writes UTF-8 text, as readers expect it, although TIFF speaks of 7 bits and the `tiff` crate allows no more. A
/// space follows where it and the NUL that ends it have an odd number of bytes: what comes next must lie at an even
/// offset (TIFF 6.0, pages 13 to 15).
fn write_text<W: Write + Seek>(
    directory: &mut DirectoryEncoder<'_, W, TiffKindBig>,
    tag: Tag,
    text: &str,
) -> TiffResult<()> {
    let end: &[u8] = if text.len().is_multiple_of(2) { b" \0" } else { b"\0" };
    write_bytes(directory, tag, Type::ASCII, &[text.as_bytes(), end].concat())
}

/// Micrometres a pixel as pixels a centimetre, with as many decimal places as a rational holds.
fn pixels_per_centimetre(mpp: f64) -> Rational {
    let value = 1e4 / mpp;
    let mut under = 1;
    while under < 1_000_000_000 && value * f64::from(under * 10) <= f64::from(u32::MAX) {
        under *= 10;
    }
    Rational { n: (value * f64::from(under)).round() as u32, d: under }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolutions_are_precise_over_the_whole_range() {
        for mpp in [1e-5, 0.1, 0.2319, 0.25, 0.499, 1.0 / 3.0, 7.25, 1e3, 1e3 * 65536.0] {
            let Rational { n, d } = pixels_per_centimetre(mpp);
            let read = 1e4 * f64::from(d) / f64::from(n);
            assert!((read / mpp - 1.0).abs() < 1e-5, "{mpp} came back as {read}");
        }
    }
}
