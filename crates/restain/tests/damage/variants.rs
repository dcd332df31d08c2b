//! Sound slides, written in the ways that the corpus has.

use std::io::{Cursor, Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use image::ImageFormat;

use super::files::{Files, INDEX, LEVELS, POSITIONS};

/// A sound slide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Variant {
    /// As `restain synth` writes it: JPEG, compressed positions.
    Jpeg,
    /// The positions are not compressed, as older scanners write them.
    Plain,
    /// Tiles are PNG.
    Png,
    /// Tiles are BMP.
    Bmp,
    /// No positions: photographs lie edge to edge, as in exported slides.
    Edges,
    /// The finest level, or the four finest, left out, as in slides saved at 1:2 or 1:16.
    Half,
    Sixteenth,
}

impl Variant {
    pub(crate) const ALL: [Self; 7] =
        [Self::Jpeg, Self::Plain, Self::Png, Self::Bmp, Self::Edges, Self::Half, Self::Sixteenth];

    pub(crate) fn name(self) -> String {
        format!("sound-{self:?}").to_lowercase()
    }

    /// Writes the slide that `restain synth` has made in this way.
    pub(crate) fn make(self, synth: &Files) -> Files {
        let mut files = synth.clone();
        match self {
            Self::Jpeg => {}
            Self::Plain => {
                let positions = positions(&mut files);
                files.set("HIERARCHICAL", "NONHIER_1_NAME", "VIMSLIDE_POSITION_BUFFER");
                files.replace_record(POSITIONS, &positions);
            }
            Self::Png => encode(&mut files, ImageFormat::Png, "PNG"),
            Self::Bmp => encode(&mut files, ImageFormat::Bmp, "BMP24"),
            Self::Edges => {
                files.set("HIERARCHICAL", "NONHIER_COUNT", "1");
                for level in 0..files.levels() {
                    files.set(&section(level), "OVERLAP_X", "0");
                    files.set(&section(level), "OVERLAP_Y", "0");
                }
            }
            Self::Half => leave_out(&mut files, 1),
            Self::Sixteenth => leave_out(&mut files, 4),
        }
        files
    }
}

pub(crate) fn section(level: usize) -> String {
    format!("LAYER_0_LEVEL_{level}_SECTION")
}

/// The position buffer, decompressed.
pub(crate) fn positions(files: &mut Files) -> Vec<u8> {
    let place = files.record_data(POSITIONS);
    let mut positions = Vec::new();
    ZlibDecoder::new(&*files.bytes(place)).read_to_end(&mut positions).unwrap();
    positions
}

pub(crate) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Writes every tile in another format.
fn encode(files: &mut Files, format: ImageFormat, name: &str) {
    for level in 0..files.levels() {
        files.set(&section(level), "IMAGE_FORMAT", name);
        for entry in 0..files.number(files.page(level)) {
            let place = files.tile(level, entry);
            let tile = image::load_from_memory(files.bytes(place)).unwrap();
            let mut bytes = Cursor::new(Vec::new());
            tile.write_to(&mut bytes, format).unwrap();
            files.replace_tile(level, entry, bytes.get_ref());
        }
    }
}

/// Leaves out so many of the finest levels; positions are then in pixels of the finest that is left.
fn leave_out(files: &mut Files, levels: usize) {
    let mut buffer = positions(files);
    for number in buffer.chunks_exact_mut(9).flat_map(|record| record[1..].as_chunks_mut::<4>().0) {
        *number = (i32::from_le_bytes(*number) >> levels).to_le_bytes();
    }
    files.replace_record(POSITIONS, &deflate(&buffer));
    let left = files.levels() - levels;
    files.set("HIERARCHICAL", "HIER_0_COUNT", &left.to_string());
    for level in 0..left {
        files.set("HIERARCHICAL", &format!("HIER_0_VAL_{level}_SECTION"), &section(level + levels));
    }
    files.set(&section(levels), "IMAGE_CONCAT_FACTOR", &levels.to_string());
    let first = files.level_pointer(levels);
    files.put(LEVELS, first as i32);
}

/// Writes the images of level 0 again, in several pages at the end of the index.
pub(crate) fn several_pages(files: &mut Files) {
    const PAGE: usize = 16;
    let begin = files.entry(0, 0);
    let entries = files.folder[INDEX][begin..begin + 16 * files.number(files.page(0))].to_vec();
    let mut at = files.folder[INDEX].len();
    let first = files.level(0) + 4;
    files.put(first, at as i32);
    let mut pages = entries.chunks(16 * PAGE).peekable();
    while let Some(page) = pages.next() {
        at += 8 + page.len();
        let next = if pages.peek().is_some() { at } else { 0 };
        let index = files.file(INDEX);
        index.extend((page.len() as i32 / 16).to_le_bytes());
        index.extend((next as i32).to_le_bytes());
        index.extend(page);
    }
}
