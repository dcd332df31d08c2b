//! Small slides made on the spot, and the real ones where they are at hand.

use std::path::{Path, PathBuf};

use restain_slide::{LevelPoint, LevelRect};

/// A rectangle from corner and size.
pub(crate) fn rect(x: i64, y: i64, width: i64, height: i64) -> LevelRect {
    LevelRect::new(LevelPoint::new(x, y), LevelPoint::new(x + width, y + height))
}

/// A real slide, or `None`, said on stderr, where the data folder is not there.
#[allow(dead_code, reason = "not every test file needs it")]
pub(crate) fn real(name: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/slides")).join(name);
    if !path.exists() {
        eprintln!("skipped: {} is not there", path.display());
        return None;
    }
    Some(path)
}

/// The colour of a pixel of a made slide: every pixel of every level unlike its neighbours.
#[allow(dead_code, reason = "not every test file needs it")]
pub(crate) fn colour(level: u32, x: i64, y: i64) -> [u8; 3] {
    [(x * 7 + y) as u8, (y * 5 + x / 256) as u8, (x * 3 + y * 11) as u8 ^ (level as u8 * 60)]
}

/// Writes a tiled, uncompressed TIFF of [`colour`]s, the simplest file `OpenSlide` opens (TIFF 6.0, sections
/// 2, 6 and 15), with one directory a level and resolution tags from micrometres a pixel.
#[allow(dead_code, reason = "not every test file needs it")]
pub(crate) fn write_slide(path: &Path, levels: &[(u32, u32)], mpp: Option<(u32, u32)>) {
    const TILE: u32 = 64;
    let mut file = b"II\x2a\x00\x00\x00\x00\x00".to_vec();
    let mut next_directory = 4;
    for (level, &(width, height)) in (0u32..).zip(levels) {
        let mut offsets = Vec::new();
        for top in (0..height).step_by(TILE as usize) {
            for left in (0..width).step_by(TILE as usize) {
                offsets.push(file.len() as u32);
                for y in top..top + TILE {
                    for x in left..left + TILE {
                        file.extend(colour(level, x.into(), y.into()));
                    }
                }
            }
        }
        let mut place = |values: &[u32]| {
            let at = file.len() as u32;
            file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            at
        };
        let count = offsets.len() as u32;
        let tile_bytes = 3 * TILE * TILE;
        let (offsets_at, counts_at) = if count == 1 {
            (offsets[0], tile_bytes)
        } else {
            (place(&offsets), place(&vec![tile_bytes; offsets.len()]))
        };
        let bits_at = place(&[0x0008_0008, 8]);
        // Tag, type (3 a short, 4 a long, 5 a rational), count, value or where it is.
        let mut tags = vec![
            (254, 4, 1, u32::from(level > 0)),
            (256, 4, 1, width),
            (257, 4, 1, height),
            (258, 3, 3, bits_at),
            (259, 3, 1, 1),
            (262, 3, 1, 2),
            (277, 3, 1, 3),
        ];
        if let Some((x, y)) = mpp {
            // Pixels a centimetre: 10,000 over micrometres a pixel.
            tags.extend([(282, 5, 1, place(&[10_000, x])), (283, 5, 1, place(&[10_000, y]))]);
        }
        tags.push((284, 3, 1, 1));
        if mpp.is_some() {
            tags.push((296, 3, 1, 3));
        }
        tags.extend([
            (322, 4, 1, TILE),
            (323, 4, 1, TILE),
            (324, 4, count, offsets_at),
            (325, 4, count, counts_at),
        ]);
        let directory = file.len() as u32;
        file[next_directory..next_directory + 4].copy_from_slice(&directory.to_le_bytes());
        file.extend((tags.len() as u16).to_le_bytes());
        for (tag, kind, count, value) in tags {
            file.extend((tag as u16).to_le_bytes());
            file.extend((kind as u16).to_le_bytes());
            file.extend(u32::to_le_bytes(count));
            file.extend(u32::to_le_bytes(value));
        }
        next_directory = file.len();
        file.extend([0; 4]);
    }
    std::fs::write(path, file).expect("the slide is written");
}
