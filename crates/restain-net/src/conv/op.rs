//! Convolutions as differentiable operations of candle.
//!
//! The transposed convolution is the adjoint of the convolution: the gradient of each with respect to its input is
//! the other, and the gradient of the weights is, for both, the same product of the images and the values at all positions.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

use super::gradient::weight_gradient;
use super::kernel::{convolve, convolve_transposed};
use super::window::Sliding;
#[cfg(feature = "cuda")]
use crate::gpu::training::cuda;
use crate::values::{Real, values};

/// Images and weights to the values at all positions.
pub(super) struct Convolution(pub(super) Sliding);
/// Values at all positions and weights to images.
pub(super) struct Transposed(pub(super) Sliding);
/// Images and values at all positions to the gradient of the weights.
struct WeightGradient(Sliding);

type Gradients = Result<(Option<Tensor>, Option<Tensor>)>;

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
            T::to_cpu_storage_owned(convolve(&T::sums(), g, x, w))
        }
        let y = match x {
            CpuStorage::F32(_) => run::<f32>(&self.0, values(x, x_at)?, values(w, w_at)?),
            CpuStorage::F64(_) => run::<f64>(&self.0, values(x, x_at)?, values(w, w_at)?),
            _ => bail!("a convolution on the CPU takes f32 or f64"),
        };
        Ok((y, self.0.output_shape()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        x_at: &Layout,
        w: &CudaStorage,
        w_at: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        Ok((cuda::convolve(&self.0, (x, x_at), (w, w_at))?, self.0.output_shape()))
    }

    fn bwd(&self, x: &Tensor, w: &Tensor, _: &Tensor, dy: &Tensor) -> Gradients {
        let dy = dy.contiguous()?;
        // The images that a network is given need no gradient.
        let dx = x.track_op().then(|| dy.apply_op2_no_bwd(w, &Transposed(self.0))).transpose()?;
        // Nor do the weights of a frozen network.
        let dw = w.track_op().then(|| x.apply_op2_no_bwd(&dy, &WeightGradient(self.0))).transpose()?;
        Ok((dx, dw))
    }
}

impl CustomOp2 for Transposed {
    fn name(&self) -> &'static str {
        "transposed-convolution"
    }

    fn cpu_fwd(
        &self,
        y: &CpuStorage,
        y_at: &Layout,
        w: &CpuStorage,
        w_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        fn run<T: Real>(g: &Sliding, y: &[T], w: &[T]) -> CpuStorage {
            T::to_cpu_storage_owned(convolve_transposed(&T::sums(), g, y, w))
        }
        let x = match y {
            CpuStorage::F32(_) => run::<f32>(&self.0, values(y, y_at)?, values(w, w_at)?),
            CpuStorage::F64(_) => run::<f64>(&self.0, values(y, y_at)?, values(w, w_at)?),
            _ => bail!("a transposed convolution on the CPU takes f32 or f64"),
        };
        Ok((x, self.0.input_shape()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        y: &CudaStorage,
        y_at: &Layout,
        w: &CudaStorage,
        w_at: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        Ok((cuda::convolve_transposed(&self.0, (y, y_at), (w, w_at))?, self.0.input_shape()))
    }

    fn bwd(&self, y: &Tensor, w: &Tensor, _: &Tensor, dx: &Tensor) -> Gradients {
        let dx = dx.contiguous()?;
        let dy = y.track_op().then(|| dx.apply_op2_no_bwd(w, &Convolution(self.0))).transpose()?;
        let dw = w.track_op().then(|| dx.apply_op2_no_bwd(y, &WeightGradient(self.0))).transpose()?;
        Ok((dy, dw))
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
        y: &CpuStorage,
        y_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        fn run<T: Real>(g: &Sliding, x: &[T], y: &[T]) -> CpuStorage {
            T::to_cpu_storage_owned(weight_gradient(&T::sums(), g, x, y))
        }
        let dw = match x {
            CpuStorage::F64(_) => run::<f64>(&self.0, values(x, x_at)?, values(y, y_at)?),
            _ => run::<f32>(&self.0, values(x, x_at)?, values(y, y_at)?),
        };
        Ok((dw, self.0.weight_shape()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        x_at: &Layout,
        y: &CudaStorage,
        y_at: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        Ok((cuda::weight_gradient(&self.0, (x, x_at), (y, y_at))?, self.0.weight_shape()))
    }
}
