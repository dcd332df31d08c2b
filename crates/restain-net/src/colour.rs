//! G's end: bias and sigmoid.

use candle_core::{Result, Tensor};
use candle_nn::ops::sigmoid;

/// The sigmoid of `[C, N, H, W]` and the bias `[C]`, as images `[N, C, H, W]`.
pub(crate) fn colour(x: &Tensor, bias: &Tensor) -> Result<Tensor> {
    #[cfg(feature = "cuda")]
    if x.device().is_cuda() {
        return x.contiguous()?.apply_op2(&bias.contiguous()?, on_gpu::Colour);
    }
    let x = x.broadcast_add(&bias.reshape(((), 1, 1, 1))?)?;
    sigmoid(&x)?.transpose(0, 1)?.contiguous()
}

/// One pass forward and one backward, where candle's operations would take a dozen.
#[cfg(feature = "cuda")]
mod on_gpu {
    use candle_core::{CpuStorage, CudaStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

    use crate::gpu::training::cuda;

    pub(super) struct Colour;

    impl CustomOp2 for Colour {
        fn name(&self) -> &'static str {
            "bias-sigmoid"
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
            x: &CudaStorage,
            x_at: &Layout,
            bias: &CudaStorage,
            bias_at: &Layout,
        ) -> Result<(CudaStorage, Shape)> {
            cuda::colour((x, x_at), (bias, bias_at))
        }

        fn bwd(
            &self,
            _: &Tensor,
            _: &Tensor,
            y: &Tensor,
            dy: &Tensor,
        ) -> Result<(Option<Tensor>, Option<Tensor>)> {
            let [dx, dbias] = cuda::colour_gradients(y, &dy.contiguous()?)?;
            Ok((Some(dx), Some(dbias)))
        }
    }
}
