//! The Fréchet distance against closed forms.

use restain_stain::{gaussian::Gaussian, lab, metrics::frechet};

fn fitted(vectors: &[Vec<f64>]) -> Gaussian {
    let mut gaussian = Gaussian::new(vectors[0].len());
    for vector in vectors {
        gaussian.add(vector);
    }
    gaussian
}

/// Vectors about `mean` of which each component has its own deviation and no correlation, laid on other axes.
fn cloud(mean: &[f64], deviations: &[f64], axes: &[Vec<f64>]) -> Gaussian {
    let n = mean.len() as f64;
    let ends = |k: usize| [1.0, -1.0].map(|sign| sign * n.sqrt() * deviations[k]);
    let vectors = (0..mean.len()).flat_map(|k| {
        ends(k).map(|length| mean.iter().zip(&axes[k]).map(|(mean, axis)| mean + length * axis).collect())
    });
    fitted(&vectors.collect::<Vec<_>>())
}

/// The axes of the discrete sine transform, which are at right angles.
fn sines(n: usize) -> Vec<Vec<f64>> {
    let size = (n + 1) as f64;
    let sine = |i: usize, k: usize| {
        (2.0 / size).sqrt() * (std::f64::consts::PI * ((i + 1) * (k + 1)) as f64 / size).sin()
    };
    (0..n).map(|k| (0..n).map(|i| sine(i, k)).collect()).collect()
}

fn assert_close(a: &Gaussian, b: &Gaussian, expected: f64) {
    for (a, b) in [(a, b), (b, a)] {
        let distance = frechet(a, b).expect("vectors");
        assert!((distance - expected).abs() < 1e-9 * expected.max(1.0), "{distance} for {expected}");
    }
}

/// On the same axes: the squared differences of the means and of the deviations.
#[test]
fn distributions_on_the_same_axes() {
    for n in [1, 2, 7, 40] {
        let axes = sines(n);
        let numbers = |seed: usize| (0..n).map(|i| (i * 7919 + seed) as f64 % 11.0 + 0.5).collect::<Vec<_>>();
        let (m, v, s, t) = (numbers(1), numbers(5), numbers(2), numbers(8));
        let squares = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        let expected = squares(&m, &v) + squares(&s, &t);
        assert_close(&cloud(&m, &s, &axes), &cloud(&v, &t, &axes), expected);
    }
}

/// In the plane, a root has the trace (tr C1 C2 + 2 (det C1 C2)^(1/2))^(1/2).
#[test]
fn distributions_on_other_axes() {
    let turned = |angle: f64| vec![vec![angle.cos(), angle.sin()], vec![-angle.sin(), angle.cos()]];
    let (a, b) =
        (cloud(&[0.0, 0.0], &[3.0, 1.0], &turned(0.3)), cloud(&[0.0, 0.0], &[5.0, 0.5], &turned(1.4)));
    let (c, d) = (a.covariance().expect("vectors"), b.covariance().expect("vectors"));
    let trace = c[0] * d[0] + c[1] * d[2] + c[2] * d[1] + c[3] * d[3];
    let root = (trace + 2.0 * 3.0 * 1.0 * 5.0 * 0.5).sqrt();
    assert_close(&a, &b, 9.0 + 1.0 + 25.0 + 0.25 - 2.0 * root);
}

/// Fewer vectors than dimensions leave a singular covariance, and lines at right angles have a root of 0.
#[test]
fn singular_covariances() {
    let line = |axis: usize| {
        let vector = |length: f64| (0..6).map(|i| if i == axis { length } else { 0.0 }).collect::<Vec<_>>();
        fitted(&[vector(2.0), vector(-2.0)])
    };
    assert_close(&line(1), &line(4), 8.0);
    assert_close(&line(1), &line(1), 0.0);
    assert_close(&fitted(&[vec![1.0, 2.0]]), &fitted(&[vec![4.0, 6.0]]), 25.0);
    assert_eq!(frechet(&Gaussian::new(2), &fitted(&[vec![1.0, 2.0]])), None);
    assert_eq!(frechet(&fitted(&[vec![1.0, 2.0]]), &Gaussian::new(2)), None);
}

/// Of colours: a shift of all pixels is a distance of means alone, in RGB; in CIELAB the mean is that of the pixels.
#[test]
fn of_colours() {
    let rgb: Vec<u8> = (0..3000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 25) as u8).collect();
    let shifted: Vec<u8> =
        rgb.as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [r + 2, g + 3, b + 6]).collect();
    let fit = |add: fn(&mut Gaussian, &[u8]), rgb: &[u8]| {
        let mut gaussian = Gaussian::new(3);
        add(&mut gaussian, rgb);
        gaussian
    };
    assert_close(&fit(Gaussian::add_rgb, &rgb), &fit(Gaussian::add_rgb, &shifted), 49.0);
    let (one, other) = (lab::from_srgb([10, 20, 30]), lab::from_srgb([200, 90, 40]));
    let expected = one.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum();
    assert_close(&fit(Gaussian::add_lab, &[10, 20, 30]), &fit(Gaussian::add_lab, &[200, 90, 40]), expected);
}
