//! A gray picture, and what is measured of two of them that should show the same.

use restain_stain::{metrics::Ssim, removal::gray};

/// Standard deviation in grey levels from which on a place has a structure that can be compared.
pub(crate) const TEXTURED: f64 = 4.0;

/// A gray picture in levels 0..=255.
pub(crate) struct Plane {
    width: usize,
    height: usize,
    values: Vec<f32>,
    /// Mean and standard deviation.
    moments: (f64, f64),
}

impl Plane {
    pub(crate) fn of(rgb: &[u8], width: usize) -> Self {
        Self::new(rgb.as_chunks().0.iter().map(|&pixel| 255.0 * gray(pixel)).collect(), width)
    }

    fn new(values: Vec<f32>, width: usize) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / n;
        let squares = values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>();
        Self { width, height: values.len() / width, values, moments: (mean, (squares / n).sqrt()) }
    }

    fn at(&self, x: usize, y: usize) -> f32 {
        self.values[y * self.width + x]
    }

    /// Mean and standard deviation.
    pub(crate) fn moments(&self) -> (f64, f64) {
        self.moments
    }

    /// SSIM of Wang et al. (2004) after `self` was given the mean and the contrast of `before`: what is left is their structure.
    pub(crate) fn structure(&self, before: &Self) -> Option<f64> {
        let ((mean, deviation), (wanted, contrast)) = (self.moments(), before.moments());
        let factor = if deviation > 0.5 { contrast / deviation } else { 0.0 };
        let pixels = |plane: &Self, value: &dyn Fn(f64) -> f64| -> Vec<u8> {
            let level = |&gray: &f32| [value(f64::from(gray)).round().clamp(0.0, 255.0) as u8; 3];
            plane.values.iter().flat_map(level).collect()
        };
        let mut ssim = Ssim::new(self.width);
        ssim.push_rows(&pixels(before, &|gray| gray), &pixels(self, &|gray| wanted + factor * (gray - mean)));
        ssim.mean()
    }

    /// The standard deviation of the discrete Laplacian: noise, and what is sharp.
    pub(crate) fn detail(&self) -> f64 {
        let mut sum = 0.0;
        for y in 1..self.height - 1 {
            for x in 1..self.width - 1 {
                let around = self.at(x - 1, y) + self.at(x + 1, y) + self.at(x, y - 1) + self.at(x, y + 1);
                sum += f64::from(around - 4.0 * self.at(x, y)).powi(2);
            }
        }
        let inner = ((self.width - 2) * (self.height - 2)) as f64;
        (sum / inner).sqrt()
    }

    /// The variance of the discrete Laplacian over that of `before`, at its contrast: of the change of contrast here and of that
    /// of the whole slide, `contrast`, the smaller counts, as a map of colours changes the contrast of dark and pale places
    /// differently.
    pub(crate) fn sharpness(&self, before: &Self, contrast: f64) -> f64 {
        let here = self.moments().1 / before.moments().1.max(1.0);
        (self.detail() / before.detail().max(0.01) / here.min(contrast).max(0.01)).powi(2)
    }

    /// Half the size, each pixel the mean of 2 x 2.
    pub(crate) fn halved(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let mean = |i: usize| {
            let (x, y) = (i % width * 2, i / width * 2);
            (self.at(x, y) + self.at(x + 1, y) + self.at(x, y + 1) + self.at(x + 1, y + 1)) / 4.0
        };
        Self::new((0..width * height).map(mean).collect(), width)
    }

    /// The share of pixels with a gradient of `steep` levels a pixel and more, where there was none above a third of it nearby.
    pub(crate) fn new_edges(&self, before: &Self, steep: f32) -> f64 {
        let (was, is) = (before.gradients(), self.gradients());
        let near = |x: usize, y: usize| {
            (y.saturating_sub(2)..=(y + 2).min(self.height - 1)).any(|y| {
                let row = &was[y * self.width..][..self.width];
                row[x.saturating_sub(2)..=(x + 2).min(self.width - 1)]
                    .iter()
                    .any(|&gradient| gradient > steep / 3.0)
            })
        };
        let new = (0..is.len()).filter(|&i| is[i] >= steep && !near(i % self.width, i / self.width)).count();
        new as f64 / is.len() as f64
    }

    /// Magnitudes of the gradient in levels a pixel, by central differences; 0 at the border.
    fn gradients(&self) -> Vec<f32> {
        let mut result = vec![0.0; self.values.len()];
        for y in 1..self.height - 1 {
            for x in 1..self.width - 1 {
                let across = self.at(x + 1, y) - self.at(x - 1, y);
                let down = self.at(x, y + 1) - self.at(x, y - 1);
                result[y * self.width + x] = across.hypot(down) / 2.0;
            }
        }
        result
    }

    /// By how many pixels, across and down, this lies beside `before`, and how much better the correlation is there than at
    /// the same place; looked for up to an eighth of the sides, or `None` where nothing there correlates.
    pub(crate) fn offset(&self, before: &Self) -> Option<([i64; 2], f64)> {
        let quarter = (before.halved().halved(), self.halved().halved());
        let reach = (quarter.0.width.min(quarter.0.height) / 8) as i64;
        let best = |pair: (&Self, &Self), about: [i64; 2], around: i64, margin: i64| {
            let places = (-around..=around)
                .flat_map(|dy| (-around..=around).map(move |dx| [about[0] + dx, about[1] + dy]));
            // Of equal ones the nearest to the same place, so that a flat region has not moved.
            places.map(|place| (place, pair.1.correlation(pair.0, place, margin))).max_by(|a, b| {
                let far = |[x, y]: [i64; 2]| x * x + y * y;
                a.1.total_cmp(&b.1).then(far(b.0).cmp(&far(a.0)))
            })
        };
        let (coarse, _) = best((&quarter.0, &quarter.1), [0, 0], reach, reach)?;
        // What still rises at the end of the search has no place: a gradient correlates with itself everywhere.
        if coarse.iter().any(|by| by.abs() == reach) {
            return None;
        }
        let margin = 4 * reach + 4;
        let (fine, correlation) = best((before, self), coarse.map(|at| 4 * at), 4, margin)?;
        let here = self.correlation(before, [0, 0], margin);
        (correlation > CORRELATED).then_some((fine, correlation - here))
    }

    /// Pearson's correlation of the middle of `before`, without the margin, with what lies beside it here.
    fn correlation(&self, before: &Self, [dx, dy]: [i64; 2], margin: i64) -> f64 {
        let (mut n, mut sums) = (0.0, [0.0f64; 5]);
        for y in margin..self.height as i64 - margin {
            let row = |plane: &Self, dx: i64, dy: i64| {
                let start = ((y + dy) * self.width as i64 + margin + dx) as usize;
                start..start + plane.width - 2 * margin as usize
            };
            let (a, b) = (&before.values[row(before, 0, 0)], &self.values[row(self, dx, dy)]);
            n += a.len() as f64;
            for (&a, &b) in a.iter().zip(b) {
                let (a, b) = (f64::from(a), f64::from(b));
                for (sum, term) in sums.iter_mut().zip([a, b, a * a, b * b, a * b]) {
                    *sum += term;
                }
            }
        }
        let [a, b, aa, bb, ab] = sums.map(|sum| sum / n);
        let variances = (aa - a * a) * (bb - b * b);
        if variances > 1.0 { (ab - a * b) / variances.sqrt() } else { 0.0 }
    }
}

/// A correlation that says that two places show the same.
const CORRELATED: f64 = 0.7;

#[cfg(test)]
mod tests {
    use super::*;

    /// Blobs of no period, moved by so much.
    fn blobs(dx: f64, dy: f64) -> Plane {
        let value = |i: usize| {
            let (x, y) = ((i % 256) as f64 - dx, (i / 256) as f64 - dy);
            (128.0 + 40.0 * (x / 9.0 + (y / 31.0).sin()).sin() + 40.0 * (y / 13.0 + x * x / 9000.0).cos())
                as f32
        };
        Plane::new((0..256 * 256).map(value).collect(), 256)
    }

    #[test]
    fn the_offset_is_what_it_was_moved_by() {
        for by in [[0, 0], [8, 0], [-3, 5], [17, -21]] {
            let (offset, _) = blobs(by[0] as f64, by[1] as f64).offset(&blobs(0.0, 0.0)).unwrap();
            assert_eq!(offset, by);
        }
    }

    #[test]
    fn structure_knows_no_brightness_and_no_contrast() {
        let before = blobs(0.0, 0.0);
        let paler = Plane::new(before.values.iter().map(|value| 0.5 * value + 90.0).collect(), 256);
        assert!(paler.structure(&before).unwrap() > 0.99);
        assert!(blobs(20.0, 0.0).structure(&before).unwrap() < 0.5);
        let flat = Plane::new(vec![7.0; before.values.len()], 256);
        assert!(flat.structure(&before).unwrap() < 0.7);
    }

    #[test]
    fn an_edge_is_new_where_there_was_none() {
        let flat = Plane::new(vec![200.0; 400], 20);
        let drawn = Plane::new([[200.0; 200], [100.0; 200]].concat(), 20);
        // Rows 9 and 10 of the 18 that have neighbours, and of 20 columns 18.
        assert!((drawn.new_edges(&flat, 20.0) - 36.0 / 400.0).abs() < 1e-9);
        assert!(drawn.new_edges(&drawn, 20.0) < 1e-9);
    }
}
