//! The colours of what a slide or a picture shows, without its glass.

use serde::{Deserialize, Serialize};

use crate::{
    gaussian::Gaussian,
    matrix::{Matrix, apply, determinant, dot, inverse},
    removal::{gray, mask, weigh},
};

/// Bins of the gray histogram.
const BINS: usize = 16;
/// The least that a variance of optical density counts, a hundredth of one: what grey levels, rounded, can say.
const LEAST_VARIANCE: f64 = 1e-4;
/// The most that an optical density is: that of half a level, which stands for none, on glass of 255, -log10(0.5 / 255).
const DENSEST: f64 = 2.708;

/// The colours of tissue: what is known of one training picture, and measured of a slide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Mean optical density (-log10 of the light over that of the glass) in red, green and blue.
    pub mean: [f64; 3],
    /// Their covariance.
    pub covariance: [[f64; 3]; 3],
    /// Share of pixels whose red is the largest channel.
    pub red: f64,
    /// Shares of the gray levels in 16 bins, from black to the gray of the glass.
    pub gray: [f64; BINS],
}

/// A profile in the making.
#[derive(Debug, Clone)]
pub struct Counts {
    density: Gaussian,
    pixels: u64,
    red: u64,
    gray: [u64; BINS],
}

impl Default for Counts {
    fn default() -> Self {
        Self::new()
    }
}

impl Counts {
    /// No pixels yet.
    pub fn new() -> Self {
        Self { density: Gaussian::new(3), pixels: 0, red: 0, gray: [0; BINS] }
    }

    /// Counts a pixel of tissue on a glass of that colour, levels 0..=255 in red, green and blue.
    pub fn add(&mut self, pixel: [u8; 3], glass: [f64; 3]) {
        let density: [f64; 3] =
            std::array::from_fn(|c| -((f64::from(pixel[c]).max(0.5) / glass[c].max(0.5)).log10()));
        self.density.add(&density);
        self.pixels += 1;
        self.red += u64::from(mask(pixel) > 0.5);
        let level = 255.0 * f64::from(gray(pixel)) / weigh(glass).max(0.5);
        self.gray[((level * BINS as f64) as usize).min(BINS - 1)] += 1;
    }

    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.density.merge(&other.density);
        self.pixels += other.pixels;
        self.red += other.red;
        self.gray.iter_mut().zip(other.gray).for_each(|(count, more)| *count += more);
    }

    /// What was counted, or `None` of fewer than 100 pixels.
    pub fn profile(&self) -> Option<Profile> {
        let covariance = self.density.covariance().filter(|_| self.pixels >= 100)?;
        let n = self.pixels as f64;
        Some(Profile {
            mean: std::array::from_fn(|c| self.density.mean()[c]),
            covariance: std::array::from_fn(|row| {
                std::array::from_fn(|column| {
                    covariance[3 * row + column] + if row == column { LEAST_VARIANCE } else { 0.0 }
                })
            }),
            red: self.red as f64 / n,
            gray: self.gray.map(|count| count as f64 / n),
        })
    }
}

impl Profile {
    /// How far two are apart: the sum of the Bhattacharyya distances of their optical densities, as if these were normally
    /// distributed, of their gray histograms, and of their shares of red. Finite, and at least 0.
    ///
    /// T. Kailath, "The divergence and Bhattacharyya distance measures in signal selection", IEEE Trans. Commun. Technol. 15
    /// (1967), 52-60, has that of two normal distributions.
    pub fn distance(&self, other: &Self) -> f64 {
        let middle: Matrix = std::array::from_fn(|i| {
            std::array::from_fn(|j| f64::midpoint(self.covariance[i][j], other.covariance[i][j]))
        });
        let apart: [f64; 3] = std::array::from_fn(|c| self.mean[c] - other.mean[c]);
        let mahalanobis = inverse(&middle).map_or(0.0, |inverse| dot(apart, apply(&inverse, apart)));
        let determinants = determinant(&self.covariance) * determinant(&other.covariance);
        let densities = mahalanobis / 8.0 + 0.5 * (determinant(&middle) / determinants.sqrt()).ln();
        let grays: f64 = self.gray.iter().zip(&other.gray).map(|(p, q)| (p * q).sqrt()).sum();
        let reds = (self.red * other.red).sqrt() + ((1.0 - self.red) * (1.0 - other.red)).sqrt();
        densities.max(0.0) - grays.clamp(NEVER, 1.0).ln() - reds.clamp(NEVER, 1.0).ln()
    }

    /// Whether there may be pixels of this profile: its distance from others is a number then.
    pub(super) fn is_possible(&self) -> bool {
        let Self { mean, covariance, red, gray } = self;
        let share = |share: &f64| (0.0..=1.0).contains(share);
        let bounded = |value: &f64, most: f64| (-most..=most).contains(value);
        let symmetric = (0..3).all(|i| (0..i).all(|j| (covariance[i][j] - covariance[j][i]).abs() < 1e-9));
        // Of all that is counted there is the least variance, of which rounding leaves half: J. J. Sylvester's criterion.
        let [a, b, c] = *covariance;
        let half = LEAST_VARIANCE / 2.0;
        let less = [[a[0] - half, a[1], a[2]], [b[0], b[1] - half, b[2]], [c[0], c[1], c[2] - half]];
        let minors = [less[0][0], less[0][0] * less[1][1] - less[0][1] * less[1][0], determinant(&less)];
        mean.iter().all(|value| bounded(value, DENSEST))
            && covariance.as_flattened().iter().all(|value| bounded(value, DENSEST * DENSEST))
            && symmetric
            && minors.iter().all(|&minor| minor > 0.0)
            && share(red)
            && gray.iter().all(share)
            && (gray.iter().sum::<f64>() - 1.0).abs() < 1e-6
    }
}

/// The least coefficient that counts, so that no distance is infinite.
const NEVER: f64 = 1e-3;

#[cfg(test)]
mod tests {
    use super::*;

    /// One dimension alone, by hand: (1/8) 2^2 / 0.5 for means 2 apart and variances of 0.5.
    #[test]
    fn the_distance_of_two_normal_distributions() {
        let profile = |mean: [f64; 3]| Profile {
            mean,
            covariance: [[0.5, 0.0, 0.0], [0.0, 0.25, 0.1], [0.0, 0.1, 0.25]],
            red: 0.5,
            gray: [1.0 / BINS as f64; BINS],
        };
        assert!((profile([0.0; 3]).distance(&profile([2.0, 0.0, 0.0])) - 1.0).abs() < 1e-9);
        assert!(profile([1.0; 3]).distance(&profile([1.0; 3])).abs() < 1e-9);
    }
}
