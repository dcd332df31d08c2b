//! The convolutions of the CPU as differentiable operations of candle.
//!
//! The transposed convolution is the adjoint of the convolution: the gradient of each with respect to its input is
//! the other, and the gradient of the weights is, for both, the same product of the fine and the coarse side.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

use super::geometry::Geometry;
use super::{gradient, kernel};
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

    fn bwd(&self, x: &Tensor, w: &Tensor, _: &Tensor, dy: &Tensor) -> Gradients {
        let dy = dy.contiguous()?;
        Ok((Some(dy.apply_op2(w, Transposed)?), Some(x.apply_op2(&dy, WeightGradient)?)))
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

    fn bwd(&self, x: &Tensor, w: &Tensor, _: &Tensor, dy: &Tensor) -> Gradients {
        let dy = dy.contiguous()?;
        Ok((Some(dy.apply_op2(w, Convolution)?), Some(dy.apply_op2(x, WeightGradient)?)))
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
            T::to_cpu_storage_owned(gradient::weight_gradient(&T::sums(), g, x, y))
        }
        let (fine, images, ..) = x_at.shape().dims4()?;
        let (coarse, _, height, width) = y_at.shape().dims4()?;
        let g = Geometry { images, fine, coarse, height, width };
        let gradient = match x {
            CpuStorage::F64(_) => run::<f64>(&g, values(x, x_at)?, values(y, y_at)?),
            _ => run::<f32>(&g, values(x, x_at)?, values(y, y_at)?),
        };
        Ok((gradient, (coarse, fine, 4, 4).into()))
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

    pub(crate) fn fine_shape(&self) -> Shape {
        (self.fine, self.images, 2 * self.height, 2 * self.width).into()
    }
}
