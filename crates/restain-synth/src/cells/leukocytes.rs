//! Neutrophils: small cells whose nucleus has several lobes. They come in swarms.

use std::f32::consts::TAU;

use crate::{
    cells::{
        canvas::{CYAN, Canvas, PINK, Spot, smooth},
        field::{Field, World},
        grid::Grid,
        nucleus::{self, NucleusKind},
        outline::{Outline, Shape},
    },
    hash::Dice,
};

/// The largest distance from a neutrophil's spot to its edge, in pixels of 0.25 micrometres.
const REACH: f32 = 52.0;

/// The neutrophils of a slide.
#[derive(Debug)]
pub(super) struct Leukocytes {
    scale: f32,
    grid: Grid,
    /// Where they swarm.
    swarms: [Field; 2],
}

impl Leukocytes {
    pub(super) fn new(world: World) -> Self {
        Self {
            scale: world.scale,
            grid: Grid::new(world, 3, 60.0),
            swarms: [world.field(20, 768.0), world.field(21, 160.0)],
        }
    }

    /// Draws the neutrophils of the canvas.
    pub(super) fn paint(&self, canvas: &mut Canvas) {
        self.grid.each(canvas.rect, REACH * self.scale, |spot, mut dice, surplus| {
            let swarm = 0.6 * self.swarms[0].at(spot.whole) + 0.4 * self.swarms[1].at(spot.whole);
            if dice.chance((0.015 + 0.5 * smooth(0.62, 0.85, swarm)) * surplus) {
                self.cell(canvas, spot, &mut dice);
            }
        });
    }

    fn cell(&self, canvas: &mut Canvas, spot: Spot, dice: &mut Dice) {
        let scale = self.scale;
        let soft = dice.range(0.9, 1.6) * scale.max(0.6);
        if dice.chance(0.6) {
            let shape = Shape {
                radius: dice.range(16.0, 22.0) * scale,
                stretch: dice.range(1.0, 1.3),
                sides: 0,
                sharpness: 0.0,
                bumps: 0.05,
                fray: 0.6 * scale,
            };
            let outline = Outline::new(shape, dice);
            let (dye, density) = (if dice.chance(0.5) { PINK } else { CYAN }, dice.range(0.05, 0.22));
            canvas.around(spot, outline.reach + 3.0, |x, y, pixel| {
                pixel[dye] += density * smooth(2.0, -2.0, outline.distance(x, y).0);
            });
        }
        let lobes = 2 + dice.bits() % 3;
        let density = dice.range(0.55, 1.0);
        let bend = dice.range(-1.6, 1.6);
        let mut angle = dice.range(0.0, TAU);
        let step = dice.range(8.0, 11.0) * scale;
        let mut place = spot.moved([-angle.cos() * step, -angle.sin() * step]);
        for _ in 0..lobes {
            let kind = NucleusKind {
                diameter: dice.range(11.5, 17.0) * scale,
                stretch: dice.range(1.0, 1.5),
                bumps: 0.04,
                density,
                clumps: 0.7,
                soft,
            };
            nucleus::paint(canvas, place, kind, dice);
            angle += bend + dice.range(-0.4, 0.4);
            place = place.moved([angle.cos() * step, angle.sin() * step]);
        }
    }
}
