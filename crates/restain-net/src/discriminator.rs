//! D1 and D2, the discriminators that tell real images of the source style from G's (paper, IV.B.3).

use candle_core::{Result, Tensor};
use candle_nn::ops::leaky_relu;
use candle_nn::{Init, VarBuilder};

use crate::conv::conv;
use crate::generator::{BATCH_NORM_EPS, CHANNELS_OUT, WEIGHT_STD};
use crate::norm::normalize_leaky_relu;

/// Widths of the five convolutions in units of the base width.
const WIDTHS: [usize; 5] = [1, 2, 4, 8, 8];

/// Slope of leaky ReLU where its argument is not positive (DCGAN, Radford et al. 2016; pix2pix, Isola et al. 2017, 6.1).
const SLOPE: f64 = 0.2;

/// A discriminator in training.
///
/// Five convolutions k4 s2 p1 of widths 1, 2, 4, 8, 8 times the base width, each but the first followed by batch norm,
/// each by leaky ReLU of slope 0.2; then all values of an image, flattened, through one fully connected layer to one
/// logit. The probability that an image is real is the logit's sigmoid.
///
/// The first convolution has a bias instead of batch norm, as in DCGAN and in pix2pix (Isola et al. 2017, 6.1.2): batch
/// norm there would take brightness and cast from a batch, which are what D is to judge. Batch norm always uses the
/// batch's own statistics, and real and generated images come in batches of their own.
///
/// Parameters are named as PyTorch names them in the same network (`down.0.0.weight`, `down.1.1.bias`, ...,
/// `out.weight`) and have its layouts.
#[derive(Clone, Debug)]
pub struct Discriminator {
    first: Affine,
    blocks: Vec<Block>,
    out: Affine,
    /// Side of the images in pixels.
    side: usize,
}

/// Weights with a bias.
#[derive(Clone, Debug)]
struct Affine {
    weight: Tensor,
    bias: Tensor,
}

/// A convolution with its batch norm.
#[derive(Clone, Debug)]
struct Block {
    weight: Tensor,
    scale: Tensor,
    shift: Tensor,
}

impl Discriminator {
    /// Takes the parameters of a discriminator of images of `side` x `side` pixels from `vb`, which makes fresh ones
    /// where it is backed by a `VarMap` that lacks them.
    ///
    /// # Errors
    /// If `side` is not a multiple of 32 above 0, or a parameter is missing or has another shape.
    pub fn new(base: usize, side: usize, vb: &VarBuilder) -> Result<Self> {
        let shrunk = side >> WIDTHS.len();
        if shrunk == 0 || shrunk << WIDTHS.len() != side {
            candle_core::bail!("D takes images whose side is a multiple of 32, not {side}")
        }
        let normal = Init::Randn { mean: 0.0, stdev: WEIGHT_STD };
        let vector =
            |channels, name, value, vb: &VarBuilder| vb.get_with_hints(channels, name, Init::Const(value));
        let widths = WIDTHS.map(|width| width * base);
        let vb_first = vb.pp("down.0.0");
        let first = Affine {
            weight: vb_first.get_with_hints((widths[0], CHANNELS_OUT, 4, 4), "weight", normal)?,
            bias: vector(widths[0], "bias", 0.0, &vb_first)?,
        };
        let block = |(i, pair): (usize, &[usize])| {
            let vb = vb.pp(format!("down.{}", i + 1));
            let weight = vb.get_with_hints((pair[1], pair[0], 4, 4), "0.weight", normal)?;
            let scale = vector(pair[1], "1.weight", 1.0, &vb)?;
            Ok(Block { weight, scale, shift: vector(pair[1], "1.bias", 0.0, &vb)? })
        };
        let blocks = widths.windows(2).enumerate().map(block).collect::<Result<_>>()?;
        let vb_out = vb.pp("out");
        let values = widths[WIDTHS.len() - 1] * shrunk * shrunk;
        let out = Affine {
            weight: vb_out.get_with_hints((1, values), "weight", normal)?,
            bias: vector(1, "bias", 0.0, &vb_out)?,
        };
        Ok(Self { first, blocks, out, side })
    }

    /// The same discriminator with parameters that gradients pass by, to guide G: it shares the memory of `self`.
    #[must_use]
    pub fn frozen(&self) -> Self {
        let affine = |of: &Affine| Affine { weight: of.weight.detach(), bias: of.bias.detach() };
        let block = |of: &Block| Block {
            weight: of.weight.detach(),
            scale: of.scale.detach(),
            shift: of.shift.detach(),
        };
        Self {
            first: affine(&self.first),
            blocks: self.blocks.iter().map(block).collect(),
            out: affine(&self.out),
            side: self.side,
        }
    }

    /// Images `[N, 3, side, side]` in 0..=1 to logits `[N]`.
    ///
    /// # Errors
    /// If the images have another shape, or are too few for batch norm: one of less than 64 pixels a side.
    pub fn logits(&self, images: &Tensor) -> Result<Tensor> {
        let count = images.dim(0)?;
        if images.dims() != [count, CHANNELS_OUT, self.side, self.side] {
            candle_core::bail!("D takes {0} x {0} pixels in RGB, not {1:?}", self.side, images.dims())
        }
        let x = conv(&images.transpose(0, 1)?.contiguous()?, &self.first.weight)?;
        let mut x = leaky_relu(&x.broadcast_add(&self.first.bias.reshape(((), 1, 1, 1))?)?, SLOPE)?;
        for Block { weight, scale, shift } in &self.blocks {
            x = normalize_leaky_relu(&conv(&x, weight)?, (scale, shift), BATCH_NORM_EPS, SLOPE)?;
        }
        // Each image by itself and in the order in which PyTorch flattens it: channels, rows, columns.
        let flat = x.transpose(0, 1)?.contiguous()?.flatten_from(1)?;
        flat.matmul(&self.out.weight.t()?)?.broadcast_add(&self.out.bias)?.squeeze(1)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Var};
    use candle_nn::VarMap;

    use super::*;

    const SIDE: usize = 64;

    /// A discriminator in f64 whose parameters are far from their start, and images.
    fn example() -> (VarMap, Discriminator, Var) {
        let vars = VarMap::new();
        let d =
            Discriminator::new(2, SIDE, &VarBuilder::from_varmap(&vars, DType::F64, &Device::Cpu)).unwrap();
        for var in vars.all_vars() {
            let noise = Tensor::rand(-0.5, 0.5, var.shape(), &Device::Cpu).unwrap();
            var.set(&(var.as_tensor() + noise).unwrap()).unwrap();
        }
        (vars, d, Var::rand_f64(0.0, 1.0, (3, CHANNELS_OUT, SIDE, SIDE), DType::F64, &Device::Cpu).unwrap())
    }

    fn number(tensor: &Tensor) -> f64 {
        tensor.sum_all().unwrap().to_scalar().unwrap()
    }

    /// `scripts/pytorch_parity.py` says how the fixture is made.
    #[test]
    fn logits_are_those_of_pytorch() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/pytorch/discriminator.safetensors");
        let mut tensors = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
        let [images, truth] = ["images", "logits"].map(|name| tensors.remove(name).unwrap());
        let d = Discriminator::new(2, SIDE, &VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu))
            .unwrap();
        let [ours, truth] =
            [d.logits(&images).unwrap(), truth].map(|logits| logits.to_vec1::<f32>().unwrap());
        assert_eq!(ours.len(), truth.len());
        for (ours, truth) in ours.iter().zip(&truth) {
            assert!((ours - truth).abs() < 1e-4 * truth.abs().max(1.0), "{ours} instead of {truth}");
        }
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let (vars, d, images) = example();
        let along = Tensor::new(&[1.0, -0.7, 0.4], &Device::Cpu).unwrap();
        let loss = |images: &Tensor| (d.logits(images).unwrap() * &along).unwrap().sum_all().unwrap();
        let gradients = loss(&images).backward().unwrap();
        let mut named: Vec<_> = vars.data().lock().unwrap().clone().into_iter().collect();
        named.push(("images".to_owned(), images.clone()));
        assert_eq!(named.len(), 2 + 4 * 3 + 2 + 1);
        for (name, var) in named {
            let direction = Tensor::rand(-1.0, 1.0, var.shape(), &Device::Cpu).unwrap();
            let at = var.as_detached_tensor().copy().unwrap();
            let moved = |by: f64| {
                var.set(&(&at + (&direction * by).unwrap()).unwrap()).unwrap();
                number(&loss(&images))
            };
            // A kink of the activation may lie within one step, but not within all of them.
            let slopes = [1e-6, 1e-7, 1e-8].map(|step| (moved(step) - moved(-step)) / (2.0 * step));
            moved(0.0);
            let gradient = number(&(gradients.get(&var).unwrap() * &direction).unwrap());
            let bound = 1e-4 * (1.0 + gradient.abs());
            let close = slopes.iter().any(|slope| (slope - gradient).abs() < bound);
            assert!(close, "{name}: {slopes:?} against {gradient}");
        }
    }

    #[test]
    fn a_frozen_one_gives_the_images_their_gradient_and_has_none() {
        let (vars, d, images) = example();
        let of = |d: &Discriminator| {
            let logits = d.logits(&images).unwrap();
            (logits.to_vec1::<f64>().unwrap(), logits.sum_all().unwrap().backward().unwrap())
        };
        let ((logits, gradients), (same, frozen)) = (of(&d), of(&d.frozen()));
        assert_eq!(logits, same);
        let [a, b] = [gradients, frozen].map(|all| (all.get(&images).cloned().unwrap(), all));
        assert!(number(&(a.0 - b.0).unwrap().abs().unwrap()) <= 0.0);
        for var in vars.all_vars() {
            assert!(a.1.get(&var).is_some() && b.1.get(&var).is_none());
        }
    }

    #[test]
    fn sides_that_do_not_fit_are_errors() {
        let make = |side| {
            Discriminator::new(1, side, &VarBuilder::from_varmap(&VarMap::new(), DType::F64, &Device::Cpu))
        };
        assert!(make(0).is_err() && make(16).is_err() && make(80).is_err() && make(96).is_ok());
        let (_, d, images) = example();
        assert!(d.logits(&images.narrow(2, 0, 32).unwrap()).is_err());
        assert!(d.logits(&images.narrow(1, 0, 2).unwrap()).is_err());
    }
}
