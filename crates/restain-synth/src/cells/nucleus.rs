//! Nuclei.

use std::f32::consts::TAU;

use crate::{
    cells::{
        canvas::{Canvas, Dyes, NUCLEAR, Spot, smooth},
        outline::{Outline, Shape},
        texture::textures,
    },
    hash::Dice,
};

/// How a nucleus looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct NucleusKind {
    /// Mean diameter in pixels.
    pub(super) diameter: f32,
    /// Length over width.
    pub(super) stretch: f32,
    /// Dents and bulges of the outline.
    pub(super) bumps: f32,
    /// Dye, 1 being typical.
    pub(super) density: f32,
    /// How much the chromatin clumps, 0 smooth to 1 coarse.
    pub(super) clumps: f32,
    /// Width of the blurred edge in pixels.
    pub(super) soft: f32,
}

/// Draws a nucleus.
pub(super) fn paint(canvas: &mut Canvas, spot: Spot, kind: NucleusKind, dice: &mut Dice) {
    let radius = kind.diameter / 2.0;
    let shape = Shape {
        radius,
        stretch: kind.stretch,
        sides: 0,
        sharpness: 0.0,
        bumps: kind.bumps,
        fray: 0.2 * radius * kind.bumps,
    };
    let outline = Outline::new(shape, dice);
    let tables = textures();
    let offset = [dice.range(0.0, 256.0), dice.range(0.0, 256.0)];
    // Chromatin is as fine in a large nucleus as in a small one, only its clumps are coarser.
    let (fine, coarse) = (dice.range(1.2, 1.6), dice.range(2.0, 3.0));
    let tilt = dice.range(0.0, TAU);
    let tilt = [0.12 * tilt.cos(), 0.12 * tilt.sin()];
    let nucleolus = dice.chance(0.5 * kind.clumps).then(|| {
        [dice.range(-0.4, 0.4) * radius, dice.range(-0.4, 0.4) * radius, dice.range(0.09, 0.16) * radius]
    });
    canvas.around(spot, outline.reach + kind.soft, |x, y, pixel: &mut Dyes| {
        let (distance, share) = outline.distance(x, y);
        if distance > kind.soft {
            return;
        }
        let cover = smooth(kind.soft, -kind.soft, distance);
        let grain = tables.grain.at(offset[0] + x * fine, offset[1] + y * fine) - 0.5;
        let cloud = tables.cloud.at(offset[1] + x * coarse, offset[0] + y * coarse) - 0.5;
        let clumps = kind.clumps * (1.3 * grain + 1.7 * cloud);
        let membrane = 0.22 * kind.clumps.max(0.25) * (1.0 - ((distance + 1.6) / 1.6).abs()).max(0.0);
        let plump = 1.06 - 0.16 * share * share + tilt[0] * x / radius + tilt[1] * y / radius;
        let spot =
            nucleolus.map_or(0.0, |[nx, ny, r]| 0.5 * smooth(r + 1.0, r - 1.0, (x - nx).hypot(y - ny)));
        pixel[NUCLEAR] += cover * kind.density * (plump + clumps + membrane + spot).max(0.15);
    });
}
