//! A slide, an output of it, and a slide that is damaged.

#![allow(dead_code, reason = "each test file uses its part")]

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use restain_slide::{Extent, Slide};
use restain_synth::{SlideSpec, Style, write_slide};
use restain_tiff::{Compression, Layout, Piece, Pyramid, PyramidWriter, TileEncoder};
use tempfile::TempDir;

pub(crate) struct Slides {
    folder: TempDir,
}

impl Slides {
    /// `before.mrxs`, and `after.tif` of its `level`: the same cells in another stain.
    pub(crate) fn new(size: (u32, u32), level: u32) -> Self {
        let slides = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        let spec = SlideSpec { seed: 3, ..SlideSpec::new(size.0, size.1) };
        let restained = SlideSpec { style: Style::old_scanner(), ..spec.clone() };
        for (name, spec) in [("before.mrxs", spec), ("restained.mrxs", restained)] {
            write_slide(&spec, &slides.path(name), &|_| ControlFlow::Continue(())).expect("a slide");
        }
        write_output(&slides.path("restained.mrxs"), level, &slides.path("after.tif"));
        slides
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A copy of the slide whose index is gone.
    pub(crate) fn damaged(&self) -> PathBuf {
        let (slide, folder) = (self.path("damaged.mrxs"), self.path("damaged"));
        fs::copy(self.path("before.mrxs"), &slide).expect("a copy");
        fs::create_dir(&folder).expect("a folder");
        fs::write(folder.join("Slidedat.ini"), "[GENERAL]\nSLIDE_ID = \n").expect("a file");
        slide
    }
}

/// Writes what the scanner has seen of a level, as `restain normalize` does.
pub(crate) fn write_output(slide: &Path, level: u32, output: &Path) {
    let slide = Slide::open(slide).expect("a slide");
    let extent = slide.extent(level, Extent::Bounds).expect("a level");
    let (full, mpp) = (slide.info().levels[0].size, slide.info().mpp.expect("a scale"));
    let mpp = mpp.at(slide.info().levels[level as usize].downsample);
    let layout = Layout {
        width: extent.width() as u32,
        height: extent.height() as u32,
        tile: 512,
        compression: Compression::Deflate,
        mpp: Some((mpp.x, mpp.y)),
        description: format!(
            r#"{{"source":{{"width":{},"height":{},"level":{level},"region":[{},{},{},{}]}}}}"#,
            full.width,
            full.height,
            extent.min.x,
            extent.min.y,
            extent.width(),
            extent.height()
        ),
        background: [255; 3],
    };
    write(&slide.read(level, extent).expect("whole").rgb, &layout, output);
}

/// Writes a picture as a pyramid.
pub(crate) fn write(pixels: &[u8], layout: &Layout, output: &Path) {
    let mut pyramid = Pyramid::new(layout).expect("a good layout");
    let encoder = TileEncoder::new(layout).expect("a good layout");
    let mut writer = PyramidWriter::create(output, layout, false).expect("a writable folder");
    let mut tiles = Vec::new();
    pyramid
        .insert(0, 0, layout.width, layout.height, Piece::Rgb(pixels), &mut |tile| tiles.push(tile))
        .expect("it fits");
    for tile in tiles {
        let encoded = encoder.encode(&tile.pixels).expect("it can be encoded");
        writer.write(tile.level, tile.column, tile.row, encoded).expect("it fits");
    }
    writer.finish().expect("room on the disk");
}
