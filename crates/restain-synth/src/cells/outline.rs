//! The outline of a cell or nucleus: a radius for each direction.

use std::f32::consts::TAU;

use crate::hash::Dice;

/// The longest radius as a multiple of the mean: nothing may reach farther than its grid looks for it.
const LONGEST: f32 = 1.7;

/// An outline around a centre.
#[derive(Debug, Clone)]
pub(super) struct Outline {
    /// Radius, and how much nearer the outline is than along the ray, for each direction and once more the first.
    rays: Vec<[f32; 2]>,
    /// The largest radius.
    pub(super) reach: f32,
}

/// How an outline looks; lengths in pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// Mean radius.
    pub(super) radius: f32,
    /// Length over width.
    pub(super) stretch: f32,
    /// Straight sides; 0 for a round outline.
    pub(super) sides: u32,
    /// How sharp the corners between sides are: 4 very round, 30 sharp.
    pub(super) sharpness: f32,
    /// Dents and bulges, as a fraction of the radius.
    pub(super) bumps: f32,
    /// How far the edge frays.
    pub(super) fray: f32,
}

impl Outline {
    /// An outline of a shape, turned anyhow.
    pub(super) fn new(shape: Shape, dice: &mut Dice) -> Self {
        // A ray a pixel or so of circumference.
        let count = ((TAU * shape.radius / 1.5) as usize).next_power_of_two().clamp(32, 512);
        let turn = dice.range(0.0, TAU);
        let (turn_sin, turn_cos) = turn.sin_cos();
        let sides: Vec<[f32; 2]> = (0..shape.sides)
            .map(|side| {
                let angle = TAU * (side as f32 + dice.range(-0.33, 0.33)) / shape.sides as f32;
                let distance = dice.range(0.74, 1.12);
                [angle.cos() / distance, angle.sin() / distance]
            })
            .collect();
        let waves: [[f32; 3]; 6] = std::array::from_fn(|wave| {
            let frequency = wave as f32 + 2.0;
            [frequency, dice.range(0.0, TAU), dice.range(0.4, 1.0) / frequency.sqrt()]
        });
        let (long, short) = (shape.stretch.sqrt(), 1.0 / shape.stretch.sqrt());
        let mut fray = 0.0;
        let mut radii: Vec<f32> = Vec::with_capacity(count);
        let mut angles: Vec<f32> = Vec::with_capacity(count);
        for ray in 0..count {
            let [dx, dy] = direction(ray as f32 * 4.0 / count as f32);
            let length = dx.hypot(dy);
            let (x, y) = ((dx * turn_cos + dy * turn_sin) / length, (dy * turn_cos - dx * turn_sin) / length);
            let (x, y) = (x / long, y / short);
            let angle = y.atan2(x);
            let round = if sides.is_empty() {
                1.0 / x.hypot(y)
            } else {
                let powers: f32 =
                    sides.iter().map(|[nx, ny]| (nx * x + ny * y).max(0.0).powf(shape.sharpness)).sum();
                powers.powf(-1.0 / shape.sharpness)
            };
            let bumps: f32 = waves.iter().map(|[f, phase, size]| size * (f * angle + phase).sin()).sum();
            fray = 0.6 * fray + 0.8 * dice.range(-shape.fray, shape.fray);
            let radius = shape.radius * round * (1.0 + shape.bumps * bumps) + fray;
            radii.push(radius.clamp(0.2 * shape.radius, LONGEST * shape.radius));
            angles.push(dy.atan2(dx));
        }
        let rays = (0..=count).map(|ray| {
            let (before, at, after) = ((ray + count - 1) % count, ray % count, (ray + 1) % count);
            let turned = (angles[after] - angles[before]).rem_euclid(TAU);
            let slope = (radii[after] - radii[before]) / (turned * radii[at]);
            [radii[at], 1.0 / (1.0 + slope * slope).sqrt()]
        });
        let reach = radii.iter().copied().fold(0.0, f32::max);
        Self { rays: rays.collect(), reach }
    }

    /// How far a point, relative to the centre, is outside the outline, in pixels; negative inside. And its distance
    /// from the centre as a fraction of the radius there.
    #[inline]
    pub(super) fn distance(&self, x: f32, y: f32) -> (f32, f32) {
        let length = (x * x + y * y).sqrt();
        let place = place(x, y) * (self.rays.len() - 1) as f32 * 0.25;
        let ray = (place as usize).min(self.rays.len() - 2);
        let share = place - ray as f32;
        let ([r0, s0], [r1, s1]) = (self.rays[ray], self.rays[ray + 1]);
        let radius = r0 + (r1 - r0) * share;
        ((length - radius) * (s0 + (s1 - s0) * share), length / radius)
    }

    /// The radius in a direction.
    pub(super) fn radius(&self, x: f32, y: f32) -> f32 {
        let place = place(x, y) * (self.rays.len() - 1) as f32 * 0.25;
        self.rays[(place as usize).min(self.rays.len() - 1)][0]
    }
}

/// Where around the centre a point is, from 0 to 4: like an angle, but without a trigonometric function.
#[inline]
fn place(x: f32, y: f32) -> f32 {
    let t = y / (x.abs() + y.abs() + 1e-6);
    if x < 0.0 {
        2.0 - t
    } else if t < 0.0 {
        4.0 + t
    } else {
        t
    }
}

/// A point in the direction of a [`place`].
fn direction(place: f32) -> [f32; 2] {
    if place < 1.0 {
        [1.0 - place, place]
    } else if place < 3.0 {
        [(place - 2.0).abs() - 1.0, 2.0 - place]
    } else {
        [place - 3.0, place - 4.0]
    }
}
