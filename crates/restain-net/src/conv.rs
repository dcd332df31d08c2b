//! The convolutions of G, D and T, without bias, and the transposed ones of G.
//!
//! Images are channels-first over the whole batch, `[C, N, H, W]`, so that an image of any batch size is a matrix of
//! C rows. In training, a convolution is one operation forward and one for each gradient: on the CPU by the kernels of
//! inference, several times as fast as candle's own; on a GPU, those of G and D are one product with the columns of all, in
//! TF32. For those of T, and for use without training in f32, a GPU takes one large product made of candle's operations.

mod batch;
mod columns;
pub(crate) mod dense;
mod gradient;
mod kernel;
#[cfg(any(feature = "cuda", test))]
mod layer;
mod op;
pub(crate) mod pieces;
pub(crate) mod window;

use candle_core::{Result, Tensor, bail};

#[cfg(any(feature = "cuda", test))]
pub(crate) use layer::{Activation, Layer};
use window::{Sliding, Window};

/// Convolution: `[C, N, H, W]` with `weight` `[D, C, kernel, kernel]` gives `[D, N, rows, columns]`, a pixel for each
/// position of the window.
///
/// # Errors
/// If the shapes do not fit, or an image is smaller than the window.
pub(crate) fn convolve(x: &Tensor, weight: &Tensor, window: Window) -> Result<Tensor> {
    let g = Sliding::new(window, x.shape(), weight.shape())?;
    if x.device().is_cpu() || g.halves() {
        x.contiguous()?.apply_op2(&weight.contiguous()?, op::Convolution(g))
    } else {
        dense::convolve(x, weight, window)
    }
}

/// Convolution k4 s2 p1: `[C, N, H, W]` with `weight` `[D, C, 4, 4]` gives `[D, N, H/2, W/2]`; H and W are even.
///
/// # Errors
/// If the shapes do not fit.
pub(crate) fn conv(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (.., height, width) = x.dims4()?;
    if height % 2 != 0 || width % 2 != 0 {
        bail!("a convolution to half of each side takes even ones, not {height} x {width}")
    }
    convolve(x, weight, Window::HALVING)
}

/// Transposed convolution k4 s2 p1: `[C, N, H, W]` with `weight` `[C, D, 4, 4]` gives `[D, N, 2H, 2W]`.
///
/// # Errors
/// If the shapes do not fit.
pub(crate) fn conv_transpose(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (channels, images, height, width) = x.dims4()?;
    let y = (weight.dim(1)?, images, 2 * height, 2 * width).into();
    let g = Sliding::new(Window::HALVING, &y, weight.shape())?;
    if g.outputs != channels {
        bail!("the weights take {} channels, the image has {channels}", g.outputs)
    }
    x.contiguous()?.apply_op2(&weight.contiguous()?, op::Transposed(g))
}

#[cfg(test)]
mod tests {
    use candle_core::{CustomOp2, DType, Var};

    use super::*;
    use crate::cpu::{Processor, Sums};
    use crate::testing::gradients::{largest, random, slope_and_gradient};
    use crate::values::Real;

    /// Windows of a `ResNet`, that of G and D, and some that no network has.
    const WINDOWS: [(usize, usize, usize); 8] =
        [(7, 2, 3), (3, 1, 1), (3, 2, 1), (1, 1, 0), (1, 2, 0), (2, 3, 0), (5, 3, 2), (4, 2, 1)];

    /// Channels in and out, images, height and width for any window: odd sides and such as leave different remainders,
    /// sides smaller than the kernel, more than a piece of work of channels, images and rows.
    const SHAPES: [(usize, usize, usize, usize, usize); 9] = [
        (2, 3, 1, 5, 6),
        (3, 2, 2, 7, 7),
        (1, 1, 3, 4, 9),
        (5, 4, 5, 3, 2),
        (30, 17, 3, 6, 5),
        (3, 20, 1, 65, 130),
        (260, 70, 2, 3, 4),
        (2, 1, 33, 11, 12),
        (24, 2, 1, 150, 40), // rows that more threads cut elsewhere
    ];

    /// The same for k4 s2 p1, back and forth, where the image of half the sides may have odd ones: odd batches, sides of 2,
    /// more than 16 channels, many bands.
    const EVEN: [(usize, usize, usize, usize, usize); 10] = [
        (2, 3, 1, 4, 6),
        (5, 4, 3, 2, 2),
        (1, 1, 2, 8, 4),
        (8, 16, 1, 6, 10),
        (3, 17, 7, 2, 4),
        (33, 70, 3, 2, 6),
        (2, 3, 1, 128, 258),
        (1, 2, 3, 90, 66),
        (20, 5, 2, 64, 40),
        (20, 70, 3, 32, 66),
    ];

    /// A convolution and its arguments.
    struct Case {
        g: Sliding,
        transposed: bool,
        x: Var,
        weight: Var,
    }

    impl Case {
        fn new(
            window: (usize, usize, usize),
            shape: (usize, usize, usize, usize, usize),
            transposed: bool,
        ) -> Option<Self> {
            let (kernel, stride, padding) = window;
            let (inputs, outputs, images, height, width) = shape;
            let weight = random((outputs, inputs, kernel, kernel));
            let image = (inputs, images, height, width).into();
            let g = Sliding::new(Window { kernel, stride, padding }, &image, weight.shape()).ok()?;
            let x = if transposed { g.output_shape() } else { g.input_shape() };
            Some(Self { g, transposed, x: random(x), weight })
        }

        fn all() -> impl Iterator<Item = Self> {
            let any = WINDOWS.into_iter().flat_map(|window| SHAPES.map(|shape| (window, shape, false)));
            let halves = EVEN.into_iter().flat_map(|shape| {
                let (inputs, outputs, images, height, width) = shape;
                // Half of these sides is odd where that of the others is even.
                let other = (inputs, outputs, images, height + 2, width + 2);
                [(shape, false), (shape, true), (other, true)]
                    .map(|(shape, transposed)| ((4, 2, 1), shape, transposed))
            });
            any.chain(halves).filter_map(|(window, shape, transposed)| Self::new(window, shape, transposed))
        }

        fn ours(&self, x: &Tensor, weight: &Tensor) -> Tensor {
            let y = match (self.transposed, self.g.halves()) {
                (true, _) => conv_transpose(x, weight),
                (false, true) => conv(x, weight),
                (false, false) => convolve(x, weight, self.g.window),
            };
            y.unwrap()
        }

        fn dense(&self, x: &Tensor, weight: &Tensor) -> Tensor {
            let y = if self.transposed {
                dense::conv_transpose(x, weight)
            } else {
                dense::convolve(x, weight, self.g.window)
            };
            y.unwrap()
        }

        /// candle's own, the slow and obvious twin.
        fn twin(&self, x: &Tensor, weight: &Tensor) -> Tensor {
            let Window { padding, stride, .. } = self.g.window;
            let x = x.transpose(0, 1).unwrap().contiguous().unwrap();
            let y = if self.transposed {
                x.conv_transpose2d(weight, padding, 0, stride, 1)
            } else {
                x.conv2d(weight, padding, stride, 1, 1)
            };
            y.unwrap().transpose(0, 1).unwrap()
        }
    }

    #[test]
    fn values_and_gradients_are_those_of_the_twin() {
        for case in Case::all() {
            let Case { g, x, weight, .. } = &case;
            let twin = case.twin(x, weight);
            let along = random(twin.shape());
            let gradients =
                |y: &Tensor| (y * along.as_tensor()).unwrap().sum_all().unwrap().backward().unwrap();
            // Where its gradients are right.
            let theirs = g.halves().then(|| gradients(&twin));
            for ours in [case.ours(x, weight), case.dense(x, weight)] {
                assert_eq!(ours.dims(), twin.dims());
                let difference = largest(&ours, &twin);
                assert!(difference < 1e-10, "{difference} at {g:?}");
                let Some(theirs) = &theirs else { continue };
                let ours = gradients(&ours);
                for var in [x, weight] {
                    let difference = largest(ours.get(var).unwrap(), theirs.get(var).unwrap());
                    assert!(difference < 1e-10, "{difference} in {:?} at {g:?}", var.dims());
                }
            }
        }
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        for case in Case::all() {
            for form in [Case::ours, Case::dense] {
                let of = |[x, weight]: [&Tensor; 2]| form(&case, x, weight);
                for (slope, gradient) in slope_and_gradient([&case.x, &case.weight], of) {
                    assert!((slope - gradient).abs() < 1e-6, "{slope}, {gradient} at {:?}", case.g);
                }
            }
        }
    }

    /// f64 runs on plain Rust, f32 on the instructions of the processor: on each kind that is here they agree but for
    /// rounding, where a wrong product would show in the first digit.
    #[test]
    fn every_kernel_makes_what_f64_makes() {
        fn run<T: Real>(sums: &Sums<T>, g: &Sliding, tensors: [&Tensor; 3]) -> [Vec<f64>; 3] {
            let [x, y, weight] = tensors.map(|tensor| {
                tensor.to_dtype(T::DTYPE).unwrap().flatten_all().unwrap().to_vec1::<T>().unwrap()
            });
            let there = kernel::convolve(sums, g, &x, &weight);
            let back = kernel::convolve_transposed(sums, g, &y, &weight);
            [there, back, gradient::weight_gradient(sums, g, &x, &y)]
                .map(|values| values.into_iter().map(T::to_f64).collect())
        }
        for Case { g, weight, .. } in Case::all() {
            let tensors = [random(g.input_shape()), random(g.output_shape()), weight];
            let tensors = tensors.each_ref().map(Var::as_tensor);
            let truth = run(&f64::sums(), &g, tensors);
            for processor in Processor::ALL.into_iter().filter(|processor| processor.is_here()) {
                let found = run(&Sums::<f32>::of(processor), &g, tensors);
                for (which, (found, truth)) in found.iter().zip(&truth).enumerate() {
                    let largest = found.iter().zip(truth).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                    assert!(largest < 2e-3, "{largest} in {which} on {processor:?} at {g:?}");
                }
            }
        }
    }

    /// Where nothing is asked of an argument, no work is done for it.
    #[test]
    fn what_is_frozen_gets_no_gradient() {
        fn run(op: &impl CustomOp2, x: &Var, weight: &Var) {
            for frozen in [[false, true], [true, false], [true, true]] {
                let of = |frozen: bool, var: &Var| {
                    if frozen { var.as_detached_tensor() } else { var.as_tensor().clone() }
                };
                let (x, weight) = (of(frozen[0], x), of(frozen[1], weight));
                let y = x.apply_op2_no_bwd(&weight, op).unwrap();
                let (dx, dw) = op.bwd(&x, &weight, &y, &y).unwrap();
                assert_eq!([dx.is_none(), dw.is_none()], frozen);
            }
        }
        for transposed in [false, true] {
            let Case { g, x, weight, .. } = Case::new((4, 2, 1), (2, 3, 1, 4, 4), transposed).unwrap();
            if transposed {
                run(&op::Transposed(g), &x, &weight);
            } else {
                run(&op::Convolution(g), &x, &weight);
            }
        }
        let (x, weight) = (random((2, 1, 4, 4)), random((2, 2, 3, 3)));
        let window = Window { kernel: 3, stride: 1, padding: 1 };
        let y = convolve(&x, &weight.as_detached_tensor(), window).unwrap();
        let gradients = y.sum_all().unwrap().backward().unwrap();
        assert!(gradients.get(&x).is_some() && gradients.get(&weight).is_none());
    }

    #[test]
    fn threads_change_no_bit() {
        for case in Case::all() {
            let run = |threads: usize| -> Vec<f32> {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let [x, weight] = [&case.x, &case.weight]
                    .map(|var| Var::from_tensor(&var.to_dtype(DType::F32).unwrap()).unwrap());
                pool.install(|| {
                    let y = case.ours(&x, &weight);
                    let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
                    [&y, gradients.get(&x).unwrap(), gradients.get(&weight).unwrap()]
                        .iter()
                        .flat_map(|t| t.flatten_all().unwrap().to_vec1::<f32>().unwrap())
                        .collect()
                })
            };
            let alone = run(1);
            for threads in [2, 7] {
                let same = alone.iter().zip(run(threads)).all(|(a, b)| a.to_bits() == b.to_bits());
                assert!(same, "{threads} threads at {:?}", case.g);
            }
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_errors() {
        let (x, w) = (random((2, 1, 4, 4)), random((3, 2, 4, 4)));
        assert!(conv(&x, &w).is_ok());
        assert!(conv_transpose(&x, &w).is_err());
        assert!(conv_transpose(&random((3, 1, 4, 4)), &w).is_ok());
        assert!(conv(&random((2, 1, 5, 4)), &w).is_err());
        assert!(conv(&x, &random((3, 2, 3, 3))).is_err());
        assert!(conv(&x, &w.to_dtype(DType::F32).unwrap()).is_err());
        let (window, w) = (Window { kernel: 3, stride: 1, padding: 0 }, random((3, 2, 3, 3)));
        assert!(convolve(&x, &w, window).is_ok());
        assert!(convolve(&x, &random((3, 1, 3, 3)), window).is_err());
        assert!(convolve(&x, &random((3, 2, 4, 4)), window).is_err());
        assert!(convolve(&random((2, 1, 4, 2)), &w, window).is_err());
        assert!(convolve(&x, &w.to_dtype(DType::F32).unwrap(), window).is_err());
    }
}
