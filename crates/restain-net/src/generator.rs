//! G, the generator that gives an image its stain (paper, IV.B.2): a fully convolutional U-Net.

use std::sync::PoisonError;

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{BatchNorm, Init, ModuleT, VarBuilder, VarMap, batch_norm};

use crate::conv::{conv, conv_transpose};

/// Input channels: gray and colour-encoding mask.
pub(crate) const CHANNELS_IN: usize = 2;
/// Output channels: red, green and blue, each in 0..=1.
pub(crate) const CHANNELS_OUT: usize = 3;
/// How often G halves its input; both sides of an input are multiples of 2 to this power.
pub(crate) const DEPTH: usize = 6;

/// Widths of the encoder's six convolutions in units of the base width.
const WIDTHS: [usize; DEPTH] = [1, 2, 4, 8, 8, 8];

/// Standard deviation of the normal distribution that fresh convolution weights are drawn from (pix2pix, Isola et
/// al. 2017, 6.2).
const WEIGHT_STD: f64 = 0.02;

/// What batch norm adds to a variance (PyTorch's default).
pub(crate) const BATCH_NORM_EPS: f64 = 1e-5;

/// The generator G in a form that can be trained.
///
/// Six convolutions k4 s2 p1 of widths 1, 2, 4, 8, 8, 8 times the base width, each followed by batch norm and ReLU,
/// then six transposed convolutions k4 s2 p1 mirrored, the first five with batch norm, ReLU and the skip
/// connection, the last to RGB through a sigmoid.
///
/// Parameters are named as PyTorch names them in the same network (`down.0.0.weight`, `down.0.1.running_mean`, ...,
/// `out.bias`) and have its layouts, so that weights go to and fro unchanged.
#[derive(Clone, Debug)]
pub struct Generator {
    base: usize,
    down: Vec<Block>,
    up: Vec<Block>,
    out_weight: Tensor,
    out_bias: Tensor,
}

/// One convolution or transposed convolution with its batch norm.
#[derive(Clone, Debug)]
struct Block {
    weight: Tensor,
    norm: BatchNorm,
}

impl Block {
    fn new(shape: (usize, usize, usize, usize), channels: usize, vb: &VarBuilder) -> Result<Self> {
        Ok(Self { weight: weight(shape, &vb.pp(0))?, norm: batch_norm(channels, BATCH_NORM_EPS, vb.pp(1))? })
    }
}

fn weight(shape: (usize, usize, usize, usize), vb: &VarBuilder) -> Result<Tensor> {
    vb.get_with_hints(shape, "weight", Init::Randn { mean: 0.0, stdev: WEIGHT_STD })
}

impl Generator {
    /// Takes G's parameters from `vb`, which makes fresh ones where it is backed by a `VarMap` that lacks them.
    ///
    /// # Errors
    /// If a parameter is missing or has another shape.
    pub fn new(base: usize, vb: &VarBuilder) -> Result<Self> {
        let widths = WIDTHS.map(|width| width * base);
        let mut down = Vec::with_capacity(DEPTH);
        let mut channels = CHANNELS_IN;
        for (i, &width) in widths.iter().enumerate() {
            down.push(Block::new((width, channels, 4, 4), width, &vb.pp("down").pp(i))?);
            channels = width;
        }
        let mut up = Vec::with_capacity(DEPTH - 1);
        for (i, &width) in widths[..DEPTH - 1].iter().rev().enumerate() {
            up.push(Block::new((channels, width, 4, 4), width, &vb.pp("up").pp(i))?);
            channels = 2 * width; // the skip connection doubles it
        }
        let out = vb.pp("out");
        Ok(Self {
            base,
            down,
            up,
            out_weight: weight((channels, CHANNELS_OUT, 4, 4), &out)?,
            out_bias: out.get_with_hints(CHANNELS_OUT, "bias", Init::Const(0.0))?,
        })
    }

    /// The names and shapes of G's parameters, running statistics included.
    ///
    /// # Errors
    /// Only where memory runs out: it makes a G of that width.
    pub(crate) fn shapes(base: usize) -> Result<Vec<(String, Vec<usize>)>> {
        let vars = VarMap::new();
        Self::new(base, &VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu))?;
        let data = vars.data().lock().unwrap_or_else(PoisonError::into_inner);
        let mut shapes: Vec<_> = data.iter().map(|(name, var)| (name.clone(), var.dims().to_vec())).collect();
        shapes.sort();
        Ok(shapes)
    }

    /// Base width: the channels after the first convolution.
    pub fn base(&self) -> usize {
        self.base
    }
}

impl ModuleT for Generator {
    /// GM `[N, 2, H, W]`, both channels in 0..=1, to RGB `[N, 3, H, W]` in 0..=1; H and W are multiples of 64.
    ///
    /// With `train`, batch norm uses the batch's own statistics and updates its running ones, else it uses the
    /// running ones.
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let mut x = x.transpose(0, 1)?.contiguous()?; // channels first over the whole batch, as conv.rs has it
        let mut skips = Vec::with_capacity(DEPTH);
        for block in &self.down {
            x = normalize(&block.norm, &conv(&x, &block.weight)?, train)?.relu()?;
            skips.push(x.clone());
        }
        skips.pop(); // the bottom has no counterpart
        for block in &self.up {
            let y = normalize(&block.norm, &conv_transpose(&x, &block.weight)?, train)?.relu()?;
            x = match skips.pop() {
                Some(skip) => Tensor::cat(&[&y, &skip], 0)?,
                None => y,
            };
        }
        let y = conv_transpose(&x, &self.out_weight)?;
        let y = y.broadcast_add(&self.out_bias.reshape((CHANNELS_OUT, 1, 1, 1))?)?;
        candle_nn::ops::sigmoid(&y)?.transpose(0, 1)?.contiguous()
    }
}

/// Batch norm of `[C, N, H, W]`: a batch of one image with all pixels in one row has the same statistics.
fn normalize(norm: &BatchNorm, x: &Tensor, train: bool) -> Result<Tensor> {
    let shape = x.dims4()?;
    norm.forward_t(&x.reshape((1, shape.0, ()))?, train)?.reshape(shape)
}
