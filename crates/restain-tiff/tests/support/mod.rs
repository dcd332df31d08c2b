//! Pictures, and the pyramid made the slow and obvious way from the whole picture.

#![allow(dead_code, reason = "each test file uses its part")]

use restain_tiff::{Compression, Layout, LevelTile, Piece, Pyramid, PyramidWriter, Subsampling, TileEncoder};

/// A whole picture, interleaved RGB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) rgb: Vec<u8>,
}

impl Picture {
    pub(crate) fn new(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Self {
        let rgb = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| pixel(x, y));
        Self { width, height, rgb: rgb.collect() }
    }

    pub(crate) fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        let at = 3 * (y as usize * self.width as usize + x as usize);
        [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
    }

    pub(crate) fn crop(&self, x: u32, y: u32, width: u32, height: u32) -> Vec<u8> {
        Self::new(width, height, |column, row| self.pixel(x + column, y + row)).rgb
    }

    /// A tile of this level; beyond the right and lower edge the last pixel is repeated.
    pub(crate) fn tile(&self, column: u32, row: u32, side: u32) -> Vec<u8> {
        let (left, top) = (column * side, row * side);
        assert!(left < self.width && top < self.height, "no tile in column {column}, row {row}");
        Self::new(side, side, |x, y| {
            self.pixel((left + x).min(self.width - 1), (top + y).min(self.height - 1))
        })
        .rgb
    }

    /// Half the size, rounded up; each pixel the rounded mean of the up to four that exist below it.
    fn half(&self) -> Self {
        Self::new(self.width.div_ceil(2), self.height.div_ceil(2), |x, y| {
            let below: Vec<[u8; 3]> = [(0, 0), (1, 0), (0, 1), (1, 1)]
                .map(|(right, down)| (2 * x + right, 2 * y + down))
                .into_iter()
                .filter(|(x, y)| *x < self.width && *y < self.height)
                .map(|(x, y)| self.pixel(x, y))
                .collect();
            let mean = |channel: usize| {
                below.iter().map(|pixel| f64::from(pixel[channel])).sum::<f64>() / below.len() as f64
            };
            [0, 1, 2].map(|channel| (mean(channel) + 0.5).floor() as u8)
        })
    }

    /// All levels until one tile holds the picture.
    pub(crate) fn levels(&self, tile: u32) -> Vec<Self> {
        let mut levels = vec![self.clone()];
        while levels[levels.len() - 1].width > tile || levels[levels.len() - 1].height > tile {
            levels.push(levels[levels.len() - 1].half());
        }
        levels
    }
}

/// A smooth picture with edges and colours, as JPEG likes and fears them.
pub(crate) fn drawing(width: u32, height: u32) -> Picture {
    Picture::new(width, height, |x, y| {
        let (fx, fy) = (f64::from(x), f64::from(y));
        let wave = (fx / 17.0).sin() * (fy / 23.0).cos();
        let nucleus = (fx % 90.0 - 45.0).hypot(fy % 70.0 - 35.0) < 14.0;
        let dark = if nucleus { 90.0 } else { 0.0 };
        [
            190.0 + 40.0 * wave - dark,
            170.0 - 30.0 * wave - dark,
            200.0 + 20.0 * (fx / 40.0).cos() - dark / 2.0,
        ]
        .map(|value| value as u8)
    })
}

pub(crate) const JPEG: Compression = Compression::Jpeg { quality: 90, subsampling: Subsampling::S444 };

/// A layout for a picture.
pub(crate) fn layout(width: u32, height: u32, tile: u32, compression: Compression) -> Layout {
    Layout {
        width,
        height,
        tile,
        compression,
        mpp: Some((0.2319, 0.25)),
        description: "restain: a test\nwith \u{b5}m".to_owned(),
        background: [230, 240, 250],
    }
}

/// Inserts the cores of a picture row by row; where `blank` holds for a core's corner it is left to the background.
pub(crate) fn insert_cores(
    picture: &Picture,
    core: u32,
    blank: impl Fn(u32, u32) -> bool,
    pyramid: &mut Pyramid,
    mut emit: impl FnMut(&Pyramid, Vec<LevelTile>),
) {
    for y in (0..picture.height).step_by(core as usize) {
        for x in (0..picture.width).step_by(core as usize) {
            let (width, height) = (core.min(picture.width - x), core.min(picture.height - y));
            let mut tiles = Vec::new();
            let rgb = picture.crop(x, y, width, height);
            let piece = if blank(x, y) { Piece::Blank } else { Piece::Rgb(&rgb) };
            pyramid.insert(x, y, width, height, piece, &mut |tile| tiles.push(tile)).expect("the core fits");
            emit(pyramid, tiles);
        }
    }
}

/// Writes a picture as the pipeline does, with cores of `core` pixels.
pub(crate) fn write(
    picture: &Picture,
    layout: &Layout,
    core: u32,
    path: &std::path::Path,
) -> restain_tiff::Summary {
    let mut pyramid = Pyramid::new(layout).expect("a good layout");
    let encoder = TileEncoder::new(layout).expect("a good layout");
    let mut writer = PyramidWriter::create(path, layout, false).expect("a writable folder");
    let background = |x: u32, y: u32| {
        let (width, height) = (core.min(picture.width - x), core.min(picture.height - y));
        picture.crop(x, y, width, height).chunks(3).all(|pixel| pixel == layout.background)
    };
    insert_cores(picture, core, background, &mut pyramid, |_, tiles| {
        for tile in tiles {
            let encoded = encoder.encode(&tile.pixels).expect("a tile that can be encoded");
            writer.write(tile.level, tile.column, tile.row, encoded).expect("a tile that fits");
        }
    });
    assert!(pyramid.is_complete());
    writer.finish().expect("room on the disk")
}

/// A drawing whose lower left quarter is background.
pub(crate) fn drawing_with_blank(layout: &Layout) -> Picture {
    let drawing = drawing(layout.width, layout.height);
    Picture::new(layout.width, layout.height, |x, y| {
        if x < layout.width / 2 && y >= layout.height / 2 { layout.background } else { drawing.pixel(x, y) }
    })
}
