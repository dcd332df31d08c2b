//! Tables of noise for the texture of cells: made once, looked up at any place, in any direction.

use std::sync::OnceLock;

use crate::hash;

/// Side of a table.
const SIDE: usize = 256;

/// A table of noise in 0..1 that repeats without a seam.
#[derive(Debug)]
pub(super) struct Texture(Vec<f32>);

impl Texture {
    /// The value at a place, in entries, between entries interpolated.
    #[inline]
    pub(super) fn at(&self, x: f32, y: f32) -> f32 {
        // Adding a multiple of the side keeps both positive, so that truncation rounds down.
        const SHIFT: f32 = (SIDE * 64) as f32;
        let (x, y) = (x + SHIFT, y + SHIFT);
        let (column, row) = (x as i32 as usize, y as i32 as usize);
        let (u, v) = (x - column as f32, y - row as f32);
        let wrap = |n: usize| n & (SIDE - 1);
        let (upper, lower) = (wrap(row) * SIDE, wrap(row + 1) * SIDE);
        let (left, right) = (wrap(column), wrap(column + 1));
        let above = self.0[upper | left] + (self.0[upper | right] - self.0[upper | left]) * u;
        let below = self.0[lower | left] + (self.0[lower | right] - self.0[lower | left]) * u;
        above + (below - above) * v
    }

    /// Noise of several octaves, the first of features `first` entries wide, each next half as wide and `fade` times
    /// as strong, stretched to fill 0..1.
    fn noise(salt: u64, first: usize, octaves: u32, fade: f32) -> Self {
        let mut values = vec![0.0; SIDE * SIDE];
        for octave in 0..octaves {
            let pitch = first >> octave;
            let count = (SIDE / pitch) as i64;
            let node = |x: i64, y: i64| {
                hash::unit(hash::place(salt + u64::from(octave), x.rem_euclid(count), y.rem_euclid(count)))
            };
            for (i, value) in values.iter_mut().enumerate() {
                let (x, y) = (i % SIDE, i / SIDE);
                let (column, row) = ((x / pitch) as i64, (y / pitch) as i64);
                let curve = |t: f32| t * t * (3.0 - 2.0 * t);
                let u = curve((x % pitch) as f32 / pitch as f32);
                let v = curve((y % pitch) as f32 / pitch as f32);
                let above = node(column, row) * (1.0 - u) + node(column + 1, row) * u;
                let below = node(column, row + 1) * (1.0 - u) + node(column + 1, row + 1) * u;
                *value += fade.powi(octave as i32) * (above * (1.0 - v) + below * v);
            }
        }
        Self(values).stretched()
    }

    fn stretched(mut self) -> Self {
        let low = self.0.iter().copied().fold(f32::INFINITY, f32::min);
        let high = self.0.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        for value in &mut self.0 {
            *value = (*value - low) / (high - low);
        }
        self
    }
}

/// The tables.
#[derive(Debug)]
pub(super) struct Textures {
    /// Soft clouds: 64 entries and finer.
    pub(super) cloud: Texture,
    /// Thin bright lines: wrinkles.
    pub(super) wrinkle: Texture,
    /// Fine grain: 8 entries and finer.
    pub(super) grain: Texture,
}

/// The tables, made when first asked for.
pub(super) fn textures() -> &'static Textures {
    static TEXTURES: OnceLock<Textures> = OnceLock::new();
    TEXTURES.get_or_init(|| {
        let mut wrinkle = Texture::noise(300, 64, 4, 0.45);
        for value in &mut wrinkle.0 {
            // A line where the noise crosses its middle.
            *value = (1.0 - (*value - 0.5).abs() * 22.0).max(0.0);
        }
        Textures {
            cloud: Texture::noise(100, 64, 5, 0.5),
            wrinkle: wrinkle.stretched(),
            grain: Texture::noise(200, 8, 3, 0.8),
        }
    })
}
