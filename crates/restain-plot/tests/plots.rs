//! Plots: what is drawn is where its number says, found in the SVG by colour.

mod support;

use restain_plot::{Error, Line, Mark, Size, colour_histograms, curves};
use restain_stain::histogram::Histogram;
use support::{BLUE, VERMILLION, attribute, between, corners, elements};

/// Half of the pixels at one value, a quarter of them at another: roots 0.707 and 0.5.
#[test]
fn histograms_are_roots_of_shares() {
    let mut histogram = Histogram::new();
    histogram.add(&[[51, 10, 10], [51, 10, 10], [102, 10, 10], [204, 10, 10]].concat());
    let svg = colour_histograms("Colours", &[("source", &histogram)], Size::Page).unwrap();
    let lines: Vec<_> =
        elements(&svg, "polyline", BLUE).into_iter().map(corners).filter(|line| line.len() == 256).collect();
    assert_eq!(lines.len(), 3);
    let ([red, green], zero) = ([&lines[0], &lines[1]], lines[0][0].1);
    let top = green[10].1;
    assert!(zero - top > 200.0, "the plot is high enough to read");
    between(zero, red[51].1, top, 0.5f64.sqrt());
    between(zero, red[102].1, top, 0.5);
    between(red[0].0, red[102].0, red[255].0, 0.4);
}

#[test]
fn compact_histograms_hold_levels_in_eights_and_no_title() {
    let mut histogram = Histogram::new();
    histogram.add(&[[51, 10, 10], [51, 10, 10], [55, 10, 10], [204, 10, 10]].concat());
    let svg = colour_histograms("Colours", &[("before", &histogram), ("after", &histogram)], Size::Compact)
        .unwrap();
    assert!(!svg.contains("Colours") && svg.contains("before") && svg.contains("after"));
    let size = |name: &str| attribute(svg.split('<').find(|of| of.starts_with("svg ")).unwrap(), name);
    assert_eq!((size("width"), size("height")), (660.0, 210.0));
    let lines: Vec<_> =
        elements(&svg, "polyline", BLUE).into_iter().map(corners).filter(|line| line.len() == 32).collect();
    let ([red, green], zero) = ([&lines[0], &lines[1]], lines[0][0].1);
    between(zero, red[6].1, green[1].1, 0.75f64.sqrt());
    between(zero, red[25].1, green[1].1, 0.5);
    between(red[0].0, red[6].0, red[31].0, 6.0 / 31.0);
}

fn line(title: &str, points: &[(f64, f64)]) -> Line {
    Line { title: title.into(), points: points.to_vec() }
}

#[test]
fn curves_pass_through_their_points() {
    let stages = [Mark { title: "stage 2 <b>".into(), at: 25.0 }];
    let lines = [
        line("l1", &[(0.0, 4.0), (50.0, f64::NAN), (25.0, 1.0), (100.0, 2.0)]),
        line("gan1", &[(0.0, 3.0), (100.0, 3.0)]),
    ];
    let svg = curves("Losses", ["steps", "loss"], &lines, &stages).unwrap();
    let first = corners(elements(&svg, "polyline", BLUE)[0]);
    assert_eq!(first.len(), 3, "what is no number is left out");
    between(first[0].0, first[1].0, first[2].0, 0.25);
    between(first[0].1, first[2].1, first[1].1, 2.0 / 3.0);
    let second = corners(elements(&svg, "polyline", VERMILLION)[0]);
    between(first[0].1, second[0].1, first[1].1, 1.0 / 3.0);
    let black = elements(&svg, "polyline", "#000000").into_iter().map(corners);
    let marks: Vec<_> = black.filter(|at| at.len() == 2 && (at[0].0 - first[1].0).abs() <= 1.0).collect();
    assert!(marks.iter().any(|at| (at[0].1 - at[1].1).abs() > 200.0), "the stage begins at 25");
    assert!(svg.contains("stage 2 &lt;b&gt;"));
}

#[test]
fn values_over_decades_are_drawn_by_their_logarithm() {
    let lines = [line("l1", &[(0.0, 10.0), (1.0, 0.1), (2.0, 0.001)])];
    let at = corners(elements(&curves("", ["steps", "loss"], &lines, &[]).unwrap(), "polyline", BLUE)[0]);
    between(at[0].1, at[1].1, at[2].1, 0.5);
    // A zero has no logarithm.
    let lines = [line("l1", &[(0.0, 10.0), (1.0, 0.1), (2.0, 0.0)])];
    let at = corners(elements(&curves("", ["steps", "loss"], &lines, &[]).unwrap(), "polyline", BLUE)[0]);
    between(at[0].1, at[1].1, at[2].1, 0.99);
}

/// How a series of that number is drawn: its colour, its width and into how many pieces.
fn look(svg: &str, title: &str) -> (String, String, usize) {
    let legend = svg.split(title).next().unwrap();
    let lines = &legend[legend[..legend.rfind("<text").unwrap()].rfind("</text>").unwrap()..];
    let element = lines.split('<').find(|of| of.starts_with("polyline")).unwrap();
    let of = |name: &str| {
        element.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    (of("stroke"), of("stroke-width"), lines.matches("<polyline").count())
}

#[test]
fn series_differ_also_without_colours() {
    let lines: Vec<Line> =
        (0..28).map(|index| line(&format!("series {index}."), &[(0.0, 1.0), (9.0, 2.0)])).collect();
    let svg = curves("Many", ["steps", "loss"], &lines, &[]).unwrap();
    let looks: Vec<_> = lines.iter().map(|line| look(&svg, &line.title)).collect();
    let mut strokes: Vec<_> = looks[..4].iter().map(|(_, width, pieces)| (width, pieces)).collect();
    strokes.sort();
    strokes.dedup();
    assert_eq!(strokes.len(), 4, "{strokes:?}");
    let mut all = looks.clone();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 28, "{looks:?}");
}

#[test]
fn plots_of_nothing_are_errors() {
    let empty = |plot: Result<String, Error>| matches!(plot, Err(Error::Empty { .. }));
    assert!(empty(colour_histograms("none", &[("none", &Histogram::new())], Size::Compact)));
    assert!(empty(curves("none", ["", ""], &[line("none", &[(0.0, f64::NAN)])], &[])));
    assert!(curves("a single point", ["", ""], &[line("one", &[(0.0, 0.0)])], &[]).is_ok());
}

/// Whatever a log holds, a plot is drawn, and soon.
#[test]
fn extreme_values_are_drawn() {
    let extremes =
        [0.0, -0.0, 5e-324, 1e-300, 1e-7, 1.0, 1.0 + f64::EPSILON, 1e9, 1e300, f64::MAX, -1.0, -f64::MAX];
    for low in extremes {
        for high in extremes {
            for step in extremes {
                let lines = [line("one", &[(0.0, low), (step.abs(), high)])];
                let marks = [Mark { title: "stage".into(), at: step }];
                let drawn = curves("", ["steps", "loss"], &lines, &marks);
                match drawn {
                    Ok(svg) => assert!(svg.len() < 100_000, "{low:e} to {high:e} at {step:e}"),
                    Err(error) => assert!(matches!(error, Error::Empty { .. }), "{error}"),
                }
            }
        }
    }
}
