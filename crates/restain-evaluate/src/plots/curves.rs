//! Accuracy over the steps of training (paper, Figures 3 and 4).

use std::collections::BTreeMap;

use plotters::prelude::*;
use restain_plot::{
    Area, Drawn, Error, GRID, LINE, Series, TITLE, legend, legend_width, sheet, text, within,
};

use crate::{CheckpointResult, OverSeeds, Result, Row};

/// Of the plot without its legend.
const SIZE: (u32, u32) = (640, 460);
/// Spread to both sides of a mean is shaded so strongly.
const SHADE: f64 = 0.18;

/// Accuracy while a network trains.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// What the legend calls it.
    pub title: String,
    /// By rising step.
    pub points: Vec<Point>,
}

/// Accuracy at a step of training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Steps of training until then.
    pub step: u64,
    /// Mean over the seeds, 0..=1.
    pub mean: f64,
    /// Spread over the seeds, as [`OverSeeds::spread`].
    pub spread: f64,
}

impl Point {
    /// Mean and spread of the accuracies at a step; `None` of none.
    pub(super) fn over_seeds(step: u64, accuracies: Vec<f64>) -> Option<Self> {
        let OverSeeds { mean, spread, .. } = OverSeeds::of(accuracies)?;
        Some(Self { step, mean, spread })
    }
}

impl Curve {
    /// Accuracy on the source's validation split at every step of any seed (Figure 3).
    pub fn validation(row: &Row) -> Self {
        Self::of(row, |checkpoint| Some(checkpoint.validation.accuracy))
    }

    /// Accuracy on the target's test split at every step where it was tested (Figure 4).
    pub fn target(row: &Row) -> Self {
        Self::of(row, |checkpoint| Some(checkpoint.target?.accuracy))
    }

    fn of(row: &Row, accuracy: impl Fn(&CheckpointResult) -> Option<f64>) -> Self {
        let checkpoints = row.seeds.iter().flat_map(|seed| &seed.checkpoints);
        let reached = checkpoints.filter_map(|checkpoint| Some((checkpoint.step, accuracy(checkpoint)?)));
        Self::over_seeds(&row.title, reached)
    }

    /// A point for each step of any seed, of the accuracies that seeds reached there.
    pub(super) fn over_seeds(title: &str, reached: impl Iterator<Item = (u64, f64)>) -> Self {
        let mut steps: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        for (step, accuracy) in reached {
            steps.entry(step).or_default().push(accuracy);
        }
        let points = steps.into_iter().filter_map(|(step, values)| Point::over_seeds(step, values));
        Self { title: title.to_owned(), points: points.collect() }
    }
}

/// Accuracy of several networks over the steps of their training, in percent, shaded by the spread over seeds.
///
/// Figure 3 of the paper is the training record of the task network ([`Curve::validation`]), Figure 4 the accuracy on
/// the target of task networks trained on differently treated pictures ([`Curve::target`] of those rows). The vertical
/// axis covers what is drawn, not 0 to 100 %.
///
/// # Errors
/// Where no curve has a point.
pub fn accuracy_curves(title: &str, curves: &[Curve]) -> Result<String> {
    let points = curves.iter().flat_map(|curve| &curve.points);
    let frame = Frame::of(points).ok_or_else(|| Error::Empty { title: title.into() })?;
    let height = SIZE.1.max(TITLE + LINE * (curves.len() as u32 + 1));
    let titles = || curves.iter().map(|curve| curve.title.as_str());
    Ok(sheet((SIZE.0 + legend_width(titles()), height), title, |area| {
        let (left, right) = area.split_horizontally(SIZE.0);
        let lines: Vec<_> = curves.iter().enumerate().map(|(index, curve)| (Series(index), curve)).collect();
        frame.draw(&left, "steps of training", &lines, |_, _| Ok(()))?;
        legend(&right.margin(LINE, 0, 0, 0), titles())
    })?)
}

/// The part of steps and accuracy that a plot shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    steps: (u64, u64),
    /// In percent.
    accuracy: (f64, f64),
}

impl Frame {
    /// Holds all points with their spread; accuracies end at a multiple of 5 %. `None` of no points.
    pub(super) fn of<'p>(points: impl Iterator<Item = &'p Point> + Clone) -> Option<Self> {
        let steps = points.clone().map(|point| point.step);
        let lowest = points.clone().map(|point| point.mean - point.spread).fold(f64::INFINITY, f64::min);
        let highest = points.map(|point| point.mean + point.spread).fold(0.0, f64::max);
        let low = ((20.0 * lowest).floor() * 5.0).max(0.0);
        let high = ((20.0 * highest).ceil() * 5.0).min(100.0).max(low + 5.0);
        Some(Self { steps: (steps.clone().min()?, steps.max()?), accuracy: (low, high) })
    }

    /// The same accuracies over the steps of other points.
    pub(super) fn over<'p>(self, points: impl Iterator<Item = &'p Point> + Clone) -> Option<Self> {
        Some(Self { accuracy: self.accuracy, ..Self::of(points)? })
    }

    /// The lowest and the highest accuracy, in percent.
    pub(super) fn accuracy(self) -> (f64, f64) {
        self.accuracy
    }

    /// Draws axes and curves; `more` draws on top and is told where a step and an accuracy in percent are, in pixels.
    pub(super) fn draw(
        self,
        area: &Area<'_>,
        axis: &str,
        curves: &[(Series, &Curve)],
        more: impl FnOnce(&Area<'_>, &dyn Fn(u64, f64) -> (i32, i32)) -> Drawn,
    ) -> Drawn {
        let (first, last) = (self.steps.0 as f64, self.steps.1.max(self.steps.0 + 1) as f64);
        let mut chart = ChartBuilder::on(area)
            .margin_left(10)
            .margin_right(24)
            .x_label_area_size(50)
            .y_label_area_size(64)
            .build_cartesian_2d(first..last, self.accuracy.0..self.accuracy.1)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .bold_line_style(GRID)
            .x_labels(6)
            .x_desc(axis)
            .y_desc("accuracy, %")
            .x_label_formatter(&|step| format!("{step:.0}"))
            .y_label_formatter(&|percent| format!("{percent:.0}"))
            .label_style(text(14))
            .axis_desc_style(text(15))
            .draw()?;
        let place = |step: u64, percent: f64| within(area, chart.backend_coord(&(step as f64, percent)));
        for (series, curve) in curves {
            let edge = |side: f64| {
                curve.points.iter().map(move |point| (point.step, point.mean + side * point.spread))
            };
            let pixels = |edge: &mut dyn Iterator<Item = (u64, f64)>| -> Vec<(i32, i32)> {
                edge.map(|(step, accuracy)| place(step, (100.0 * accuracy).clamp(0.0, 100.0))).collect()
            };
            if curve.points.iter().any(|point| point.spread > 0.0) {
                let band = pixels(&mut edge(1.0).chain(edge(-1.0).collect::<Vec<_>>().into_iter().rev()));
                area.draw(&Polygon::new(band, series.colour().mix(SHADE)))?;
            }
            let line = pixels(&mut edge(0.0));
            series.line(area, &line)?;
            for point in line {
                area.draw(&Circle::new(point, 3, series.colour().filled()))?;
            }
        }
        more(area, &place)
    }
}
