//! A Pap smear, drawn.
//!
//! Three steps, of which only the last knows the style, so that the same cells can be seen in any:
//!
//! 1. where things are: grids and fields of random numbers that depend on seed and place alone ([`grid`], [`field`]);
//! 2. what they are: each adds its dyes to the canvas ([`epithelium`], [`leukocytes`], [`debris`]);
//! 3. what a scanner sees of the dyes ([`scanner`], [`style`]).

mod canvas;
mod cytoplasm;
mod debris;
mod epithelium;
mod field;
mod grid;
mod leukocytes;
mod nucleus;
mod outline;
mod scanner;
mod style;
mod texture;

pub use style::Style;

use crate::{Cell, Picture, Rect, SlideSpec};
use canvas::Canvas;
use debris::Debris;
use epithelium::Epithelium;
use field::World;
use leukocytes::Leukocytes;
use scanner::{MARGIN, Scanner};

/// The resolution at which sizes in pixels are given, in micrometres a pixel.
const MPP: f64 = 0.25;

/// Pap-smear cells without end.
#[derive(Debug)]
pub(crate) struct Smear {
    debris: Debris,
    epithelium: Epithelium,
    leukocytes: Leukocytes,
    scanner: Scanner,
}

impl Smear {
    /// The smear of a slide, repeating after `period` pixels if given.
    pub(crate) fn new(spec: &SlideSpec, period: Option<i64>) -> Self {
        let world = World { seed: spec.seed, period, scale: (MPP / spec.mpp) as f32 };
        Self {
            debris: Debris::new(world),
            epithelium: Epithelium::new(world, spec.abnormal as f32),
            leukocytes: Leukocytes::new(world),
            scanner: Scanner::new(world, &spec.style),
        }
    }

    /// Draws a rectangle.
    pub(crate) fn draw(&self, rect: Rect) -> Picture {
        self.scanner.scan(&self.paint(rect))
    }

    /// The squamous cells whose nuclei have their centres in a rectangle, in the order in which they are drawn.
    pub(crate) fn cells(&self, rect: Rect) -> Vec<Cell> {
        let mut cells = self.paint(rect).cells;
        cells.retain(|cell| rect.holds(cell));
        cells
    }

    /// The dyes of a rectangle and what its scan needs around it.
    fn paint(&self, rect: Rect) -> Canvas {
        let margin = i64::from(MARGIN);
        let mut canvas = Canvas::new(Rect {
            x: rect.x - margin,
            y: rect.y - margin,
            width: rect.width + 2 * MARGIN,
            height: rect.height + 2 * MARGIN,
        });
        self.debris.paint(&mut canvas);
        self.epithelium.paint(&mut canvas);
        self.leukocytes.paint(&mut canvas);
        canvas
    }
}
