//! What all plots share: the sheet, its title, colours, strokes, text and legends.

use std::io;

use plotters::{
    coord::Shift,
    element::DashedPathElement,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use crate::{Error, Result};

/// A part of a sheet.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// Whether something was drawn.
pub type Drawn<T = ()> = std::result::Result<T, DrawingAreaErrorKind<io::Error>>;

/// Height of the title's strip, in pixels.
pub const TITLE: u32 = 40;
/// Height of a line of a legend, in pixels.
pub const LINE: u32 = 22;
/// Of the lines behind a plot.
pub const GRID: RGBColor = RGBColor(225, 225, 225);
const PALETTE: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];
/// Width, and lengths of a dash and of the gap after it, in pixels. There are as many as share no factor with the colours: 28
/// series differ.
const STROKES: [(u32, Option<(u32, u32)>); 4] = [(1, None), (3, None), (2, Some((7, 4))), (2, Some((2, 3)))];

/// A sheet of so many pixels with a title, or none where that is empty; `draw` gets what is below it.
///
/// # Errors
/// [`Error::Draw`].
pub fn sheet(size: (u32, u32), title: &str, draw: impl FnOnce(&Area<'_>) -> Drawn) -> Result<String> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let (top, rest) = root.split_vertically(if title.is_empty() { 0 } else { TITLE });
        let drawn = root.fill(&WHITE).and_then(|()| {
            if !title.is_empty() {
                let middle = (size.0 as i32 / 2, TITLE as i32 / 2);
                let style = text(18).pos(Pos::new(HPos::Center, VPos::Center));
                top.draw(&Text::new(title, middle, style))?;
            }
            draw(&rest)?;
            root.present()
        });
        drawn.map_err(|error| Error::Draw(error.to_string()))?;
    }
    Ok(svg)
}

/// Black text of so many pixels.
pub fn text(size: u32) -> TextStyle<'static> {
    ("sans-serif", size).into_text_style(&(0, 0)).color(&BLACK)
}

/// A pixel of the sheet as a pixel of the area: charts speak of the former, areas draw by the latter.
pub fn within(area: &Area<'_>, pixel: (i32, i32)) -> (i32, i32) {
    let corner = area.get_base_pixel();
    (pixel.0 - corner.0, pixel.1 - corner.1)
}

/// The look of the series of that number.
#[derive(Debug, Clone, Copy)]
pub struct Series(pub usize);

impl Series {
    /// Its colour.
    pub fn colour(self) -> RGBColor {
        PALETTE[self.0 % PALETTE.len()]
    }

    /// The line through points that are given in pixels of the area.
    ///
    /// # Errors
    /// Where it cannot be drawn.
    pub fn line(self, area: &Area<'_>, points: &[(i32, i32)]) -> Drawn {
        let (width, dashes) = STROKES[self.0 % STROKES.len()];
        let style = self.colour().stroke_width(width);
        match dashes {
            None => area.draw(&PathElement::new(points.to_vec(), style)),
            Some((dash, gap)) => area.draw(&DashedPathElement::new(points.iter().copied(), dash, gap, style)),
        }
    }
}

/// Of the line before a title of a legend and the space between them, in pixels.
const MARK: u32 = 34;
/// Of a letter of a legend, in pixels: without a font this is a guess, on the side of the wide ones.
const LETTER: u32 = 8;

/// Pixels that a legend takes with a margin on its right.
pub fn legend_width<'t>(titles: impl IntoIterator<Item = &'t str>) -> u32 {
    let letters = titles.into_iter().map(|title| title.chars().count()).max().unwrap_or(0);
    MARK + LETTER * (letters as u32 + 1)
}

/// A line for each title, from the top left of the area.
///
/// # Errors
/// Where it cannot be drawn.
pub fn legend<'t>(area: &Area<'_>, titles: impl IntoIterator<Item = &'t str>) -> Drawn {
    for (index, title) in titles.into_iter().enumerate() {
        entry(area, index, title, (0, (index as u32 * LINE) as i32))?;
    }
    Ok(())
}

/// The titles beside each other, from the left of the area.
pub(crate) fn legend_row<'t>(area: &Area<'_>, titles: impl IntoIterator<Item = &'t str>) -> Drawn {
    let mut x = 0;
    for (index, title) in titles.into_iter().enumerate() {
        entry(area, index, title, (x, 0))?;
        x += legend_width([title]) as i32;
    }
    Ok(())
}

/// A line and its title, whose top left is at a pixel.
fn entry(area: &Area<'_>, index: usize, title: &str, (x, y): (i32, i32)) -> Drawn {
    let y = y + LINE as i32 / 2;
    Series(index).line(area, &[(x, y), (x + 26, y)])?;
    let beside = text(14).pos(Pos::new(HPos::Left, VPos::Center));
    area.draw(&Text::new(title.to_owned(), (x + MARK as i32, y), beside))
}
