//! Squamous cells: which kinds, how many, what they look like.

use std::f32::consts::TAU;

use crate::{
    Cell, Rect,
    cells::{
        canvas::{Canvas, Dyes, NUCLEAR, Spot, smooth},
        cytoplasm::{self, CytoplasmKind},
        field::{Field, World},
        grid::Grid,
        nucleus::{self, NucleusKind},
        outline::Shape,
    },
    hash::Dice,
};

/// The largest distance from a cell's spot to its edge, in pixels of 0.25 micrometres.
const REACH: f32 = 280.0;
/// The largest distance of a group's cell from the group's spot.
const GROUP: f32 = 230.0;

/// The kinds of cells, by maturity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The outermost: large, thin, with a small dark nucleus.
    Superficial,
    /// Below: as large, with a larger, paler nucleus.
    Intermediate,
    /// Deep: small, round, dense.
    Parabasal,
    /// Abnormal: a large, dark, irregular nucleus.
    Abnormal,
}

/// The squamous cells of a slide.
#[derive(Debug)]
pub(super) struct Epithelium {
    scale: f32,
    /// The share of single cells that are abnormal.
    abnormal: f32,
    cells: Grid,
    groups: Grid,
    /// Where cells lie thick.
    crowding: [Field; 2],
    /// Where they take up eosin.
    pinkness: [Field; 2],
    /// Where they take up much dye.
    depth: Field,
    /// Where the slide is out of focus.
    focus: Field,
}

impl Epithelium {
    pub(super) fn new(world: World, abnormal: f32) -> Self {
        Self {
            scale: world.scale,
            abnormal,
            cells: Grid::new(world, 1, 120.0),
            groups: Grid::new(world, 2, 960.0),
            crowding: [world.field(10, 960.0), world.field(11, 320.0)],
            pinkness: [world.field(12, 1280.0), world.field(13, 384.0)],
            depth: world.field(14, 960.0),
            focus: world.field(15, 640.0),
        }
    }

    /// How thick cells lie at a place, 0 to 1.
    fn crowding(&self, at: [i64; 2]) -> f32 {
        smooth(0.36, 0.74, 0.62 * self.crowding[0].at(at) + 0.38 * self.crowding[1].at(at))
    }

    /// Draws the cells of the canvas.
    pub(super) fn paint(&self, canvas: &mut Canvas) {
        let rect: Rect = canvas.rect;
        self.cells.each(rect, REACH * self.scale, |spot, mut dice, surplus| {
            let crowding = self.crowding(spot.whole);
            if dice.chance((0.04 + 0.62 * crowding * crowding.sqrt()) * surplus) {
                let share = 1.0 - self.abnormal;
                let kind = match dice.range(0.0, 1.0) {
                    x if x < 0.433 * share => Kind::Superficial,
                    x if x < 0.9485 * share => Kind::Intermediate,
                    x if x < share => Kind::Parabasal,
                    _ => Kind::Abnormal,
                };
                self.cell(canvas, spot, kind, &mut dice);
            }
        });
        self.groups.each(rect, (GROUP + REACH) * self.scale, |spot, mut dice, surplus| {
            let (chance, abnormal, count) = (dice.range(0.0, 1.0), dice.chance(0.35), dice.range(4.0, 24.0));
            if chance < 0.22 * surplus {
                self.group(
                    canvas,
                    spot,
                    if abnormal { Kind::Abnormal } else { Kind::Parabasal },
                    count,
                    &mut dice,
                );
            }
        });
    }

    /// A group of small cells that lie side by side.
    fn group(&self, canvas: &mut Canvas, spot: Spot, kind: Kind, count: f32, dice: &mut Dice) {
        let spacing = dice.range(0.72, 1.1) * if kind == Kind::Abnormal { 42.0 } else { 46.0 };
        let stretch = dice.range(0.6, 1.0);
        let turn = dice.range(0.0, TAU);
        for place in 0..count as u32 {
            // Seeds of a sunflower: evenly spread, without rows.
            let radius = (spacing * (place as f32 + 0.5).sqrt() * 1.02).min(GROUP) * self.scale;
            let angle = place as f32 * 2.399_963 + dice.range(-0.3, 0.3);
            let (x, y) = (radius * angle.cos(), radius * angle.sin() * stretch);
            let jitter = [dice.range(-16.0, 16.0) * self.scale, dice.range(-16.0, 16.0) * self.scale];
            let by =
                [x * turn.cos() - y * turn.sin() + jitter[0], x * turn.sin() + y * turn.cos() + jitter[1]];
            let mut own = Dice::new(dice.bits());
            self.cell(canvas, spot.moved(by), kind, &mut own);
        }
    }

    /// One cell.
    fn cell(&self, canvas: &mut Canvas, spot: Spot, kind: Kind, dice: &mut Dice) {
        let at = spot.whole;
        let scale = self.scale;
        let pinkness =
            0.6 * self.pinkness[0].at(at) + 0.4 * self.pinkness[1].at(at) + dice.range(-0.22, 0.22);
        let depth = 0.55 + 0.9 * self.depth.at(at) + dice.range(-0.2, 0.2);
        let soft =
            (0.9 + 1.9 * smooth(0.62, 0.95, self.focus.at(at)) + dice.range(0.0, 0.5)) * scale.max(0.6);
        let cytoplasm = cytoplasm_of(kind, pinkness, depth, soft, scale, dice);
        let nucleus = nucleus_of(kind, soft, scale, dice);
        let halo = cytoplasm.halo.max(0.0);
        let reach = cytoplasm.shape.radius;
        cytoplasm::paint(canvas, spot, &cytoplasm, dice);
        let shift = if halo > 0.0 { 0.0 } else { 0.16 * reach };
        let place = spot.moved([dice.range(-shift, shift), dice.range(-shift, shift)]);
        nucleus::paint(canvas, place, nucleus, dice);
        let [x, y] = [0, 1].map(|axis| place.whole[axis] as f64 + f64::from(place.rest[axis]));
        canvas.cells.push(Cell { x, y, abnormal: kind == Kind::Abnormal });
        if kind == Kind::Superficial && dice.chance(0.35) {
            granules(canvas, spot, reach, dice);
        }
    }
}

/// What cytoplasm a cell of a kind has.
fn cytoplasm_of(
    kind: Kind,
    pinkness: f32,
    depth: f32,
    soft: f32,
    scale: f32,
    dice: &mut Dice,
) -> CytoplasmKind {
    let mature = matches!(kind, Kind::Superficial | Kind::Intermediate);
    let radius = match kind {
        Kind::Superficial => dice.range(88.0, 125.0),
        Kind::Intermediate => dice.range(78.0, 118.0),
        Kind::Parabasal => dice.range(34.0, 50.0),
        Kind::Abnormal => dice.range(36.0, 72.0),
    } * scale;
    let shape = Shape {
        radius,
        stretch: if mature { dice.range(1.0, 1.55) } else { dice.range(1.0, 1.35) },
        sides: if mature { 5 + (dice.bits() % 3) as u32 } else { 0 },
        sharpness: dice.range(6.0, 16.0),
        bumps: if mature { dice.range(0.01, 0.035) } else { dice.range(0.02, 0.06) },
        fray: dice.range(0.2, 1.6) * scale,
    };
    let eosinophilic = pinkness > if kind == Kind::Superficial { 0.46 } else { 0.66 };
    let (dyes, core): (Dyes, Dyes) = if eosinophilic {
        let orange = smooth(0.4, 1.0, dice.range(0.0, 1.0)) * 0.7;
        let pale = dice.range(0.0, 0.22);
        (
            [0.01, 0.02 + 0.2 * pale, 0.46 - pale - 0.1 * orange, 0.03 + 0.35 * orange],
            [0.0, 0.04, 0.55, 0.12 + orange],
        )
    } else {
        let pale = dice.range(0.0, 0.38);
        ([0.015, 0.62 - pale, 0.04 + 0.2 * pale, 0.02], [0.01, 0.34, 0.36, 0.3])
    };
    let thin = match kind {
        Kind::Superficial => 0.72,
        Kind::Intermediate => 0.95,
        Kind::Parabasal => 1.25,
        Kind::Abnormal => 1.1,
    };
    let keratin = dice.chance(if mature { 0.2 } else { 0.1 });
    CytoplasmKind {
        shape,
        dyes: dyes.map(|dye| dye * depth * thin),
        core: core.map(|dye| dye * depth * thin),
        core_size: if keratin { dice.range(0.25, 0.6) } else { 0.0 },
        dome: if mature { dice.range(0.0, 0.7) } else { dice.range(0.0, 0.3) },
        clouds: dice.range(0.35, 0.9),
        wrinkles: if mature { dice.range(0.1, 0.9) } else { 0.1 },
        grain: dice.range(0.3, 1.0),
        rim: dice.range(0.4, 1.5),
        folds: if mature { [0, 0, 1, 1, 2, 3][(dice.bits() % 6) as usize] } else { 0 },
        soft,
        warp: if mature { dice.range(0.1, 0.42) } else { dice.range(0.05, 0.2) } * radius,
        halo: if kind == Kind::Abnormal && dice.chance(0.2) { dice.range(34.0, 46.0) * scale } else { 0.0 },
    }
}

/// What nucleus a cell of a kind has.
fn nucleus_of(kind: Kind, soft: f32, scale: f32, dice: &mut Dice) -> NucleusKind {
    let mut pick = |low: [f32; 5], high: [f32; 5]| {
        let [diameter, stretch, bumps, density, clumps] =
            std::array::from_fn(|i| dice.range(low[i], high[i]));
        NucleusKind { diameter: diameter * scale, stretch, bumps, density, clumps, soft: 0.9 * soft }
    };
    match kind {
        Kind::Superficial => pick([20.0, 1.0, 0.01, 0.85, 0.1], [27.0, 1.4, 0.04, 1.25, 0.4]),
        Kind::Intermediate => pick([27.0, 1.0, 0.01, 0.42, 0.4], [38.0, 1.4, 0.03, 0.78, 0.9]),
        Kind::Parabasal => pick([30.0, 1.0, 0.01, 0.5, 0.5], [40.0, 1.3, 0.03, 0.85, 0.9]),
        Kind::Abnormal => pick([44.0, 1.05, 0.03, 0.6, 0.7], [70.0, 1.6, 0.09, 1.05, 1.1]),
    }
}

/// Keratohyalin: dark dots in the cytoplasm.
fn granules(canvas: &mut Canvas, spot: Spot, reach: f32, dice: &mut Dice) {
    for _ in 0..dice.bits() % 14 {
        let (angle, away) = (dice.range(0.0, TAU), dice.range(0.15, 0.7) * reach);
        let place = spot.moved([away * angle.cos(), away * angle.sin()]);
        let (radius, density) = (dice.range(1.0, 2.8), dice.range(0.3, 1.0));
        canvas.around(place, radius + 1.5, |x, y, pixel| {
            pixel[NUCLEAR] += density * smooth(radius + 1.2, radius - 1.2, x.hypot(y));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cells::outline::Outline, hash};

    /// A cell that reached farther than the grid looks would be cut off where two drawn rectangles meet.
    #[test]
    fn no_cell_reaches_farther_than_its_grid_looks() {
        let mut largest = 0.0_f32;
        for number in 0..6000 {
            let mut dice = Dice::new(hash::place(5, number, 0));
            let kind =
                [Kind::Superficial, Kind::Intermediate, Kind::Parabasal, Kind::Abnormal][number as usize % 4];
            let cytoplasm = cytoplasm_of(kind, 0.5, 1.0, 3.3, 1.0, &mut dice);
            let nucleus = nucleus_of(kind, 3.3, 1.0, &mut dice);
            let outline = Outline::new(cytoplasm.shape, &mut dice);
            largest = largest.max(outline.reach + cytoplasm.warp + cytoplasm.soft);
            largest =
                largest.max(0.16 * cytoplasm.shape.radius + 1.7 * nucleus.diameter / 2.0 + nucleus.soft);
        }
        assert!(largest <= REACH, "{largest}");
        // And the bound is not so wide that this test could not fail.
        assert!(largest > 0.75 * REACH, "{largest}");
    }
}
