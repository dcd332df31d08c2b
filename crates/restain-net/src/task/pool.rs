//! Max pooling with the gradient of its definition; candle's own gradient is wrong.

use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor, WithDType, bail};
use rayon::prelude::*;

use crate::conv::{dense, window::Window};
use crate::values::{Real, values, with_values};

/// The largest pixel in the window at each of its positions: `[C, N, H, W]` to `[C, N, rows, columns]`. Padding is never
/// the largest.
///
/// On the CPU the gradient goes to the first of equal pixels, row by row, as in `PyTorch`; on other devices equal pixels
/// share it.
///
/// # Errors
/// If an image is smaller than the window, or the window may see nothing but padding.
pub(super) fn max_pool(x: &Tensor, window: Window) -> Result<Tensor> {
    let (.., height, width) = x.dims4()?;
    if window.positions(height) * window.positions(width) == 0 || 2 * window.padding > window.kernel {
        bail!("no max pooling of {height} x {width} pixels with {window:?}")
    }
    if x.device().is_cpu() { x.contiguous()?.apply_op1(MaxPool(window)) } else { largest_tap(x, window) }
}

/// [`max_pool`] made of candle's operations: the largest of what the taps see. Equal pixels share a gradient.
fn largest_tap(x: &Tensor, window: Window) -> Result<Tensor> {
    let mut taps = dense::taps(x, window, f64::NEG_INFINITY)?.into_iter();
    let Some(first) = taps.next() else { return x.narrow(2, 0, 0) };
    taps.try_fold(first, |largest, tap| largest.maximum(&tap))
}

struct MaxPool(Window);

impl MaxPool {
    fn forward<T: Real>(&self, x: &[T], (height, width): (usize, usize)) -> Vec<T> {
        let (rows, columns) = (self.0.positions(height), self.0.positions(width));
        let mut y = vec![T::zero(); x.len() / (height * width) * rows * columns];
        let planes = y.par_chunks_exact_mut(rows * columns).zip(x.par_chunks_exact(height * width));
        planes.for_each(|(y, x)| {
            for (at, y) in y.iter_mut().enumerate() {
                *y = x[self.largest(x, (height, width), (at / columns, at % columns))];
            }
        });
        y
    }

    fn backward<T: Real>(&self, x: &[T], (height, width): (usize, usize), dy: &[T]) -> Vec<T> {
        let (rows, columns) = (self.0.positions(height), self.0.positions(width));
        let mut dx = vec![T::zero(); x.len()];
        let planes = dx.par_chunks_exact_mut(height * width).zip(x.par_chunks_exact(height * width));
        planes.zip(dy.par_chunks_exact(rows * columns)).for_each(|((dx, x), dy)| {
            for (at, dy) in dy.iter().enumerate() {
                dx[self.largest(x, (height, width), (at / columns, at % columns))] += *dy;
            }
        });
        dx
    }

    /// Where in an image the first of the largest pixels of the window at a position is. What is no number is the largest.
    fn largest<T: Real>(
        &self,
        x: &[T],
        (height, width): (usize, usize),
        (row, column): (usize, usize),
    ) -> usize {
        let Window { kernel, stride, padding } = self.0;
        let inside = |at: usize, side: usize| {
            let start = at * stride;
            start.saturating_sub(padding)..(start + kernel - padding).min(side)
        };
        let (down, across) = (inside(row, height), inside(column, width));
        let mut largest = down.start * width + across.start;
        for y in down {
            for at in y * width + across.start..y * width + across.end {
                // False where either is no number, so that one that is found stays.
                let smaller = x[at] <= x[largest] || is_nan(x[largest]);
                largest = if smaller { largest } else { at };
            }
        }
        largest
    }
}

fn is_nan<T: Real>(value: T) -> bool {
    value.partial_cmp(&value).is_none()
}

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        "max-pool"
    }

    fn cpu_fwd(&self, x: &CpuStorage, x_at: &Layout) -> Result<(CpuStorage, Shape)> {
        let (channels, images, height, width) = x_at.shape().dims4()?;
        let sides = (height, width);
        let y = match x {
            CpuStorage::F32(_) => f32::to_cpu_storage_owned(self.forward(values::<f32>(x, x_at)?, sides)),
            CpuStorage::F64(_) => f64::to_cpu_storage_owned(self.forward(values::<f64>(x, x_at)?, sides)),
            _ => bail!("max pooling on the CPU takes f32 or f64"),
        };
        Ok((y, (channels, images, self.0.positions(height), self.0.positions(width)).into()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        fn run<T: Real>(op: &MaxPool, x: &Tensor, dy: &Tensor) -> Result<Tensor> {
            let (.., height, width) = x.dims4()?;
            let dx = with_values(&[x, dy], |all: &[&[T]]| Ok(op.backward(all[0], (height, width), all[1])))?;
            Tensor::from_vec(dx, x.shape(), x.device())
        }
        let dy = dy.contiguous()?;
        let dx = if x.dtype() == DType::F64 { run::<f64>(self, x, &dy) } else { run::<f32>(self, x, &dy) };
        dx.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;
    use crate::testing::gradients::{largest, random, slope_and_gradient};

    const WINDOW: Window = Window { kernel: 3, stride: 2, padding: 1 };
    const SHAPES: [(usize, usize, usize, usize); 6] =
        [(1, 1, 1, 1), (2, 1, 2, 3), (3, 2, 7, 8), (1, 2, 9, 9), (2, 3, 6, 5), (1, 1, 1, 6)];

    /// The definition: the largest of the pixels that are inside.
    #[test]
    fn values_are_those_of_the_definition() {
        for shape in SHAPES {
            let x = (random(shape).as_tensor() - 5.0).unwrap(); // negative: zeros from the padding would win
            let found = max_pool(&x, WINDOW).unwrap();
            assert!(largest(&found, &largest_tap(&x, WINDOW).unwrap()) == 0.0);
            let (channels, images, height, width) = shape;
            for plane in 0..channels * images {
                let image = x.flatten(0, 1).unwrap().get(plane).unwrap().to_vec2::<f64>().unwrap();
                let pooled = found.flatten(0, 1).unwrap().get(plane).unwrap().to_vec2::<f64>().unwrap();
                assert_eq!((pooled.len(), pooled[0].len()), (height.div_ceil(2), width.div_ceil(2)));
                for (row, values) in pooled.iter().enumerate() {
                    for (column, value) in values.iter().enumerate() {
                        let near = |at: usize, centre: usize| (2 * centre).abs_diff(at) <= 1;
                        let seen = (0..height * width)
                            .filter(|at| near(at / width, row) && near(at % width, column))
                            .map(|at| image[at / width][at % width]);
                        assert!(value.total_cmp(&seen.fold(f64::NEG_INFINITY, f64::max)).is_eq());
                    }
                }
            }
        }
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        for form in [max_pool as fn(&Tensor, Window) -> Result<Tensor>, largest_tap] {
            for shape @ (channels, images, height, width) in SHAPES {
                // Values far apart, so that none overtakes another within the step.
                let count = channels * images * height * width;
                let values = (0..count).map(|i| (i * 7919 % 1009) as f64 - 1500.0);
                let x = Tensor::from_iter(values, &Device::Cpu).unwrap().reshape(shape).unwrap();
                let x = Var::from_tensor(&x).unwrap();
                for (slope, gradient) in slope_and_gradient([&x], |[x]| form(x, WINDOW).unwrap()) {
                    assert!((slope - gradient).abs() < 1e-5, "{slope}, {gradient} at {shape:?}");
                }
            }
        }
    }

    #[test]
    fn the_first_of_equal_pixels_takes_the_gradient() {
        let x = Var::zeros((1, 1, 4, 4), DType::F64, &Device::Cpu).unwrap();
        let dx = |form: fn(&Tensor, Window) -> Result<Tensor>| {
            let gradients = form(&x, WINDOW).unwrap().sum_all().unwrap().backward().unwrap();
            gradients.get(&x).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap()
        };
        // The windows of the four positions begin, inside the image, at (0, 0), (0, 1), (1, 0) and (1, 1).
        let mut expected = [0.0; 16];
        for at in [0, 1, 4, 5] {
            expected[at] = 1.0;
        }
        assert_eq!(dx(max_pool), expected);
        assert!((dx(largest_tap).iter().sum::<f64>() - 4.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_number_is_seen() {
        for at in 0..9 {
            let mut values = [1.0_f32; 9];
            values[at] = f32::NAN;
            let x = Tensor::from_slice(&values, (1, 1, 3, 3), &Device::Cpu).unwrap();
            let y = max_pool(&x, WINDOW).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
            for (position, value) in y.into_iter().enumerate() {
                let seen =
                    (2 * (position / 2)).abs_diff(at / 3) <= 1 && (2 * (position % 2)).abs_diff(at % 3) <= 1;
                assert_eq!(value.is_nan(), seen);
            }
        }
    }

    #[test]
    fn windows_that_do_not_fit_are_errors() {
        let x = random((1, 1, 2, 4));
        assert!(max_pool(&x, Window { kernel: 3, stride: 1, padding: 0 }).is_err());
        assert!(max_pool(&x, Window { kernel: 1, stride: 1, padding: 1 }).is_err());
    }
}
