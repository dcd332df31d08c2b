//! Colours of several sets of pictures: what the Bhattacharyya distance compares (paper, IV.D.5).

use plotters::prelude::*;
use restain_stain::histogram::Histogram;

use super::canvas::{Area, Drawn, GRID, LINE, Series, TITLE, legend, sheet, text, within};
use crate::{Error, Result};

const WIDTH: u32 = 1240;
const HEIGHT: u32 = 360;

/// The histograms of red, green and blue side by side, a line for each set of pictures, such as source, target before
/// and target after.
///
/// The vertical axis is the square root of the share of pixels, labelled with the share: the sum of the products of two
/// lines is then their Bhattacharyya coefficient, and the background's peak leaves the cells' colours visible.
///
/// # Errors
/// Where no histogram has a pixel.
pub fn colour_histograms(title: &str, sets: &[(&str, &Histogram)]) -> Result<String> {
    let roots: Vec<[Vec<f64>; 3]> = sets
        .iter()
        .map(|(_, histogram)| {
            let pixels = histogram.pixels().max(1) as f64;
            histogram.counts().map(|counts| counts.map(|count| (count as f64 / pixels).sqrt()).to_vec())
        })
        .collect();
    let highest = roots.iter().flatten().flatten().copied().fold(0.0, f64::max);
    if highest == 0.0 {
        return Err(Error::EmptyPlot { title: title.into() });
    }
    let size = (WIDTH, TITLE + HEIGHT + LINE * (sets.len() as u32 + 1));
    sheet(size, title, |area| {
        let (top, bottom) = area.split_vertically(HEIGHT);
        for (channel, panel) in top.split_evenly((1, 3)).iter().enumerate() {
            let lines: Vec<&[f64]> = roots.iter().map(|set| set[channel].as_slice()).collect();
            draw_channel(panel, ["red", "green", "blue"][channel], &lines, highest)?;
        }
        legend(&bottom.margin(LINE / 2, 0, 70, 0), sets.iter().map(|set| set.0))
    })
}

fn draw_channel(area: &Area<'_>, name: &str, lines: &[&[f64]], highest: f64) -> Drawn {
    let mut chart = ChartBuilder::on(area)
        .margin_left(10)
        .margin_right(20)
        .x_label_area_size(50)
        .y_label_area_size(70)
        .build_cartesian_2d(0.0..255.0, 0.0..highest)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .bold_line_style(GRID)
        .x_labels(6)
        .y_labels(6)
        .x_desc(name)
        .y_desc("share of pixels, %")
        .x_label_formatter(&|value| format!("{value:.0}"))
        .y_label_formatter(&|root| format!("{:.2}", 100.0 * root * root))
        .label_style(text(14))
        .axis_desc_style(text(15))
        .draw()?;
    for (index, line) in lines.iter().enumerate() {
        let pixel = |(value, &root): (usize, &f64)| within(area, chart.backend_coord(&(value as f64, root)));
        let places = line.iter().enumerate().map(pixel);
        Series(index).line(area, &places.collect::<Vec<_>>())?;
    }
    Ok(())
}
