//! Slides in temporary folders, read through `OpenSlide`.

use std::ops::ControlFlow;

use openslide_rs::{Address, OpenSlide, Region, Size};
use restain_synth::{Drawing, Picture, Rect, SlideSpec, Summary, write_slide};
use tempfile::TempDir;

/// A slide, its truth, and a reader that shares no code with the writer.
pub(crate) struct Slide {
    pub(crate) spec: SlideSpec,
    pub(crate) summary: Summary,
    pub(crate) drawing: Drawing,
    pub(crate) reader: OpenSlide,
    _folder: TempDir,
}

impl Slide {
    pub(crate) fn new(spec: SlideSpec) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("slide.mrxs");
        let summary = write_slide(&spec, &path, &|_| ControlFlow::Continue(())).unwrap();
        let drawing = Drawing::new(&spec).unwrap();
        let reader = OpenSlide::new(&path).unwrap();
        Self { spec, summary, drawing, reader, _folder: folder }
    }

    pub(crate) fn property(&self, name: &str) -> String {
        self.reader.property_value(name).unwrap()
    }

    /// Width and height of the scanned bounds.
    pub(crate) fn bounds(&self) -> [u32; 2] {
        ["width", "height"].map(|side| self.property(&format!("openslide.bounds-{side}")).parse().unwrap())
    }

    /// Reads `w` x `h` pixels of a level from level-0 canvas place (x, y) on: premultiplied B, G, R, A.
    pub(crate) fn read(&self, level: u32, x: u32, y: u32, w: u32, h: u32) -> Vec<[u8; 4]> {
        let region = Region { address: Address { x, y }, level, size: Size { w, h } };
        let bytes = self.reader.read_region(&region).unwrap();
        bytes.as_chunks().0.to_vec()
    }

    /// Level-0 pixels of a rectangle of the bounds, and the truth.
    pub(crate) fn both(&self, rect: Rect) -> (Vec<[u8; 4]>, Picture) {
        let x = (rect.x + self.summary.bounds_origin[0]) as u32;
        let y = (rect.y + self.summary.bounds_origin[1]) as u32;
        (self.read(0, x, y, rect.width, rect.height), self.drawing.draw(rect).unwrap())
    }
}

/// Differences, channel by channel, of the pixels that were scanned.
#[derive(Debug)]
pub(crate) struct Difference {
    pub(crate) mean: f64,
    pub(crate) largest: i32,
    pub(crate) scanned: usize,
    pub(crate) unscanned: usize,
    pub(crate) partly: usize,
}

/// Compares what was read with the truth.
pub(crate) fn compare(read: &[[u8; 4]], truth: &Picture) -> Difference {
    let mut difference = Difference { mean: 0.0, largest: 0, scanned: 0, unscanned: 0, partly: 0 };
    for (pixel, truth) in read.iter().zip(truth.rgb.as_chunks::<3>().0) {
        match pixel[3] {
            255 => {
                difference.scanned += 1;
                for c in 0..3 {
                    let error = (i32::from(pixel[2 - c]) - i32::from(truth[c])).abs();
                    difference.mean += f64::from(error);
                    difference.largest = difference.largest.max(error);
                }
            }
            0 => difference.unscanned += 1,
            _ => difference.partly += 1,
        }
    }
    difference.mean /= (3 * difference.scanned).max(1) as f64;
    difference
}
