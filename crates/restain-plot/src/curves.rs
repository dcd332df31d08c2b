//! Values over steps, such as the losses of a training.

use plotters::{
    coord::ranged1d::{AsRangedCoord, ValueFormatter},
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use crate::{
    Error, Result,
    canvas::{Area, Drawn, GRID, LINE, Series, TITLE, legend, legend_width, sheet, text, within},
};

/// Of the plot without its legend, in pixels.
const SIZE: (u32, u32) = (820, 400);
/// From this ratio of the highest to the lowest value on, the vertical axis is logarithmic.
const DECADES: f64 = 50.0;
/// Steps and values of greater size are left out, and smaller ones are 0: axes end somewhere.
const SIZES: std::ops::Range<f64> = 1e-12..1e12;

/// A series of values.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What the legend calls it.
    pub title: String,
    /// Steps and values, by rising step; what is no number or beyond 1e12 is left out.
    pub points: Vec<(f64, f64)>,
}

/// Something that begins at a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// What stands above it.
    pub title: String,
    /// The step.
    pub at: f64,
}

/// Several series over the same steps; `axes` are the names of the horizontal and the vertical one. Marks are vertical lines.
/// The vertical axis is logarithmic where all values are positive and the highest is 50 times the lowest.
///
/// # Errors
/// [`Error::Empty`] where no line has a point.
pub fn curves(title: &str, axes: [&str; 2], lines: &[Line], marks: &[Mark]) -> Result<String> {
    let points = || lines.iter().flat_map(|line| drawn(&line.points));
    let steps = range(points().map(|point| point.0));
    let values = range(points().map(|point| point.1));
    let Some((steps, values)) = steps.zip(values) else { return Err(Error::Empty { title: title.into() }) };
    let is_logarithmic = values.start > 0.0 && values.end > DECADES * values.start;
    let height = SIZE.1.max(TITLE + LINE * (lines.len() as u32 + 1));
    let titles = || lines.iter().map(|line| line.title.as_str());
    sheet((SIZE.0 + legend_width(titles()), height), title, |area| {
        let (left, right) = area.split_horizontally(SIZE.0);
        let steps = steps.start..steps.end.max(steps.start + 1.0);
        if is_logarithmic {
            draw(&left, axes, steps, values.log_scale(), lines, marks)?;
        } else {
            let high = values.end.max(values.start + SIZES.start.max(1e-3 * values.start.abs()));
            draw(&left, axes, steps, values.start.min(0.0)..high, lines, marks)?;
        }
        legend(&right.margin(LINE, 0, 0, 0), titles())
    })
}

fn draw<Values>(
    area: &Area<'_>,
    axes: [&str; 2],
    steps: std::ops::Range<f64>,
    values: Values,
    lines: &[Line],
    marks: &[Mark],
) -> Drawn
where
    Values: AsRangedCoord<Value = f64>,
    Values::CoordDescType: ValueFormatter<f64>,
{
    let shown = steps.clone();
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .margin_top(if marks.is_empty() { 10 } else { LINE })
        .margin_right(24)
        .x_label_area_size(46)
        .y_label_area_size(70)
        .build_cartesian_2d(steps, values)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .x_labels(8)
        .x_desc(axes[0])
        .y_desc(axes[1])
        .x_label_formatter(&|step| format!("{step:.0}"))
        .y_label_formatter(&|value| short(*value))
        .label_style(text(14))
        .axis_desc_style(text(15))
        .draw()?;
    let (_, rows) = chart.plotting_area().get_pixel_range();
    let place = |point: (f64, f64)| within(area, chart.backend_coord(&point));
    let (top, foot) = (within(area, (0, rows.start)).1, within(area, (0, rows.end)).1);
    for mark in marks.iter().filter(|mark| shown.contains(&mark.at)) {
        let x = place((mark.at, 1.0)).0;
        area.draw(&PathElement::new([(x, top), (x, foot)], BLACK.stroke_width(1)))?;
        let above = text(13).pos(Pos::new(HPos::Left, VPos::Bottom));
        area.draw(&Text::new(mark.title.clone(), (x, top - 4), above))?;
    }
    for (index, line) in lines.iter().enumerate() {
        let pixels: Vec<_> = drawn(&line.points).map(place).collect();
        Series(index).line(area, &pixels)?;
    }
    Ok(())
}

fn drawn(points: &[(f64, f64)]) -> impl Iterator<Item = (f64, f64)> {
    let sized = |value: f64| if value.abs() < SIZES.start { 0.0 } else { value };
    let points = points.iter().map(move |point| (sized(point.0), sized(point.1)));
    points.filter(|point| point.0.abs() < SIZES.end && point.1.abs() < SIZES.end)
}

/// From the lowest to the highest; `None` of nothing.
fn range(values: impl Iterator<Item = f64>) -> Option<std::ops::Range<f64>> {
    values.fold(None, |range, value| {
        let range = range.unwrap_or(value..value);
        Some(range.start.min(value)..range.end.max(value))
    })
}

/// A number of an axis, without the zeros that only fill.
fn short(value: f64) -> String {
    if value != 0.0 && !(1e-3..1e4).contains(&value.abs()) {
        return format!("{value:e}");
    }
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
