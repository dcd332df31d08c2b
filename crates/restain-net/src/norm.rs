//! Batch norm of `[C, N, H, W]`, with ReLU, leaky ReLU or neither, as one operation where a network trains.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{
    CpuStorage, CustomOp3, DType, Device, Layout, Result, Shape, Tensor, Var, WithDType, bail,
};
use candle_nn::{BatchNorm, ModuleT};
use rayon::prelude::*;

#[cfg(feature = "cuda")]
use crate::gpu::training::cuda;
use crate::values::{Real, values, with_values};

/// Batch norm, then ReLU. With `train`, the batch's own statistics are used and the running ones follow them.
pub(crate) fn normalize_relu(norm: &BatchNorm, x: &Tensor, train: bool) -> Result<Tensor> {
    match norm.weight_and_bias() {
        Some((scale, shift)) if train => normalize(x, (scale, shift), Some(norm), norm.eps(), 0.0),
        _ => {
            // A batch of one image with all pixels in one row has the same statistics.
            let shape = x.dims4()?;
            norm.forward_t(&x.reshape((1, shape.0, ()))?, train)?.reshape(shape)?.relu()
        }
    }
}

/// Batch norm by the batch's own statistics, which the running ones follow, and no ReLU.
///
/// # Errors
/// If a channel has fewer than two values.
pub(crate) fn normalize_without_relu(norm: &BatchNorm, x: &Tensor) -> Result<Tensor> {
    let Some((scale, shift)) = norm.weight_and_bias() else {
        bail!("batch norm has a weight and a bias here")
    };
    normalize(x, (scale, shift), Some(norm), norm.eps(), 1.0)
}

/// Batch norm of `[C, N, H, W]` by the batch's own statistics, with scale and shift `[C]`, then leaky ReLU: what is not
/// positive is multiplied by `slope`.
///
/// # Errors
/// If a channel has fewer than two values.
pub(crate) fn normalize_leaky_relu(
    x: &Tensor,
    (scale, shift): (&Tensor, &Tensor),
    eps: f64,
    slope: f64,
) -> Result<Tensor> {
    normalize(x, (scale, shift), None, eps, slope)
}

fn normalize(
    x: &Tensor,
    (scale, shift): (&Tensor, &Tensor),
    running: Option<&BatchNorm>,
    eps: f64,
    slope: f64,
) -> Result<Tensor> {
    let x = x.contiguous()?;
    let moments = moments(running, &x)?;
    x.apply_op3(scale, shift, Normalize { moments, eps, slope })
}

/// Mean and (biased) variance of each channel of a contiguous `x`, `[2, C]`: f64 on the CPU; f32 on a GPU, which they
/// do not leave. Running statistics move towards them, the variance towards its unbiased estimate.
fn moments(running: Option<&BatchNorm>, x: &Tensor) -> Result<Tensor> {
    let channels = x.dim(0)?;
    let count = x.elem_count() / channels;
    if count < 2 {
        bail!("batch norm needs more than one value a channel to train: use a larger batch or larger images")
    }
    #[cfg(feature = "cuda")]
    if x.device().is_cuda() {
        let running = running.map(|norm| (norm.running_mean(), norm.running_var(), norm.momentum()));
        return cuda::moments(x, running);
    }
    let (means, variances) =
        if x.dtype() == DType::F64 { measure::<f64>(x, count)? } else { measure::<f32>(x, count)? };
    if let Some(norm) = running {
        follow(norm, &means, &variances, count)?;
    }
    Tensor::from_vec([means, variances].concat(), (2, channels), &Device::Cpu)
}

/// Means and variances of the channels of `count` values each.
fn measure<T: Real>(x: &Tensor, count: usize) -> Result<(Vec<f64>, Vec<f64>)> {
    with_values(&[x], |all: &[&[T]]| {
        let moments = |channel: &[T]| {
            let mean = sum(channel, channel, |value, _| value) / count as f64;
            (mean, sum(channel, channel, |value, _| (value - mean) * (value - mean)) / count as f64)
        };
        Ok(all[0].par_chunks_exact(count).map(moments).unzip())
    })
}

/// Moves the running statistics.
fn follow(norm: &BatchNorm, means: &[f64], variances: &[f64], count: usize) -> Result<()> {
    let unbiased = count as f64 / (count - 1) as f64;
    let variances: Vec<f64> = variances.iter().map(|variance| variance * unbiased).collect();
    for (running, new) in [(norm.running_mean(), means), (norm.running_var(), &variances)] {
        let old = running.detach().to_dtype(DType::F64)?;
        let new = Tensor::new(new, running.device())?;
        let moved = ((old * (1.0 - norm.momentum()))? + (new * norm.momentum())?)?;
        Var::from_tensor(running)?.set(&moved.to_dtype(running.dtype())?)?;
    }
    Ok(())
}

/// `leaky(scale * (x - mean) / sqrt(variance + eps) + shift)`; arguments x, scale and shift.
struct Normalize {
    /// Of x, as [`moments`] makes them: its gradient flows through them too.
    moments: Tensor,
    eps: f64,
    /// Of leaky ReLU where its argument is not positive, at least 0; 0 is ReLU, 1 is none.
    slope: f64,
}

impl Normalize {
    /// Mean and reciprocal of the standard deviation of each channel, on the CPU.
    fn channels(&self) -> Result<Vec<(f64, f64)>> {
        let reciprocal = |variance: f64| (variance + self.eps).sqrt().recip();
        let (means, variances) = (self.moments.get(0)?.to_vec1()?, self.moments.get(1)?.to_vec1()?);
        Ok(means.into_iter().zip(variances.into_iter().map(reciprocal)).collect())
    }

    /// What is left of a value, or of its gradient, that is not positive: nothing under ReLU, whatever the value is.
    fn leak<T: Real>(&self) -> impl Fn(T) -> T + Copy + Send + Sync + use<T> {
        let slope = T::from_f64(self.slope);
        move |value| if slope > T::zero() { slope * value } else { T::zero() }
    }

    fn forward<T: Real>(&self, x: &[T], scale: &[T], shift: &[T]) -> Result<Vec<T>> {
        let (channels, count, leak) = (self.channels()?, x.len() / scale.len(), self.leak());
        let mut y = vec![T::zero(); x.len()];
        y.par_chunks_exact_mut(count).zip(x.par_chunks_exact(count)).enumerate().for_each(
            |(channel, (y, x))| {
                let (mean, reciprocal) = channels[channel];
                let factor = scale[channel].to_f64() * reciprocal;
                let (mean, factor, shift) = (T::from_f64(mean), T::from_f64(factor), shift[channel]);
                for (y, x) in y.iter_mut().zip(x) {
                    let value = (*x - mean) * factor + shift;
                    *y = if value > T::zero() { value } else { leak(value) };
                }
            },
        );
        Ok(y)
    }

    /// The gradients of x, scale and shift.
    fn backward<T: Real>(&self, x: &[T], scale: &[T], y: &[T], dy: &[T]) -> Result<(Vec<T>, Vec<T>, Vec<T>)> {
        let (channels, count, leak) = (self.channels()?, x.len() / scale.len(), self.leak());
        let mut dx = vec![T::zero(); x.len()];
        let images = x.par_chunks_exact(count).zip(y.par_chunks_exact(count)).zip(dy.par_chunks_exact(count));
        let (dscale, dshift) = dx
            .par_chunks_exact_mut(count)
            .zip(images)
            .enumerate()
            .map(|(channel, (dx, ((x, y), dy)))| {
                let (mean, reciprocal) = channels[channel];
                for ((dx, dy), y) in dx.iter_mut().zip(dy).zip(y) {
                    *dx = if *y > T::zero() { *dy } else { leak(*dy) };
                }
                let dshift = sum(dx, dx, |dy, _| dy);
                let dscale = sum(dx, x, |dy, x| dy * (x - mean)) * reciprocal;
                let factor = T::from_f64(scale[channel].to_f64() * reciprocal);
                let (level, slope) = (dshift / count as f64, dscale / count as f64 * reciprocal);
                let (mean, level, slope) = (T::from_f64(mean), T::from_f64(level), T::from_f64(slope));
                for (dx, x) in dx.iter_mut().zip(x) {
                    *dx = factor * (*dx - level - (*x - mean) * slope);
                }
                (T::from_f64(dscale), T::from_f64(dshift))
            })
            .unzip();
        Ok((dx, dscale, dshift))
    }

    fn gradients<T: Real>(&self, x: &Tensor, scale: &Tensor, y: &Tensor, dy: &Tensor) -> Result<[Tensor; 3]> {
        let (dx, dscale, dshift) =
            with_values(&[x, scale, y, dy], |all: &[&[T]]| self.backward(all[0], all[1], all[2], all[3]))?;
        Ok([
            Tensor::from_vec(dx, x.shape(), x.device())?,
            Tensor::from_vec(dscale, scale.shape(), x.device())?,
            Tensor::from_vec(dshift, scale.shape(), x.device())?,
        ])
    }
}

impl CustomOp3 for Normalize {
    fn name(&self) -> &'static str {
        "batch-norm-leaky-relu"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_at: &Layout,
        scale: &CpuStorage,
        scale_at: &Layout,
        shift: &CpuStorage,
        shift_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let y = match x {
            CpuStorage::F64(_) => f64::to_cpu_storage_owned(self.forward(
                values(x, x_at)?,
                values(scale, scale_at)?,
                values(shift, shift_at)?,
            )?),
            _ => f32::to_cpu_storage_owned(self.forward(
                values(x, x_at)?,
                values(scale, scale_at)?,
                values(shift, shift_at)?,
            )?),
        };
        Ok((y, x_at.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        x_at: &Layout,
        scale: &CudaStorage,
        scale_at: &Layout,
        shift: &CudaStorage,
        shift_at: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let y = cuda::normalize(
            (x, x_at),
            &self.moments,
            (scale, scale_at),
            (shift, shift_at),
            (self.eps, self.slope),
        )?;
        Ok((y, x_at.shape().clone()))
    }

    #[cfg_attr(
        not(feature = "cuda"),
        allow(unused_variables, reason = "the CPU asks y where it is positive")
    )]
    fn bwd(
        &self,
        x: &Tensor,
        scale: &Tensor,
        shift: &Tensor,
        y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let dy = dy.contiguous()?;
        #[cfg(feature = "cuda")]
        if x.device().is_cuda() {
            let [dx, dscale, dshift] =
                cuda::normalize_gradients(x, &self.moments, scale, shift, (self.eps, self.slope), &dy)?;
            return Ok((Some(dx), Some(dscale), Some(dshift)));
        }
        let [dx, dscale, dshift] = match x.dtype() {
            DType::F64 => self.gradients::<f64>(x, scale, y, &dy)?,
            _ => self.gradients::<f32>(x, scale, y, &dy)?,
        };
        Ok((Some(dx), Some(dscale), Some(dshift)))
    }
}

/// The sum of `term(a, b)` over pairs of elements, in f64 and always in the same order.
fn sum<T: Real>(a: &[T], b: &[T], term: impl Fn(f64, f64) -> f64) -> f64 {
    const LANES: usize = 8; // side by side, for the processor's vectors
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += term(a.to_f64(), b.to_f64());
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| term(a.to_f64(), b.to_f64())).sum();
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    /// Few values and many, odd sides and batches, counts that fill vectors and others.
    const SHAPES: [(usize, usize, usize, usize); 5] =
        [(3, 2, 4, 6), (1, 1, 1, 2), (5, 3, 7, 9), (2, 1, 32, 33), (17, 3, 2, 1)];

    fn random(shape: impl Into<Shape>, low: f64) -> Var {
        Var::rand_f64(low, 1.0, shape, DType::F64, &Device::Cpu).unwrap()
    }

    fn largest(a: &Tensor, b: &Tensor) -> f64 {
        let difference = (a - b).unwrap().abs().unwrap().flatten_all().unwrap().max(0).unwrap();
        difference.to_scalar::<f64>().unwrap()
    }

    /// The slopes of ReLU and of D.
    const SLOPES: [f64; 2] = [0.0, 0.2];

    fn norm(scale: &Tensor, [mean, variance]: [Tensor; 2], shift: &Tensor) -> BatchNorm {
        BatchNorm::new(scale.elem_count(), mean, variance, scale.clone(), shift.clone(), 1e-5).unwrap()
    }

    /// candle's batch norm and leaky ReLU, many passes but plain to see; their gradients are right.
    #[test]
    fn values_statistics_and_gradients_are_those_of_the_twin() {
        for (shape, slope) in SHAPES.into_iter().flat_map(|shape| SLOPES.map(|slope| (shape, slope))) {
            let channels = shape.0;
            let (x, along) = (random(shape, -3.0), random(shape, -1.0));
            let (scale, shift) = (random(channels, -1.0), random(channels, -1.0));
            let (mean, variance) = (random(channels, -1.0), random(channels, 0.5));
            let results: Vec<_> = [true, false]
                .map(|ours| {
                    let running = [&mean, &variance].map(|var| var.as_tensor().copy().unwrap());
                    let norm = norm(&scale, running, &shift);
                    let y = if ours {
                        normalize(&x, (scale.as_tensor(), shift.as_tensor()), Some(&norm), 1e-5, slope)
                            .unwrap()
                    } else {
                        let flat = x.reshape((1, channels, ())).unwrap();
                        let y = norm.forward_train(&flat).unwrap().reshape(shape).unwrap();
                        let below = (y.neg().unwrap().relu().unwrap() * slope).unwrap();
                        (y.relu().unwrap() - below).unwrap()
                    };
                    let loss = (&y * along.as_tensor()).unwrap().sum_all().unwrap();
                    let gradients = loss.backward().unwrap();
                    let gradients = [&x, &scale, &shift].map(|var| gradients.get(var).unwrap().clone());
                    [y, norm.running_mean().clone(), norm.running_var().clone()].into_iter().chain(gradients)
                })
                .map(Iterator::collect::<Vec<_>>)
                .into();
            for (index, (ours, twin)) in results[0].iter().zip(&results[1]).enumerate() {
                assert_eq!(ours.dims(), twin.dims());
                let difference = largest(ours, twin);
                assert!(difference < 1e-9, "{difference} in {index} at {shape:?}, {slope}");
            }
        }
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let step = 1e-5;
        for (shape, slope) in SHAPES.into_iter().flat_map(|shape| SLOPES.map(|slope| (shape, slope))) {
            let channels = shape.0;
            let along = random(shape, -1.0);
            let values = |[x, scale, shift]: &[Tensor; 3]| {
                normalize_leaky_relu(x, (scale, shift), 1e-5, slope).unwrap()
            };
            let loss = |y: &Tensor| (y * along.as_tensor()).unwrap().sum_all().unwrap();
            let vars = [random(shape, -3.0), random(channels, -1.0), random(channels, -1.0)];
            let tensors = vars.each_ref().map(|var| var.as_tensor().clone());
            let gradients = loss(&values(&tensors)).backward().unwrap();
            for (which, var) in vars.iter().enumerate() {
                // A direction in which no value passes ReLU's kink within the step.
                let (direction, [ahead, back]) = loop {
                    let direction = random(var.shape(), -1.0);
                    let ends = [step, -step].map(|by| {
                        let mut moved = tensors.clone();
                        moved[which] = (var.as_tensor() + (direction.as_tensor() * by).unwrap()).unwrap();
                        values(&moved)
                    });
                    let positive = ends
                        .each_ref()
                        .map(|y| y.gt(0.0).unwrap().flatten_all().unwrap().to_vec1::<u8>().unwrap());
                    if positive[0] == positive[1] {
                        break (direction, ends);
                    }
                };
                let [ahead, back] = [ahead, back].map(|y| loss(&y).to_scalar::<f64>().unwrap());
                let difference = (ahead - back) / (2.0 * step);
                let gradient = (gradients.get(var).unwrap() * direction.as_tensor()).unwrap();
                let gradient = gradient.sum_all().unwrap().to_scalar::<f64>().unwrap();
                assert!(
                    (difference - gradient).abs() < 1e-5,
                    "{difference}, {gradient} in {which} at {shape:?}, {slope}"
                );
            }
        }
    }

    /// Zeros and what is not a number come out as plain zeros, as they did before there was a slope.
    #[test]
    fn a_slope_of_zero_is_relu_to_the_sign_of_zero() {
        let x = Tensor::new(&[[[[-1.0_f32, -0.5, 1.5, f32::NAN]]]], &Device::Cpu).unwrap();
        let one = Tensor::ones(1, DType::F32, &Device::Cpu).unwrap();
        let moments = Tensor::new(&[[0.0_f64], [1.0]], &Device::Cpu).unwrap();
        let bits = |slope: f64| {
            let form = Normalize { moments: moments.clone(), eps: 0.0, slope };
            let y = x.apply_op3_no_bwd(&one, &(&one * 0.0).unwrap(), &form).unwrap();
            y.flatten_all().unwrap().to_vec1::<f32>().unwrap()
        };
        assert!(
            bits(0.0).iter().zip([0.0_f32, 0.0, 1.5, 0.0]).all(|(y, truth)| y.to_bits() == truth.to_bits())
        );
        assert_eq!(bits(0.5)[..3], [-0.5, -0.25, 1.5]);
        assert!(bits(0.5)[3].is_nan());
    }

    #[test]
    fn a_single_value_has_no_statistics() {
        let norm = |n: usize| {
            let vector = || Tensor::ones(n, DType::F64, &Device::Cpu).unwrap();
            BatchNorm::new(n, vector(), vector(), vector(), vector(), 1e-5).unwrap()
        };
        assert!(normalize_relu(&norm(2), &random((2, 1, 1, 1), 0.0), true).is_err());
        assert!(normalize_relu(&norm(2), &random((2, 1, 1, 1), 0.0), false).is_ok());
    }
}
