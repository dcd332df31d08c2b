//! What all plots share: the sheet, its title, colours, text and legends.

use std::io;

use plotters::{
    coord::Shift,
    element::DashedPathElement,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use crate::{Error, Result};

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Drawn<T = ()> = std::result::Result<T, DrawingAreaErrorKind<io::Error>>;

/// Height of the title's strip, in pixels.
pub(super) const TITLE: u32 = 40;
/// Height of a line of a legend, in pixels.
pub(super) const LINE: u32 = 22;
pub(super) const GRID: RGBColor = RGBColor(225, 225, 225);
const PALETTE: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];

/// A sheet of so many pixels with a title; `draw` gets what is below it.
pub(super) fn sheet(size: (u32, u32), title: &str, draw: impl FnOnce(&Area<'_>) -> Drawn) -> Result<String> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let (top, rest) = root.split_vertically(TITLE);
        let drawn = root.fill(&WHITE).and_then(|()| {
            let middle = (size.0 as i32 / 2, TITLE as i32 / 2);
            top.draw(&Text::new(title, middle, text(18).pos(Pos::new(HPos::Center, VPos::Center))))?;
            draw(&rest)?;
            root.present()
        });
        drawn.map_err(|error| Error::Plot(error.to_string()))?;
    }
    Ok(svg)
}

/// Black text of so many pixels.
pub(super) fn text(size: u32) -> TextStyle<'static> {
    ("sans-serif", size).into_text_style(&(0, 0)).color(&BLACK)
}

/// A pixel of the sheet as a pixel of the area: charts speak of the former, areas draw by the latter.
pub(super) fn within(area: &Area<'_>, pixel: (i32, i32)) -> (i32, i32) {
    let corner = area.get_base_pixel();
    (pixel.0 - corner.0, pixel.1 - corner.1)
}

/// The look of the series of that number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Series(pub(super) usize);

impl Series {
    pub(super) fn colour(self) -> RGBColor {
        PALETTE[self.0 % PALETTE.len()]
    }

    /// The line through points that are given in pixels.
    pub(super) fn line(self, area: &Area<'_>, points: &[(i32, i32)]) -> Drawn {
        let style = self.colour().stroke_width(2);
        if (self.0 / PALETTE.len()).is_multiple_of(2) {
            area.draw(&PathElement::new(points.to_vec(), style))
        } else {
            let dashed = DashedPathElement::new(points.iter().copied(), 6, 4, style);
            area.draw(&dashed)
        }
    }
}

/// Of the line before a title of a legend and the space between them, in pixels.
const MARK: u32 = 34;
/// Of a letter of a legend, in pixels: without a font this is a guess, on the side of the wide ones.
const LETTER: u32 = 8;

/// Pixels that a legend takes with a margin on its right.
pub(super) fn legend_width<'t>(titles: impl IntoIterator<Item = &'t str>) -> u32 {
    let letters = titles.into_iter().map(|title| title.chars().count()).max().unwrap_or(0);
    MARK + LETTER * (letters as u32 + 1)
}

/// A line for each title, from the top left of the area.
pub(super) fn legend<'t>(area: &Area<'_>, titles: impl IntoIterator<Item = &'t str>) -> Drawn {
    for (index, title) in titles.into_iter().enumerate() {
        let y = (index as u32 * LINE + LINE / 2) as i32;
        Series(index).line(area, &[(0, y), (26, y)])?;
        let beside = text(14).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(title.to_owned(), (MARK as i32, y), beside))?;
    }
    Ok(())
}
