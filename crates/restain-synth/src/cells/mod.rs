//! A Pap smear, drawn.

mod style;

pub use style::Style;

use crate::{Picture, Rect, hash};

/// Pap-smear cells without end.
#[derive(Debug)]
pub(crate) struct Smear {
    seed: u64,
    style: Style,
    period: Option<i64>,
}

impl Smear {
    /// The smear of a seed in a style.
    pub(crate) fn new(seed: u64, style: &Style, _mpp: f64, period: Option<i64>) -> Self {
        Self { seed, style: style.clone(), period }
    }

    /// Draws a rectangle.
    pub(crate) fn draw(&self, rect: Rect) -> Picture {
        let pitch = 160;
        let mut rgb = Vec::with_capacity(3 * rect.width as usize * rect.height as usize);
        let wrap = |n: i64| self.period.map_or(n, |period| n.rem_euclid(period / pitch));
        for y in rect.y..rect.y + i64::from(rect.height) {
            for x in rect.x..rect.x + i64::from(rect.width) {
                let mut od = [0.0_f32; 3];
                for row in (y - 80).div_euclid(pitch)..=(y + 80).div_euclid(pitch) {
                    for column in (x - 80).div_euclid(pitch)..=(x + 80).div_euclid(pitch) {
                        let mut dice = hash::Dice::new(hash::place(self.seed, wrap(column), wrap(row)));
                        let cx = column as f32 * pitch as f32 + dice.range(0.0, 160.0);
                        let cy = row as f32 * pitch as f32 + dice.range(0.0, 160.0);
                        let pink = dice.chance(0.4);
                        let r2 = (x as f32 - cx).powi(2) + (y as f32 - cy).powi(2);
                        if r2 < 80.0 * 80.0 {
                            let dye = self.style.dye(usize::from(pink) + 1);
                            (0..3).for_each(|c| od[c] += 0.5 * dye[c]);
                        }
                        if r2 < 14.0 * 14.0 {
                            (0..3).for_each(|c| od[c] += 1.2 * self.style.dye(0)[c]);
                        }
                    }
                }
                let glass = self.style.glass();
                rgb.extend((0..3).map(|c| (f32::from(glass[c]) * (-od[c]).exp()) as u8));
            }
        }
        Picture { width: rect.width, height: rect.height, rgb }
    }
}
