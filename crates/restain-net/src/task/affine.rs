//! A factor and a summand for each channel, and ReLU: what batch norm is once its statistics stand.

use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor, WithDType, bail};
use rayon::prelude::*;

use crate::values::{Real, values, with_values};

/// `x * factor + summand`, and ReLU of it with `relu`, for `x` `[C, N, H, W]` and two vectors `[C]`.
///
/// Where no gradient of the vectors is asked for, it is one pass on the CPU, and one for the gradient of `x`.
///
/// # Errors
/// If the shapes do not fit.
pub(super) fn affine(x: &Tensor, factor: &Tensor, summand: &Tensor, relu: bool) -> Result<Tensor> {
    if x.device().is_cpu() && !factor.track_op() && !summand.track_op() {
        let (factor, summand) = (factor.contiguous()?, summand.contiguous()?);
        return x.contiguous()?.apply_op1(Affine { factor, summand, relu });
    }
    let [factor, summand] = [factor, summand].map(|vector| vector.reshape(((), 1, 1, 1)));
    let y = x.broadcast_mul(&factor?)?.broadcast_add(&summand?)?;
    if relu { y.relu() } else { Ok(y) }
}

struct Affine {
    factor: Tensor,
    summand: Tensor,
    relu: bool,
}

impl Affine {
    fn forward<T: Real>(&self, x: &[T], channels: usize) -> Result<Vec<T>> {
        with_values(&[&self.factor, &self.summand], |all: &[&[T]]| {
            let (factors, summands) = (all[0], all[1]);
            if factors.len() != channels || summands.len() != channels || x.is_empty() {
                bail!("{} factors and {} summands for {channels} channels", factors.len(), summands.len())
            }
            let (count, relu) = (x.len() / channels, self.relu);
            let mut y = vec![T::zero(); x.len()];
            let planes = y.par_chunks_exact_mut(count).zip(x.par_chunks_exact(count));
            planes.zip(factors.par_iter().zip(summands)).for_each(|((y, x), (factor, summand))| {
                for (y, x) in y.iter_mut().zip(x) {
                    let value = *x * *factor + *summand;
                    *y = if passes(value, relu) { value } else { T::zero() };
                }
            });
            Ok(y)
        })
    }

    fn backward<T: Real>(&self, y: &Tensor, dy: &Tensor) -> Result<Tensor> {
        let dx = with_values(&[&self.factor, y, dy], |all: &[&[T]]| {
            let (factors, y, dy) = (all[0], all[1], all[2]);
            let (count, relu) = (y.len() / factors.len(), self.relu);
            let mut dx = vec![T::zero(); y.len()];
            let planes = y.par_chunks_exact(count).zip(dy.par_chunks_exact(count));
            dx.par_chunks_exact_mut(count).zip(planes).zip(factors).for_each(|((dx, (y, dy)), factor)| {
                for ((dx, y), dy) in dx.iter_mut().zip(y).zip(dy) {
                    *dx = if passes(*y, relu) { *dy * *factor } else { T::zero() };
                }
            });
            Ok(dx)
        })?;
        Tensor::from_vec(dx, y.shape(), y.device())
    }
}

impl CustomOp1 for Affine {
    fn name(&self) -> &'static str {
        "affine-channels"
    }

    fn cpu_fwd(&self, x: &CpuStorage, x_at: &Layout) -> Result<(CpuStorage, Shape)> {
        let (channels, ..) = x_at.shape().dims4()?;
        let y = match x {
            CpuStorage::F32(_) => f32::to_cpu_storage_owned(self.forward(values(x, x_at)?, channels)?),
            CpuStorage::F64(_) => f64::to_cpu_storage_owned(self.forward(values(x, x_at)?, channels)?),
            _ => bail!("{} on the CPU takes f32 or f64", self.name()),
        };
        Ok((y, x_at.shape().clone()))
    }

    fn bwd(&self, _: &Tensor, y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let dy = dy.contiguous()?;
        let dx =
            if y.dtype() == DType::F64 { self.backward::<f64>(y, &dy) } else { self.backward::<f32>(y, &dy) };
        dx.map(Some)
    }
}

/// Whether a value, and with it its gradient, passes where there is a ReLU or none.
#[inline]
#[allow(clippy::needless_bitwise_bool, reason = "a branch would keep loops from the processor's vectors")]
fn passes<T: Real>(value: T, relu: bool) -> bool {
    (value > T::zero()) | !relu
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::gradients::{largest, random, slope_and_gradient};

    const SHAPES: [(usize, usize, usize, usize); 4] =
        [(3, 2, 4, 6), (1, 1, 1, 1), (5, 3, 7, 9), (17, 3, 2, 1)];

    #[test]
    fn values_and_gradients_are_those_of_the_definition() {
        for shape in SHAPES {
            let [factor, summand] = [random(shape.0), random(shape.0)];
            let x = random(shape);
            for relu in [false, true] {
                let [factor, summand] = [&factor, &summand].map(|vector| vector.as_tensor().detach());
                let ours = affine(&x, &factor, &summand, relu).unwrap();
                let [wide, over] = [&factor, &summand].map(|vector| vector.reshape(((), 1, 1, 1)).unwrap());
                let twin = x.broadcast_mul(&wide).unwrap().broadcast_add(&over).unwrap();
                let twin = if relu { twin.relu().unwrap() } else { twin };
                assert!(largest(&ours, &twin) < 1e-12);
                let along = random(shape);
                let [ours, twin] = [ours, twin].map(|y| {
                    let gradients = (y * along.as_tensor()).unwrap().sum_all().unwrap().backward().unwrap();
                    gradients.get(&x).unwrap().clone()
                });
                assert!(largest(&ours, &twin) < 1e-12);
            }
        }
    }

    #[test]
    fn gradients_reach_vectors_that_are_trained() {
        let (x, factor, summand) = (random((3, 2, 4, 6)), random(3), random(3));
        let of = |[x, factor, summand]: [&Tensor; 3]| affine(x, factor, summand, false).unwrap();
        for (slope, gradient) in slope_and_gradient([&x, &factor, &summand], of) {
            assert!((slope - gradient).abs() < 1e-6, "{slope}, {gradient}");
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_errors() {
        let [two, three] = [2, 3].map(|channels| random(channels).as_tensor().detach());
        assert!(affine(&random((2, 1, 3, 1)), &two, &three, false).is_err());
        assert!(affine(&random((2, 1, 3, 1)), &three, &three, true).is_err());
    }
}
