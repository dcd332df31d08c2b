//! Files read back: the tags of every level, and every pixel.

mod support;

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use restain_tiff::{Compression, Error, Layout, Piece, Pyramid, PyramidWriter, Subsampling, TileEncoder};
use support::{JPEG, Picture, drawing_with_blank, layout, write};
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

type Reader = Decoder<File>;

fn open(path: &Path) -> Reader {
    Decoder::new(File::open(path).expect("the file is there"))
        .expect("a TIFF")
        .with_limits(Limits::unlimited())
}

fn number(reader: &mut Reader, tag: Tag) -> u32 {
    reader.get_tag_u32(tag).unwrap_or_else(|error| panic!("{tag:?}: {error}"))
}

/// Checks all that a directory says except where its tiles are.
fn check_tags(reader: &mut Reader, layout: &Layout, level: usize, picture: &Picture) {
    let jpeg = layout.compression != Compression::Deflate;
    let shape = layout.levels().expect("a good layout")[level];
    for (tag, expected) in [
        (Tag::NewSubfileType, u32::from(level > 0)),
        (Tag::ImageWidth, picture.width),
        (Tag::ImageLength, picture.height),
        (Tag::TileWidth, shape.tile),
        (Tag::TileLength, shape.tile),
        (Tag::SamplesPerPixel, 3),
        (Tag::PlanarConfiguration, 1),
        (Tag::Compression, if jpeg { 7 } else { 8 }),
        (Tag::PhotometricInterpretation, if jpeg { 6 } else { 2 }),
        (Tag::ResolutionUnit, 3),
    ] {
        assert_eq!(number(reader, tag), expected, "{tag:?} of level {level}");
    }
    assert_eq!(reader.get_tag_u16_vec(Tag::BitsPerSample).ok(), Some(vec![8, 8, 8]));
    for (tag, mpp) in [(Tag::XResolution, 0.2319), (Tag::YResolution, 0.25)] {
        let rational = reader.get_tag_u32_vec(tag).expect("a rational");
        let read = 1e4 * f64::from(rational[1]) / f64::from(rational[0]) / f64::from(1_u32 << level);
        assert!((read / mpp - 1.0).abs() < 1e-8, "{tag:?} of level {level} means {read}");
    }
    if level == 0 {
        let description = reader.get_tag_ascii_string(Tag::ImageDescription).expect("a description");
        assert_eq!(description.trim_end(), layout.description);
    } else {
        assert!(reader.find_tag(Tag::ImageDescription).expect("a readable directory").is_none());
    }
    match layout.compression {
        Compression::Jpeg { subsampling, .. } => {
            let (across, down) = subsampling.factors();
            assert_eq!(reader.get_tag_u16_vec(Tag::ChromaSubsampling).ok(), Some(vec![across, down]));
        }
        Compression::Deflate => assert_eq!(number(reader, Tag::Predictor), 2),
    }
}

/// One after another the levels of a file, each handed to `each` with the reader standing at it.
fn each_level(path: &Path, levels: &[Picture], mut each: impl FnMut(&mut Reader, usize, &Picture)) {
    let mut reader = open(path);
    for (level, picture) in levels.iter().enumerate() {
        reader.seek_to_image(level).unwrap_or_else(|error| panic!("level {level}: {error}"));
        each(&mut reader, level, picture);
    }
    assert!(!reader.more_images(), "more levels than expected");
}

#[test]
fn deflate_is_exact_on_every_level() {
    for (width, height, tile, core) in
        [(700, 450, 128, 192), (33, 900, 64, 100), (64, 64, 64, 64), (1, 1, 16, 16)]
    {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("picture.tif");
        let layout = layout(width, height, tile, Compression::Deflate);
        let picture = drawing_with_blank(&layout);
        let summary = write(&picture, &layout, core, &path);
        assert_eq!(summary.bytes, path.metadata().expect("the file is there").len());
        let levels = picture.levels(tile);
        assert_eq!(summary.levels as usize, levels.len());
        each_level(&path, &levels, |reader, level, picture| {
            check_tags(reader, &layout, level, picture);
            let DecodingResult::U8(rgb) = reader.read_image().expect("readable pixels") else {
                panic!("not bytes")
            };
            assert!(rgb == picture.rgb, "level {level} of {width}x{height} differs");
        });
    }
}

/// Tiles follow each other without anything between them, the first one the header.
#[test]
fn nothing_lies_between_the_tiles() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("picture.tif");
    let layout = layout(700, 450, 128, Compression::Deflate);
    let picture = drawing_with_blank(&layout);
    write(&picture, &layout, 192, &path);
    let mut places = Vec::new();
    each_level(&path, &picture.levels(128), |reader, _, _| {
        let offsets = reader.get_tag_u64_vec(Tag::TileOffsets).expect("offsets");
        places.extend(offsets.into_iter().zip(reader.get_tag_u64_vec(Tag::TileByteCounts).expect("lengths")));
    });
    places.sort_unstable();
    places.dedup();
    let mut end = 16;
    for (offset, length) in places {
        assert_eq!(offset, u64::next_multiple_of(end, 4));
        end = offset + length;
    }
}

/// A tile and the tables, put together to one JPEG stream and decoded.
fn decode(path: &Path, tables: &[u8], offset: u64, length: u64) -> turbojpeg::Image<Vec<u8>> {
    let file = std::fs::read(path).expect("the file is there");
    let tile = &file[offset as usize..][..length as usize];
    let stream = [&tables[..tables.len() - 2], &tile[2..]].concat();
    turbojpeg::decompress(&stream, turbojpeg::PixelFormat::RGB).expect("a JPEG stream")
}

#[test]
fn jpeg_tiles_are_what_libjpeg_makes_of_the_pixels() {
    for subsampling in [Subsampling::S444, Subsampling::S422, Subsampling::S420] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("picture.tif");
        let layout = layout(300, 450, 128, Compression::Jpeg { quality: 85, subsampling });
        let picture = drawing_with_blank(&layout);
        write(&picture, &layout, 192, &path);
        let mut reference = turbojpeg::Compressor::new().expect("libjpeg-turbo");
        reference.set_quality(85).expect("a quality");
        let subsamp = [turbojpeg::Subsamp::None, turbojpeg::Subsamp::Sub2x1, turbojpeg::Subsamp::Sub2x2];
        reference.set_subsamp(subsamp[subsampling as usize]).expect("a subsampling");
        each_level(&path, &picture.levels(128), |reader, level, picture| {
            check_tags(reader, &layout, level, picture);
            let tables = reader.get_tag_u8_vec(Tag::JPEGTables).expect("shared tables");
            let offsets = reader.get_tag_u64_vec(Tag::TileOffsets).expect("offsets");
            let lengths = reader.get_tag_u64_vec(Tag::TileByteCounts).expect("lengths");
            let columns = picture.width.div_ceil(128);
            assert_eq!(offsets.len() as u32, columns * picture.height.div_ceil(128));
            for (index, (offset, length)) in (0..).zip(offsets.into_iter().zip(lengths)) {
                let found = decode(&path, &tables, offset, length);
                let pixels = picture.tile(index % columns, index / columns, 128);
                let (width, format) = (128, turbojpeg::PixelFormat::RGB);
                let image = turbojpeg::Image { pixels: &pixels[..], width, height: 128, pitch: 384, format };
                let whole = reference.compress_to_vec(image).expect("a JPEG stream");
                let expected = turbojpeg::decompress(&whole, format).expect("a JPEG stream");
                assert!(found.pixels == expected.pixels, "{subsampling}, level {level}, tile {index}");
            }
        });
    }
}

#[test]
fn all_blank_tiles_share_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("blank.tif");
    for compression in [JPEG, Compression::Deflate] {
        let layout = layout(100_000, 100_000, 512, compression);
        let mut pyramid = Pyramid::new(&layout).expect("a good layout");
        let encoder = TileEncoder::new(&layout).expect("a good layout");
        let mut writer = PyramidWriter::create(&path, &layout, true).expect("a writable folder");
        let mut written = Ok(());
        let inserted = pyramid.insert(0, 0, 100_000, 100_000, Piece::Blank, &mut |tile| {
            let encoded = encoder.encode(&tile.pixels).expect("the blank tile");
            if written.is_ok() {
                written = writer.write(tile.level, tile.column, tile.row, encoded);
            }
        });
        inserted.and(written).expect("a blank picture");
        let summary = writer.finish().expect("room on the disk");
        assert_eq!(summary.tiles, summary.blank_tiles);
        // 16 bytes a tile to say where it is and its checksum, and little else.
        assert!(summary.bytes < 16 * summary.tiles + 20_000, "{summary:?}");
        let mut reader = open(&path);
        let mut shared = HashMap::new();
        loop {
            let offsets = reader.get_tag_u64_vec(Tag::TileOffsets).expect("offsets");
            let first = *shared.entry(number(&mut reader, Tag::TileWidth)).or_insert(offsets[0]);
            assert!(offsets.iter().all(|offset| *offset == first));
            if !reader.more_images() {
                break;
            }
            reader.next_image().expect("a further level");
        }
    }
}

#[test]
fn bytes_do_not_depend_on_who_encodes() {
    let layout = layout(500, 300, 64, JPEG);
    let picture = drawing_with_blank(&layout);
    let mut pyramid = Pyramid::new(&layout).expect("a good layout");
    let mut tiles = Vec::new();
    support::insert_cores(&picture, 128, |_, _| false, &mut pyramid, |_, finished| tiles.extend(finished));
    let encoder = TileEncoder::new(&layout).expect("a good layout");
    let encode = |threads: usize| {
        let mut encoded = vec![None; tiles.len()];
        let share = tiles.len().div_ceil(threads);
        std::thread::scope(|scope| {
            for (tiles, encoded) in tiles.chunks(share).zip(encoded.chunks_mut(share)) {
                scope.spawn(|| {
                    for (tile, encoded) in tiles.iter().zip(encoded) {
                        *encoded = encoder.encode(&tile.pixels).ok();
                    }
                });
            }
        });
        encoded
    };
    let one = encode(1);
    assert!(one.iter().all(Option::is_some));
    assert_eq!(one, encode(5));
}

#[test]
fn an_encoder_refuses_what_is_no_tile() {
    let encoder = TileEncoder::new(&layout(500, 300, 64, JPEG)).expect("a good layout");
    let refused = encoder.encode(&restain_tiff::TilePixels::Rgb(vec![0; 3 * 64 * 63]));
    assert!(matches!(refused, Err(Error::BufferSize { width: 64, height: 64, .. })), "{refused:?}");
}
