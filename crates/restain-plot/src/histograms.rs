//! Colours of several sets of pictures: what the Bhattacharyya distance compares (paper, IV.D.5).

use plotters::prelude::*;
use restain_stain::histogram::Histogram;

use crate::{
    Error, Result,
    canvas::{Area, Drawn, GRID, LINE, Series, TITLE, legend, legend_row, sheet, text, within},
};

/// How much room histograms take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// 1240 px across with a title, every level by itself, and the legend below: a page of its own.
    Page,
    /// 660 x 210 px without a title, levels in eights, and the legend above: one of many on a page.
    Compact,
}

/// What follows from the size, in pixels.
struct Look {
    width: u32,
    height: u32,
    /// Levels of a channel that share a point of a line.
    levels: usize,
    /// Of the numbers, and of the names of the axes.
    text: [u32; 2],
    /// Of the strips for the numbers on the left and below.
    labels: [u32; 2],
    /// How many numbers the horizontal axis has.
    ticks: usize,
    /// Whether the vertical axis has a name; the numbers say what they are where not.
    named: bool,
}

impl Size {
    fn look(self) -> Look {
        match self {
            Self::Page => Look {
                width: 1240,
                height: 360,
                levels: 1,
                text: [14, 15],
                labels: [70, 50],
                ticks: 6,
                named: true,
            },
            Self::Compact => Look {
                width: 660,
                height: 182,
                levels: 8,
                text: [12, 13],
                labels: [44, 36],
                ticks: 4,
                named: false,
            },
        }
    }
}

/// The histograms of red, green and blue side by side, a line for each set of pictures, such as source, target before
/// and target after.
///
/// The vertical axis is the square root of the share of pixels, labelled with the share: the sum of the products of two
/// lines is then their Bhattacharyya coefficient, and the background's peak leaves the cells' colours visible.
///
/// # Errors
/// [`Error::Empty`] where no histogram has a pixel; `title` says which plot that is, also where it is not shown.
pub fn colour_histograms(title: &str, sets: &[(&str, &Histogram)], size: Size) -> Result<String> {
    let look = size.look();
    let roots: Vec<[Vec<f64>; 3]> = sets
        .iter()
        .map(|(_, histogram)| {
            let pixels = histogram.pixels().max(1) as f64;
            let root = |counts: &[u64]| (counts.iter().sum::<u64>() as f64 / pixels).sqrt();
            histogram.counts().map(|counts| counts.chunks(look.levels).map(root).collect())
        })
        .collect();
    let highest = roots.iter().flatten().flatten().copied().fold(0.0, f64::max);
    if highest == 0.0 {
        return Err(Error::Empty { title: title.into() });
    }
    let titles = || sets.iter().map(|set| set.0);
    let channels = |area: &Area<'_>| -> Drawn {
        for (channel, panel) in area.split_evenly((1, 3)).iter().enumerate() {
            let lines: Vec<&[f64]> = roots.iter().map(|set| set[channel].as_slice()).collect();
            draw_channel(panel, ["red", "green", "blue"][channel], &lines, highest, &look)?;
        }
        Ok(())
    };
    match size {
        Size::Page => {
            let height = TITLE + look.height + LINE * (sets.len() as u32 + 1);
            sheet((look.width, height), title, |area| {
                let (top, bottom) = area.split_vertically(look.height);
                channels(&top)?;
                legend(&bottom.margin(LINE / 2, 0, 70, 0), titles())
            })
        }
        Size::Compact => sheet((look.width, look.height + LINE + 6), "", |area| {
            let (top, bottom) = area.split_vertically(LINE + 6);
            legend_row(&top.margin(0, 0, look.labels[0], 0), titles())?;
            channels(&bottom)
        }),
    }
}

fn draw_channel(area: &Area<'_>, name: &str, lines: &[&[f64]], highest: f64, look: &Look) -> Drawn {
    let mut chart = ChartBuilder::on(area)
        .margin_top(6)
        .margin_right(look.text[0])
        .x_label_area_size(look.labels[1])
        .y_label_area_size(look.labels[0])
        .build_cartesian_2d(0.0..255.0, 0.0..highest)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .x_labels(look.ticks)
        .y_labels(6)
        .x_desc(name)
        .y_desc(if look.named { "share of pixels, %" } else { "" })
        .x_label_formatter(&|value| format!("{value:.0}"))
        .y_label_formatter(&|root| {
            let percent = 100.0 * root * root;
            let decimals = if percent == 0.0 || percent >= 10.0 { 0 } else { 1 + usize::from(percent < 1.0) };
            let unit = if look.named { "" } else { "%" };
            format!("{percent:.decimals$}{unit}")
        })
        .label_style(text(look.text[0]))
        .axis_desc_style(text(look.text[1]))
        .draw()?;
    for (index, line) in lines.iter().enumerate() {
        // The middle of the levels that share the point.
        let level = |point: usize| (point * look.levels) as f64 + (look.levels - 1) as f64 / 2.0;
        let pixel = |(point, &root): (usize, &f64)| within(area, chart.backend_coord(&(level(point), root)));
        let places = line.iter().enumerate().map(pixel);
        Series(index).line(area, &places.collect::<Vec<_>>())?;
    }
    Ok(())
}
