//! What the scanner makes of dyes: light through the glass, its optics, its camera.

use crate::{
    Picture, Rect,
    cells::{
        canvas::{Canvas, DYES},
        field::{Field, World},
        style::Style,
    },
    hash,
};

/// Pixels around a rectangle that the optics need.
pub(super) const MARGIN: u32 = 2;
/// The optics' blur: a binomial, 0.94 px wide (standard deviation).
const BLUR: [f32; 5] = [1.0 / 16.0, 4.0 / 16.0, 6.0 / 16.0, 4.0 / 16.0, 1.0 / 16.0];

/// A slide scanner.
#[derive(Debug)]
pub(super) struct Scanner {
    style: Style,
    /// The lamp lights some parts of the slide better than others.
    lamp: [Field; 2],
    noise_seed: u64,
    period: Option<i64>,
}

impl Scanner {
    pub(super) fn new(world: World, style: &Style) -> Self {
        let lamp = [world.field(40, 1920.0), world.field(41, 640.0)];
        Self { style: style.clone(), lamp, noise_seed: world.seed ^ 0x006e_6f69_7365, period: world.period }
    }

    /// The picture of a canvas that is [`MARGIN`] pixels larger on each side.
    pub(super) fn scan(&self, canvas: &Canvas) -> Picture {
        let light = self.light(canvas);
        let sharp = self.focus(&light, canvas.rect.width as usize);
        let (width, height) = (canvas.rect.width - 2 * MARGIN, canvas.rect.height - 2 * MARGIN);
        let (left, top) = (canvas.rect.x + i64::from(MARGIN), canvas.rect.y + i64::from(MARGIN));
        let wrap = |at: i64| self.period.map_or(at, |period| at.rem_euclid(period));
        let mut rgb = Vec::with_capacity(3 * width as usize * height as usize);
        for (y, row) in (top..).zip(sharp.chunks_exact(width as usize)) {
            for (x, pixel) in (left..).zip(row) {
                let bits = hash::place(self.noise_seed, wrap(x), wrap(y));
                for (c, value) in pixel.iter().enumerate() {
                    // The sum of two even spreads: a triangle from -1 to 1.
                    let [a, b] = [bits >> (16 * c), bits >> (16 * c + 8)].map(|bits| (bits & 0xff) as f32);
                    let noise = (a + b) / 255.0 - 1.0;
                    rgb.push((value + self.style.noise * noise + 0.5).clamp(0.0, 255.0) as u8);
                }
            }
        }
        Picture { width, height, rgb }
    }

    /// The light that comes through, after Beer and Lambert: dyes add up their optical densities.
    fn light(&self, canvas: &Canvas) -> Vec<[f32; 3]> {
        let Rect { width, height, .. } = canvas.rect;
        let mut lamp = vec![0.0; width as usize * height as usize];
        for field in &self.lamp {
            field.add_to(&mut lamp, canvas.rect, 0.5);
        }
        let Style { glass, dyes, flare, unevenness, .. } = &self.style;
        let glass = glass.map(f32::from);
        let through = |dye: &[f32; DYES], lamp: f32| {
            let lamp = 1.0 - unevenness * (1.0 - lamp);
            std::array::from_fn(|c| {
                let density: f32 = (0..DYES).map(|d| dye[d] * dyes[d][c]).sum();
                glass[c] * lamp * (flare[c] + (1.0 - flare[c]) * exp_minus(density))
            })
        };
        canvas.dyes.iter().zip(lamp).map(|(dye, lamp)| through(dye, lamp)).collect()
    }

    /// Blurs, and then mixes blurred and unblurred as the style's focus says; drops the margin.
    fn focus(&self, light: &[[f32; 3]], width: usize) -> Vec<[f32; 3]> {
        let margin = MARGIN as usize;
        let inner = width - 2 * margin;
        let across: Vec<[f32; 3]> = light
            .chunks_exact(width)
            .flat_map(|row| row.windows(BLUR.len()).map(|near| weigh(near.iter())))
            .collect();
        let height = light.len() / width - 2 * margin;
        let focus = self.style.focus;
        let mut sharp = Vec::with_capacity(inner * height);
        for y in 0..height {
            for x in 0..inner {
                let blurred = weigh((0..BLUR.len()).map(|k| &across[(y + k) * inner + x]));
                let exact = light[(y + margin) * width + x + margin];
                sharp.push(std::array::from_fn(|c| blurred[c] + focus * (exact[c] - blurred[c])));
            }
        }
        sharp
    }
}

#[inline]
fn weigh<'a>(values: impl Iterator<Item = &'a [f32; 3]>) -> [f32; 3] {
    let mut sum = [0.0; 3];
    for (weight, value) in BLUR.iter().zip(values) {
        for c in 0..3 {
            sum[c] += weight * value[c];
        }
    }
    sum
}

/// exp(-x) for x >= 0, to one part in 10,000: all that 8 bits can show, and several times as fast.
#[inline]
fn exp_minus(x: f32) -> f32 {
    let power = (x * std::f32::consts::LOG2_E).min(100.0);
    let whole = power as i32;
    let rest = power - whole as f32;
    // 2^-rest by Taylor's series around 1/2, where it is best.
    let t = (0.5 - rest) * std::f32::consts::LN_2;
    let series = 1.0 + t * (1.0 + t * (0.5 + t * (1.0 / 6.0 + t * (1.0 / 24.0))));
    series * std::f32::consts::FRAC_1_SQRT_2 * f32::from_bits(((127 - whole) as u32) << 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_exponential_is_right() {
        for i in 0..1000 {
            let x = i as f32 * 0.01;
            let error = (exp_minus(x) / (-x).exp() - 1.0).abs();
            assert!(error < 1e-4, "exp(-{x}) is wrong by {error}");
        }
    }
}
