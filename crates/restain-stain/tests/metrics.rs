//! The metrics against published implementations, slow obvious ones and closed forms.

use proptest::prelude::*;
use restain_stain::metrics::{Difference, Ssim};

/// Two interleaved RGB images of the same size.
struct Pair {
    width: usize,
    a: Vec<u8>,
    b: Vec<u8>,
}

const WIDTH: i32 = 40;
const HEIGHT: i32 = 30;

fn image(pixel: impl Fn(i32, i32) -> [i32; 3]) -> Vec<u8> {
    (0..HEIGHT)
        .flat_map(|y| (0..WIDTH).map(move |x| (x, y)))
        .flat_map(|(x, y)| pixel(x, y).map(|v| v as u8))
        .collect()
}

fn noisy(x: i32, y: i32) -> [i32; 3] {
    [(7 * x + 13 * y) % 256, (x * x + y) % 256, x * y % 256]
}

/// A little noise; an image and its mirror image; a gradient and a lighter one of another hue.
fn pairs() -> [Pair; 3] {
    let little = |x: i32, y: i32| noisy(x, y).map(|v| (v + (5 * x + 3 * y) % 23 - 11).clamp(0, 255));
    [
        Pair { width: 40, a: image(noisy), b: image(little) },
        Pair { width: 40, a: image(noisy), b: image(|x, y| noisy(WIDTH - 1 - x, y)) },
        Pair { width: 40, a: image(|x, _| [3 * x; 3]), b: image(|x, _| [3 * x + 40, 3 * x + 20, 2 * x]) },
    ]
}

fn ssim(pair: &Pair) -> f64 {
    let mut ssim = Ssim::new(pair.width);
    ssim.push_rows(&pair.a, &pair.b);
    ssim.mean().expect("a window fits")
}

fn difference(a: &[u8], b: &[u8]) -> Difference {
    let mut difference = Difference::new();
    difference.add(a, b);
    difference
}

fn assert_close(value: f64, expected: f64) {
    assert!((value - expected).abs() < 1e-12 * expected.abs().max(1.0), "{value} for {expected}");
}

/// The values that scikit-image 0.26.0 prints for these images, each as numpy array `a` and `b` of [30, 40, 3]:
///
/// ```python
/// luma = lambda image: image.astype(float) @ [0.299, 0.587, 0.114]
/// structural_similarity(luma(a), luma(b), data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
/// peak_signal_noise_ratio(a, b)
/// ```
#[test]
fn the_values_of_scikit_image() {
    let expected = [
        (0.980_149_153_818_423, 31.841_524_454_676_35),
        (-0.009_696_094_232_490_722, 7.833_007_123_482_957_5),
        (0.919_687_700_701_489_9, 18.899_227_260_234_788),
    ];
    for (pair, (similarity, psnr)) in pairs().iter().zip(expected) {
        assert_close(ssim(pair), similarity);
        assert_close(difference(&pair.a, &pair.b).psnr().expect("pixels"), psnr);
    }
}

/// Wang et al., equation 13, window by window in two dimensions, with means and central moments in two passes.
fn slow_ssim(pair: &Pair) -> f64 {
    let gray = |rgb: &[u8]| -> Vec<f64> {
        rgb.chunks(3)
            .map(|p| 0.299 * f64::from(p[0]) + 0.587 * f64::from(p[1]) + 0.114 * f64::from(p[2]))
            .collect()
    };
    let (a, b) = (gray(&pair.a), gray(&pair.b));
    let height = a.len() / pair.width;
    let bell = |i: usize, j: usize| {
        let (dx, dy) = (i as f64 - 5.0, j as f64 - 5.0);
        (-(dx * dx + dy * dy) / 4.5).exp()
    };
    let places = || (0..11).flat_map(|j| (0..11).map(move |i| (i, j)));
    let total: f64 = places().map(|(i, j)| bell(i, j)).sum();
    let (mut sum, mut windows) = (0.0, 0);
    for y in 0..=height - 11 {
        for x in 0..=pair.width - 11 {
            let mean = |value: &dyn Fn(usize) -> f64| -> f64 {
                places().map(|(i, j)| bell(i, j) / total * value((y + j) * pair.width + x + i)).sum()
            };
            let (mean_a, mean_b) = (mean(&|i| a[i]), mean(&|i| b[i]));
            let variance_a = mean(&|i| (a[i] - mean_a) * (a[i] - mean_a));
            let variance_b = mean(&|i| (b[i] - mean_b) * (b[i] - mean_b));
            let covariance = mean(&|i| (a[i] - mean_a) * (b[i] - mean_b));
            let (c1, c2) = (6.5025, 58.5225);
            sum += (2.0 * mean_a * mean_b + c1) * (2.0 * covariance + c2)
                / ((mean_a * mean_a + mean_b * mean_b + c1) * (variance_a + variance_b + c2));
            windows += 1;
        }
    }
    sum / f64::from(windows)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn ssim_is_what_the_definition_says_in_any_pieces(
        (width, height) in (11usize..40, 11usize..40),
        seed: u32,
        contrast in 1u32..256,
        cuts in prop::collection::vec(1usize..25, 40),
    ) {
        let image = |salt: u32| -> Vec<u8> {
            let noise = |i: u32| (i ^ seed).wrapping_mul(2_654_435_761).wrapping_add(salt).wrapping_mul(i | 1);
            (0..(3 * width * height) as u32).map(|i| ((noise(i) >> 16) % contrast) as u8).collect()
        };
        let pair = Pair { width, a: image(0), b: image(seed) };
        let whole = ssim(&pair);
        prop_assert!((whole - slow_ssim(&pair)).abs() < 1e-9, "{} for {}", whole, slow_ssim(&pair));
        let mut pieces = Ssim::new(width);
        let mut at = 0;
        for cut in cuts {
            let end = (at + 3 * width * cut).min(pair.a.len());
            pieces.push_rows(&pair.a[at..end], &pair.b[at..end]);
            at = end;
        }
        prop_assert_eq!(pieces.mean(), Some(whole));
    }

    #[test]
    fn differences_are_what_the_definition_says_in_any_pieces(
        pixels in prop::collection::vec((any::<[u8; 3]>(), any::<[u8; 3]>(), any::<bool>()), 1..200),
        cut in 0usize..200,
    ) {
        let a: Vec<u8> = pixels.iter().flat_map(|pixel| pixel.0).collect();
        let b: Vec<u8> = pixels.iter().flat_map(|pixel| if pixel.2 { pixel.0 } else { pixel.1 }).collect();
        let distances: Vec<f64> = a.iter().zip(&b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).abs()).collect();
        let mean = distances.iter().sum::<f64>() / a.len() as f64;
        let mse = distances.iter().map(|d| d * d).sum::<f64>() / a.len() as f64;
        let differing = distances.chunks(3).filter(|pixel| pixel.iter().any(|&d| d > 0.0)).count();
        let difference = difference(&a, &b);
        prop_assert_eq!(difference.pixels(), pixels.len() as u64);
        prop_assert!((f64::from(difference.largest()) - distances.iter().copied().fold(0.0, f64::max)).abs() < 0.5);
        prop_assert!((difference.mean().expect("pixels") - mean).abs() < 1e-9);
        prop_assert_eq!(difference.share(), Some(differing as f64 / pixels.len() as f64));
        let share_of_peak = 10f64.powf(difference.psnr().expect("pixels") / -10.0);
        prop_assert!((share_of_peak - mse / 65025.0).abs() < 1e-12);
        let cut = 3 * cut.min(pixels.len());
        let mut halves = Difference::new();
        halves.add(&a[cut..], &b[cut..]);
        let mut first = Difference::new();
        first.add(&a[..cut], &b[..cut]);
        halves.merge(&first);
        prop_assert_eq!(halves, difference);
    }
}

#[test]
fn long_rows_of_the_largest_difference_do_not_overflow() {
    let difference = difference(&vec![0; 300_000], &vec![255; 300_000]);
    assert_eq!((difference.largest(), difference.mean(), difference.share()), (255, Some(255.0), Some(1.0)));
    assert_eq!(difference.psnr(), Some(0.0));
}

#[test]
fn equal_images_and_no_images() {
    let [pair, ..] = pairs();
    let equal = difference(&pair.a, &pair.a);
    assert_eq!((equal.largest(), equal.mean(), equal.share()), (0, Some(0.0), Some(0.0)));
    assert_eq!(equal.psnr(), Some(f64::INFINITY));
    assert_close(ssim(&Pair { b: pair.a.clone(), ..pair }), 1.0);
    let none = Difference::new();
    assert_eq!((none.mean(), none.share(), none.psnr()), (None, None, None));
    for (width, height) in [(10, 50), (50, 10), (11, 0)] {
        let mut small = Ssim::new(width);
        small.push_rows(&vec![1; 3 * width * height], &vec![2; 3 * width * height]);
        assert_eq!(small.mean(), None, "{width} x {height} holds no window");
    }
}

/// Flat images have no variance: what is left of the formula is its first factor.
#[test]
fn ssim_of_flat_images_has_a_closed_form() {
    let flat = |v: u8| vec![v; 3 * 600 * 12];
    let pair = Pair { width: 600, a: flat(100), b: flat(150) };
    assert_close(ssim(&pair), (2.0 * 100.0 * 150.0 + 6.5025) / (100.0 * 100.0 + 150.0 * 150.0 + 6.5025));
}
