//! The quantile map against what defines it.

use proptest::prelude::*;
use restain_stain::{error::Error, histogram::Histogram, quantile::QuantileMap};

fn histogram(rgb: &[u8]) -> Histogram {
    let mut histogram = Histogram::new();
    histogram.add(rgb);
    histogram
}

fn mapped(map: &QuantileMap, rgb: &[u8]) -> Vec<u8> {
    let mut rgb = rgb.to_vec();
    map.apply(&mut rgb);
    rgb
}

fn pixels() -> impl Strategy<Value = Vec<u8>> {
    // Levels in a band, so that many repeat and many are missing.
    (0..200u8, 1..=55u8, 1..300usize)
        .prop_flat_map(|(low, width, pixels)| proptest::collection::vec(low..=low + width, 3 * pixels))
}

proptest! {
    #[test]
    fn never_falls(target in pixels(), source in pixels()) {
        let map = QuantileMap::fit(&histogram(&target), &histogram(&source)).expect("pixels");
        for table in map.tables() {
            prop_assert!(table.is_sorted());
        }
    }

    #[test]
    fn a_domain_onto_itself_is_the_identity(rgb in pixels(), times in 1..5u64) {
        let once = histogram(&rgb);
        let mut many = Histogram::new();
        (0..times).for_each(|_| many.merge(&once));
        let map = QuantileMap::fit(&many, &once).expect("pixels");
        for table in map.tables() {
            prop_assert!(table.iter().enumerate().all(|(level, &value)| level == usize::from(value)));
        }
    }

    /// A target level that takes up the ranks a..b becomes a level between the source's quantiles at a and b, and
    /// with as many pixels in both the sorted pixels of one lie on the sorted pixels of the other.
    #[test]
    fn quantiles_lie_on_quantiles(
        mut target in proptest::collection::vec(any::<u8>(), 200),
        mut source in proptest::collection::vec(any::<u8>(), 200),
    ) {
        let channels = |values: &[u8]| histogram(&values.iter().flat_map(|&v| [v; 3]).collect::<Vec<_>>());
        let map = QuantileMap::fit(&channels(&target), &channels(&source)).expect("pixels");
        target.sort_unstable();
        source.sort_unstable();
        for run in target.chunk_by(PartialEq::eq) {
            let from = target.partition_point(|&v| v < run[0]);
            let ranks = &source[from..from + run.len()];
            let mean = ranks.iter().map(|&v| f64::from(v)).sum::<f64>() / ranks.len() as f64;
            let value = f64::from(map.tables()[0][usize::from(run[0])]);
            prop_assert!((value - mean).abs() <= 0.5 + 1e-9, "{} became {value}, not {mean}", run[0]);
        }
    }

    /// Pixels through a power law that keeps levels apart come back exactly; through one that merges levels, to
    /// within what it merged.
    #[test]
    fn undoes_a_monotone_change(rgb in pixels(), gain in 0.3..1.0f64, gamma in 0.5..2.0f64) {
        let change = |v: u8| (255.0 * gain * (f64::from(v) / 255.0).powf(gamma)).round() as u8;
        let target: Vec<u8> = rgb.iter().map(|&v| change(v)).collect();
        let map = QuantileMap::fit(&histogram(&target), &histogram(&rgb)).expect("pixels");
        for (&back, &v) in mapped(&map, &target).iter().zip(&rgb) {
            let merged = (0..=255u8).filter(|&other| change(other) == change(v)).count();
            prop_assert!(usize::from(back.abs_diff(v)) < merged, "{v} came back as {back}");
        }
    }
}

#[test]
fn levels_that_never_occur_lie_on_straight_lines() {
    let map = QuantileMap::fit(&histogram(&[50, 0, 9, 150, 255, 9]), &histogram(&[100, 7, 9, 200, 90, 9]))
        .expect("pixels");
    let [red, green, blue] = map.tables();
    assert_eq!([0, 25, 50, 100, 150, 255].map(|level| red[level]), [0, 50, 100, 150, 200, 255]);
    assert_eq!([0, 51, 255].map(|level| green[level]), [7, 24, 90]);
    assert!(blue.iter().enumerate().all(|(level, &value)| level == usize::from(value)));
}

/// Two thirds of the source's pixels are 10 and a third 40: a plain target level becomes their mean.
#[test]
fn a_level_of_many_ranks_becomes_their_mean() {
    let map = QuantileMap::fit(&histogram(&[80; 6]), &histogram(&[10, 10, 10, 10, 10, 10, 40, 40, 40]))
        .expect("pixels");
    assert_eq!(mapped(&map, &[80; 3]), [20; 3]);
}

#[test]
fn a_map_survives_its_file_and_a_broken_one_is_refused() {
    let map = QuantileMap::fit(&histogram(&[50, 60, 70, 80, 90, 99]), &histogram(&[1, 2, 3, 200, 100, 150]))
        .expect("pixels");
    let json = serde_json::to_string(&map).expect("plain numbers");
    assert_eq!(serde_json::from_str::<QuantileMap>(&json).expect("as written"), map);
    let falling = json.replacen("[0,", "[255,", 1);
    let error = serde_json::from_str::<QuantileMap>(&falling).expect_err("falls");
    assert!(error.to_string().contains("table of red"), "{error}");
    let short = json.replacen(",255]", "]", 2).replacen("[0,", "[", 1);
    assert!(serde_json::from_str::<QuantileMap>(&short).is_err());
}

#[test]
fn nothing_to_fit_on_is_an_error() {
    let some = histogram(&[1, 2, 3]);
    assert_eq!(QuantileMap::fit(&Histogram::new(), &some), Err(Error::NoPixels("target")));
    assert_eq!(QuantileMap::fit(&some, &Histogram::new()), Err(Error::NoPixels("source")));
}

/// By hand: a step of 100 levels is taken in steps of 4 down from its bright end, gentle ones stay as they are.
#[test]
fn a_map_can_be_kept_from_steepness() {
    let (mut target, mut source) = (Histogram::new(), Histogram::new());
    target.add(&[[100; 3], [101; 3], [110; 3]].concat());
    source.add(&[[20; 3], [120; 3], [130; 3]].concat());
    let map = QuantileMap::fit(&target, &source).unwrap();
    let gentle = map.clone().no_steeper_than(4);
    for (steep, gentle) in map.tables().iter().zip(gentle.tables()) {
        assert_eq!((steep[100], steep[101]), (20, 120));
        assert_eq!((gentle[100], gentle[101], gentle[99]), (116, 120, 112));
        assert_eq!(steep[101..], gentle[101..]);
        assert!(gentle.windows(2).all(|pair| pair[1] >= pair[0] && pair[1] - pair[0] <= 4));
        let raised = |level: usize| steep[level].max(120u8.saturating_sub(4 * (101 - level).min(63) as u8));
        assert!((0..=101).all(|level| gentle[level] == raised(level)));
    }
    assert_eq!(map.clone().no_steeper_than(255), map);
}
