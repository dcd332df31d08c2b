//! The two convolutions of G and the one of D, with a 4x4 kernel, stride 2 and padding 1.
//!
//! Images are channels-first over the whole batch, `[C, N, H, W]`, so that an image of any batch size is a matrix of
//! C rows. In training, a convolution is one operation forward and one for each gradient: on the CPU by the kernels of
//! inference, several times as fast as candle's own; on a GPU one product with the columns of all, in TF32. For use without
//! training in f32, a GPU takes one large product made of candle's operations.

mod batch;
mod columns;
#[cfg(any(feature = "cuda", test))]
mod dense;
pub(crate) mod geometry;
pub(crate) mod gradient;
pub(crate) mod kernel;
#[cfg(any(feature = "cuda", test))]
mod layer;
mod op;
pub(crate) mod window;

use candle_core::{Result, Tensor};

#[cfg(any(feature = "cuda", test))]
pub(crate) use layer::{Activation, Layer};

/// Convolution k4 s2 p1 without bias: `[C, N, H, W]` with `weight` `[D, C, 4, 4]` gives `[D, N, H/2, W/2]`; H and W
/// are even.
///
/// # Errors
/// If the shapes do not fit.
pub(crate) fn conv(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op2(&weight.contiguous()?, op::Convolution)
}

/// Transposed convolution k4 s2 p1 without bias: `[C, N, H, W]` with `weight` `[C, D, 4, 4]` gives `[D, N, 2H, 2W]`.
///
/// # Errors
/// If the shapes do not fit.
pub(crate) fn conv_transpose(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op2(&weight.contiguous()?, op::Transposed)
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Var};

    use super::geometry::Geometry;
    use super::*;
    use crate::cpu::{Processor, Sums};
    use crate::values::Real;

    /// candle's own convolutions, the slow and obvious twin.
    fn twin(x: &Tensor, weight: &Tensor, transposed: bool) -> Result<Tensor> {
        let x = x.transpose(0, 1)?.contiguous()?;
        let y =
            if transposed { x.conv_transpose2d(weight, 1, 0, 2, 1) } else { x.conv2d(weight, 1, 2, 1, 1) };
        y?.transpose(0, 1)
    }

    fn largest(a: &Tensor, b: &Tensor) -> f64 {
        let difference = (a - b).unwrap().abs().unwrap().flatten_all().unwrap().max(0).unwrap();
        difference.to_scalar::<f64>().unwrap()
    }

    fn random(shape: (usize, usize, usize, usize)) -> Var {
        Var::rand_f64(-1.0, 1.0, shape, DType::F64, &Device::Cpu).unwrap()
    }

    /// Shapes that cut the work in every way: odd batches, sides of 2, more than 16 channels, many bands.
    const SHAPES: [(usize, usize, usize, usize, usize); 9] = [
        (2, 3, 1, 4, 6),
        (5, 4, 3, 2, 2),
        (1, 1, 2, 8, 4),
        (8, 16, 1, 6, 10),
        (3, 17, 7, 2, 4),
        (33, 70, 3, 2, 6),
        (2, 3, 1, 128, 258),
        (1, 2, 3, 90, 66),
        (20, 5, 2, 64, 40),
    ];

    type Form = fn(&Tensor, &Tensor) -> Result<Tensor>;

    /// Images and weights for a form: those of [`SHAPES`], and for a transposed convolution also odd sides.
    fn arguments(transposed: bool) -> impl Iterator<Item = (Var, Var)> {
        SHAPES.into_iter().flat_map(move |(c, d, n, h, w)| {
            let weight = if transposed { (c, d, 4, 4) } else { (d, c, 4, 4) };
            let odd = transposed.then_some((c, n, h + 1, w - 1));
            [(c, n, h, w)].into_iter().chain(odd).map(move |image| (random(image), random(weight)))
        })
    }

    #[test]
    fn values_and_gradients_are_those_of_the_twin() {
        let forms: [(Form, bool); 4] =
            [(conv, false), (conv_transpose, true), (dense::conv, false), (dense::conv_transpose, true)];
        for (form, transposed) in forms {
            for (x, weight) in arguments(transposed) {
                let ours = form(&x, &weight).unwrap();
                let twin = twin(&x, &weight, transposed).unwrap();
                assert_eq!(ours.dims(), twin.dims());
                assert!(largest(&ours, &twin) < 1e-11);
                let along = random(ours.dims4().unwrap());
                let [ours, theirs] = [&ours, &twin]
                    .map(|y| (y * along.as_tensor()).unwrap().sum_all().unwrap().backward().unwrap());
                for var in [&x, &weight] {
                    let difference = largest(ours.get(var).unwrap(), theirs.get(var).unwrap());
                    assert!(difference < 1e-10, "{difference} at {:?}, {:?}", x.dims(), weight.dims());
                }
            }
        }
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let step = 1e-3; // any will do: the functions are linear in x and in the weights
        for (form, transposed) in [(conv as Form, false), (conv_transpose, true)] {
            for (x, weight) in arguments(transposed) {
                let along = random(form(&x, &weight).unwrap().dims4().unwrap());
                let loss = |x: &Tensor, weight: &Tensor| (form(x, weight)? * along.as_tensor())?.sum_all();
                let gradients = loss(&x, &weight).unwrap().backward().unwrap();
                for (which, var) in [&x, &weight].into_iter().enumerate() {
                    let direction = random(var.dims4().unwrap());
                    let moved = |by: f64| {
                        let moved = (var.as_tensor() + (direction.as_tensor() * by).unwrap()).unwrap();
                        let value = if which == 0 { loss(&moved, &weight) } else { loss(&x, &moved) };
                        value.unwrap().to_scalar::<f64>().unwrap()
                    };
                    let slope = (moved(step) - moved(-step)) / (2.0 * step);
                    let gradient =
                        (gradients.get(var).unwrap() * direction.as_tensor()).unwrap().sum_all().unwrap();
                    let gradient = gradient.to_scalar::<f64>().unwrap();
                    let shapes = (x.dims(), weight.dims());
                    assert!((slope - gradient).abs() < 1e-7, "{slope}, {gradient} at {shapes:?}");
                }
            }
        }
    }

    /// f64 runs on plain Rust, f32 on the instructions of the processor: on each kind that is here they agree but for
    /// rounding, where a wrong product would show in the first digit.
    #[test]
    fn every_kernel_makes_what_f64_makes() {
        fn run<T: Real>(sums: &Sums<T>, g: &Geometry, [fine, coarse, weight]: [&Tensor; 3]) -> [Vec<f64>; 3] {
            let values = |tensor: &Tensor| {
                tensor.to_dtype(T::DTYPE).unwrap().flatten_all().unwrap().to_vec1::<T>().unwrap()
            };
            let (mut y, mut x) = (vec![T::zero(); coarse.elem_count()], vec![T::zero(); fine.elem_count()]);
            kernel::convolve(sums, g, &values(fine), &values(weight), &mut y);
            kernel::convolve_transposed(sums, g, &values(coarse), &values(weight), &mut x);
            let gradient = gradient::weight_gradient(sums, &g.sliding(), &values(fine), &values(coarse));
            [y, x, gradient].map(|values| values.into_iter().map(T::to_f64).collect())
        }
        for (fine, coarse, images, height, width) in SHAPES {
            for (height, width) in [(height, width), (height + 1, width - 1)] {
                let g = Geometry { images, fine, coarse, height, width };
                let image = random((fine, images, 2 * height, 2 * width));
                let tensors = [image, random((coarse, images, height, width)), random((coarse, fine, 4, 4))];
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
    }

    #[test]
    fn threads_change_no_bit() {
        let f32s = |shape| random(shape).to_dtype(DType::F32).unwrap();
        let (x, w, t) = (f32s((20, 3, 32, 66)), f32s((70, 20, 4, 4)), f32s((20, 33, 4, 4)));
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let (x, w, t) = [&x, &w, &t].map(|tensor| Var::from_tensor(tensor).unwrap()).into();
            pool.install(|| {
                let y = [conv(&x, &w).unwrap(), conv_transpose(&x, &t).unwrap()];
                let loss = (y[0].sqr().unwrap().sum_all().unwrap() + y[1].sqr().unwrap().sum_all().unwrap())
                    .unwrap();
                let gradients = loss.backward().unwrap();
                let gradients = [&x, &w, &t].map(|var: &Var| gradients.get(var).unwrap().clone());
                y.iter()
                    .chain(&gradients)
                    .flat_map(|t| t.flatten_all().unwrap().to_vec1::<f32>().unwrap())
                    .collect()
            })
        };
        let alone: Vec<f32> = run(1);
        for threads in [2, 8] {
            assert!(alone.iter().zip(run(threads)).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_errors() {
        let (x, w) = (random((2, 1, 4, 4)), random((3, 2, 4, 4)));
        assert!(conv(&x, &w).is_ok());
        assert!(conv_transpose(&x, &w).is_err());
        assert!(conv(&random((2, 1, 5, 4)), &w).is_err());
        assert!(conv(&x, &random((3, 2, 3, 3))).is_err());
        assert!(conv(&x, &w.to_dtype(DType::F32).unwrap()).is_err());
    }
}
