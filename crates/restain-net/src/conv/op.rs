//! The convolutions of training as differentiable operations of candle.
//!
//! The transposed convolution is the adjoint of the convolution: the gradient of each with respect to its input is
//! the other, and the gradient of the weights is, for both, the same product of the fine and the coarse side.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

use super::geometry::Geometry;
use super::{gradient, kernel};
#[cfg(feature = "cuda")]
use crate::gpu::training::cuda;
use crate::values::{Real, values};

/// Fine image and weights to the coarse image.
pub(crate) struct Convolution;
/// Coarse image and weights to the fine image.
pub(crate) struct Transposed;
/// Fine image and coarse image to the gradient of the weights.
struct WeightGradient;

type Gradients = Result<(Option<Tensor>, Option<Tensor>)>;

impl CustomOp2 for Convolution {
    fn name(&self) -> &'static str {
        "conv-k4s2p1"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_at: &Layout,
        w: &CpuStorage,
        w_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        fn run<T: Real>(g: &Geometry, x: &[T], w: &[T]) -> CpuStorage {
            let mut y = vec![T::zero(); g.coarse * g.plane()];
            kernel::convolve(&T::sums(), g, x, w, &mut y);
            T::to_cpu_storage_owned(y)
        }
        let g = Geometry::of_fine(x_at.shape(), w_at.shape())?;
        let y = match x {
            CpuStorage::F32(_) => run::<f32>(&g, values(x, x_at)?, values(w, w_at)?),
            CpuStorage::F64(_) => run::<f64>(&g, values(x, x_at)?, values(w, w_at)?),
            _ => bail!("a convolution on the CPU takes f32 or f64"),
        };
        Ok((y, g.coarse_shape()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        x_at: &Layout,
        w: &CudaStorage,
        w_at: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let g = Geometry::of_fine(x_at.shape(), w_at.shape())?;
        Ok((cuda::convolve(&g, (x, x_at), (w, w_at))?, g.coarse_shape()))
    }

    fn bwd(&self, x: &Tensor, w: &Tensor, _: &Tensor, dy: &Tensor) -> Gradients {
        let dy = dy.contiguous()?;
        // The image that G is given needs no gradient.
        let dx = x.track_op().then(|| dy.apply_op2_no_bwd(w, &Transposed)).transpose()?;
        // Nor do the weights of a frozen network.
        let dw = w.track_op().then(|| x.apply_op2_no_bwd(&dy, &WeightGradient)).transpose()?;
        Ok((dx, dw))
    }
}

impl CustomOp2 for Transposed {
    fn name(&self) -> &'static str {
        "conv-transpose-k4s2p1"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_at: &Layout,
        w: &CpuStorage,
        w_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        fn run<T: Real>(g: &Geometry, x: &[T], w: &[T]) -> CpuStorage {
            let mut y = vec![T::zero(); 4 * g.fine * g.plane()];
            kernel::convolve_transposed(&T::sums(), g, x, w, &mut y);
            T::to_cpu_storage_owned(y)
        }
        let g = Geometry::of_coarse(x_at.shape(), w_at.shape())?;
        let y = match x {
            CpuStorage::F32(_) => run::<f32>(&g, values(x, x_at)?, values(w, w_at)?),
            CpuStorage::F64(_) => run::<f64>(&g, values(x, x_at)?, values(w, w_at)?),
            _ => bail!("a transposed convolution on the CPU takes f32 or f64"),
        };
        Ok((y, g.fine_shape()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        x_at: &Layout,
        w: &CudaStorage,
        w_at: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let g = Geometry::of_coarse(x_at.shape(), w_at.shape())?;
        Ok((cuda::convolve_transposed(&g, (x, x_at), (w, w_at))?, g.fine_shape()))
    }

    fn bwd(&self, x: &Tensor, w: &Tensor, _: &Tensor, dy: &Tensor) -> Gradients {
        let dy = dy.contiguous()?;
        let dx = dy.apply_op2_no_bwd(w, &Convolution)?;
        Ok((Some(dx), Some(dy.apply_op2_no_bwd(x, &WeightGradient)?)))
    }
}

impl CustomOp2 for WeightGradient {
    fn name(&self) -> &'static str {
        "conv-k4s2p1-weight-gradient"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_at: &Layout,
        y: &CpuStorage,
        y_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        fn run<T: Real>(g: &Geometry, x: &[T], y: &[T]) -> CpuStorage {
            T::to_cpu_storage_owned(gradient::weight_gradient(&T::sums(), &g.sliding(), x, y))
        }
        let g = Geometry::between(x_at.shape(), y_at.shape())?;
        let gradient = match x {
            CpuStorage::F64(_) => run::<f64>(&g, values(x, x_at)?, values(y, y_at)?),
            _ => run::<f32>(&g, values(x, x_at)?, values(y, y_at)?),
        };
        Ok((gradient, g.weight_shape()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        x_at: &Layout,
        y: &CudaStorage,
        y_at: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let g = Geometry::between(x_at.shape(), y_at.shape())?;
        Ok((cuda::weight_gradient(&g, (x, x_at), (y, y_at))?, g.weight_shape()))
    }
}

impl Geometry {
    /// From the shapes of a fine image and the weights that take it.
    pub(crate) fn of_fine(image: &Shape, weight: &Shape) -> Result<Self> {
        let (fine, images, height, width) = image.dims4()?;
        if height % 2 != 0 || width % 2 != 0 {
            bail!("a k4 s2 p1 convolution takes even sides, not {height} x {width}")
        }
        let (coarse, channels) = Self::of_weight(weight)?;
        let g = Self { images, fine, coarse, height: height / 2, width: width / 2 };
        g.checked(channels, fine)
    }

    /// From the shapes of a coarse image and the weights that take it.
    pub(crate) fn of_coarse(image: &Shape, weight: &Shape) -> Result<Self> {
        let (coarse, images, height, width) = image.dims4()?;
        let (channels, fine) = Self::of_weight(weight)?;
        Self { images, fine, coarse, height, width }.checked(channels, coarse)
    }

    /// From the shapes of a fine and a coarse image.
    fn between(fine: &Shape, coarse: &Shape) -> Result<Self> {
        let (fine, images, ..) = fine.dims4()?;
        let (coarse, _, height, width) = coarse.dims4()?;
        Ok(Self { images, fine, coarse, height, width })
    }

    fn of_weight(weight: &Shape) -> Result<(usize, usize)> {
        match weight.dims4()? {
            (coarse, fine, 4, 4) => Ok((coarse, fine)),
            _ => bail!("a 4 x 4 kernel is needed, the weights are {weight:?}"),
        }
    }

    fn checked(self, expected: usize, found: usize) -> Result<Self> {
        if expected != found {
            bail!("the weights take {expected} channels, the image has {found}")
        }
        if self.plane() == 0 || self.fine * self.coarse == 0 {
            bail!("a convolution of nothing: {self:?}")
        }
        Ok(self)
    }

    pub(crate) fn coarse_shape(&self) -> Shape {
        (self.coarse, self.images, self.height, self.width).into()
    }

    fn weight_shape(&self) -> Shape {
        (self.coarse, self.fine, 4, 4).into()
    }

    pub(crate) fn fine_shape(&self) -> Shape {
        (self.fine, self.images, 2 * self.height, 2 * self.width).into()
    }
}
