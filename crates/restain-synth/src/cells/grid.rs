//! Where things lie: at most one at each place of a grid, somewhere in its square.

use crate::{
    Rect,
    cells::{canvas::Spot, field::World},
    hash::Dice,
};

/// A jittered grid of things of one kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    world: World,
    salt: u64,
    pitch: i64,
    /// Squares of this grid for each of the wanted pitch, to keep the number of things an area.
    surplus: f32,
}

impl Grid {
    /// A grid of `pitch` pixels of 0.25 micrometres.
    pub(super) fn new(world: World, salt: u64, pitch: f32) -> Self {
        let wanted = pitch * world.scale;
        let pitch = world.pitch(pitch);
        let surplus = (pitch as f32 / wanted).powi(2);
        Self { world, salt, pitch, surplus }
    }

    /// Calls `thing` for each place whose thing may reach into `rect`, at most `reach` pixels from its spot, always
    /// in the same order. It gets the spot, the random numbers of the place, and by what to multiply a probability.
    pub(super) fn each(&self, rect: Rect, reach: f32, mut thing: impl FnMut(Spot, Dice, f32)) {
        // Blurred edges are some pixels wide at any resolution.
        let reach = reach.ceil() as i64 + 6;
        let squares = |start: i64, side: u32| {
            (start - reach).div_euclid(self.pitch)..=(start + i64::from(side) + reach).div_euclid(self.pitch)
        };
        for row in squares(rect.y, rect.height) {
            for column in squares(rect.x, rect.width) {
                let mut dice = Dice::new(self.world.chance(self.salt, self.pitch, column, row));
                let corner = Spot { whole: [column * self.pitch, row * self.pitch], rest: [0.0; 2] };
                let side = self.pitch as f32;
                let spot = corner.moved([dice.range(0.0, side), dice.range(0.0, side)]);
                thing(spot, dice, self.surplus);
            }
        }
    }
}
