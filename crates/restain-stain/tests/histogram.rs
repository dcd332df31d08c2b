//! The Bhattacharyya distance against closed forms.

use restain_stain::histogram::{Histogram, bhattacharyya, bhattacharyya_coefficient};

fn histogram(rgb: &[u8]) -> Histogram {
    let mut histogram = Histogram::new();
    histogram.add(rgb);
    histogram
}

fn assert_close(value: Option<f64>, expected: f64) {
    let value = value.expect("pixels");
    assert!((value - expected).abs() < 1e-12, "{value} for {expected}");
}

#[test]
fn every_pixel_falls_into_one_bin_of_each_channel() {
    let mut all = histogram(&[1, 2, 3, 1, 2, 4]);
    all.merge(&histogram(&[1, 255, 0]));
    let counts = all.counts();
    assert_eq!((counts[0][1], counts[1][2], counts[1][255], counts[2][0]), (3, 2, 1, 1));
    assert_eq!((counts[2][3], counts[2][4], all.pixels()), (1, 1, 3));
    assert_eq!(counts.as_flattened().iter().sum::<u64>(), 9);
    assert_eq!(all, histogram(&[1, 255, 0, 1, 2, 4, 1, 2, 3]), "the order of pixels is nothing");
}

#[test]
fn equal_distributions_are_at_distance_0_whatever_their_size() {
    let small = histogram(&[10, 20, 30, 40, 50, 60]);
    let mut large = Histogram::new();
    (0..1000).for_each(|_| large.merge(&small));
    assert_eq!(bhattacharyya(&small, &small), Some(0.0));
    assert_close(bhattacharyya(&small, &large), 0.0);
    assert!(bhattacharyya(&small, &large).is_some_and(f64::is_sign_positive), "not a negative zero");
}

/// Red has half of its pixels in common (sqrt(1 * 1/2)), green all, blue none.
#[test]
fn channels_count_a_third_each() {
    let (a, b) = (histogram(&[7, 9, 1, 7, 9, 1]), histogram(&[7, 9, 2, 8, 9, 2]));
    let coefficient = (0.5f64.sqrt() + 1.0 + 0.0) / 3.0;
    assert_close(bhattacharyya_coefficient(&a, &b), coefficient);
    assert_close(bhattacharyya(&a, &b), -coefficient.ln());
    assert_eq!(bhattacharyya(&a, &b), bhattacharyya(&b, &a));
}

/// Two overlapping uniform distributions: the coefficient is the overlap over the root of the widths' product.
#[test]
fn uniform_distributions_have_a_closed_form() {
    let uniform = |from: u8, to: u8| histogram(&(from..to).flat_map(|v| [v; 3]).collect::<Vec<_>>());
    let (a, b) = (uniform(0, 100), uniform(60, 200));
    assert_close(bhattacharyya(&a, &b), -(40.0 / (100.0f64 * 140.0).sqrt()).ln());
}

/// Two exponential distributions p(v) ~ s^v and q(v) ~ t^v, of 2^20 pixels each: sum sqrt(p q) is a geometric series.
#[test]
fn geometric_distributions_have_a_closed_form() {
    let geometric = |shrink: u32| {
        let pixels: Vec<u8> = (0..8u8).flat_map(|v| vec![v; 3 << (21 - shrink * u32::from(v))]).collect();
        histogram(&pixels)
    };
    let (a, b) = (geometric(1), geometric(2));
    let series = |ratio: f64| (1.0 - ratio.powi(8)) / (1.0 - ratio);
    let coefficient = series(0.125f64.sqrt()) / (series(0.5) * series(0.25)).sqrt();
    assert_close(bhattacharyya(&a, &b), -coefficient.ln());
}

#[test]
fn nothing_in_common_and_nothing_at_all() {
    let (black, white) = (histogram(&[0; 3]), histogram(&[255; 3]));
    assert_eq!(bhattacharyya_coefficient(&black, &white), Some(0.0));
    assert_eq!(bhattacharyya(&black, &white), Some(f64::INFINITY));
    assert_eq!(bhattacharyya(&black, &Histogram::new()), None);
    assert_eq!(bhattacharyya(&Histogram::default(), &black), None);
}

/// Half of red is 10 and half 30, green is plain, and blue has the four values about 100 evenly.
#[test]
fn deviations_are_those_of_the_pixels() {
    let deviations = histogram(&[10, 9, 97, 30, 9, 99, 10, 9, 101, 30, 9, 103]).deviations().expect("pixels");
    for (deviation, expected) in deviations.into_iter().zip([10.0, 0.0, 5f64.sqrt()]) {
        assert_close(Some(deviation), expected);
    }
    assert_eq!(Histogram::new().deviations(), None);
}

#[test]
fn a_histogram_survives_its_file() {
    let some = histogram(&[1, 2, 3, 1, 2, 255]);
    let json = serde_json::to_string(&some).expect("plain numbers");
    assert_eq!(serde_json::from_str::<Histogram>(&json).expect("as written"), some);
    let unequal = json.replacen("[0,2,", "[0,3,", 1);
    let error = serde_json::from_str::<Histogram>(&unequal).expect_err("red counts one pixel more");
    assert!(error.to_string().contains("equally many"), "{error}");
}
