//! Accuracy of given task networks while G trains in stages (paper, Figure 5).

use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};
use restain_plot::{Error, Series, legend, legend_width, sheet, text};

use super::curves::{Curve, Frame, Point};
use crate::{FollowedTask, QUALITIES, Result, Row};

/// Of both halves without the legend.
const SIZE: (u32, u32) = (980, 480);
/// Of the half that shows the task network's training.
const LEFT: u32 = 440;

/// A task network of one step, kept while G trains.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// The step of its training at which it was kept, and its accuracy on the target untreated.
    pub kept: Point,
    /// Its accuracy on what G makes of the target, over the steps of G.
    pub reconstructed: Curve,
}

/// A stage of the training of G.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Its losses, as shown.
    pub title: String,
    /// The step of G at which it begins.
    pub begins: u64,
}

impl Network {
    /// The task networks of a row with [`Row::followed`], the best first, each over the seeds. The curve of a network
    /// begins with its accuracy on the target untreated, at step 0 of G.
    pub fn followed(row: &Row) -> Vec<Self> {
        let of = |(index, quality): (usize, &str)| {
            let tasks: Vec<&FollowedTask> = row.followed().map(|followed| &followed.tasks[index]).collect();
            let step = tasks.iter().map(|task| task.step).sum::<u64>() / tasks.len().max(1) as u64;
            let untreated = tasks.iter().map(|task| task.untreated.accuracy).collect();
            let reached = tasks.iter().flat_map(|task| {
                let start = (0, task.untreated.accuracy);
                let later = task.reconstructed.iter().map(|at| (at.step, at.target.accuracy));
                std::iter::once(start).chain(later)
            });
            let title = format!("{quality} T");
            Some(Self {
                kept: Point::over_seeds(step, untreated)?,
                reconstructed: Curve::over_seeds(&title, reached),
            })
        };
        QUALITIES.into_iter().enumerate().filter_map(of).collect()
    }
}

impl Stage {
    /// The stages of a row with [`Row::followed`].
    pub fn followed(row: &Row) -> Vec<Self> {
        let stages = row.followed().next().map_or(&[][..], |followed| &followed.stages);
        let begins = std::iter::once(0).chain(stages.iter().map(|stage| stage.ends));
        stages
            .iter()
            .zip(begins)
            .map(|(stage, begins)| Self { title: stage.losses.clone(), begins })
            .collect()
    }
}

/// On the left how accurate the task network is on the untreated target while it trains, with the networks that were
/// kept; on the right how accurate those are on the reconstructed target while G trains in stages. One accuracy axis.
///
/// # Errors
/// Where either half has no point.
pub fn stage_curves(title: &str, task: &Curve, networks: &[Network], stages: &[Stage]) -> Result<String> {
    let empty = || Error::Empty { title: title.into() };
    let kept = networks.iter().map(|network| &network.kept);
    let trained = task.points.iter().chain(kept);
    let reconstructed = networks.iter().flat_map(|network| &network.reconstructed.points);
    let all = Frame::of(trained.clone().chain(reconstructed.clone())).ok_or_else(empty)?;
    let left = all.over(trained).ok_or_else(empty)?;
    let right = all.over(reconstructed).ok_or_else(empty)?;
    let curves: Vec<_> = networks
        .iter()
        .enumerate()
        .map(|(index, network)| (Series(index + 1), &network.reconstructed))
        .collect();
    let others = networks.iter().map(|network| network.reconstructed.title.as_str());
    let titles = || std::iter::once(task.title.as_str()).chain(others.clone());
    Ok(sheet((SIZE.0 + legend_width(titles()), SIZE.1), title, |area| {
        let (training, rest) = area.split_horizontally(LEFT);
        let (generating, names) = rest.split_horizontally(SIZE.0 - LEFT);
        left.draw(&training, "steps of the task network", &[(Series(0), task)], |area, place| {
            for ((series, _), network) in curves.iter().zip(networks) {
                let point = place(network.kept.step, 100.0 * network.kept.mean);
                area.draw(&Circle::new(point, 7, series.colour().filled()))?;
            }
            Ok(())
        })?;
        right.draw(&generating, "steps of G", &curves, |area, place| {
            let (low, high) = right.accuracy();
            for stage in stages {
                let (x, top) = place(stage.begins, high);
                let foot = place(stage.begins, low);
                area.draw(&PathElement::new([(x, top), foot], BLACK.stroke_width(1)))?;
                let beside = text(13).pos(Pos::new(HPos::Left, VPos::Bottom));
                area.draw(&Text::new(stage.title.clone(), (x + 4, foot.1 - 4), beside))?;
            }
            Ok(())
        })?;
        legend(&names.margin(20, 0, 0, 0), titles())
    })?)
}
