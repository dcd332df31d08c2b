//! The two convolutions of G, both with a 4x4 kernel, stride 2 and padding 1.
//!
//! Images are channels-first over the whole batch, `[C, N, H, W]`, so that an image of any batch size is a matrix of
//! C rows. In training, a convolution is one operation forward and one for each gradient: on the CPU many small matrix
//! products over the columns of the image, several times as fast as candle's own; on a GPU one product with the columns
//! of all, in TF32. For use without training, a GPU takes one large product made of candle's operations.

mod columns;
#[cfg(any(feature = "cuda", test))]
mod dense;
pub(crate) mod geometry;
mod kernel;
#[cfg(any(feature = "cuda", test))]
mod layer;
mod op;

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

    use super::*;

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

    #[test]
    fn values_and_gradients_are_those_of_the_twin() {
        let forms: [(Form, bool); 4] =
            [(conv, false), (conv_transpose, true), (dense::conv, false), (dense::conv_transpose, true)];
        for (c, d, n, h, w) in SHAPES {
            for (form, transposed) in forms {
                let x = random((c, n, h, w));
                let weight = random(if transposed { (c, d, 4, 4) } else { (d, c, 4, 4) });
                let ours = form(&x, &weight).unwrap();
                let twin = twin(&x, &weight, transposed).unwrap();
                assert_eq!(ours.dims(), twin.dims());
                assert!(largest(&ours, &twin) < 1e-11);
                let along = random(ours.dims4().unwrap());
                let [ours, theirs] = [&ours, &twin]
                    .map(|y| (y * along.as_tensor()).unwrap().sum_all().unwrap().backward().unwrap());
                for var in [&x, &weight] {
                    let difference = largest(ours.get(var).unwrap(), theirs.get(var).unwrap());
                    assert!(difference < 1e-10, "{difference} at {:?}", (c, d, n, h, w, transposed));
                }
            }
        }
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let step = 1e-3; // any will do: the functions are quadratic in x and weight together
        for (form, weight_shape) in [(conv as Form, (3, 2, 4, 4)), (conv_transpose, (2, 3, 4, 4))] {
            let (x, weight) = (random((2, 3, 4, 6)), random(weight_shape));
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
                assert!((slope - gradient).abs() < 1e-8, "{slope} {gradient}");
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
