//! The second scanner: each parameter alone against its closed form.

use proptest::prelude::*;
use restain_stain::scanner::{Illumination, Kind, Scanner, Sharpening, Shift, Strength, Zones};

const WIDTH: usize = 61;
const HEIGHT: usize = 47;

/// A scanner that changes nothing.
fn none() -> Scanner {
    Scanner::new(Kind::Full, 0.0, 1)
}

fn scanned(scanner: &Scanner, rgb: &[u8]) -> Vec<u8> {
    let mut rgb = rgb.to_vec();
    scanner.scan(&mut rgb, WIDTH, 0);
    rgb
}

fn plain(pixel: [u8; 3]) -> Vec<u8> {
    pixel.repeat(WIDTH * HEIGHT)
}

fn picture(pixel: impl Fn(usize, usize) -> [u8; 3]) -> Vec<u8> {
    (0..WIDTH * HEIGHT).flat_map(|i| pixel(i % WIDTH, i / WIDTH)).collect()
}

/// Pixels of any colour.
fn noisy() -> Vec<u8> {
    (0..(3 * WIDTH * HEIGHT) as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn level(value: f64) -> u8 {
    (255.0 * value).round().clamp(0.0, 255.0) as u8
}

/// The light through these amounts of the scanner's dyes, in 0..=1.
fn light(scanner: &Scanner, amounts: [f64; 2]) -> [f64; 3] {
    let [a, b] = scanner.dyes.vectors;
    std::array::from_fn(|c| 10.0f64.powf(-(amounts[0] * a[c] + amounts[1] * b[c])))
}

fn assert_near(rgb: &[u8], expected: [f64; 3], within: f64) {
    for (value, expected) in rgb.iter().zip(expected.iter().cycle()) {
        assert!((f64::from(*value) - 255.0 * expected).abs() <= within, "{value} for {}", 255.0 * expected);
    }
}

#[test]
fn strength_0_changes_no_byte() {
    for kind in [Kind::Global, Kind::Full] {
        assert_eq!(scanned(&Scanner::new(kind, 0.0, 3), &noisy()), noisy());
    }
}

#[test]
fn the_same_bytes_for_any_number_of_threads() {
    let scanner = Scanner::new(Kind::Full, 2.0, 11);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| scanned(&scanner, &noisy()))
    };
    assert_eq!(with(1), with(7));
    assert_ne!(with(1), scanned(&Scanner { seed: 12, ..scanner.clone() }, &noisy()));
    let mut other = noisy();
    scanner.scan(&mut other, WIDTH, 1);
    assert_ne!(with(1), other, "each picture has its own noise");
}

/// Beer and Lambert: the amounts of the dyes times their strengths.
#[test]
fn dyes_are_rescaled_in_optical_density() {
    let mut scanner = none();
    scanner.dyes.strength = [0.7, 1.5];
    for amounts in [[0.2, 0.1], [0.0, 0.4], [0.5, 0.0]] {
        let scaled = light(&scanner, [0.7 * amounts[0], 1.5 * amounts[1]]);
        for (value, expected) in scanner.colour(light(&scanner, amounts)).into_iter().zip(scaled) {
            assert!((value - expected).abs() < 1e-12, "{value} for {expected}");
        }
        let pixel = light(&scanner, amounts).map(level);
        assert_near(&scanned(&scanner, &plain(pixel)), scaled, 1.5);
    }
    assert_eq!(scanned(&scanner, &plain([255; 3])), plain([255; 3]), "no dye, no change");
    assert_eq!(scanned(&scanner, &plain([0; 3])), plain([0; 3]));
}

/// A density at right angles to both dyes is neither's, and stays.
#[test]
fn what_the_dyes_leave_over_is_kept() {
    let mut scanner = none();
    let [a, b] = scanner.dyes.vectors;
    let normal = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
    let over = normal.map(|density| 10.0f64.powf(-0.3 * density));
    scanner.dyes.strength = [0.5, 3.0];
    for c in 0..3 {
        let both: [f64; 3] = std::array::from_fn(|c| over[c] * light(&scanner, [0.2, 0.1])[c]);
        let expected = over[c] * light(&scanner, [0.1, 0.3])[c];
        assert!((scanner.colour(both)[c] - expected).abs() < 1e-12);
        assert!((scanner.colour(over)[c] - over[c]).abs() < 1e-12);
    }
}

#[test]
fn camera_white_balance_and_gamma() {
    let rgb = plain([200, 100, 50]);
    let camera = Scanner { camera: [[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 1.0]], ..none() };
    assert_eq!(scanned(&camera, &rgb), plain([150, 100, 0]), "and what is below 0 is clipped");
    let balance = Scanner { white_balance: [0.5, 2.0, 6.0], ..none() };
    assert_eq!(scanned(&balance, &rgb), plain([100, 200, 255]));
    let gamma = Scanner { gamma: 2.0, ..none() };
    assert_eq!(scanned(&gamma, &rgb), plain([200u32, 100, 50].map(|v| level(f64::from(v * v) / 65025.0))));
    // The camera is before the balance, and both before gamma.
    let all = Scanner { white_balance: [0.5, 2.0, 6.0], gamma: 2.0, ..camera };
    assert_eq!(
        scanned(&all, &rgb),
        plain([level((75.0f64 / 255.0).powi(2)), level((200.0f64 / 255.0).powi(2)), 0])
    );
}

#[test]
fn illumination_is_a_polynomial_of_the_place() {
    let scanner = Scanner { illumination: Illumination([-0.1, -0.2, -0.05, 0.03, -0.15]), ..none() };
    let rgb = scanned(&scanner, &plain([200; 3]));
    for (x, y) in [(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0), (0.0, 0.0), (0.5, 0.0)] {
        let (column, row) = ((x + 1.0) * 30.0, (y + 1.0) * 23.0);
        let gain: f64 = 1.0 - 0.1 * x - 0.2 * y - 0.05 * x * x + 0.03 * x * y - 0.15 * y * y;
        let pixel = 3 * (row as usize * WIDTH + column as usize);
        assert_eq!(rgb[pixel..pixel + 3], [level(200.0 / 255.0 * gain); 3], "at {x} {y}");
    }
    let mut one = [100; 3];
    scanner.scan(&mut one, 1, 0);
    assert_eq!(one, [100; 3], "a single pixel is in the middle");
}

/// A bright dot becomes the Gaussian itself, whose values are known; a plain picture and a slope stay.
#[test]
fn blur_is_a_gaussian() {
    let sigma = 1.7;
    let scanner = Scanner { blur: sigma, ..none() };
    let dot = picture(|x, y| if (x, y) == (30, 20) { [255; 3] } else { [0; 3] });
    let rgb = scanned(&scanner, &dot);
    for (dx, dy) in [(0, 0), (1, 0), (0, 1), (2, 1), (3, 3)] {
        let squared = f64::from(dx * dx + dy * dy);
        let density = (-squared / (2.0 * sigma * sigma)).exp() / (std::f64::consts::TAU * sigma * sigma);
        let at = |x: i32, y: i32| f64::from(rgb[3 * (y as usize * WIDTH + x as usize)]);
        for (sx, sy) in [(1, 1), (-1, 1), (1, -1), (-1, -1)] {
            assert!((at(30 + sx * dx, 20 + sy * dy) - 255.0 * density).abs() < 0.51, "at {dx} {dy}");
        }
    }
    assert_eq!(scanned(&scanner, &plain([7, 80, 255])), plain([7, 80, 255]));
    let slope = picture(|x, y| [(3 * x) as u8, (4 * y) as u8, (2 * x + y) as u8]);
    let rgb = scanned(&scanner, &slope);
    for y in 8..HEIGHT - 8 {
        let row = 3 * (y * WIDTH + 8)..3 * (y * WIDTH + WIDTH - 8);
        assert_eq!(rgb[row.clone()], slope[row]);
    }
}

/// The mean and the deviation of the noise, each to within 5 of its own standard errors, and no two values alike.
#[test]
fn noise_is_normal_and_independent() {
    let sigma = 9.0;
    let rgb = scanned(&Scanner { noise: sigma, ..none() }, &plain([120; 3]));
    let n = rgb.len() as f64;
    let deviations: Vec<f64> = rgb.iter().map(|&v| f64::from(v) - 120.0).collect();
    let mean = deviations.iter().sum::<f64>() / n;
    assert!(mean.abs() < 5.0 * sigma / n.sqrt(), "mean {mean}");
    let variance = deviations.iter().map(|d| d * d).sum::<f64>() / n;
    // Rounding adds 1/12.
    let expected = sigma * sigma + 1.0 / 12.0;
    assert!((variance - expected).abs() < 5.0 * expected * (2.0 / n).sqrt(), "variance {variance}");
    for lag in [1, 3, 3 * WIDTH] {
        let product = deviations.iter().zip(&deviations[lag..]).map(|(a, b)| a * b).sum::<f64>() / n;
        assert!(product.abs() < 5.0 * expected / n.sqrt(), "lag {lag}: {product}");
    }
}

/// Far from an edge nothing happens; beside it, a pixel moves by amount * (pixel - mean), the mean over a step being
/// known from the Gaussian's sum.
#[test]
fn sharpening_moves_away_from_the_mean() {
    let (amount, sigma) = (0.8, 1.0);
    let scanner = Scanner { sharpening: Sharpening { amount, sigma }, ..none() };
    let rgb = scanned(&scanner, &picture(|x, _| if x < 30 { [80; 3] } else { [160; 3] }));
    let weight = |i: i32| (-f64::from(i * i) / (2.0 * sigma * sigma)).exp();
    let sum: f64 = (-4..=4).map(weight).sum();
    for x in [20, 28, 29, 30, 31, 40] {
        let bright: f64 = (-4..=4).filter(|i| x + i >= 30).map(weight).sum::<f64>() / sum;
        let (value, mean) = (if x < 30 { 80.0 } else { 160.0 }, 80.0 + 80.0 * bright);
        let expected = value + amount * (value - mean);
        let found = f64::from(rgb[3 * (10 * WIDTH + x as usize)]);
        assert!((found - expected).abs() < 0.51, "at {x}: {found} for {expected}");
    }
}

/// A plain picture lies wholly in one part of the cell, and only that part's shift is on it.
#[test]
fn zones_shift_their_own_dyes() {
    let shift = |pink, teal| Shift { strength: [pink, teal], offset: [0.02, 0.03] };
    let zones = Zones {
        sigma: 2.0,
        background: shift(3.0, 4.0),
        cytoplasm: shift(0.8, 1.3),
        nucleus: shift(1.2, 0.6),
    };
    let scanner = Scanner { zones, ..none() };
    for (amounts, [pink, teal]) in
        [([0.02, 0.02], [3.0, 4.0]), ([0.2, 0.2], [0.8, 1.3]), ([0.7, 0.8], [1.2, 0.6])]
    {
        let pixel = light(&scanner, amounts).map(level);
        let expected = light(&scanner, [pink * amounts[0] + 0.02, teal * amounts[1] + 0.03]);
        assert_near(&scanned(&scanner, &plain(pixel)), expected, 3.0);
    }
}

/// The same colour in a nucleus and alone in the cytoplasm becomes two colours: no map of colours undoes that.
#[test]
fn zones_depend_on_the_neighbours() {
    let zones =
        Zones { sigma: 3.0, nucleus: Shift { strength: [0.5, 1.5], offset: [0.0; 2] }, ..Zones::NONE };
    let scanner = Scanner { zones, ..none() };
    let (dark, pale) = (light(&scanner, [0.7, 0.8]).map(level), light(&scanner, [0.2, 0.2]).map(level));
    let rgb = scanned(&scanner, &picture(|x, y| if x < 25 || (x, y) == (50, 23) { dark } else { pale }));
    let at = |x: usize| &rgb[3 * (23 * WIDTH + x)..][..3];
    assert_eq!(at(50), dark, "a single dark pixel is no nucleus");
    assert_ne!(at(5), dark);
    assert_eq!(at(45), pale);
}

proptest! {
    #[test]
    fn a_global_scanner_is_undone_by_its_inverse(
        colour in [0.05..1.0f64, 0.05..1.0, 0.05..1.0],
        strength in 0.0..2.0f64,
    ) {
        let scanner = Scanner::new(Kind::Global, strength, 0);
        let there = scanner.colour(colour);
        // What a camera makes negative is lost.
        prop_assume!(there.iter().all(|&v| v > 1e-6));
        for (value, expected) in scanner.undo(there).expect("an inverse").into_iter().zip(colour) {
            prop_assert!((value - expected).abs() < 1e-9, "{value} for {expected}");
        }
    }
}

/// In bytes, half a level of rounding comes back as at most two, the steepest that the strong inverse is here.
#[test]
fn rounding_is_all_that_a_global_scanner_loses() {
    let rgb = picture(|x, y| [(150 + x) as u8, (120 + 2 * y) as u8, (130 + x + y) as u8]);
    for strength in [Strength::Mild, Strength::Medium, Strength::Strong] {
        let scanner = Scanner::new(Kind::Global, strength.factor(), 0);
        let there = scanned(&scanner, &rgb);
        assert_ne!(there, rgb);
        for (pixel, there) in rgb.chunks(3).zip(there.chunks(3)) {
            let colour = [there[0], there[1], there[2]].map(|v| f64::from(v) / 255.0);
            let undone = scanner.undo(colour).expect("an inverse");
            for (value, &expected) in undone.into_iter().zip(pixel) {
                assert!(
                    (255.0 * value - f64::from(expected)).abs() < 2.0,
                    "{} for {expected}",
                    255.0 * value
                );
            }
        }
    }
}

#[test]
fn what_has_no_inverse_is_not_undone() {
    let flat = Scanner { camera: [[1.0, 0.0, 0.0]; 3], ..none() };
    assert_eq!(flat.undo([0.5; 3]), None);
    let dark = Scanner { white_balance: [1.0, 0.0, 1.0], ..none() };
    assert_eq!(dark.undo([0.5; 3]), None);
}

#[test]
fn names_and_files() {
    let global = Scanner::new(Kind::Global, Strength::Strong.factor(), 5);
    assert_eq!((&global.zones, global.blur, global.noise), (&Zones::NONE, 0.0, 0.0));
    assert_eq!((&global.illumination.0, global.sharpening.amount), (&[0.0; 5], 0.0));
    let full = Scanner::new(Kind::Full, Strength::Strong.factor(), 5);
    assert_eq!((&full.dyes, full.camera, full.gamma), (&global.dyes, global.camera, global.gamma));
    let json = serde_json::to_string(&full).expect("plain numbers");
    assert_eq!(serde_json::from_str::<Scanner>(&json).expect("as written"), full);
    assert!(serde_json::from_str::<Scanner>(&json.replace("\"blur\"", "\"blurr\"")).is_err());
}

#[test]
#[should_panic(expected = "cannot be told apart")]
fn two_equal_dyes_are_a_mistake() {
    let mut scanner = none();
    scanner.dyes.vectors[1] = scanner.dyes.vectors[0];
    scanner.scan(&mut [0; 3], 1, 0);
}
