//! How fast one core lays out, halves and encodes: `cargo run --release --example rates -- [PICTURE.jpg]`.
//!
//! Rates are millions of level-0 pixels a second; "core" is the side of the pieces, "tile" that of the tiles. Without
//! a picture, encoding is measured on a drawn one.

use std::hint::black_box;

use restain_tiff::{Compression, Layout, Piece, Pyramid, Subsampling, TileEncoder, TilePixels};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const SIDE: u32 = 8192;
const TILE: u32 = 512;
/// The clock ticks every few milliseconds, and a picture may have few tiles.
const REPEAT: u64 = 100;

fn main() -> Result<()> {
    for core in [512, 960, 1024, 2048] {
        let mut pyramid = Pyramid::new(&layout(Compression::Deflate))?;
        let piece = vec![200; 3 * core as usize * core as usize];
        let rate = rate(u64::from(SIDE).pow(2), || {
            for y in (0..SIDE).step_by(core as usize) {
                for x in (0..SIDE).step_by(core as usize) {
                    let (width, height) = (core.min(SIDE - x), core.min(SIDE - y));
                    let piece = Piece::Rgb(&piece[..3 * width as usize * height as usize]);
                    pyramid.insert(x, y, width, height, piece, &mut |tile| drop(black_box(tile)))?;
                }
            }
            Ok(())
        })?;
        println!("pyramid of all levels, core {core:4}, tile {TILE}: {rate:6.0} MP/s");
    }
    let tiles = tiles(std::env::args().nth(1))?;
    let jpeg = |subsampling| Compression::Jpeg { quality: 90, subsampling };
    for (name, compression) in [
        ("JPEG 90 4:4:4", jpeg(Subsampling::S444)),
        ("JPEG 90 4:2:2", jpeg(Subsampling::S422)),
        ("JPEG 90 4:2:0", jpeg(Subsampling::S420)),
        ("deflate", Compression::Deflate),
    ] {
        let encoder = TileEncoder::new(&layout(compression))?;
        let pixels = REPEAT * tiles.len() as u64 * u64::from(TILE).pow(2);
        let mut bytes = 0;
        let rate = rate(pixels, || {
            for _ in 0..REPEAT {
                for tile in &tiles {
                    bytes += encoder.encode(tile)?.bytes().len();
                }
            }
            Ok(())
        })?;
        println!("{name}: {rate:6.1} MP/s, {:.2} bits a pixel", 8.0 * bytes as f64 / pixels as f64);
    }
    Ok(())
}

fn layout(compression: Compression) -> Layout {
    Layout {
        width: SIDE,
        height: SIDE,
        tile: TILE,
        compression,
        mpp: None,
        description: String::new(),
        background: [255; 3],
    }
}

/// Millions of pixels a second of this thread's time on a processor, which other programs do not disturb.
fn rate(pixels: u64, work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let begun = on_processor()?;
    work()?;
    Ok(pixels as f64 * 1e3 / (on_processor()? - begun))
}

/// Nanoseconds this thread has run (Linux, `Documentation/scheduler/sched-stats.rst`).
fn on_processor() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().ok_or("schedstat is empty")?.parse()?)
}

/// The whole tiles of a picture, or of a smooth drawing with a little noise.
fn tiles(path: Option<String>) -> Result<Vec<TilePixels>> {
    let side = TILE as usize;
    let (rgb, width, height) = match path {
        Some(path) => {
            let picture = turbojpeg::decompress(&std::fs::read(path)?, turbojpeg::PixelFormat::RGB)?;
            (picture.pixels, picture.width, picture.height)
        }
        None => (drawing(4 * side), 4 * side, 4 * side),
    };
    let mut tiles = Vec::new();
    for top in (0..=height - side).step_by(side) {
        for left in (0..=width - side).step_by(side) {
            let row = |y| &rgb[3 * ((top + y) * width + left)..][..3 * side];
            tiles.push(TilePixels::Rgb((0..side).flat_map(row).copied().collect()));
        }
    }
    Ok(tiles)
}

fn drawing(side: usize) -> Vec<u8> {
    let mut noise = 1_u32;
    (0..3 * side * side)
        .map(|at| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (x, y) = ((at / 3 % side) as f64, (at / 3 / side) as f64);
            (150.0 + 60.0 * (x / 23.0).sin() * (y / 31.0).cos()) as u8 + (noise >> 29) as u8
        })
        .collect()
}
