//! Slowly varying properties of the whole slide: smooth noise on a lattice, without end or periodic.

use crate::{Rect, hash, spec::PERIOD};

/// The random choices of a slide, and the period after which they repeat.
#[derive(Debug, Clone, Copy)]
pub(super) struct World {
    pub(super) seed: u64,
    /// In pixels; [`PERIOD`] or none.
    pub(super) period: Option<i64>,
    /// Pixels for each pixel of 0.25 micrometres.
    pub(super) scale: f32,
}

impl World {
    /// The random bits of a lattice place, in the random field `salt`.
    pub(super) fn chance(&self, salt: u64, pitch: i64, column: i64, row: i64) -> u64 {
        let wrap = |index: i64| self.period.map_or(index, |period| index.rem_euclid(period / pitch));
        hash::place(self.seed ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15), wrap(column), wrap(row))
    }

    /// The divisor of [`PERIOD`] nearest to `pitch` pixels of 0.25 micrometres.
    pub(super) fn pitch(&self, pitch: f32) -> i64 {
        let wanted = f64::from(pitch * self.scale);
        let period = i64::from(PERIOD);
        let divisors = (1..=period).filter(|p| period % p == 0);
        divisors
            .min_by(|a, b| (*a as f64 - wanted).abs().total_cmp(&(*b as f64 - wanted).abs()))
            .unwrap_or(period)
    }

    /// Smooth noise whose features are some `pitch` pixels of 0.25 micrometres wide.
    pub(super) fn field(self, salt: u64, pitch: f32) -> Field {
        Field { world: self, salt, pitch: self.pitch(pitch) }
    }
}

/// Smooth noise: random numbers in 0..1 on a lattice, and between its nodes cubic curves from one to the next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    world: World,
    salt: u64,
    pitch: i64,
}

impl Field {
    fn node(&self, column: i64, row: i64) -> f32 {
        hash::unit(self.world.chance(self.salt, self.pitch, column, row))
    }

    /// The value at a pixel, in 0..1.
    pub(super) fn at(&self, [x, y]: [i64; 2]) -> f32 {
        let (column, row) = (x.div_euclid(self.pitch), y.div_euclid(self.pitch));
        let (u, v) = (self.weight(x), self.weight(y));
        let upper = lerp(self.node(column, row), self.node(column + 1, row), u);
        let lower = lerp(self.node(column, row + 1), self.node(column + 1, row + 1), u);
        lerp(upper, lower, v)
    }

    /// Adds `amount` times the values of a rectangle's pixels to `plane`, row by row.
    pub(super) fn add_to(&self, plane: &mut [f32], rect: Rect, amount: f32) {
        let first = rect.x.div_euclid(self.pitch);
        let columns = (rect.x + i64::from(rect.width) - 1).div_euclid(self.pitch) - first + 2;
        let weights: Vec<(usize, f32)> = (rect.x..rect.x + i64::from(rect.width))
            .map(|x| ((x.div_euclid(self.pitch) - first) as usize, self.weight(x)))
            .collect();
        let nodes = |row: i64| (0..columns).map(|c| amount * self.node(first + c, row)).collect::<Vec<f32>>();
        let mut row = rect.y.div_euclid(self.pitch);
        let (mut upper, mut lower) = (nodes(row), nodes(row + 1));
        for (y, values) in (rect.y..).zip(plane.chunks_exact_mut(rect.width as usize)) {
            if y.div_euclid(self.pitch) != row {
                row += 1;
                upper = std::mem::replace(&mut lower, nodes(row + 1));
            }
            let v = self.weight(y);
            let between: Vec<f32> = upper.iter().zip(&lower).map(|(a, b)| lerp(*a, *b, v)).collect();
            for (value, &(column, u)) in values.iter_mut().zip(&weights) {
                *value += lerp(between[column], between[column + 1], u);
            }
        }
    }

    /// How much the next node counts at a coordinate.
    fn weight(&self, at: i64) -> f32 {
        let t = at.rem_euclid(self.pitch) as f32 / self.pitch as f32;
        t * t * (3.0 - 2.0 * t)
    }
}

fn lerp(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}
