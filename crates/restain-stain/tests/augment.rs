//! The colour augmentations against closed forms.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use restain_stain::{
    augment::{HsvChange, HsvRanges, PcaNoise},
    error::Error,
    gaussian::Gaussian,
};

const NO_CHANGE: HsvChange = HsvChange { hue: 0.0, saturation: [1.0, 0.0], value: [1.0, 0.0] };

fn changed(change: HsvChange, mut rgb: [u8; 3]) -> [u8; 3] {
    change.apply(&mut rgb);
    rgb
}

/// Training colours with the covariance diag(400, 100, 25) times the square of `scale`, turned about blue by the angle of
/// 3, 4, 5.
fn colours(scale: f64) -> Gaussian {
    let mut gaussian = Gaussian::new(3);
    for (a, b, c) in (0..8).map(|i| (i & 1, i >> 1 & 1, i >> 2)) {
        let [a, b, c] =
            [(a, 40.0), (b, 20.0), (c, 10.0)].map(|(bit, apart)| scale * (f64::from(bit) - 0.5) * apart);
        gaussian.add(&[120.0 + 0.8 * a - 0.6 * b, 120.0 + 0.6 * a + 0.8 * b, 120.0 + c]);
    }
    gaussian
}

/// The covariance of what is drawn is 0.01 P L^2 P^T: components are scaled by the eigenvalue, not its root, in
/// the unit 0..=1, and then brought to levels.
#[test]
fn noise_lies_along_the_components() {
    let noise = PcaNoise::fit(&colours(4.0)).expect("colours");
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut drawn = Gaussian::new(3);
    (0..40_000).for_each(|_| drawn.add(&noise.draw(&mut rng)));
    let [large, middle, small] =
        [400.0f64, 100.0, 25.0].map(|eigenvalue| 0.01 * (16.0 * eigenvalue / 255.0).powi(2));
    let expected = [
        0.64 * large + 0.36 * middle,
        0.48 * (large - middle),
        0.0,
        0.48 * (large - middle),
        0.36 * large + 0.64 * middle,
        0.0,
        0.0,
        0.0,
        small,
    ];
    // Five standard errors of a covariance: sqrt(2 / n) of the variances.
    for (i, (value, expected)) in drawn.covariance().expect("drawn").into_iter().zip(expected).enumerate() {
        let error = 5.0 * (2.0f64 / 40_000.0).sqrt() * if i % 4 == 0 { expected } else { large };
        assert!((value - expected).abs() < error, "{i}: {value} for {expected}");
    }
    assert!(drawn.mean().iter().all(|mean| mean.abs() < 5.0 * (large / 40_000.0).sqrt()));
}

#[test]
fn one_colour_is_added_to_the_whole_picture() {
    let noise = PcaNoise::fit(&colours(4.0)).expect("colours");
    let colour = noise.draw(&mut ChaCha8Rng::seed_from_u64(3));
    let mut rgb = [128, 128, 128, 60, 70, 80, 0, 255, 0];
    noise.apply(&mut rgb, &mut ChaCha8Rng::seed_from_u64(3));
    for (value, (level, more)) in rgb
        .into_iter()
        .zip([128.0, 128.0, 128.0, 60.0, 70.0, 80.0, 0.0, 255.0, 0.0].iter().zip(colour.iter().cycle()))
    {
        assert!((f64::from(value) - (level + more).clamp(0.0, 255.0)).abs() <= 0.5);
    }
    assert_ne!(rgb[..3], [128; 3]);
}

#[test]
fn noise_survives_its_file_and_needs_colours() {
    let noise = PcaNoise::fit(&colours(4.0)).expect("colours");
    let json = serde_json::to_string(&noise).expect("plain numbers");
    assert!(serde_json::from_str::<PcaNoise>(&json).is_ok());
    assert_eq!(PcaNoise::fit(&Gaussian::new(3)), Err(Error::NoPixels("training set")));
}

#[test]
fn no_change_is_the_identity() {
    for r in (0..=255).step_by(5) {
        for g in (0..=255).step_by(3) {
            for b in (0..=255).step_by(15) {
                assert_eq!(changed(NO_CHANGE, [r, g, b]), [r, g, b]);
            }
        }
    }
}

#[test]
fn hue_saturation_and_value_by_hand() {
    let hue = |hue| HsvChange { hue, ..NO_CHANGE };
    assert_eq!(changed(hue(60.0), [200, 50, 50]), [200, 200, 50]);
    assert_eq!(changed(hue(-120.0), [200, 50, 80]), [50, 80, 200]);
    assert_eq!(changed(hue(30.0), [255, 0, 0]), [255, 128, 0]);
    let saturation = |saturation| HsvChange { saturation, ..NO_CHANGE };
    assert_eq!(changed(saturation([0.5, 0.0]), [200, 100, 150]), [200, 150, 175]);
    assert_eq!(changed(saturation([1.0, 0.25]), [200, 100, 150]), [200, 50, 125]);
    assert_eq!(changed(saturation([1.0, 1.0]), [200, 100, 150]), [200, 0, 100], "clipped");
    assert_eq!(changed(saturation([1.0, 0.5]), [99, 99, 99]), [99, 99, 99], "gray stays gray");
    let value = |value| HsvChange { value, ..NO_CHANGE };
    assert_eq!(changed(value([0.5, 0.0]), [200, 100, 50]), [100, 50, 25]);
    assert_eq!(changed(value([1.0, 0.2]), [153, 102, 51]), [204, 136, 68]);
    assert_eq!(changed(value([3.0, 0.0]), [100, 50, 0]), [255, 128, 0], "clipped");
}

#[test]
fn draws_fill_their_ranges_and_do_not_leave_them() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let ranges = HsvRanges::default();
    let drawn: Vec<HsvChange> = (0..2000).map(|_| ranges.draw(&mut rng)).collect();
    let fills = |of: fn(&HsvChange) -> f64, middle: f64, range: f64| {
        let values: Vec<f64> = drawn.iter().map(|change| of(change) - middle).collect();
        let mean = values.iter().sum::<f64>() / 2000.0;
        let largest = values.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
        assert!(largest <= range && largest > 0.98 * range && mean.abs() < 0.08 * range, "{largest}, {mean}");
    };
    fills(|change| change.hue, 0.0, 10.0);
    fills(|change| change.saturation[0], 1.0, 0.3);
    fills(|change| change.saturation[1], 0.0, 0.1);
    fills(|change| change.value[0], 1.0, 0.3);
    fills(|change| change.value[1], 0.0, 0.1);
    assert_eq!(HsvRanges { hue: 0.0, scale: 0.0, shift: 0.0 }.draw(&mut rng), NO_CHANGE);
}
