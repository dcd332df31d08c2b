//! What tests of plots share: elements of an SVG, found by colour.

pub(crate) const BLUE: &str = "#0072B2";
pub(crate) const VERMILLION: &str = "#D55E00";

/// The elements of a kind with that colour.
pub(crate) fn elements<'s>(svg: &'s str, kind: &str, colour: &str) -> Vec<&'s str> {
    let start = format!("<{kind} ");
    let found = svg.split('<').map(str::trim_end);
    let kinds = found.filter(|element| element.starts_with(&start[1..]));
    kinds.filter(|element| element.contains(&format!("\"{colour}\""))).collect()
}

pub(crate) fn attribute(element: &str, name: &str) -> f64 {
    let value = element.split(&format!(" {name}=\"")).nth(1).unwrap().split('"').next().unwrap();
    value.parse().unwrap()
}

/// The corners of a polyline, in pixels.
pub(crate) fn corners(element: &str) -> Vec<(f64, f64)> {
    let points = element.split(" points=\"").nth(1).unwrap().split('"').next().unwrap();
    let pairs = points.split_whitespace().map(|pair| pair.split_once(',').unwrap());
    pairs.map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap())).collect()
}

/// Whether b is the fraction of the way from a to c, but for the rounding to pixels.
#[track_caller]
pub(crate) fn between(a: f64, b: f64, c: f64, fraction: f64) {
    let expected = a + fraction * (c - a);
    assert!((b - expected).abs() <= 1.5, "{b} where {expected} is expected between {a} and {c}");
}
