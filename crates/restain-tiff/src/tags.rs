//! What the file says of each level: TIFF's tags (TIFF 6.0, sections 8, 15, 20 and 21; `JPEGTables` in TIFF
//! Technical Note 2).

use crate::bigtiff::Entry;
use crate::layout::{Compression, Layout};
use crate::writer::LevelTiles;

const NEW_SUBFILE_TYPE: u16 = 254;
const IMAGE_WIDTH: u16 = 256;
const IMAGE_LENGTH: u16 = 257;
const BITS_PER_SAMPLE: u16 = 258;
const COMPRESSION: u16 = 259;
const PHOTOMETRIC: u16 = 262;
const IMAGE_DESCRIPTION: u16 = 270;
const SAMPLES_PER_PIXEL: u16 = 277;
const X_RESOLUTION: u16 = 282;
const Y_RESOLUTION: u16 = 283;
const PLANAR_CONFIGURATION: u16 = 284;
const RESOLUTION_UNIT: u16 = 296;
const SOFTWARE: u16 = 305;
const PREDICTOR: u16 = 317;
const TILE_WIDTH: u16 = 322;
const TILE_LENGTH: u16 = 323;
const TILE_OFFSETS: u16 = 324;
const TILE_BYTE_COUNTS: u16 = 325;
const JPEG_TABLES: u16 = 347;
const YCBCR_SUBSAMPLING: u16 = 530;
const REFERENCE_BLACK_WHITE: u16 = 532;

/// The directory entries of one level, in any order.
pub(crate) fn entries(
    layout: &Layout,
    jpeg_tables: Option<&[u8]>,
    level: usize,
    tiles: &LevelTiles,
) -> Vec<Entry> {
    let mut entries = vec![
        // Bit 0: a reduced version of another picture in this file.
        Entry::long(NEW_SUBFILE_TYPE, &[u32::from(level > 0)]),
        Entry::long(IMAGE_WIDTH, &[tiles.shape.width]),
        Entry::long(IMAGE_LENGTH, &[tiles.shape.height]),
        Entry::short(BITS_PER_SAMPLE, &[8, 8, 8]),
        Entry::short(SAMPLES_PER_PIXEL, &[3]),
        // Red, green and blue of a pixel side by side.
        Entry::short(PLANAR_CONFIGURATION, &[1]),
        Entry::ascii(SOFTWARE, concat!("restain ", env!("CARGO_PKG_VERSION"))),
        Entry::long(TILE_WIDTH, &[tiles.shape.tile]),
        Entry::long(TILE_LENGTH, &[tiles.shape.tile]),
        Entry::long8(TILE_OFFSETS, &tiles.offsets),
        Entry::long(TILE_BYTE_COUNTS, &tiles.lengths),
    ];
    match layout.compression {
        Compression::Jpeg { subsampling, .. } => {
            let (across, down) = subsampling.factors();
            entries.extend([
                Entry::short(COMPRESSION, &[7]),
                Entry::short(PHOTOMETRIC, &[6]),
                Entry::short(YCBCR_SUBSAMPLING, &[across, down]),
                // All of 0..=255 is used, as in JFIF.
                Entry::rational(
                    REFERENCE_BLACK_WHITE,
                    &[(0, 1), (255, 1), (128, 1), (255, 1), (128, 1), (255, 1)],
                ),
            ]);
        }
        Compression::Deflate => entries.extend([
            Entry::short(COMPRESSION, &[8]),
            Entry::short(PHOTOMETRIC, &[2]),
            // Each byte less its left neighbour's.
            Entry::short(PREDICTOR, &[2]),
        ]),
    }
    if let Some(tables) = jpeg_tables {
        entries.push(Entry::undefined(JPEG_TABLES, tables));
    }
    if level == 0 && !layout.description.is_empty() {
        entries.push(Entry::ascii(IMAGE_DESCRIPTION, &layout.description));
    }
    if let Some((x, y)) = layout.mpp {
        // Every level halves the sampling exactly, although its size is rounded up.
        let scale = f64::from(1_u32 << level);
        entries.extend([
            Entry::rational(X_RESOLUTION, &[pixels_per_centimetre(x * scale)]),
            Entry::rational(Y_RESOLUTION, &[pixels_per_centimetre(y * scale)]),
            Entry::short(RESOLUTION_UNIT, &[3]),
        ]);
    }
    entries
}

/// Micrometres a pixel as pixels a centimetre, with as many decimal places as a rational holds.
fn pixels_per_centimetre(mpp: f64) -> (u32, u32) {
    let value = 1e4 / mpp;
    let mut under = 1;
    while under < 1_000_000_000 && value * f64::from(under * 10) <= f64::from(u32::MAX) {
        under *= 10;
    }
    ((value * f64::from(under)).round() as u32, under)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolutions_are_precise_over_the_whole_range() {
        for mpp in [1e-5, 0.1, 0.2319, 0.25, 0.499, 1.0 / 3.0, 7.25, 1e3, 1e3 * 65536.0] {
            let (over, under) = pixels_per_centimetre(mpp);
            let read = 1e4 * f64::from(under) / f64::from(over);
            assert!((read / mpp - 1.0).abs() < 1e-5, "{mpp} came back as {read}");
        }
    }
}
