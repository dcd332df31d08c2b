//! What the command line writes, read by tifffile, libvips and two versions of `OpenSlide`, level by level, against
//! the slide itself.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{run_well, synth};
use image::{Rgb, RgbImage};
use restain_slide::{Extent, Slide};
use serde_json::json;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../restain-tiff/tests/readers.py");

/// Half of a picture: the rounded mean of four pixels, an odd edge counted twice.
fn half(fine: &RgbImage) -> RgbImage {
    let (width, height) = fine.dimensions();
    RgbImage::from_fn(width.div_ceil(2), height.div_ceil(2), |x, y| {
        let (right, below) = ((2 * x + 1).min(width - 1), (2 * y + 1).min(height - 1));
        let four = [(2 * x, 2 * y), (right, 2 * y), (2 * x, below), (right, below)];
        let sum =
            |channel: usize| four.iter().map(|&(x, y)| u32::from(fine.get_pixel(x, y)[channel])).sum::<u32>();
        Rgb([0, 1, 2].map(|channel| ((sum(channel) + 2) / 4) as u8))
    })
}

/// All levels that an output of the slide must have, each with what to find in it.
fn expect(slide: &Path, folder: &Path, lossless: bool) {
    let slide = Slide::open(slide).unwrap();
    let pixels = slide.read(0, slide.extent(0, Extent::Bounds).unwrap()).unwrap();
    let (width, height) = (pixels.rect.width() as u32, pixels.rect.height() as u32);
    let mut picture = RgbImage::from_raw(width, height, pixels.rgb).unwrap();
    let mut levels = Vec::new();
    loop {
        let (width, height) = picture.dimensions();
        let name = format!("{}.rgb", levels.len());
        fs::write(folder.join(&name), picture.as_raw()).unwrap();
        // Lossless tiles are no longer than their level; libjpeg cuts for itself.
        let tile = (0..10).map(|n| 512 >> n).find(|tile| !lossless || *tile <= width.min(height));
        levels
            .push(json!({ "width": width, "height": height, "tile": tile, "source": name, "decoded": name }));
        if width <= 512 && height <= 512 {
            break;
        }
        picture = half(&picture);
    }
    let mpp = slide.info().mpp.unwrap();
    // What libjpeg makes of each tile is the business of the crate that encodes them.
    let expected =
        json!({ "lossless": lossless, "exact": false, "mpp": [mpp.x, mpp.y], "tile": 512, "levels": levels });
    fs::write(folder.join("expected.json"), expected.to_string()).unwrap();
}

#[test]
fn every_reader_sees_the_slide() {
    let Some(python) = std::env::var_os("RESTAIN_PYTHON") else {
        eprintln!(
            "SKIPPED: RESTAIN_PYTHON names no Python with tifffile, pyvips and openslide; `make test` does"
        );
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let slide = folder.path().join("slide.mrxs");
    // Sizes whose coarsest level is smaller than a tile, in one direction and in both.
    for (compression, lossless, size) in
        [("jpeg", false, "1700x1300"), ("deflate", true, "1700x1300"), ("deflate", true, "2048x600")]
    {
        synth(&slide, size, &["--coverage", "0.7", "--seed", "6", "--force"]);
        let output = folder.path().join(format!("{compression}-{size}.tif"));
        let input = [slide.to_str().unwrap(), "-o", output.to_str().unwrap()];
        run_well([&["normalize", "--model", "identity", "--compression", compression], &input[..]].concat());
        expect(&slide, folder.path(), lossless);
        let run = Command::new(&python).arg(SCRIPT).arg(&output).arg(folder.path()).output().unwrap();
        let said = [run.stdout, run.stderr].map(|bytes| common::text(&bytes)).concat();
        println!("{compression}\n{said}");
        assert!(run.status.success(), "{compression}: {said}");
    }
}
