//! Pixels a second of libjpeg-turbo alone, on the pictures of a slide and on the tiles of an output.

use std::path::Path;

use restain_slide::{LevelPoint, LevelRect, LevelSize, Slide};
use serde_json::{Value, json};
use turbojpeg::{Compressor, Decompressor, Image, PixelFormat, Subsamp};

use crate::{Machine, Result};

/// Side of a tile, and its quality: what `restain normalize` writes unless told otherwise.
const TILE: usize = 512;
const QUALITY: i32 = 90;
/// Pictures to decode and tiles to encode: a few milliseconds.
const PICTURES: usize = 64;
const TILES: usize = 8;

/// The size of a slide's pictures, and how fast they are decoded and the output's tiles encoded.
pub(crate) fn rates(machine: &Machine, slide: &Path, output: &Path) -> Result<Value> {
    let data = std::fs::read(slide.with_extension("").join("Data0000.dat"))?;
    let pictures = pictures(&data);
    let all = pixels(&pictures)?;
    let some: Vec<_> = pictures.iter().copied().step_by(pictures.len().div_ceil(PICTURES).max(1)).collect();
    let decode = machine.rates(pixels(&some)? as f64, || {
        decode(&some).expect("a picture that libjpeg-turbo reads");
    });
    let tiles = tiles(output)?;
    let mut encoded = serde_json::Map::new();
    for (name, subsampling) in [("4:4:4", Subsamp::None), ("4:2:0", Subsamp::Sub2x2)] {
        let rates = machine.rates((tiles.len() * TILE * TILE) as f64, || {
            encode(&tiles, subsampling).expect("a tile that libjpeg-turbo takes");
        });
        encoded.insert(name.to_owned(), json!(rates));
    }
    Ok(json!({
        "pixels": all,
        "bytes": data.len(),
        "decode_pixels_per_s": decode,
        "encode_pixels_per_s": encoded,
    }))
}

/// The JPEG pictures of a data file of level 0, which lie one behind the other: only their beginnings read FF D8 FF, as
/// behind every other FF of coded data follows 00.
fn pictures(data: &[u8]) -> Vec<&[u8]> {
    let starts: Vec<_> = data
        .windows(3)
        .enumerate()
        .filter(|(_, bytes)| *bytes == [0xff, 0xd8, 0xff])
        .map(|(at, _)| at)
        .collect();
    let ends = starts.iter().copied().skip(1).chain([data.len()]);
    starts.iter().zip(ends).map(|(start, end)| &data[*start..end]).collect()
}

/// Pixels of pictures.
fn pixels(pictures: &[&[u8]]) -> Result<usize> {
    let sizes = pictures.iter().map(|picture| turbojpeg::read_header(picture));
    Ok(sizes
        .map(|header| header.map(|header| header.width * header.height))
        .sum::<turbojpeg::Result<usize>>()?)
}

/// Decodes to four bytes a pixel, as OpenSlide does.
fn decode(pictures: &[&[u8]]) -> turbojpeg::Result<()> {
    let mut decompressor = Decompressor::new()?;
    let mut pixels = Vec::new();
    for picture in pictures {
        let header = decompressor.read_header(picture)?;
        let (width, height) = (header.width, header.height);
        pixels.resize(4 * width * height, 0);
        let image =
            Image { pixels: &mut pixels[..], width, pitch: 4 * width, height, format: PixelFormat::BGRA };
        decompressor.decompress(picture, image)?;
    }
    Ok(())
}

fn encode(tiles: &[Vec<u8>], subsampling: Subsamp) -> turbojpeg::Result<()> {
    let mut compressor = Compressor::new()?;
    compressor.set_quality(QUALITY)?;
    compressor.set_subsamp(subsampling)?;
    let mut stream = vec![0; turbojpeg::compressed_buf_len(TILE, TILE, subsampling)?];
    for tile in tiles {
        let image =
            Image { pixels: &tile[..], width: TILE, pitch: 3 * TILE, height: TILE, format: PixelFormat::RGB };
        compressor.compress_to_slice(image, &mut stream)?;
    }
    Ok(())
}

/// Tiles of an output's level 0, from all over it.
fn tiles(output: &Path) -> Result<Vec<Vec<u8>>> {
    let output = Slide::open(output)?;
    let side = TILE as i64;
    let size = output.info().levels[0].size;
    let (columns, rows) = (size.width / side, size.height / side);
    let every = (columns * rows / TILES as i64).max(1);
    let mut tiles = Vec::new();
    for at in (0..columns * rows).step_by(every as usize) {
        let corner = LevelPoint::new(side * (at % columns), side * (at / columns));
        let rect = LevelRect::from_origin_and_size(corner, LevelSize::new(side, side));
        tiles.push(output.read(0, rect)?.rgb);
    }
    Ok(tiles)
}
