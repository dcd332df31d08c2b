//! What the tests of the pipeline share: a slide, a model, a run, and the pixels of what came out.

#![allow(dead_code, reason = "every test file takes a part of it")]

pub(crate) mod checkpoint;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use restain_pipeline::{CompressionKind, Job, Loaded, Progress, Report, Result, Settings, Style};
use restain_slide::{Extent, LevelRect, LevelSize, Slide};
use restain_synth::{SlideSpec, Source, write_slide};
use restain_tiff::{Compression, Layout, Piece, Pyramid, PyramidWriter, TileEncoder};

/// Real fields of a Pap smear, where they are at hand.
const FIELDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/cric/fields");

/// Interleaved RGB.
#[derive(PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) rgb: Vec<u8>,
}

impl Picture {
    /// The pixel at a place.
    pub(crate) fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let at = 3 * (y * self.width + x);
        [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
    }

    /// A rectangle of it.
    pub(crate) fn part(&self, x: usize, y: usize, width: usize, height: usize) -> Self {
        let rows = (y..y + height).map(|row| 3 * (row * self.width + x));
        let rgb = rows.flat_map(|start| &self.rgb[start..start + 3 * width]).copied().collect();
        Self { width, height, rgb }
    }

    /// Standard deviation of all channels, grey levels: how much there is to see.
    pub(crate) fn deviation(&self) -> f64 {
        let n = self.rgb.len() as f64;
        let mean = self.rgb.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        (self.rgb.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n).sqrt()
    }
}

/// The largest difference of a channel, and the share of pixels that differ in any.
pub(crate) fn difference(a: &Picture, b: &Picture) -> (u8, f64) {
    assert_eq!((a.width, a.height), (b.width, b.height));
    let pixels = || a.rgb.chunks_exact(3).zip(b.rgb.chunks_exact(3));
    let largest = a.rgb.iter().zip(&b.rgb).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    let differing = pixels().filter(|(a, b)| a != b).count();
    (largest, differing as f64 / pixels().count() as f64)
}

/// Writes a MIRAX slide of real fields, or of drawn cells where there are none.
pub(crate) fn write_mirax(folder: &Path, width: u32, height: u32, coverage: f64) -> PathBuf {
    let source = if Path::new(FIELDS).is_dir() {
        Source::Pictures(FIELDS.into())
    } else {
        eprintln!("{FIELDS} is not there: drawn cells take the place of real fields");
        Source::Cells
    };
    write_mirax_of(source, folder, width, height, coverage)
}

/// Writes a MIRAX slide of drawn cells, which is quicker.
pub(crate) fn write_mirax_of(
    source: Source,
    folder: &Path,
    width: u32,
    height: u32,
    coverage: f64,
) -> PathBuf {
    let path = folder.join("slide.mrxs");
    let spec = SlideSpec { coverage, source, seed: 7, ..SlideSpec::new(width, height) };
    write_slide(&spec, &path, &|_| ControlFlow::Continue(())).unwrap();
    path
}

/// Writes a picture as a tiled TIFF, which `OpenSlide` reads as a slide without resolution or background.
pub(crate) fn write_tiff(picture: &Picture, path: &Path) {
    let (width, height) = (picture.width as u32, picture.height as u32);
    let layout = Layout {
        width,
        height,
        tile: 256,
        compression: Compression::Deflate,
        mpp: None,
        description: String::new(),
        background: [255; 3],
    };
    let encoder = TileEncoder::new(&layout).unwrap();
    let mut writer = PyramidWriter::create(path, &layout, false).unwrap();
    let mut tiles = Vec::new();
    let mut pyramid = Pyramid::new(&layout).unwrap();
    pyramid.insert(0, 0, width, height, Piece::Rgb(&picture.rgb), &mut |tile| tiles.push(tile)).unwrap();
    for tile in tiles {
        let encoded = encoder.encode(&tile.pixels).unwrap();
        writer.write(tile.level, tile.column, tile.row, encoded).unwrap();
    }
    writer.finish().unwrap();
}

/// Lossless, on the CPU.
pub(crate) fn settings(model: &str, tile: u32) -> Settings {
    Settings {
        model: Some(model.to_owned()),
        device: "cpu".to_owned(),
        tile,
        compression: CompressionKind::Deflate,
        ..Settings::default()
    }
}

/// A run like that of the command line.
pub(crate) fn normalize(slide: &Path, output: &Path, settings: &Settings) -> Result<Report> {
    normalize_with(slide, output, settings, |_| {})
}

/// A run whose job is changed before it starts.
pub(crate) fn normalize_with(
    slide: &Path,
    output: &Path,
    settings: &Settings,
    change: impl FnOnce(&mut Job<'_>),
) -> Result<Report> {
    let slide = Slide::open(slide)?;
    let threads = settings.threads()?;
    let selection =
        Loaded::new(settings)?.select(|| Style::of_slide(&slide, threads, &AtomicBool::new(false)))?;
    let mut job = Job::new(&slide, &selection, settings)?;
    change(&mut job);
    job.run(output, false, &AtomicBool::new(false), &Progress::default())
}

/// All pixels of a level of any slide, read by `OpenSlide`.
pub(crate) fn read(path: &Path, level: u32, extent: Extent) -> Picture {
    let slide = Slide::open(path).unwrap();
    let rect = slide.extent(level, extent).unwrap();
    picture(&slide, level, rect)
}

/// A rectangle of a level.
pub(crate) fn picture(slide: &Slide, level: u32, rect: LevelRect) -> Picture {
    let LevelSize { width, height, .. } = rect.size();
    Picture { width: width as usize, height: height as usize, rgb: slide.read(level, rect).unwrap().rgb }
}

/// What lies in a folder, by name.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = folder.read_dir().unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
