//! The colours of a slide before and after, and of the reference, as a small SVG.

use std::io;

use plotters::{coord::Shift, element::DashedPathElement, prelude::*};
use restain_stain::histogram::Histogram;

use crate::{Error, Result};

/// Size in pixels, and height of the legend above.
const SIZE: (u32, u32) = (660, 210);
const LEGEND: u32 = 24;
/// Levels of a channel that share a point of a line.
const BIN: usize = 8;
/// How each line looks: colours that colour-blind readers tell apart (M. Okabe and K. Ito, "Color Universal Design", 2008),
/// widths and dashes for those who see none.
const LINES: [(RGBColor, u32, Option<u32>); 3] =
    [(RGBColor(0, 0, 0), 1, None), (RGBColor(0, 114, 178), 3, None), (RGBColor(213, 94, 0), 2, Some(5))];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = std::result::Result<(), DrawingAreaErrorKind<io::Error>>;

/// The histograms of red, green and blue side by side, a line each for before, after and, where there is one, the reference: thin,
/// thick and dashed. The vertical axis is the square root of the share of pixels, so that the glass does not hide the cells.
///
/// # Errors
/// [`Error::Plot`].
pub fn histograms(before: &Histogram, after: &Histogram, reference: Option<&Histogram>) -> Result<String> {
    let sets: Vec<_> = [("before", before), ("after", after)]
        .into_iter()
        .chain(reference.map(|histogram| ("style of the model", histogram)))
        .collect();
    let roots: Vec<[Vec<f64>; 3]> = sets
        .iter()
        .map(|(_, histogram)| {
            let pixels = histogram.pixels().max(1) as f64;
            let root = |counts: &[u64]| (counts.iter().sum::<u64>() as f64 / pixels).sqrt();
            histogram.counts().map(|counts| counts.chunks(BIN).map(root).collect())
        })
        .collect();
    let highest = roots.iter().flatten().flatten().copied().fold(0.01, f64::max);
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let (top, charts) = root.split_vertically(LEGEND);
        let drawn = root.fill(&WHITE).and_then(|()| {
            for (index, (name, _)) in sets.iter().enumerate() {
                let left = 12 + 130 * index as i32;
                line(&top, index, &[(left, 13), (left + 30, 13)])?;
                top.draw(&Text::new(*name, (left + 36, 7), ("sans-serif", 13)))?;
            }
            for (channel, area) in charts.split_evenly((1, 3)).iter().enumerate() {
                let lines: Vec<&[f64]> = roots.iter().map(|set| set[channel].as_slice()).collect();
                draw_channel(area, ["red", "green", "blue"][channel], &lines, highest)?;
            }
            root.present()
        });
        drawn.map_err(|error| Error::Plot(error.to_string()))?;
    }
    Ok(svg)
}

fn draw_channel(area: &Area<'_>, name: &str, lines: &[&[f64]], highest: f64) -> Drawn {
    let mut chart = ChartBuilder::on(area)
        .margin(6)
        .x_label_area_size(34)
        .y_label_area_size(38)
        .build_cartesian_2d(0.0..256.0, 0.0..highest)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_labels(4)
        .y_labels(4)
        .x_desc(name)
        .x_label_formatter(&|value| format!("{value:.0}"))
        .y_label_formatter(&|root| format!("{:.0}%", 100.0 * root * root))
        .label_style(("sans-serif", 11))
        .axis_desc_style(("sans-serif", 12))
        .draw()?;
    let corner = area.get_base_pixel();
    for (index, values) in lines.iter().enumerate() {
        let points = values.iter().enumerate().map(|(bin, &root)| {
            let (x, y) = chart.backend_coord(&((bin as f64 + 0.5) * BIN as f64, root));
            (x - corner.0, y - corner.1)
        });
        line(area, index, &points.collect::<Vec<_>>())?;
    }
    Ok(())
}

fn line(area: &Area<'_>, index: usize, points: &[(i32, i32)]) -> Drawn {
    let (colour, width, dash) = LINES[index];
    match dash {
        None => area.draw(&PathElement::new(points.to_vec(), colour.stroke_width(width))),
        Some(dash) => area.draw(&DashedPathElement::new(
            points.iter().copied(),
            dash,
            dash - 1,
            colour.stroke_width(width),
        )),
    }
}
