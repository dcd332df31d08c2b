//! Accuracy of every row as a bar: Table I at a glance.

use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use restain_plot::{Error, GRID, Series, TITLE, sheet, text, within};

use crate::{Benchmark, Choice, Measure, OverSeeds, Result, best};

const WIDTH: u32 = 900;
/// Of a bar with the space around it.
const PITCH: u32 = 32;
/// Of the axis with its numbers and its name.
const AXIS: u32 = 60;
/// Room for the titles of the rows, on the left, and for their numbers, on the right.
const MARGIN: u32 = 250;

/// The honest mean accuracy on the target of each row that has one, in percent from 0 to 100, with its spread over the
/// seeds ([`Choice::Honest`]; paper, Table I).
///
/// # Errors
/// Where no row has one.
pub fn accuracy_bars(benchmark: &Benchmark) -> Result<String> {
    let title = format!("Accuracy on the target: {}", benchmark.title);
    let bars: Vec<(&str, OverSeeds)> = benchmark
        .rows
        .iter()
        .filter_map(|row| {
            let accuracy = OverSeeds::of_row(row, |seed| {
                Some(100.0 * best(&seed.checkpoints, Choice::Honest, Measure::Accuracy)?.mean)
            })?;
            Some((row.title.as_str(), accuracy))
        })
        .collect();
    if bars.is_empty() {
        return Err(Error::Empty { title }.into());
    }
    let count = bars.len() as f64;
    Ok(sheet((WIDTH, TITLE + PITCH * bars.len() as u32 + AXIS), &title, |area| {
        let mut chart = ChartBuilder::on(area)
            .x_label_area_size(AXIS)
            .margin_left(MARGIN)
            .margin_right(MARGIN / 2)
            .build_cartesian_2d(0.0..100.0, 0.0..count)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .light_line_style(WHITE)
            .bold_line_style(GRID)
            .x_desc("accuracy, %")
            .x_label_formatter(&|percent| format!("{percent:.0}"))
            .label_style(text(14))
            .axis_desc_style(text(15))
            .draw()?;
        for (index, (title, accuracy)) in bars.iter().enumerate() {
            let middle = count - index as f64 - 0.5;
            let (mean, spread) = (accuracy.mean, accuracy.spread);
            let bar =
                Rectangle::new([(0.0, middle - 0.35), (mean, middle + 0.35)], Series(0).colour().filled());
            let mut strokes = vec![];
            let mut number = format!("{mean:.1}");
            if accuracy.seeds.len() > 1 {
                number = format!("{number} ± {spread:.1}");
                let ends = [mean - spread, mean + spread];
                strokes.push(ends.map(|end| (end, middle)));
                strokes.extend(ends.map(|end| [(end, middle - 0.15), (end, middle + 0.15)]));
            }
            chart.draw_series([bar])?;
            chart.draw_series(
                strokes.into_iter().map(|ends| PathElement::new(ends.to_vec(), BLACK.stroke_width(2))),
            )?;
            let beside = |anchor| text(14).pos(Pos::new(anchor, VPos::Center));
            let [(left, y), (right, _)] =
                [0.0, 100.0].map(|percent| within(area, chart.backend_coord(&(percent, middle))));
            area.draw(&Text::new((*title).to_owned(), (left - 8, y), beside(HPos::Right)))?;
            area.draw(&Text::new(number, (right + 8, y), beside(HPos::Left)))?;
        }
        Ok(())
    })?)
}
