//! Tiles of the level that is read: JPEG, PNG and BMP.

use std::io::Cursor;

use image::{ColorType, ImageFormat};

use super::Expected::{self, Refused, Same};
use super::files::{Files, data_name};
use super::variants::{Variant, section};
use super::{Kind, of};

const fn jpeg(name: &'static str, damage: fn(&mut Files), expected: Expected) -> Kind {
    of(Variant::Jpeg, name, damage, expected)
}

const fn png(name: &'static str, damage: fn(&mut Files), expected: Expected) -> Kind {
    of(Variant::Png, name, damage, expected)
}

const fn bmp(name: &'static str, damage: fn(&mut Files), expected: Expected) -> Kind {
    of(Variant::Bmp, name, damage, expected)
}

/// The tile of level 0 that is damaged.
const TILE: usize = 21;

pub(crate) const KINDS: &[Kind] = &[
    jpeg(
        "jpeg-bad-height",
        |f| {
            let at = jpeg_height(f);
            tile(f)[at] = 1;
        },
        Refused("Dimensional mismatch"),
    ),
    jpeg("jpeg-bad-image", |f| tile(f)[0] = 0xfe, Refused("Not a JPEG file")),
    jpeg("jpeg-missing-file", missing, Refused("Data0000.dat")),
    png("png-bad-color-type", png_with_alpha, Refused("color type 6")),
    png("png-bad-height", png_lower, Refused("Dimensional mismatch")),
    png("png-bad-image", |f| tile(f)[15] = b'Z', Refused("PNG error")),
    png("png-bad-width", png_no_width, Refused("PNG error")),
    png("png-missing-file", missing, Refused("Data0000.dat")),
    png("png-truncated-image", cut, Refused("cannot read level 0")),
    bmp("bmp-bad-depth", |f| tile(f)[28] = 32, Refused("cannot read level 0")),
    bmp("bmp-bad-height", |f| tile(f)[22] -= 8, Refused("cannot read level 0")),
    bmp("bmp-bad-image-format", jpeg_in_place_of_bmp, Refused("Index.dat")),
    bmp("bmp-bad-image", |f| tile(f)[0] = b'C', Refused("cannot read level 0")),
    bmp("bmp-missing-file", missing, Refused("Data0000.dat")),
    bmp("bmp-truncated-image", cut, Refused("cannot read level 0")),
    // Nothing of what follows is in the corpus.
    jpeg("more-jpeg-truncated-image", cut, Refused("cannot read level 0")),
    jpeg("more-jpeg-zeros-to-its-end", |f| half(f).fill(0), Refused("cannot read level 0")),
    jpeg("more-jpeg-ones-to-its-end", |f| half(f).fill(0xff), Refused("cannot read level 0")),
    jpeg("more-jpeg-empty-file", |f| f.data(0).clear(), Refused("cannot read level 0")),
    jpeg(
        "more-jpeg-in-ini-png",
        |f| f.set(&section(0), "IMAGE_FORMAT", "PNG"),
        Refused("cannot read level 0"),
    ),
    jpeg("more-jpeg-another-level-missing", |f| drop(f.folder.remove(&data_name(1))), Same),
    png("more-png-bad-pixel", |f| *half(f).first_mut().unwrap() ^= 1, Refused("PNG error")),
    png("more-png-zeros-to-its-end", |f| half(f).fill(0), Refused("PNG error")),
    bmp("more-bmp-short-length", short_length, Refused("an image of 8667 bytes")),
    bmp("more-bmp-empty-length", no_length, Refused("an image of 0 bytes")),
];

fn tile(files: &mut Files) -> &mut [u8] {
    let place = files.tile(0, TILE);
    files.bytes(place)
}

/// The second half of the tile.
fn half(files: &mut Files) -> &mut [u8] {
    let tile = tile(files);
    let middle = tile.len() / 2;
    &mut tile[middle..]
}

fn missing(files: &mut Files) {
    files.folder.remove(&data_name(0));
}

/// Cuts the data file off in its last tile.
fn cut(files: &mut Files) {
    let last = files.number(files.page(0)) - 1;
    let place = files.tile(0, last);
    let end = place.offset + place.length;
    assert_eq!(end, files.data(place.file).len());
    files.data(place.file).truncate(end - place.length / 2);
}

/// Where the higher byte of the height lies in a baseline JPEG: behind marker, length and depth.
fn jpeg_height(files: &mut Files) -> usize {
    tile(files).windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap() + 5
}

fn png_with_alpha(files: &mut Files) {
    let image = image::load_from_memory(tile(files)).unwrap().into_rgba8();
    replace(files, &image, ColorType::Rgba8);
}

fn png_lower(files: &mut Files) {
    let mut image = image::load_from_memory(tile(files)).unwrap().into_rgb8();
    let image = image::imageops::crop(&mut image, 0, 0, 80, 64).to_image();
    replace(files, &image, ColorType::Rgb8);
}

fn replace<P: image::Pixel<Subpixel = u8>>(
    files: &mut Files,
    image: &image::ImageBuffer<P, Vec<u8>>,
    colour: ColorType,
) {
    let mut bytes = Cursor::new(Vec::new());
    image::write_buffer_with_format(
        &mut bytes,
        image,
        image.width(),
        image.height(),
        colour,
        ImageFormat::Png,
    )
    .unwrap();
    files.replace_tile(0, TILE, bytes.get_ref());
}

/// A width of 0, with the checksum that belongs to it.
fn png_no_width(files: &mut Files) {
    let tile = tile(files);
    tile[16..20].fill(0);
    let sum = crc32fast::hash(&tile[12..29]);
    tile[29..33].copy_from_slice(&sum.to_be_bytes());
}

fn jpeg_in_place_of_bmp(files: &mut Files) {
    let mut bytes = Cursor::new(Vec::new());
    image::load_from_memory(tile(files)).unwrap().write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    files.replace_tile(0, TILE, bytes.get_ref());
}

/// The index gives the tile half its length.
fn short_length(files: &mut Files) {
    let (length, at) = (files.tile(0, TILE).length, files.entry(0, TILE) + 8);
    files.put(at, length as i32 / 2);
}

fn no_length(files: &mut Files) {
    let at = files.entry(0, TILE) + 8;
    files.put(at, 0);
}
