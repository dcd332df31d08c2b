//! Reinhard's colour transfer against what defines it.

use restain_stain::{
    error::Error,
    reinhard::{Reinhard, Statistics, from_rgb, to_rgb},
};

fn statistics(rgb: &[u8]) -> Statistics {
    let mut statistics = Statistics::new();
    statistics.add(rgb);
    statistics
}

/// Pixels of this colour, each channel up to `spread` levels more.
fn around(colour: [u8; 3], spread: u32) -> Vec<u8> {
    (0..3000u32)
        .map(|i| colour[i as usize % 3] + (i.wrapping_mul(2_654_435_761) >> 16) as u8 % spread as u8)
        .collect()
}

fn fitted(target: &[u8], source: &[u8]) -> Reinhard {
    Reinhard::fit(&statistics(target), &statistics(source)).expect("pixels")
}

/// White and gray, by hand: the rows of the cones' matrix sum to 0.9996, 0.9993 and 0.9973.
#[test]
fn the_space_is_that_of_the_paper() {
    for level in [100u8, 255] {
        let [l, m, s] = [0.9996, 0.9993, 0.9973].map(|sum: f64| (sum * f64::from(level)).log10());
        let expected = [
            (l + m + s) * 0.577_350_269_189_625_8,
            (l + m - 2.0 * s) * 0.408_248_290_463_863,
            (l - m) * std::f64::consts::FRAC_1_SQRT_2,
        ];
        for (value, expected) in from_rgb([level; 3]).into_iter().zip(expected) {
            assert!((value - expected).abs() < 1e-12, "{value} for {expected}");
        }
    }
    let pure = from_rgb([200, 0, 0]);
    let expected = ((0.3811f64 * 200.0).log10() - (0.1967f64 * 200.0).log10()) / 2.0f64.sqrt();
    assert!((pure[2] - expected).abs() < 1e-12);
    assert!(from_rgb([0; 3]).iter().all(|&value| value == 0.0), "black counts as one level of each cone");
}

#[test]
fn there_and_back() {
    for pixel in [[10, 20, 30], [255, 255, 255], [200, 100, 50], [90, 3, 250]] {
        for (value, expected) in to_rgb(from_rgb(pixel)).into_iter().zip(pixel) {
            assert!((value - f64::from(expected)).abs() < 1e-9, "{value} for {expected}");
        }
    }
}

/// The space once more, of levels that need not be whole.
fn space(rgb: [f64; 3]) -> [f64; 3] {
    let cones = [[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]];
    let [l, m, s] = cones.map(|row| (row[0] * rgb[0] + row[1] * rgb[1] + row[2] * rgb[2]).log10());
    [(l + m + s) / 3f64.sqrt(), (l + m - 2.0 * s) / 6f64.sqrt(), (l - m) / 2f64.sqrt()]
}

fn mean_and_deviation(colours: &[[f64; 3]], c: usize) -> (f64, f64) {
    let n = colours.len() as f64;
    let mean = colours.iter().map(|colour| colour[c]).sum::<f64>() / n;
    let variance = colours.iter().map(|colour| (colour[c] - mean).powi(2)).sum::<f64>() / n;
    (mean, variance.sqrt())
}

/// Before rounding exactly, after it nearly: the target's pixels have the source's means and deviations.
#[test]
fn means_and_deviations_become_the_sources() {
    let (target, source) = (around([150, 120, 160], 70), around([130, 90, 110], 60));
    let reinhard = fitted(&target, &source);
    let pixels = |rgb: &[u8]| rgb.as_chunks::<3>().0.to_vec();
    let of_source: Vec<[f64; 3]> = pixels(&source).iter().map(|pixel| space(pixel.map(f64::from))).collect();
    let exact: Vec<[f64; 3]> = pixels(&target).iter().map(|&pixel| space(reinhard.colour(pixel))).collect();
    let mut rgb = target;
    reinhard.apply(&mut rgb);
    assert!(!rgb.contains(&0) && !rgb.contains(&255), "nothing is clipped");
    let rounded: Vec<[f64; 3]> = pixels(&rgb).iter().map(|pixel| space(pixel.map(f64::from))).collect();
    for c in 0..3 {
        let expected = mean_and_deviation(&of_source, c);
        for (colours, within) in [(&exact, 1e-12), (&rounded, 1e-3)] {
            let found = mean_and_deviation(colours, c);
            assert!((found.0 - expected.0).abs() < within, "{found:?} for {expected:?}");
            assert!((found.1 - expected.1).abs() < within, "{found:?} for {expected:?}");
        }
    }
}

#[test]
fn a_domain_onto_itself_is_the_identity() {
    let rgb = around([100, 120, 90], 100);
    let mut same = rgb.clone();
    fitted(&rgb, &rgb).apply(&mut same);
    assert_eq!(same, rgb);
}

#[test]
fn statistics_in_pieces() {
    let rgb = around([100, 120, 90], 100);
    let mut pieces = Statistics::default();
    rgb.chunks(300).for_each(|piece| pieces.merge(&statistics(piece)));
    let (mean, deviation) = pieces.mean_and_deviation().expect("pixels");
    let (all_mean, all_deviation) = statistics(&rgb).mean_and_deviation().expect("pixels");
    for c in 0..3 {
        assert!((mean[c] - all_mean[c]).abs() < 1e-12 && (deviation[c] - all_deviation[c]).abs() < 1e-12);
    }
}

/// A plain target has no deviation to scale.
#[test]
fn a_plain_target_gets_the_mean() {
    let mut rgb = [90, 120, 30].repeat(50);
    let plain = rgb.clone();
    fitted(&plain, &[200, 180, 170].repeat(10)).apply(&mut rgb);
    assert_eq!(rgb, [200, 180, 170].repeat(50));
}

#[test]
fn what_is_fitted_survives_its_file_and_nothing_cannot_be_fitted() {
    let reinhard = fitted(&around([150, 120, 160], 70), &around([130, 90, 110], 60));
    let json = serde_json::to_string(&reinhard).expect("plain numbers");
    let read: Reinhard = serde_json::from_str(&json).expect("as written");
    for (value, expected) in read.colour([160, 130, 190]).into_iter().zip(reinhard.colour([160, 130, 190])) {
        assert!((value - expected).abs() < 1e-9);
    }
    let some = statistics(&[1, 2, 3]);
    assert_eq!(Reinhard::fit(&Statistics::new(), &some), Err(Error::NoPixels("target")));
    assert_eq!(Reinhard::fit(&some, &Statistics::new()), Err(Error::NoPixels("source")));
}
