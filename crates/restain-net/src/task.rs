//! T, the task network (paper, IV.B.1): a residual network that tells classes of images apart.

mod affine;
mod pool;
mod residual;
mod resnet;
mod weights;

use candle_core::{Result, Tensor, bail};
use candle_nn::init::{FanInOut, NonLinearity, NormalOrUniform};
use candle_nn::{BatchNorm, Init, Linear, Module, ModuleT, VarBuilder, batch_norm};

use crate::conv::{convolve, window::Window};
use crate::generator::BATCH_NORM_EPS;
use crate::norm::{normalize_relu, normalize_without_relu};
use affine::affine;
use pool::max_pool;
use residual::add_relu;

pub use resnet::ResNet;
pub use weights::TaskWeights;

/// The least side of an image in pixels: T makes it a thirty-second.
const LEAST_SIDE: usize = 32;

/// Mean of red, green and blue in `ImageNet`, in 0..=1 (torchvision).
const COLOUR_MEAN: [f64; 3] = [0.485, 0.456, 0.406];

/// Standard deviation of red, green and blue in `ImageNet`, in 0..=1 (torchvision).
const COLOUR_DEVIATION: [f64; 3] = [0.229, 0.224, 0.225];

/// The pooling after the first convolution.
const POOL: Window = Window { kernel: 3, stride: 2, padding: 1 };

/// Fresh weights of a convolution (He et al. 2015; torchvision): normal, variance 2 / (outputs x taps).
const FRESH: Init =
    Init::Kaiming { dist: NormalOrUniform::Normal, fan: FanInOut::FanOut, non_linearity: NonLinearity::ReLU };

/// The task network T.
///
/// Parameters are named as torchvision names them in its `ResNet`s (`layer1.0.downsample.0.weight`, ..., `fc.bias`) and have
/// its layouts, so that its weights load as they are. As those want, T itself brings the colours of its input to mean 0
/// and variance 1 of `ImageNet`.
///
/// T guides G frozen: made of tensors that are no variables, it passes a gradient to its input and does no work for one of
/// its own parameters.
#[derive(Clone, Debug)]
pub struct TaskNetwork {
    resnet: ResNet,
    stem: Layer,
    blocks: Vec<Block>,
    head: Linear,
}

/// A convolution with its batch norm.
#[derive(Clone, Debug)]
struct Layer {
    weight: Tensor,
    window: Window,
    norm: BatchNorm,
}

/// A residual block.
#[derive(Clone, Debug)]
struct Block {
    layers: Vec<Layer>,
    last: Layer,
    downsample: Option<Layer>,
}

impl Layer {
    fn new(layer: &resnet::Layer, vb: &VarBuilder) -> Result<Self> {
        let resnet::Layer { names: [convolution, norm], inputs, outputs, window } = layer;
        let shape = (*outputs, *inputs, window.kernel, window.kernel);
        Ok(Self {
            weight: vb.pp(convolution).get_with_hints(shape, "weight", FRESH)?,
            window: *window,
            norm: batch_norm(*outputs, BATCH_NORM_EPS, vb.pp(norm))?,
        })
    }

    /// Convolution, batch norm and, with `relu`, ReLU.
    fn forward(&self, x: &Tensor, train: bool, relu: bool) -> Result<Tensor> {
        let x = convolve(x, &self.weight, self.window)?;
        match (train, relu) {
            (true, true) => normalize_relu(&self.norm, &x, true),
            (true, false) => normalize_without_relu(&self.norm, &x),
            (false, relu) => {
                let Some((weight, bias)) = self.norm.weight_and_bias() else {
                    bail!("batch norm of T has a weight and a bias")
                };
                let (mean, variance) = (self.norm.running_mean().detach(), self.norm.running_var().detach());
                let factor = (weight / (variance + self.norm.eps())?.sqrt()?)?;
                let summand = (bias - (mean * &factor)?)?;
                affine(&x, &factor, &summand, relu)
            }
        }
    }
}

impl Block {
    fn new(block: &resnet::Block, vb: &VarBuilder) -> Result<Self> {
        let mut layers =
            block.layers.iter().map(|layer| Layer::new(layer, vb)).collect::<Result<Vec<_>>>()?;
        let Some(last) = layers.pop() else { bail!("a residual block of no layers") };
        let downsample = block.downsample.as_ref().map(|layer| Layer::new(layer, vb)).transpose()?;
        Ok(Self { layers, last, downsample })
    }

    fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let mut y = x.clone();
        for layer in &self.layers {
            y = layer.forward(&y, train, true)?;
        }
        let y = self.last.forward(&y, train, false)?;
        match &self.downsample {
            Some(layer) => add_relu(&y, &layer.forward(x, train, false)?),
            None => add_relu(&y, x),
        }
    }
}

impl TaskNetwork {
    /// Takes T's parameters from `vb`, which makes fresh ones where it is backed by a `VarMap` that lacks them.
    ///
    /// # Errors
    /// If a parameter is missing or has another shape.
    pub fn new(resnet: ResNet, classes: usize, vb: &VarBuilder) -> Result<Self> {
        let stem = Layer::new(&resnet.stem(), vb)?;
        let blocks = resnet.blocks().iter().map(|block| Block::new(block, vb)).collect::<Result<_>>()?;
        let (features, fc) = (resnet.features(), vb.pp("fc"));
        let bound = (features as f64).sqrt().recip();
        let fresh = Init::Uniform { lo: -bound, up: bound };
        let weight = fc.get_with_hints((classes, features), "weight", fresh)?;
        let bias = fc.get_with_hints(classes, "bias", fresh)?;
        Ok(Self { resnet, stem, blocks, head: Linear::new(weight, Some(bias)) })
    }

    /// What network it is.
    pub fn resnet(&self) -> ResNet {
        self.resnet
    }

    /// What T sees in images before it decides: RGB `[N, 3, H, W]` in 0..=1, H and W at least 32, to
    /// `[N, features]`, the mean over the image of the last block.
    ///
    /// With `train`, batch norm uses the batch's own statistics and updates its running ones, else it uses the running ones.
    ///
    /// # Errors
    /// If the shape is another or a tensor operation fails.
    pub fn features(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let (images, channels, height, width) = x.dims4()?;
        if channels != 3 || height.min(width) < LEAST_SIDE {
            bail!("T takes RGB of at least {LEAST_SIDE} px a side, not {channels} x {height} x {width}")
        }
        let vector = |of: [f64; 3]| Tensor::new(&of, x.device())?.to_dtype(x.dtype());
        let factor = COLOUR_DEVIATION.map(f64::recip);
        let summand = [0, 1, 2].map(|channel| -COLOUR_MEAN[channel] * factor[channel]);
        let x = affine(&x.transpose(0, 1)?, &vector(factor)?, &vector(summand)?, false)?;
        let mut x = max_pool(&self.stem.forward(&x, train, true)?, POOL)?;
        for block in &self.blocks {
            x = block.forward(&x, train)?;
        }
        x.reshape((self.resnet.features(), images, ()))?.mean(2)?.t()
    }
}

impl ModuleT for TaskNetwork {
    /// RGB `[N, 3, H, W]` in 0..=1, H and W at least 32, to logits `[N, classes]`.
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        self.head.forward(&self.features(x, train)?.contiguous()?)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Var};
    use candle_nn::VarMap;

    use super::*;
    use crate::testing::gradients::largest;

    /// Weights, input, outputs and gradients that `PyTorch` made of the same networks; `scripts/pytorch_parity.py` says how.
    #[test]
    fn the_same_weights_give_what_pytorch_gives() {
        let networks = [("resnet18", ResNet::R18.with_width(4)), ("resnet50", ResNet::R50.with_width(2))];
        // The fixture is f32, and so rounded, which batch norm over few values makes more of; f64 adds nothing to that.
        let precisions = [(DType::F32, 2e-4), (DType::F64, 5e-5)];
        for ((name, resnet), (dtype, bound)) in
            networks.into_iter().flat_map(|network| precisions.map(|precision| (network, precision)))
        {
            let path = format!("{}/../../fixtures/pytorch/{name}.safetensors", env!("CARGO_MANIFEST_DIR"));
            let mut fixture = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
            let mut take = |name: &str| fixture.remove(name).unwrap().to_dtype(dtype).unwrap();
            let [x, along] = ["input", "along"].map(&mut take);
            let expected = [false, true].map(|train| {
                let mode = if train { "train" } else { "eval" };
                (train, ["logits", "features", "gradient"].map(|what| take(&format!("{mode}.{what}"))))
            });
            let running = ["train.bn1.running_mean", "train.bn1.running_var"].map(&mut take);
            let weight = take("train.gradient.layer1.0.conv1.weight");
            let variables: VarMap = VarMap::new();
            let vb = VarBuilder::from_varmap(&variables, dtype, &Device::Cpu);
            let network = TaskNetwork::new(resnet, 2, &vb).unwrap();
            let shapes = resnet.backbone_shapes().into_iter();
            let shapes: Vec<_> = shapes.chain(resnet.head_shapes(2)).collect();
            assert_eq!(variables.all_vars().len(), shapes.len());
            for (name, _) in &shapes {
                variables.data().lock().unwrap()[name].set(&fixture[name].to_dtype(dtype).unwrap()).unwrap();
            }
            for (train, [logits, features, gradient]) in expected {
                let x = Var::from_tensor(&x).unwrap();
                let y = network.forward_t(&x, train).unwrap();
                let close = |what: &str, ours: &Tensor, theirs: &Tensor| {
                    let error = largest(ours, theirs) / largest(theirs, &theirs.zeros_like().unwrap());
                    assert!(error < bound, "{error} in {what} of {name} in {dtype:?}, train {train}");
                };
                close("logits", &y, &logits);
                let gradients = (y * &along).unwrap().sum_all().unwrap().backward().unwrap();
                close("gradient", gradients.get(&x).unwrap(), &gradient);
                if train {
                    let data = variables.data().lock().unwrap();
                    close("weights", gradients.get(&data["layer1.0.conv1.weight"]).unwrap(), &weight);
                    for (name, theirs) in ["bn1.running_mean", "bn1.running_var"].into_iter().zip(&running) {
                        close(name, &data[name], theirs);
                    }
                } else {
                    close("features", &network.features(&x, train).unwrap(), &features);
                }
            }
        }
    }

    #[test]
    fn a_frozen_network_passes_a_gradient_to_its_input_alone() {
        let variables = VarMap::new();
        let vb = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
        let network = TaskNetwork::new(ResNet::R18.with_width(2), 2, &vb).unwrap();
        let frozen = TaskWeights::of(&network, &variables).unwrap().frozen(&Device::Cpu).unwrap();
        let x = Var::rand(0_f32, 1.0, (1, 3, 35, 40), &Device::Cpu).unwrap();
        let gradients = |network: &TaskNetwork| {
            network.forward_t(&x, false).unwrap().sum_all().unwrap().backward().unwrap()
        };
        let (free, bound) = (gradients(&network), gradients(&frozen));
        for variable in variables.all_vars() {
            assert!(bound.get(&variable).is_none());
        }
        assert!(!frozen.stem.weight.track_op() && !frozen.head.weight().track_op());
        let [free, bound] = [&free, &bound].map(|gradients| gradients.get(&x).unwrap());
        assert!(largest(free, bound) < 1e-5);
    }

    #[test]
    fn threads_change_no_bit() {
        let x = Tensor::rand(0_f32, 1.0, (3, 3, 45, 70), &Device::Cpu).unwrap();
        for resnet in [ResNet::R18.with_width(8), ResNet::R50.with_width(4)] {
            let variables = VarMap::new();
            let vb = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
            let network = TaskNetwork::new(resnet, 2, &vb).unwrap();
            let run = |threads: usize| -> Vec<u32> {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| {
                    let x = Var::from_tensor(&x).unwrap();
                    let y = network.forward_t(&x, true).unwrap();
                    let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
                    let data = variables.data().lock().unwrap();
                    let weights =
                        ["conv1.weight", "layer4.0.conv2.weight", "fc.weight"].map(|name| &data[name]);
                    std::iter::once(&y)
                        .chain(weights.into_iter().chain([&x]).map(|var| gradients.get(var).unwrap()))
                        .flat_map(|t| t.flatten_all().unwrap().to_vec1::<f32>().unwrap())
                        .map(f32::to_bits)
                        .collect()
                })
            };
            let alone = run(1);
            assert!([2, 5].into_iter().all(|threads| run(threads) == alone));
        }
    }

    #[test]
    fn images_that_are_none_are_errors() {
        let variables = VarMap::new();
        let vb = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
        let network = TaskNetwork::new(ResNet::R18.with_width(1), 2, &vb).unwrap();
        let run = |shape: (usize, usize, usize, usize), train: bool| {
            network.forward_t(&Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap(), train).map(drop)
        };
        assert!(run((1, 3, 32, 33), false).is_ok() && run((2, 3, 32, 32), true).is_ok());
        assert!(run((1, 3, 31, 64), false).unwrap_err().to_string().contains("at least 32 px"));
        assert!(run((1, 2, 32, 32), false).is_err());
        // One value a channel has no statistics.
        assert!(run((1, 3, 32, 32), true).unwrap_err().to_string().contains("batch norm"));
    }
}
