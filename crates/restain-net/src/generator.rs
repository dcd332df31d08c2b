//! G, the generator that gives an image its stain (paper, IV.B.2): a fully convolutional U-Net.

use candle_core::{Result, Tensor};
use candle_nn::{BatchNorm, Init, ModuleT, VarBuilder, batch_norm};

use crate::colour::colour;
use crate::conv::{conv, conv_transpose};
use crate::norm::normalize_relu;

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
pub(crate) const WEIGHT_STD: f64 = 0.02;

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
    fn new(shape: Shape4, channels: usize, vb: &VarBuilder) -> Result<Self> {
        Ok(Self { weight: weight(shape, &vb.pp(0))?, norm: batch_norm(channels, BATCH_NORM_EPS, vb.pp(1))? })
    }
}

fn weight(shape: Shape4, vb: &VarBuilder) -> Result<Tensor> {
    vb.get_with_hints(shape, "weight", Init::Randn { mean: 0.0, stdev: WEIGHT_STD })
}

type Shape4 = (usize, usize, usize, usize);

/// The blocks down and up again: name, shape of the weights, channels that come out.
fn plan(base: usize) -> Vec<(String, Shape4, usize)> {
    let widths = WIDTHS.map(|width| width * base);
    let mut blocks = Vec::with_capacity(2 * DEPTH - 1);
    let mut channels = CHANNELS_IN;
    for (i, &width) in widths.iter().enumerate() {
        blocks.push((format!("down.{i}"), (width, channels, 4, 4), width));
        channels = width;
    }
    for (i, &width) in widths[..DEPTH - 1].iter().rev().enumerate() {
        blocks.push((format!("up.{i}"), (channels, width, 4, 4), width));
        channels = 2 * width; // the skip connection doubles it
    }
    blocks
}

/// Shape of the last weights, which see the outermost block up and its skip connection.
fn out_shape(base: usize) -> Shape4 {
    (2 * WIDTHS[0] * base, CHANNELS_OUT, 4, 4)
}

impl Generator {
    /// Takes G's parameters from `vb`, which makes fresh ones where it is backed by a `VarMap` that lacks them.
    ///
    /// # Errors
    /// If a parameter is missing or has another shape.
    pub fn new(base: usize, vb: &VarBuilder) -> Result<Self> {
        let mut blocks = plan(base)
            .into_iter()
            .map(|(name, shape, channels)| Block::new(shape, channels, &vb.pp(name)))
            .collect::<Result<Vec<_>>>()?;
        let up = blocks.split_off(DEPTH);
        let out = vb.pp("out");
        Ok(Self {
            base,
            down: blocks,
            up,
            out_weight: weight(out_shape(base), &out)?,
            out_bias: out.get_with_hints(CHANNELS_OUT, "bias", Init::Const(0.0))?,
        })
    }

    /// The names and shapes of G's parameters, running statistics included.
    pub(crate) fn shapes(base: usize) -> Vec<(String, Vec<usize>)> {
        let mut shapes = Vec::new();
        let dims = |(a, b, c, d): Shape4| vec![a, b, c, d];
        for (name, shape, channels) in plan(base) {
            shapes.push((format!("{name}.0.weight"), dims(shape)));
            for vector in ["weight", "bias", "running_mean", "running_var"] {
                shapes.push((format!("{name}.1.{vector}"), vec![channels]));
            }
        }
        shapes.push(("out.weight".to_owned(), dims(out_shape(base))));
        shapes.push(("out.bias".to_owned(), vec![CHANNELS_OUT]));
        shapes
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
            x = normalize_relu(&block.norm, &conv(&x, &block.weight)?, train)?;
            skips.push(x.clone());
        }
        skips.pop(); // the bottom has no counterpart
        for block in &self.up {
            let y = normalize_relu(&block.norm, &conv_transpose(&x, &block.weight)?, train)?;
            x = match skips.pop() {
                Some(skip) => Tensor::cat(&[&y, &skip], 0)?,
                None => y,
            };
        }
        colour(&conv_transpose(&x, &self.out_weight)?, &self.out_bias)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};
    use candle_nn::VarMap;

    use super::*;

    #[test]
    fn shapes_are_those_of_the_variables() {
        for base in 1..4 {
            let vars = VarMap::new();
            Generator::new(base, &VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu)).unwrap();
            let data = vars.data().lock().unwrap();
            let mut found: Vec<_> =
                data.iter().map(|(name, var)| (name.clone(), var.dims().to_vec())).collect();
            let mut expected = Generator::shapes(base);
            found.sort();
            expected.sort();
            assert_eq!(found, expected);
        }
    }
}
