//! The identity model shows what the rest of the pipeline does to a pixel: nothing.

mod common;

use std::fs::File;
use std::path::{Path, PathBuf};

use common::{Picture, difference, normalize, picture, read, settings};
use restain_pipeline::{CompressionKind, Settings};
use restain_slide::{Coverage, Extent, Slide};
use restain_synth::Source;
use tempfile::TempDir;
use tiff::decoder::{Decoder, DecodingResult};

/// A slide with gaps, in a folder of its own.
fn slide() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let slide = common::write_mirax_of(Source::Cells, folder.path(), 2700, 2100, 0.5);
    (folder, slide)
}

#[test]
fn every_pixel_comes_out_as_it_went_in() {
    let (folder, path) = slide();
    let slide = Slide::open(&path).unwrap();
    for level in [0, 1] {
        let output = folder.path().join(format!("{level}.tif"));
        let settings = Settings { level: Some(level), ..settings("identity", 512) };
        normalize(&path, &output, &settings).unwrap();
        let extent = slide.extent(level, Extent::Bounds).unwrap();
        assert!(read(&output, 0, Extent::Full) == picture(&slide, level, extent), "level {level} differs");
    }
}

#[test]
fn what_was_never_scanned_has_the_background_colour() {
    let (folder, path) = slide();
    let output = folder.path().join("out.tif");
    normalize(&path, &output, &settings("identity", 1024)).unwrap();
    let result = read(&output, 0, Extent::Full);
    let slide = Slide::open(&path).unwrap();
    let pixels = slide.read(0, slide.extent(0, Extent::Bounds).unwrap()).unwrap();
    let Coverage::Partly(alpha) = pixels.coverage else { panic!("the slide has no gaps") };
    let background = slide.info().background;
    assert!(background.iter().all(|&channel| channel > 128), "{background:?}");
    let unscanned: Vec<_> = alpha.iter().zip(result.rgb.chunks_exact(3)).filter(|(a, _)| **a == 0).collect();
    assert!(unscanned.len() > alpha.len() / 4, "{} of {} pixels", unscanned.len(), alpha.len());
    assert!(unscanned.iter().all(|(_, pixel)| **pixel == background));
}

#[test]
fn a_model_leaves_what_was_never_scanned_alone() {
    let (folder, path) = slide();
    let model = common::checkpoint::write(&folder.path().join("random.safetensors"), 2, 3);
    let output = folder.path().join("out.tif");
    normalize(&path, &output, &settings(&model, 512)).unwrap();
    let result = read(&output, 0, Extent::Full);
    let slide = Slide::open(&path).unwrap();
    let pixels = slide.read(0, slide.extent(0, Extent::Bounds).unwrap()).unwrap();
    let Coverage::Partly(alpha) = pixels.coverage else { panic!("the slide has no gaps") };
    let background = slide.info().background;
    let mut others = 0;
    for (alpha, pixel) in alpha.iter().zip(result.rgb.chunks_exact(3)) {
        match alpha {
            0 => assert_eq!(pixel, background),
            _ => others += usize::from(pixel != background),
        }
    }
    assert!(others > alpha.len() / 4, "only {others} pixels were restained");
}

/// Half of a picture, pixel by pixel: the rounded mean of the up to four that there are, an odd edge counted twice.
fn half(fine: &Picture) -> Picture {
    let (width, height) = (fine.width.div_ceil(2), fine.height.div_ceil(2));
    let mut rgb = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let (right, below) = ((2 * x + 1).min(fine.width - 1), (2 * y + 1).min(fine.height - 1));
            let four = [(2 * x, 2 * y), (right, 2 * y), (2 * x, below), (right, below)];
            for channel in 0..3 {
                let sum: u32 = four.iter().map(|&(x, y)| u32::from(fine.at(x, y)[channel])).sum();
                rgb.push(((sum + 2) / 4) as u8);
            }
        }
    }
    Picture { width, height, rgb }
}

/// A level as the `tiff` crate reads it. `OpenSlide` on libtiff 4.5 reads levels that are smaller than one tile
/// wrongly unless they are JPEG: libtiff lays them at another place of the buffer than it is told to.
fn decode(path: &Path, level: usize) -> Picture {
    let mut decoder = Decoder::new(File::open(path).unwrap()).unwrap();
    decoder.seek_to_image(level).unwrap();
    let (width, height) = decoder.dimensions().unwrap();
    let DecodingResult::U8(rgb) = decoder.read_image().unwrap() else { panic!("not 8 bits a channel") };
    Picture { width: width as usize, height: height as usize, rgb }
}

#[test]
fn every_level_is_half_of_the_one_below() {
    let (folder, path) = slide();
    let output = folder.path().join("out.tif");
    let report = normalize(&path, &output, &settings("identity", 512)).unwrap();
    // 2700 px are 6 tiles of 512, 1350 px 3, 675 px 2, 338 px 1.
    assert_eq!(report.levels, 4);
    let mut below = decode(&output, 0);
    for level in 1..4 {
        let coarse = decode(&output, level);
        let twin = half(&below);
        let differ = |x: usize, y: usize| coarse.at(x, y) != twin.at(x, y);
        let mut places = (0..coarse.height).flat_map(|y| (0..coarse.width).map(move |x| (x, y)));
        let first = places.find(|&(x, y)| differ(x, y));
        assert_eq!(first, None, "level {level} differs first there");
        below = coarse;
    }
}

#[test]
fn the_output_says_where_it_comes_from_and_no_more() {
    let (folder, path) = slide();
    let output = folder.path().join("out.tif");
    let report = normalize(&path, &output, &settings("identity", 512)).unwrap();
    let (slide, result) = (Slide::open(&path).unwrap(), Slide::open(&output).unwrap());
    let (before, after) = (slide.info(), result.info());
    assert_eq!((before.vendor.as_str(), after.vendor.as_str()), ("mirax", "generic-tiff"));
    let (before_mpp, after_mpp) = (before.mpp.unwrap(), after.mpp.unwrap());
    assert!((before_mpp.x - after_mpp.x).abs() < 1e-6 && (before_mpp.y - after_mpp.y).abs() < 1e-6);
    assert!(!before.associated.is_empty() && after.associated.is_empty());
    assert_eq!(report.levels as usize, after.levels.len());
    assert_eq!(report.bytes, output.metadata().unwrap().len());
    assert_eq!(report.pixels, 2700 * 2100);
    assert_eq!(report.stage_seconds.len(), 6);
}

#[test]
fn jpeg_loses_little() {
    let (folder, path) = slide();
    let [lossless, jpeg] = [CompressionKind::Deflate, CompressionKind::Jpeg].map(|compression| {
        let output = folder.path().join(format!("{compression:?}.tif"));
        normalize(&path, &output, &Settings { compression, ..settings("identity", 512) }).unwrap();
        read(&output, 0, Extent::Full)
    });
    let squares = lossless.rgb.iter().zip(&jpeg.rgb).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2));
    let psnr = 10.0 * (255.0 * 255.0 * lossless.rgb.len() as f64 / squares.sum::<f64>()).log10();
    println!("PSNR {psnr:.1} dB, {:?}", difference(&lossless, &jpeg));
    assert!(psnr > 36.0, "{psnr:.1} dB at quality 90");
}
