//! What lies between cells: bacteria, specks, mucus, stained dirt.

use std::f32::consts::TAU;

use crate::{
    Rect,
    cells::{
        canvas::{CYAN, Canvas, Dyes, NUCLEAR, ORANGE, PINK, Spot, add, smooth},
        field::{Field, World},
        grid::Grid,
    },
    hash::Dice,
};

/// The largest distance from a rod's spot to its end, in pixels of 0.25 micrometres.
const ROD: f32 = 12.0;
/// The largest distance from a speck's spot to its edge.
const SPECK: f32 = 16.0;
/// The largest distance from a mucus strand's spot to its end.
const STRAND: f32 = 620.0;

/// The debris of a slide.
#[derive(Debug)]
pub(super) struct Debris {
    scale: f32,
    rods: Grid,
    specks: Grid,
    strands: Grid,
    /// Where bacteria grow.
    growth: [Field; 2],
    /// Where stained dirt lies, and its fine structure.
    dirt: [Field; 2],
    flakes: [Field; 4],
}

impl Debris {
    pub(super) fn new(world: World) -> Self {
        Self {
            scale: world.scale,
            rods: Grid::new(world, 4, 24.0),
            specks: Grid::new(world, 5, 120.0),
            strands: Grid::new(world, 6, 768.0),
            growth: [world.field(30, 960.0), world.field(31, 240.0)],
            dirt: [world.field(32, 1280.0), world.field(33, 256.0)],
            flakes: [
                world.field(34, 30.0),
                world.field(35, 12.0),
                world.field(36, 6.0),
                world.field(37, 3.0),
            ],
        }
    }

    /// Draws the debris of the canvas.
    pub(super) fn paint(&self, canvas: &mut Canvas) {
        self.dirt(canvas);
        let rect = canvas.rect;
        let scale = self.scale;
        self.rods.each(rect, ROD * scale, |spot, mut dice, surplus| {
            let growth = 0.6 * self.growth[0].at(spot.whole) + 0.4 * self.growth[1].at(spot.whole);
            if dice.chance((0.015 + 0.5 * smooth(0.52, 0.85, growth)) * surplus) {
                rod(canvas, spot, scale, &mut dice);
            }
        });
        self.specks.each(rect, SPECK * scale, |spot, mut dice, surplus| {
            if dice.chance(0.16 * surplus) {
                speck(canvas, spot, scale, &mut dice);
            }
        });
        self.strands.each(rect, STRAND * scale, |spot, mut dice, surplus| {
            if dice.chance(0.35 * surplus) {
                strand(canvas, spot, scale, &mut dice);
            }
        });
    }

    /// Stained dirt: pale cyan flakes in some regions.
    fn dirt(&self, canvas: &mut Canvas) {
        let Rect { width, height, .. } = canvas.rect;
        let mut region = vec![0.0; width as usize * height as usize];
        let mut flakes = region.clone();
        self.dirt[0].add_to(&mut region, canvas.rect, 0.6);
        self.dirt[1].add_to(&mut region, canvas.rect, 0.4);
        for (field, amount) in self.flakes.iter().zip([0.3, 0.28, 0.24, 0.18]) {
            field.add_to(&mut flakes, canvas.rect, amount);
        }
        for ((pixel, region), flake) in canvas.dyes.iter_mut().zip(region).zip(flakes) {
            let amount = smooth(0.0, 0.3, flake - 0.8 + 0.4 * smooth(0.45, 0.85, region));
            // Even clean glass is not quite empty.
            pixel[CYAN] += (0.55 * amount + 0.015) * flake * flake;
            pixel[NUCLEAR] += 0.03 * amount * flake;
        }
    }
}

/// A bacterium: a short dark line.
fn rod(canvas: &mut Canvas, spot: Spot, scale: f32, dice: &mut Dice) {
    let (sin, cos) = dice.range(0.0, TAU).sin_cos();
    let (half, density) = (dice.range(1.5, 6.5) * scale, dice.range(0.06, 0.24));
    let width = 1.3 * scale.max(0.6);
    canvas.around(spot, half + 2.0, |x, y, pixel| {
        let (along, across) = (x * cos + y * sin, y * cos - x * sin);
        let away = (along.abs() - half).max(0.0).hypot(across);
        pixel[NUCLEAR] += density * (1.0 - away / width).max(0.0);
    });
}

/// A grain of something: a small dark or rusty dot, rarely large.
fn speck(canvas: &mut Canvas, spot: Spot, scale: f32, dice: &mut Dice) {
    let radius = dice.range(0.8, 1.75).powi(3) * scale;
    let rusty = dice.chance(0.3);
    let density = dice.range(0.3, 1.2);
    let [squeeze, sin, cos] = [dice.range(0.5, 1.0), dice.range(-0.7, 0.7), 1.0];
    canvas.around(spot, radius / squeeze + 2.0, |x, y, pixel| {
        let away = (x * cos + y * sin).hypot((y * cos - x * sin) * squeeze);
        let cover = density * smooth(radius + 1.3, radius - 1.3, away);
        pixel[NUCLEAR] += cover * if rusty { 0.3 } else { 1.0 };
        pixel[ORANGE] += cover * if rusty { 0.9 } else { 0.0 };
    });
}

/// A strand of mucus: several thin threads side by side along a curve.
fn strand(canvas: &mut Canvas, spot: Spot, scale: f32, dice: &mut Dice) {
    let mut angle = dice.range(0.0, TAU);
    let mut dyes: Dyes = [0.03, 0.0, 0.0, 0.0];
    dyes[if dice.chance(0.5) { CYAN } else { PINK }] = dice.range(0.06, 0.2);
    let threads = 1 + dice.bits() % 4;
    let bend = dice.range(-0.10, 0.10);
    let step = 22.0 * scale;
    let mut place = spot.moved([-angle.cos() * step * 10.0, -angle.sin() * step * 10.0]);
    let mut offsets: [f32; 4] = std::array::from_fn(|_| dice.range(-14.0, 14.0) * scale);
    let widths: [f32; 4] = std::array::from_fn(|_| dice.range(1.2, 4.5) * scale);
    for piece in 0..20_u32 {
        let fade = (1.0 - (piece as f32 - 9.5).abs() / 10.0).min(0.4) / 0.4;
        let (sin, cos) = angle.sin_cos();
        let drift: [f32; 4] = std::array::from_fn(|_| dice.range(-4.0, 4.0) * scale);
        canvas.around(place, step + 30.0 * scale, |x, y, pixel| {
            let (along, across) = (x * cos + y * sin, y * cos - x * sin);
            if (0.0..step).contains(&along) {
                for thread in 0..threads as usize {
                    let at = offsets[thread] + drift[thread] * along / step;
                    add(pixel, &dyes, fade * smooth(widths[thread], 0.0, (across - at).abs()));
                }
            }
        });
        for (offset, drift) in offsets.iter_mut().zip(drift) {
            *offset += drift;
        }
        place = place.moved([cos * step, sin * step]);
        angle += bend + dice.range(-0.06, 0.06);
    }
}
