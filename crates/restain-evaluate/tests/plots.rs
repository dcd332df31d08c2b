//! Plots: what is drawn is where its number says, found in the SVG by colour.

mod common;
#[path = "../../restain-plot/tests/support/mod.rs"]
mod support;

use common::{benchmark, checkpoints, followed, row, seed, single};
use restain_evaluate::{
    Error,
    plots::{Curve, Network, Point, Stage, accuracy_bars, accuracy_curves, stage_curves},
};
use support::{BLUE, VERMILLION, attribute, between, corners, elements};

fn curve(title: &str, points: &[(u64, f64, f64)]) -> Curve {
    let points = points.iter().map(|&(step, mean, spread)| Point { step, mean, spread });
    Curve { title: title.into(), points: points.collect() }
}

#[test]
fn bars_are_as_long_as_accuracies() {
    let rows = vec![single("half", &[0.5]), single("pair", &[0.7, 0.9]), single("all", &[1.0])];
    let svg = accuracy_bars(&benchmark(rows)).unwrap();
    let bars = elements(&svg, "rect", BLUE);
    let widths: Vec<f64> = bars.iter().map(|bar| attribute(bar, "width")).collect();
    assert_eq!(widths.len(), 3);
    assert!(widths[2] > 300.0, "the plot is wide enough to read");
    between(0.0, widths[0], widths[2], 0.5);
    between(0.0, widths[1], widths[2], 0.8);
    let tops: Vec<f64> = bars.iter().map(|bar| attribute(bar, "y")).collect();
    assert!(tops[0] < tops[1] && tops[1] < tops[2], "from top to bottom as in the table: {tops:?}");
    // 80 with a spread of 20 / sqrt 2; a single seed has none.
    for text in ["Row half", "Row pair", "80.0 ± 14.1", "50.0\n"] {
        assert!(svg.contains(text), "{text} is missing");
    }
    let whisker = elements(&svg, "polyline", "#000000").into_iter().map(corners).find(|line| {
        (line[0].1 - line[1].1).abs() < 0.5 && line[0].1 > tops[1] && line[0].1 < tops[2] && line[0].0 > 300.0
    });
    let whisker = whisker.expect("a whisker on the bar of two seeds");
    let left = attribute(bars[0], "x");
    between(left, whisker[0].0, left + widths[2], 0.8 - 0.1 * 2.0f64.sqrt());
    between(left, whisker[1].0, left + widths[2], 0.8 + 0.1 * 2.0f64.sqrt());
}

#[test]
fn a_curve_is_the_mean_over_the_seeds_that_reached_a_step() {
    let found = row(
        "color",
        vec![
            seed(1, checkpoints(&[(0.8, 0.5), (0.9, 0.6)])),
            seed(2, checkpoints(&[(0.9, 0.7), (0.9, 0.7), (0.7, 0.4)])),
        ],
    );
    let points = |curve: Curve| -> Vec<(u64, f64, f64)> {
        curve.points.iter().map(|point| (point.step, point.mean, point.spread)).collect()
    };
    let rounded = |points: Vec<(u64, f64, f64)>| -> Vec<(u64, i64, i64)> {
        points
            .iter()
            .map(|point| (point.0, (1e6 * point.1).round() as i64, (1e6 * point.2).round() as i64))
            .collect()
    };
    assert_eq!(
        rounded(points(Curve::validation(&found))),
        [(100, 850_000, 70_711), (200, 900_000, 0), (300, 700_000, 0)]
    );
    assert_eq!(
        rounded(points(Curve::target(&found))),
        [(100, 600_000, 141_421), (200, 650_000, 70_711), (300, 400_000, 0)]
    );
}

#[test]
fn curves_pass_through_their_points() {
    let curves = [
        curve("Colour & form", &[(0, 0.5, 0.0), (100, 0.9, 0.0), (400, 0.6, 0.0)]),
        curve("Gray", &[(0, 0.7, 0.1), (400, 0.7, 0.1)]),
    ];
    let svg = accuracy_curves("Training", &curves).unwrap();
    let lines: Vec<_> = elements(&svg, "polyline", BLUE).into_iter().map(corners).collect();
    let line = lines.iter().find(|line| line.len() == 3).expect("the first curve");
    between(line[0].0, line[1].0, line[2].0, 0.25);
    // 60 % is a quarter of the way from 50 to 90 %, and higher is further up.
    between(line[0].1, line[2].1, line[1].1, 0.25);
    assert!(line[1].1 < line[0].1);
    let level: Vec<_> = elements(&svg, "polyline", VERMILLION).into_iter().map(corners).collect();
    between(line[0].1, level[0][0].1, line[1].1, 0.5);
    let band = corners(elements(&svg, "polygon", VERMILLION)[0]);
    let (top, bottom) = (band[0].1, band[band.len() - 1].1);
    between(line[0].1, top, line[1].1, 0.75);
    between(line[0].1, bottom, line[1].1, 0.25);
    assert!(elements(&svg, "polygon", BLUE).is_empty(), "no spread, no shade");
    assert!(svg.contains("Colour &amp; form") && svg.contains("Training"));
}

#[test]
fn beyond_the_palette_lines_are_dashed() {
    let curves: Vec<Curve> =
        (0..8).map(|index| curve(&format!("{index}"), &[(0, 0.5, 0.0), (100, 0.9, 0.0)])).collect();
    let svg = accuracy_curves("Eight", &curves).unwrap();
    // Line and legend of the first; the eighth has its colour, in many pieces.
    assert!(elements(&svg, "polyline", BLUE).len() > 10);
    assert_eq!(elements(&svg, "polyline", VERMILLION).len(), 2);
}

#[test]
fn stages_share_one_axis() {
    let task = curve("T, untreated", &[(0, 0.5, 0.0), (1000, 0.8, 0.0)]);
    let best = Network {
        kept: Point { step: 500, mean: 0.65, spread: 0.0 },
        reconstructed: curve("best T", &[(0, 0.65, 0.0), (60, 0.9, 0.0)]),
    };
    let stages =
        [("L1 + GAN1", 0), ("+ GAN2", 30)].map(|(title, begins)| Stage { title: title.into(), begins });
    let svg = stage_curves("Stages", &task, &[best], &stages).unwrap();
    let task = corners(elements(&svg, "polyline", BLUE)[0]);
    let line = corners(elements(&svg, "polyline", VERMILLION)[0]);
    // 50 to 80 % on the left against 65 to 90 % on the right.
    between(task[0].1, line[0].1, task[1].1, 0.5);
    between(task[0].1, task[1].1, line[1].1, 0.75);
    let marks = elements(&svg, "circle", VERMILLION);
    let kept = marks.iter().find(|mark| attribute(mark, "r") > 5.0).expect("the network that was kept");
    between(task[0].0, attribute(kept, "cx"), task[1].0, 0.5);
    between(task[0].1, attribute(kept, "cy"), task[1].1, 0.5);
    let middle = line[0].0.midpoint(line[1].0);
    let border = elements(&svg, "polyline", "#000000").into_iter().map(corners);
    assert!(
        border.filter(|at| (at[0].0 - middle).abs() <= 1.0).count() == 1,
        "the second stage begins at 30"
    );
    assert!(svg.contains("+ GAN2"));
}

#[test]
fn what_was_followed_is_drawn_over_the_seeds_from_the_untreated_on() {
    let mut found = single("all", &[0.5, 0.5, 0.5]);
    found.seeds[0].followed = Some(followed([0.7, 0.6, 0.5], 0.05));
    found.seeds[2].followed = Some(followed([0.8, 0.6, 0.4], 0.05));
    let networks = Network::followed(&found);
    let titles: Vec<&str> = networks.iter().map(|network| network.reconstructed.title.as_str()).collect();
    assert_eq!(titles, ["best T", "medium T", "poor T"]);
    let rounded = |point: &Point| (point.step, (1e3 * point.mean).round(), (1e3 * point.spread).round());
    assert_eq!(rounded(&networks[0].kept), (400, 750.0, 71.0));
    let points: Vec<_> = networks[2].reconstructed.points.iter().map(rounded).collect();
    assert_eq!(points, [(0, 450.0, 71.0), (20, 500.0, 71.0), (40, 550.0, 71.0), (60, 600.0, 71.0)]);
    let stages = [("l1", 0), ("l1+gan2", 40)].map(|(title, begins)| Stage { title: title.into(), begins });
    assert_eq!(Stage::followed(&found), stages);
    assert!(Network::followed(&single("none", &[0.5])).is_empty());
}

#[test]
fn legends_have_room_for_the_longest_title() {
    let long = "Standardized gray and mask, L1+GAN1, and as much again of more";
    let line = |title: &str| curve(title, &[(0, 0.5, 0.0), (100, 0.9, 0.0)]);
    let width = |svg: &str| attribute(svg.split('<').find(|of| of.starts_with("svg ")).unwrap(), "width");
    let edge = |svg: &str| {
        let before = svg.split(long).next().unwrap();
        // Half an em is more than the mean width of a letter.
        attribute(&before[before.rfind("<text").unwrap()..], "x") + 7.0 * long.len() as f64
    };
    let network = Network { kept: Point { step: 0, mean: 0.5, spread: 0.0 }, reconstructed: line("T") };
    for svg in [
        accuracy_curves("A title", &[line("T"), line(long)]).unwrap(),
        stage_curves("A title", &line(long), &[network], &[]).unwrap(),
    ] {
        assert!(edge(&svg) <= width(&svg), "{} of {}", edge(&svg), width(&svg));
    }
    let svg = accuracy_curves("A title", &[line("T")]).unwrap();
    assert!(width(&svg) < 720.0, "no more room than it takes");
}

#[test]
fn plots_of_nothing_are_errors() {
    let empty =
        |result: Result<String, Error>| matches!(result, Err(Error::Plot(restain_plot::Error::Empty { .. })));
    let line = curve("line", &[(0, 0.5, 0.0)]);
    assert!(empty(accuracy_bars(&benchmark(vec![row("color", vec![])]))));
    assert!(empty(accuracy_curves("none", &[curve("none", &[])])));
    assert!(empty(stage_curves("none", &line, &[], &[])));
    assert!(accuracy_curves("a single point", &[line]).is_ok());
}

#[test]
fn the_same_numbers_give_the_same_bytes() {
    let rows = || benchmark(vec![single("color", &[0.5, 0.75]), single("full", &[0.9])]);
    assert_eq!(accuracy_bars(&rows()).unwrap(), accuracy_bars(&rows()).unwrap());
}
