//! Lamp and lens, and the software's sharpening.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The light over the picture, a polynomial of second degree: 1 + x, y, x^2, x y and y^2 times the coefficients, with
/// x and y from -1 at the first pixel to 1 at the last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Illumination(
    /// The coefficients of x, y, x^2, x y and y^2.
    pub [f64; 5],
);

/// Unsharp masking: a colour moves away from its surroundings' Gaussian mean by `amount` times its distance to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sharpening {
    /// How far; 0 does nothing.
    pub amount: f64,
    /// Standard deviation of the surroundings in pixels.
    pub sigma: f64,
}

impl Illumination {
    pub(super) fn light(&self, colours: &mut [[f64; 3]], width: usize) {
        let [cx, cy, cxx, cxy, cyy] = self.0;
        let height = colours.len() / width;
        let place = |at: usize, of: usize| if of > 1 { 2.0 * at as f64 / (of - 1) as f64 - 1.0 } else { 0.0 };
        colours.par_chunks_mut(width).enumerate().for_each(|(row, colours)| {
            let y = place(row, height);
            for (column, colour) in colours.iter_mut().enumerate() {
                let x = place(column, width);
                let light = 1.0 + cx * x + cy * y + cxx * x * x + cxy * x * y + cyy * y * y;
                *colour = colour.map(|value| value * light);
            }
        });
    }
}

impl Sharpening {
    pub(super) fn sharpen(&self, colours: &mut [[f64; 3]], width: usize) {
        if self.amount == 0.0 {
            return;
        }
        let mut surroundings = colours.to_vec();
        blur(&mut surroundings, width, self.sigma);
        colours.par_iter_mut().zip(surroundings).for_each(|(colour, mean)| {
            *colour = std::array::from_fn(|c| colour[c] + self.amount * (colour[c] - mean[c]));
        });
    }
}

/// Convolves with a Gaussian of `sigma` pixels, cut off at 4 sigma; beyond its edges the picture goes on as at them.
pub(super) fn blur<const N: usize>(picture: &mut [[f64; N]], width: usize, sigma: f64) {
    if sigma <= 0.0 {
        return;
    }
    let radius = (4.0 * sigma).ceil() as usize;
    let weights: Vec<f64> = (0..=2 * radius)
        .map(|i| (-(i as f64 - radius as f64).powi(2) / (2.0 * sigma * sigma)).exp())
        .collect();
    let sum: f64 = weights.iter().sum();
    let weights: Vec<f64> = weights.into_iter().map(|weight| weight / sum).collect();
    // The mean around a place on a line of `length` places.
    let mean = |at: usize, length: usize, value: &dyn Fn(usize) -> [f64; N]| {
        let mut mean = [0.0; N];
        for (k, weight) in weights.iter().enumerate() {
            let value = value((at + k).saturating_sub(radius).min(length - 1));
            for (mean, value) in mean.iter_mut().zip(value) {
                *mean += weight * value;
            }
        }
        mean
    };
    let height = picture.len() / width;
    let across: Vec<[f64; N]> = (0..picture.len())
        .into_par_iter()
        .map(|i| mean(i % width, width, &|column| picture[i - i % width + column]))
        .collect();
    picture.par_iter_mut().enumerate().for_each(|(i, colour)| {
        *colour = mean(i / width, height, &|row| across[row * width + i % width]);
    });
}
