//! Convolutions of any kernel, stride and padding, without bias, as differentiable operations.
//!
//! Images are channels-first over the whole batch, `[C, N, H, W]`, as in the convolutions of G. On the CPU each
//! convolution is one operation forward and one for each gradient, on the kernels of inference; on other devices it is
//! [`dense`](super::dense).

mod columns;
mod kernel;

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

use super::dense;
use crate::conv::gradient::weight_gradient;
use crate::conv::window::{Sliding, Window};
use crate::values::{Real, values};

/// Convolution without bias: `[C, N, H, W]` with `weight` `[D, C, kernel, kernel]` gives `[D, N, rows, columns]`, a pixel
/// for each position of the window; H and W may be odd.
///
/// # Errors
/// If the shapes do not fit, or an image is smaller than the window.
pub(super) fn convolve(x: &Tensor, weight: &Tensor, window: Window) -> Result<Tensor> {
    let g = Sliding::new(window, x.shape(), weight.shape())?;
    if x.device().is_cpu() {
        x.contiguous()?.apply_op2(&weight.contiguous()?, Convolution(g))
    } else {
        dense::convolve(x, weight, window)
    }
}

/// Images and weights to the values at all positions.
struct Convolution(Sliding);
/// The gradient of the values, and weights, to the gradient of the images.
struct InputGradient(Sliding);
/// Images and the gradient of the values to the gradient of the weights.
struct WeightGradient(Sliding);

impl CustomOp2 for Convolution {
    fn name(&self) -> &'static str {
        "convolution"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_at: &Layout,
        w: &CpuStorage,
        w_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        fn run<T: Real>(g: &Sliding, x: &[T], w: &[T]) -> CpuStorage {
            let mut y = vec![T::zero(); g.outputs * g.output_plane()];
            kernel::convolve(&T::sums(), g, x, w, &mut y);
            T::to_cpu_storage_owned(y)
        }
        let y = match x {
            CpuStorage::F32(_) => run::<f32>(&self.0, values(x, x_at)?, values(w, w_at)?),
            CpuStorage::F64(_) => run::<f64>(&self.0, values(x, x_at)?, values(w, w_at)?),
            _ => bail!("a convolution on the CPU takes f32 or f64"),
        };
        Ok((y, self.0.output_shape()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let dy = dy.contiguous()?;
        // In training the images need none, with frozen weights these.
        let dx = x.track_op().then(|| dy.apply_op2_no_bwd(w, &InputGradient(self.0))).transpose()?;
        let dw = w.track_op().then(|| x.apply_op2_no_bwd(&dy, &WeightGradient(self.0))).transpose()?;
        Ok((dx, dw))
    }
}

impl CustomOp2 for InputGradient {
    fn name(&self) -> &'static str {
        "convolution-input-gradient"
    }

    fn cpu_fwd(
        &self,
        dy: &CpuStorage,
        dy_at: &Layout,
        w: &CpuStorage,
        w_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        fn run<T: Real>(g: &Sliding, dy: &[T], w: &[T]) -> CpuStorage {
            let mut dx = vec![T::zero(); g.inputs * g.input_plane()];
            kernel::input_gradient(&T::sums(), g, dy, w, &mut dx);
            T::to_cpu_storage_owned(dx)
        }
        let dx = match dy {
            CpuStorage::F64(_) => run::<f64>(&self.0, values(dy, dy_at)?, values(w, w_at)?),
            _ => run::<f32>(&self.0, values(dy, dy_at)?, values(w, w_at)?),
        };
        Ok((dx, self.0.input_shape()))
    }
}

impl CustomOp2 for WeightGradient {
    fn name(&self) -> &'static str {
        "convolution-weight-gradient"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_at: &Layout,
        dy: &CpuStorage,
        dy_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        fn run<T: Real>(g: &Sliding, x: &[T], dy: &[T]) -> CpuStorage {
            T::to_cpu_storage_owned(weight_gradient(&T::sums(), g, x, dy))
        }
        let dw = match x {
            CpuStorage::F64(_) => run::<f64>(&self.0, values(x, x_at)?, values(dy, dy_at)?),
            _ => run::<f32>(&self.0, values(x, x_at)?, values(dy, dy_at)?),
        };
        Ok((dw, self.0.weight_shape()))
    }
}

impl Sliding {
    /// From the shapes of images and weights.
    fn new(window: Window, image: &Shape, weight: &Shape) -> Result<Self> {
        let (inputs, images, height, width) = image.dims4()?;
        let (outputs, channels, down, across) = weight.dims4()?;
        let kernel = window.kernel;
        if (down, across) != (kernel, kernel) {
            bail!("a {kernel} x {kernel} kernel is needed, the weights are {weight:?}")
        }
        if channels != inputs {
            bail!("the weights take {channels} channels, the image has {inputs}")
        }
        let (rows, columns) = (window.positions(height), window.positions(width));
        let g = Self { window, images, inputs, outputs, height, width, rows, columns };
        if g.input_plane() * g.output_plane() * inputs * outputs == 0 {
            bail!("a convolution of nothing: {g:?}")
        }
        Ok(g)
    }

    fn input_shape(&self) -> Shape {
        (self.inputs, self.images, self.height, self.width).into()
    }

    fn output_shape(&self) -> Shape {
        (self.outputs, self.images, self.rows, self.columns).into()
    }

    fn weight_shape(&self) -> Shape {
        (self.outputs, self.inputs, self.window.kernel, self.window.kernel).into()
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Var};

    use super::*;
    use crate::task::testing::{largest, random, slope_and_gradient};

    /// The windows of a `ResNet` and some that it does not have.
    const WINDOWS: [(usize, usize, usize); 8] =
        [(7, 2, 3), (3, 1, 1), (3, 2, 1), (1, 1, 0), (1, 2, 0), (2, 3, 0), (5, 3, 2), (4, 2, 1)];

    /// Channels in and out, images, height and width: odd sides and such as leave different remainders, sides smaller than
    /// the kernel, more than a piece of work of channels, images and rows.
    const SHAPES: [(usize, usize, usize, usize, usize); 8] = [
        (2, 3, 1, 5, 6),
        (3, 2, 2, 7, 7),
        (1, 1, 3, 4, 9),
        (5, 4, 5, 3, 2),
        (30, 17, 3, 6, 5),
        (3, 20, 1, 65, 130),
        (260, 70, 2, 3, 4),
        (2, 1, 33, 11, 12),
    ];

    fn arguments() -> impl Iterator<Item = (Window, Var, Var)> {
        WINDOWS.into_iter().flat_map(|(kernel, stride, padding)| {
            let window = Window { kernel, stride, padding };
            SHAPES
                .into_iter()
                .filter(move |(.., height, width)| *height.min(width) + 2 * padding >= kernel)
                .map(move |(inputs, outputs, images, height, width)| {
                    (
                        window,
                        random((inputs, images, height, width)),
                        random((outputs, inputs, kernel, kernel)),
                    )
                })
        })
    }

    /// candle's own convolution, whose values are right.
    #[test]
    fn values_are_those_of_candle() {
        for (window, x, w) in arguments() {
            let batch = x.transpose(0, 1).unwrap().contiguous().unwrap();
            let theirs =
                batch.conv2d(&w, window.padding, window.stride, 1, 1).unwrap().transpose(0, 1).unwrap();
            for ours in [convolve(&x, &w, window).unwrap(), dense::convolve(&x, &w, window).unwrap()] {
                assert_eq!(ours.dims(), theirs.dims());
                let difference = largest(&ours, &theirs);
                assert!(difference < 1e-10, "{difference} at {window:?} on {:?}", x.dims());
            }
        }
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        type Form = fn(&Tensor, &Tensor, Window) -> Result<Tensor>;
        for (window, x, w) in arguments() {
            for form in [convolve as Form, dense::convolve] {
                let of = |[x, w]: [&Tensor; 2]| form(x, w, window).unwrap();
                for (slope, gradient) in slope_and_gradient([&x, &w], of) {
                    let close = (slope - gradient).abs() < 1e-6;
                    assert!(close, "{slope}, {gradient} at {window:?} on {:?}", x.dims());
                }
            }
        }
    }

    /// Where nothing is asked of an argument, no work is done for it.
    #[test]
    fn what_is_frozen_gets_no_gradient() {
        let window = Window { kernel: 3, stride: 1, padding: 1 };
        let (x, w) = (random((2, 1, 4, 4)), random((2, 2, 3, 3)));
        let y = convolve(&x, &w.as_tensor().detach(), window).unwrap();
        let gradients = y.sum_all().unwrap().backward().unwrap();
        assert!(gradients.get(&x).is_some() && gradients.get(&w).is_none());
        let op = Convolution(Sliding::new(window, x.shape(), w.shape()).unwrap());
        let (dx, dw) = op.bwd(&x, &w.as_tensor().detach(), &y, &y.detach()).unwrap();
        assert!(dx.is_some() && dw.is_none());
    }

    #[test]
    fn threads_change_no_bit() {
        for (window, x, w) in arguments() {
            let run = |threads: usize| -> Vec<f32> {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let [x, w] = [&x, &w].map(|v| Var::from_tensor(&v.to_dtype(DType::F32).unwrap()).unwrap());
                pool.install(|| {
                    let y = convolve(&x, &w, window).unwrap();
                    let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
                    [&y, gradients.get(&x).unwrap(), gradients.get(&w).unwrap()]
                        .iter()
                        .flat_map(|t| t.flatten_all().unwrap().to_vec1::<f32>().unwrap())
                        .collect()
                })
            };
            let alone = run(1);
            for threads in [2, 7] {
                assert!(alone.iter().zip(run(threads)).all(|(a, b)| a.to_bits() == b.to_bits()));
            }
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_errors() {
        let window = Window { kernel: 3, stride: 1, padding: 0 };
        let (x, w) = (random((2, 1, 4, 4)), random((3, 2, 3, 3)));
        assert!(convolve(&x, &w, window).is_ok());
        assert!(convolve(&x, &random((3, 1, 3, 3)), window).is_err());
        assert!(convolve(&x, &random((3, 2, 4, 4)), window).is_err());
        assert!(convolve(&random((2, 1, 4, 2)), &w, window).is_err());
        assert!(convolve(&x, &w.to_dtype(DType::F32).unwrap(), window).is_err());
    }
}
