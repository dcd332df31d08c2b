//! The affine change of colour that comes nearest to another change.

use crate::{
    error::Error,
    gaussian::Gaussian,
    matrix::{self, Matrix},
};

/// Variance, in squared levels, below which colours are noise, and what changes with them is not looked for.
const NOISE: f64 = 1.0;

/// The affine change of RGB with the least mean squared error over pixels before and after another change. It keeps means: what
/// it makes of a mean of colours is the mean of what it makes of them. So it fits pictures at low resolution, too.
///
/// Linear least squares with a small ridge on the change (A. E. Hoerl and R. W. Kennard, "Ridge regression", Technometrics 12
/// (1970), 55-67): where colours do not vary they are only moved.
///
/// ```
/// use restain_stain::affine::Affine;
///
/// let before = [10, 0, 0, 110, 0, 0, 10, 100, 0, 10, 0, 200];
/// let after = [20, 0, 10, 120, 0, 10, 20, 100, 10, 20, 0, 210];
/// let mut pixels = [50, 60, 70];
/// Affine::fit([(&before[..], &after[..])])?.apply(&mut pixels);
/// assert_eq!(pixels, [60, 60, 80]);
/// # Ok::<(), restain_stain::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Affine {
    /// Mean before.
    before: [f64; 3],
    /// Mean after.
    after: [f64; 3],
    /// What deviations from the mean are multiplied by.
    matrix: Matrix,
}

impl Affine {
    /// Fits it to interleaved RGB pixels before and after, pixel by pixel, in any pieces.
    ///
    /// # Errors
    /// [`Error::NoPixels`] where there are none.
    pub fn fit<'a>(pairs: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Result<Self, Error> {
        let mut gaussian = Gaussian::new(6);
        for (before, after) in pairs {
            for (before, after) in before.as_chunks::<3>().0.iter().zip(after.as_chunks::<3>().0) {
                let [before, after] = [before, after].map(|pixel| pixel.map(f64::from));
                let change: [f64; 3] = std::array::from_fn(|c| after[c] - before[c]);
                gaussian.add([before, change].as_flattened());
            }
        }
        let covariance = gaussian.covariance().ok_or(Error::NoPixels("picture"))?;
        let block = |row: usize| -> Matrix {
            std::array::from_fn(|i| std::array::from_fn(|j| covariance[6 * (row + i) + j]))
        };
        let (mut varies, changes) = (block(0), block(3));
        (0..3).for_each(|i| varies[i][i] += NOISE);
        // With the ridge it always has one.
        let inverse = matrix::inverse(&varies).unwrap_or(matrix::IDENTITY);
        let mut slopes = changes.map(|row| matrix::apply(&inverse, row)); // the inverse is symmetric
        (0..3).for_each(|i| slopes[i][i] += 1.0);
        let mean = gaussian.mean();
        let before = [mean[0], mean[1], mean[2]];
        Ok(Self { before, after: std::array::from_fn(|c| before[c] + mean[3 + c]), matrix: slopes })
    }

    /// Changes interleaved RGB pixels, clipped and rounded.
    ///
    /// # Panics
    /// If `rgb` is not a whole number of pixels.
    pub fn apply(&self, rgb: &mut [u8]) {
        assert!(rgb.len().is_multiple_of(3), "a pixel is three bytes");
        for pixel in rgb.as_chunks_mut::<3>().0 {
            let deviation = std::array::from_fn(|c| f64::from(pixel[c]) - self.before[c]);
            let moved = matrix::apply(&self.matrix, deviation);
            *pixel = std::array::from_fn(|c| (self.after[c] + moved[c]).round() as u8); // a cast clips
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Colours all over the cube.
    fn colours() -> Vec<u8> {
        (0..3000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    }

    fn change(rgb: &[u8], by: impl Fn([f64; 3]) -> [f64; 3]) -> Vec<u8> {
        let pixels = rgb.as_chunks().0.iter();
        pixels.flat_map(|pixel: &[u8; 3]| by(pixel.map(f64::from)).map(|level| level.round() as u8)).collect()
    }

    #[test]
    fn an_affine_change_is_found() {
        // Channels cross: a map of each channel by itself could not.
        let known = |[r, g, b]: [f64; 3]| [0.5 * r + 0.3 * b + 20.0, 0.8 * g + 9.0, 0.2 * r + 0.6 * g + 30.0];
        let before = colours();
        let after = change(&before, known);
        let pieces = [(&before[..900], &after[..900]), (&before[900..], &after[900..])];
        let affine = Affine::fit(pieces).unwrap();
        let mut other = [12, 200, 99, 255, 255, 255, 0, 0, 0];
        let expected = change(&other, known);
        affine.apply(&mut other);
        assert!(other.iter().zip(&expected).all(|(a, b)| a.abs_diff(*b) <= 1), "{other:?} for {expected:?}");
    }

    #[test]
    fn nothing_changes_where_nothing_did() {
        let before = colours();
        let mut same = before.clone();
        Affine::fit([(&before[..], &before[..])]).unwrap().apply(&mut same);
        assert_eq!(same, before);
    }

    #[test]
    fn one_colour_tells_only_how_it_moves() {
        let affine = Affine::fit([(&[240; 30][..], &[250; 30][..])]).unwrap();
        let mut pixels = [240, 240, 240, 100, 20, 250];
        affine.apply(&mut pixels);
        assert_eq!(pixels, [250, 250, 250, 110, 30, 255]);
        assert!(matches!(Affine::fit([]), Err(Error::NoPixels(_))));
    }
}
