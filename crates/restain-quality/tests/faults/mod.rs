//! Outputs with a fault planted, and slides of another kind.

#![allow(unreachable_pub, missing_docs, dead_code, reason = "shared by a test and an example")]

use std::path::Path;

use restain_slide::{Extent, Slide};
use restain_tiff::{Compression, Layout, Piece, Pyramid, PyramidWriter, Subsampling, TileEncoder};

/// Side of an output's tiles in pixels.
const TILE: usize = 512;

/// A whole level 0.
#[derive(Clone)]
pub struct Canvas {
    pub width: usize,
    pub height: usize,
    pub rgb: Vec<u8>,
    mpp: Option<(f64, f64)>,
}

impl Canvas {
    /// What of a slide was scanned.
    pub fn of(slide: &Slide) -> anyhow::Result<Self> {
        let extent = slide.extent(0, Extent::Bounds)?;
        let rgb = slide.read(0, extent)?.rgb;
        let mpp = slide.info().mpp.map(|mpp| (mpp.x, mpp.y));
        Ok(Self { width: extent.width() as usize, height: extent.height() as usize, rgb, mpp })
    }

    /// Writes it as an output of restain is: JPEG of quality 90.
    pub fn write(&self, path: &Path) -> anyhow::Result<Slide> {
        let layout = Layout {
            width: self.width as u32,
            height: self.height as u32,
            tile: TILE as u32,
            compression: Compression::Jpeg { quality: 90, subsampling: Subsampling::S444 },
            mpp: self.mpp,
            description: String::new(),
            background: [255; 3],
        };
        let (encoder, mut pyramid) = (TileEncoder::new(&layout)?, Pyramid::new(&layout)?);
        let mut writer = PyramidWriter::create(path, &layout, true)?;
        let mut tiles = Vec::new();
        pyramid
            .insert(0, 0, layout.width, layout.height, Piece::Rgb(&self.rgb), &mut |tile| tiles.push(tile))?;
        for tile in tiles {
            writer.write(tile.level, tile.column, tile.row, encoder.encode(&tile.pixels)?)?;
        }
        writer.finish()?;
        Ok(Slide::open(path)?)
    }

    fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        let at = 3 * (y.min(self.height - 1) * self.width + x.min(self.width - 1));
        [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
    }

    /// Each pixel of a tile from its place in the slide.
    fn fill(&mut self, [x, y]: [usize; 2], colour: impl Fn(&Self, usize, usize) -> [u8; 3]) {
        let before = self.clone();
        for py in y..(y + TILE).min(self.height) {
            for px in x..(x + TILE).min(self.width) {
                let at = 3 * (py * self.width + px);
                self.rgb[at..at + 3].copy_from_slice(&colour(&before, px, py));
            }
        }
    }

    fn each(&mut self, colour: impl Fn([u8; 3]) -> [u8; 3]) {
        self.rgb.as_chunks_mut().0.iter_mut().for_each(|pixel| *pixel = colour(*pixel));
    }

    /// The corners of the whole tiles, those with most contrast first.
    pub fn tiles(&self) -> Vec<[usize; 2]> {
        let corners =
            (0..self.height / TILE).flat_map(|y| (0..self.width / TILE).map(move |x| [TILE * x, TILE * y]));
        let mut tiles: Vec<(u64, [usize; 2])> = corners
            .map(|[x, y]| {
                let (mut sum, mut squares, mut n) = (0, 0, 0);
                for py in (y..y + TILE).step_by(4) {
                    for px in (x..x + TILE).step_by(4) {
                        let green = u64::from(self.pixel(px, py)[1]);
                        (sum, squares, n) = (sum + green, squares + green * green, n + 1);
                    }
                }
                (squares / n - (sum / n).pow(2), [x, y])
            })
            .collect();
        tiles.sort_by(|a, b| b.cmp(a));
        tiles.into_iter().map(|tile| tile.1).collect()
    }
}

/// What can be wrong with an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    ShiftedTile,
    ExchangedTile,
    BlurredTile,
    BlackTile,
    TintedTile,
    SwappedTile,
    SwappedQuarter,
    Swapped,
    Tinted,
    Clipped,
    Painted,
    Noise,
}

impl Fault {
    pub const ALL: [Self; 12] = [
        Self::ShiftedTile,
        Self::ExchangedTile,
        Self::BlurredTile,
        Self::BlackTile,
        Self::TintedTile,
        Self::SwappedTile,
        Self::SwappedQuarter,
        Self::Swapped,
        Self::Tinted,
        Self::Clipped,
        Self::Painted,
        Self::Noise,
    ];

    /// What it is, in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::ShiftedTile => "a tile shifted by 8 px",
            Self::ExchangedTile => "a tile exchanged with another",
            Self::BlurredTile => "a tile blurred (three means of 7 x 7 px)",
            Self::BlackTile => "a tile black",
            Self::TintedTile => "a tile tinted (green by 0.9)",
            Self::SwappedTile => "red and blue swapped in a tile",
            Self::SwappedQuarter => "red and blue swapped in a quarter",
            Self::Swapped => "red and blue swapped",
            Self::Tinted => "all tinted (green by 0.9)",
            Self::Clipped => "contrast doubled, so that levels end",
            Self::Painted => "spots of 5 micrometres painted on glass",
            Self::Noise => "noise of 12 levels on a tile",
        }
    }

    /// Whether it is of one tile.
    pub fn is_local(self) -> bool {
        matches!(
            self,
            Self::ShiftedTile
                | Self::ExchangedTile
                | Self::BlurredTile
                | Self::BlackTile
                | Self::TintedTile
                | Self::SwappedTile
                | Self::Painted
                | Self::Noise
        )
    }

    /// Plants it, where it is of one tile in that at `tile`; `other` is another tile.
    pub fn plant(self, canvas: &mut Canvas, tile: [usize; 2], other: [usize; 2]) {
        let swapped = |[r, g, b]: [u8; 3]| [b, g, r];
        let tinted = |[r, g, b]: [u8; 3]| [r, (0.9 * f64::from(g)) as u8, b];
        match self {
            Self::ShiftedTile => canvas.fill(tile, |before, x, y| before.pixel(x + 8, y)),
            Self::ExchangedTile => {
                let before = canvas.clone();
                for (to, from) in [(tile, other), (other, tile)] {
                    canvas.fill(to, |_, x, y| before.pixel(x - to[0] + from[0], y - to[1] + from[1]));
                }
            }
            Self::BlurredTile => (0..3).for_each(|_| {
                canvas.fill(tile, |before, x, y| {
                    let mut sum = [0u32; 3];
                    for (dy, dx) in (0..7).flat_map(|dy| (0..7).map(move |dx| (dy, dx))) {
                        let pixel = before.pixel((x + dx).saturating_sub(3), (y + dy).saturating_sub(3));
                        sum.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += u32::from(value));
                    }
                    sum.map(|sum| ((sum + 24) / 49) as u8)
                });
            }),
            Self::BlackTile => canvas.fill(tile, |_, _, _| [0; 3]),
            Self::TintedTile => canvas.fill(tile, |before, x, y| tinted(before.pixel(x, y))),
            Self::SwappedTile => canvas.fill(tile, |before, x, y| swapped(before.pixel(x, y))),
            Self::SwappedQuarter => {
                let half = [canvas.width / 2 / TILE * TILE, canvas.height / 2 / TILE * TILE];
                for corner in
                    (0..half[0]).step_by(TILE).flat_map(|x| (0..half[1]).step_by(TILE).map(move |y| [x, y]))
                {
                    canvas.fill(corner, |before, x, y| swapped(before.pixel(x, y)));
                }
            }
            Self::Swapped => canvas.each(swapped),
            Self::Tinted => canvas.each(tinted),
            Self::Clipped => canvas.each(|pixel| {
                pixel.map(|value| (2.0 * (f64::from(value) - 170.0) + 170.0).clamp(0.0, 255.0) as u8)
            }),
            // Spots of the darkness of pale nuclei, 64 px apart, their edges 3 px wide.
            Self::Painted => canvas.fill(tile, |before, x, y| {
                let from = |at: usize| (at % 64) as f64 - 32.0;
                let inside = ((10.0 - from(x).hypot(from(y))) / 3.0 + 0.5).clamp(0.0, 1.0);
                before.pixel(x, y).map(|value| (f64::from(value) * (1.0 - 0.4 * inside)) as u8)
            }),
            Self::Noise => canvas.fill(tile, |before, x, y| {
                // A hash of the place, as there is no other chance: 32 bits of SplitMix64.
                let hash = |salt: u64| {
                    let mut z = (y as u64 * 65_536 + x as u64 + salt).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                    ((z >> 33) as f64 / f64::from(1u32 << 31)) - 0.5
                };
                let noise = 12.0 * 12f64.sqrt() * hash(0);
                before.pixel(x, y).map(|value| (f64::from(value) + noise).clamp(0.0, 255.0) as u8)
            }),
        }
    }
}

/// The same cells in hematoxylin and eosin, drawn: densities up to 0.25 are eosin, what is above is hematoxylin, with the
/// vectors of A. C. Ruifrok and D. A. Johnston, "Quantification of histochemical staining by color deconvolution", Anal. Quant.
/// Cytol. Histol. 23 (2001), 291-299.
pub fn hematoxylin_and_eosin(canvas: &mut Canvas) {
    const HEMATOXYLIN: [f64; 3] = [0.65, 0.70, 0.29];
    const EOSIN: [f64; 3] = [0.07, 0.99, 0.11];
    let glass = f64::from(canvas.rgb.iter().copied().max().unwrap_or(255));
    canvas.each(|pixel| {
        let light = pixel.iter().map(|&value| f64::from(value.max(1))).sum::<f64>() / 3.0;
        let density = -(light / glass).log10();
        let (eosin, hematoxylin) = (density.clamp(0.0, 0.25), (density - 0.25).max(0.0));
        std::array::from_fn(|c| {
            (250.0 * 10f64.powf(-2.0 * (eosin * EOSIN[c] + hematoxylin * HEMATOXYLIN[c]))) as u8
        })
    });
}
