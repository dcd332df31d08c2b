//! The distance of two images, which training makes smaller.

use candle_core::{Result, Tensor};

/// The mean absolute difference of two tensors of one shape, one number; differentiable with respect to `a`.
///
/// # Errors
/// If the shapes differ or a tensor operation fails.
pub fn mean_distance(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    #[cfg(feature = "cuda")]
    if a.device().is_cuda() {
        return a.contiguous()?.apply_op2(&b.contiguous()?, on_gpu::Distance);
    }
    (a - b)?.abs()?.mean_all()
}

/// One pass forward and one backward, where candle's operations would take a dozen and sum in one block.
#[cfg(feature = "cuda")]
mod on_gpu {
    use candle_core::{CpuStorage, CudaStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

    use crate::gpu::training::cuda;

    pub(super) struct Distance;

    impl CustomOp2 for Distance {
        fn name(&self) -> &'static str {
            "mean-distance"
        }

        fn cpu_fwd(
            &self,
            _: &CpuStorage,
            _: &Layout,
            _: &CpuStorage,
            _: &Layout,
        ) -> Result<(CpuStorage, Shape)> {
            bail!("{} is for the GPU", self.name())
        }

        fn cuda_fwd(
            &self,
            a: &CudaStorage,
            a_at: &Layout,
            b: &CudaStorage,
            b_at: &Layout,
        ) -> Result<(CudaStorage, Shape)> {
            if a_at.shape() != b_at.shape() {
                bail!("images of {:?} and {:?} have no distance", a_at.dims(), b_at.dims())
            }
            Ok((cuda::distance((a, a_at), (b, b_at))?, Shape::from(())))
        }

        fn bwd(
            &self,
            a: &Tensor,
            b: &Tensor,
            _: &Tensor,
            along: &Tensor,
        ) -> Result<(Option<Tensor>, Option<Tensor>)> {
            Ok((Some(cuda::distance_gradient(a, b, along)?), None))
        }
    }
}
