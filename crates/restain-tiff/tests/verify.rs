//! Whole files pass; damaged and cut ones do not, and the place is named.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use proptest::prelude::*;
use restain_tiff::{Compression, Error, Verified};
use support::{JPEG, drawing_with_blank, layout, write};
use tempfile::TempDir;
use tiff::decoder::Decoder;
use tiff::tags::Tag;

fn verify(path: &Path) -> restain_tiff::Result<Verified> {
    restain_tiff::verify(path, &AtomicBool::new(false))
}

/// A file of three levels, its lower left blank.
fn file(compression: Compression) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.tif");
    let layout = layout(250, 120, 64, compression);
    write(&drawing_with_blank(&layout), &layout, 64, &path);
    (folder, path)
}

/// Offset and length of every tile of every level.
fn tiles(path: &Path) -> Vec<Vec<(u64, u64)>> {
    let mut reader = Decoder::new(fs::File::open(path).expect("the file")).expect("a TIFF");
    let mut levels = Vec::new();
    loop {
        let offsets = reader.get_tag_u64_vec(Tag::TileOffsets).expect("offsets");
        let lengths = reader.get_tag_u64_vec(Tag::TileByteCounts).expect("lengths");
        levels.push(offsets.into_iter().zip(lengths).collect());
        if !reader.more_images() {
            return levels;
        }
        reader.next_image().expect("a level");
    }
}

#[test]
fn whole_files_pass() {
    for compression in [JPEG, Compression::Deflate] {
        let (_folder, path) = file(compression);
        let length = fs::metadata(&path).expect("the file").len();
        let tiles: usize = tiles(&path).iter().map(Vec::len).sum();
        let sound = verify(&path).expect("a sound file");
        assert_eq!(sound, Verified { bytes: length, levels: 3, tiles: tiles as u64 });
    }
}

#[test]
fn a_flipped_bit_in_any_tile_is_found_and_its_place_named() {
    for compression in [JPEG, Compression::Deflate] {
        let (_folder, path) = file(compression);
        let whole = fs::read(&path).expect("the file");
        let shapes = layout(250, 120, 64, compression).levels().expect("a good layout");
        let levels = tiles(&path);
        let all = || {
            (0..)
                .zip(&levels)
                .flat_map(|(level, tiles)| (0..).zip(tiles).map(move |(at, tile)| (level, at, *tile)))
        };
        for (_, _, (offset, length)) in all() {
            let mut damaged = whole.clone();
            damaged[(offset + length / 2) as usize] ^= 4;
            fs::write(&path, damaged).expect("a writable file");
            // Blank tiles share one stored tile: the first is named.
            let (level, index, _) = all().find(|(_, _, tile)| tile.0 == offset).expect("itself");
            let columns = shapes[level].columns as usize;
            let place =
                format!("level {level}, tile in column {}, row {}:", index % columns, index / columns);
            let error = verify(&path).expect_err("a damaged tile").to_string();
            assert!(error.contains("a.tif: damaged: ") && error.contains(&place), "{place} {error}");
        }
    }
}

#[test]
fn a_tile_that_no_longer_decodes_is_found_though_its_checksum_holds() {
    // As a broken encoder would have written it.
    let (_folder, path) = file(JPEG);
    let mut bytes = fs::read(&path).expect("the file");
    let (offset, length) = tiles(&path)[0][1];
    let tile = offset as usize..(offset + length) as usize;
    let before = crc32fast::hash(&bytes[tile.clone()]).to_le_bytes();
    bytes[tile.clone()][2..].fill(0);
    let after = crc32fast::hash(&bytes[tile]).to_le_bytes();
    let block = bytes.len() - 24;
    let at = u64::from_le_bytes(bytes[block..block + 8].try_into().expect("8 bytes")) as usize;
    let place = bytes[at..block].windows(4).position(|sum| sum == before).expect("the checksum") + at;
    bytes[place..place + 4].copy_from_slice(&after);
    let own = crc32fast::hash(&bytes[at..block]).to_le_bytes();
    bytes[block + 8..block + 12].copy_from_slice(&own);
    fs::write(&path, bytes).expect("a writable file");
    let error = verify(&path).expect_err("a broken picture").to_string();
    assert!(error.contains("level 0, tile in column 1, row 0"), "{error}");
    assert!(!error.contains("checksum"), "{error}");
}

#[test]
fn every_cut_is_found() {
    let (_folder, path) = file(JPEG);
    let whole = fs::read(&path).expect("the file");
    let lengths = (0..64).map(|part| whole.len() * part / 64).chain(whole.len() - 64..whole.len());
    for length in lengths {
        fs::write(&path, &whole[..length]).expect("a writable file");
        assert!(matches!(verify(&path), Err(Error::NoSums(_))), "{length} of {} bytes", whole.len());
    }
    fs::write(&path, [&whole[..], &[0]].concat()).expect("a writable file");
    assert!(verify(&path).is_err(), "a byte too many");
}

#[test]
fn what_is_no_file_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let missing = folder.path().join("missing.tif");
    for path in [&missing, folder.path()] {
        assert!(matches!(verify(path), Err(Error::Read { .. })), "{}", path.display());
    }
    fs::write(&missing, "not a picture").expect("a writable folder");
    assert!(matches!(verify(&missing), Err(Error::NoSums(_))));
}

#[test]
fn it_can_be_stopped() {
    let (_folder, path) = file(JPEG);
    assert!(matches!(restain_tiff::verify(&path, &AtomicBool::new(true)), Err(Error::Stopped)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Nothing but the up to three bytes between two tiles is of no account.
    #[test]
    fn no_flipped_bit_passes(at in 0.0..1.0, bit in 0..8_u8) {
        let (_folder, path) = file(Compression::Deflate);
        let mut bytes = fs::read(&path).expect("the file");
        let byte = (at * bytes.len() as f64) as usize;
        bytes[byte] ^= 1 << bit;
        let levels = tiles(&path);
        let end = levels.iter().flatten().map(|(offset, length)| offset + length).max().expect("a tile");
        let within = |(offset, length): &(u64, u64)| (*offset..offset + length).contains(&(byte as u64));
        let between = (16..end).contains(&(byte as u64)) && !levels.iter().flatten().any(within);
        fs::write(&path, bytes).expect("a writable file");
        prop_assert_eq!(verify(&path).is_ok(), between, "byte {}", byte);
    }
}
