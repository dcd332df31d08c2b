//! The end of a residual block: the sum of what the block makes of its input and the input itself, and ReLU.

use candle_core::{CpuStorage, CustomOp2, DType, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::values::{Real, values, with_values};

/// `relu(a + b)` of two tensors of one shape, on the CPU in one pass, and one for both gradients.
///
/// # Errors
/// If the shapes differ.
pub(super) fn add_relu(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if a.device().is_cpu() { a.contiguous()?.apply_op2(&b.contiguous()?, AddRelu) } else { (a + b)?.relu() }
}

struct AddRelu;

/// Elements that a thread takes at a time.
const PIECE: usize = 16 * 1024;

/// `of` each pair of elements.
fn pairs<T: Real>(a: &[T], b: &[T], of: impl Fn(T, T) -> T + Sync) -> Vec<T> {
    let mut y = vec![T::zero(); a.len()];
    let pieces = y.par_chunks_mut(PIECE).zip(a.par_chunks(PIECE)).zip(b.par_chunks(PIECE));
    pieces.for_each(|((y, a), b)| {
        for ((y, a), b) in y.iter_mut().zip(a).zip(b) {
            *y = of(*a, *b);
        }
    });
    y
}

impl CustomOp2 for AddRelu {
    fn name(&self) -> &'static str {
        "add-relu"
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        a_at: &Layout,
        b: &CpuStorage,
        b_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        fn run<T: Real>(a: &[T], b: &[T]) -> CpuStorage {
            let positive = |sum| if sum > T::zero() { sum } else { T::zero() };
            T::to_cpu_storage_owned(pairs(a, b, |a, b| positive(a + b)))
        }
        if a_at.shape() != b_at.shape() {
            bail!("{:?} and {:?} have no sum", a_at.dims(), b_at.dims())
        }
        let y = match a {
            CpuStorage::F32(_) => run::<f32>(values(a, a_at)?, values(b, b_at)?),
            CpuStorage::F64(_) => run::<f64>(values(a, a_at)?, values(b, b_at)?),
            _ => bail!("{} on the CPU takes f32 or f64", self.name()),
        };
        Ok((y, a_at.shape().clone()))
    }

    fn bwd(
        &self,
        _: &Tensor,
        _: &Tensor,
        y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        fn run<T: Real>(y: &Tensor, dy: &Tensor) -> Result<Tensor> {
            let where_positive = |y, dy| if y > T::zero() { dy } else { T::zero() };
            let dx = with_values(&[y, dy], |all: &[&[T]]| Ok(pairs(all[0], all[1], where_positive)))?;
            Tensor::from_vec(dx, y.shape(), y.device())
        }
        let dy = dy.contiguous()?;
        let dx = if y.dtype() == DType::F64 { run::<f64>(y, &dy)? } else { run::<f32>(y, &dy)? };
        Ok((Some(dx.clone()), Some(dx)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::gradients::{largest, random};

    #[test]
    fn values_and_gradients_are_those_of_candle() {
        for shape in [(1, 1, 1, 1), (3, 2, 5, 7), (2, 3, 90, 91)] {
            let (a, b, along) = (random(shape), random(shape), random(shape));
            let twin = (a.as_tensor() + b.as_tensor()).unwrap().relu().unwrap();
            let ours = add_relu(&a, &b).unwrap();
            assert!(largest(&ours, &twin) == 0.0);
            let [ours, twin] =
                [ours, twin].map(|y| (y * along.as_tensor()).unwrap().sum_all().unwrap().backward().unwrap());
            for var in [&a, &b] {
                assert!(largest(ours.get(var).unwrap(), twin.get(var).unwrap()) == 0.0);
            }
        }
        assert!(add_relu(&random((1, 1, 2, 3)), &random((1, 1, 3, 2))).is_err());
    }
}
