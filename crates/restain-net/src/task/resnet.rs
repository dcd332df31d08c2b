//! Residual networks: their blocks, with the names and shapes of their parameters.

use crate::conv::window::Window;

/// A residual network (He et al. 2016, Deep residual learning for image recognition, table 1), as torchvision has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResNet {
    /// Blocks of each of the four stages.
    blocks: [usize; 4],
    /// Whether a block is a bottleneck of three convolutions instead of two.
    bottleneck: bool,
    /// Channels after the first convolution.
    width: usize,
}

/// The widths of a bottleneck's last convolution over its first.
const EXPANSION: usize = 4;

/// A convolution and its batch norm.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    /// Names of the two, whole.
    pub(super) names: [String; 2],
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) window: Window,
}

/// A residual block: layers one after another, and what brings the input to the shape of their output where it has another.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) layers: Vec<Layer>,
    pub(super) downsample: Option<Layer>,
}

/// A convolution's window with the padding that keeps the side of an image, or halves it.
fn window(kernel: usize, stride: usize) -> Window {
    Window { kernel, stride, padding: kernel / 2 }
}

impl ResNet {
    /// `ResNet18`, two convolutions a block: 11.2 M parameters with two classes.
    pub const R18: Self = Self { blocks: [2; 4], bottleneck: false, width: 64 };
    /// `ResNet50`, the network of the paper (IV.B.1): bottlenecks, 23.5 M parameters with two classes.
    ///
    /// The second convolution of a bottleneck has its stride, as in torchvision ("v1.5"), not the first as in He et al.
    pub const R50: Self = Self { blocks: [3, 4, 6, 3], bottleneck: true, width: 64 };

    /// The same network with another number of channels after the first convolution instead of 64; all others follow.
    #[must_use]
    pub const fn with_width(self, width: usize) -> Self {
        Self { width, ..self }
    }

    /// Features of an image: 512 of `ResNet18` and 2048 of `ResNet50` at their full width.
    pub const fn features(self) -> usize {
        8 * self.width * if self.bottleneck { EXPANSION } else { 1 }
    }

    /// The first layer, from RGB.
    pub(super) fn stem(self) -> Layer {
        let names = ["conv1", "bn1"].map(str::to_owned);
        Layer { names, inputs: 3, outputs: self.width, window: window(7, 2) }
    }

    /// All blocks in their order.
    pub(super) fn blocks(self) -> Vec<Block> {
        let mut inputs = self.width;
        let mut blocks = Vec::new();
        for (stage, count) in self.blocks.into_iter().enumerate() {
            for index in 0..count {
                let stride = if stage > 0 && index == 0 { 2 } else { 1 };
                let block =
                    self.block(&format!("layer{}.{index}", stage + 1), inputs, self.width << stage, stride);
                inputs = block.layers[block.layers.len() - 1].outputs;
                blocks.push(block);
            }
        }
        blocks
    }

    fn block(self, name: &str, inputs: usize, width: usize, stride: usize) -> Block {
        let (widths, windows) = if self.bottleneck {
            (vec![width, width, width * EXPANSION], vec![window(1, 1), window(3, stride), window(1, 1)])
        } else {
            (vec![width; 2], vec![window(3, stride), window(3, 1)])
        };
        let mut layers: Vec<Layer> = Vec::with_capacity(windows.len());
        for (outputs, window) in widths.into_iter().zip(windows) {
            let number = layers.len() + 1;
            let names = [format!("{name}.conv{number}"), format!("{name}.bn{number}")];
            let inputs = layers.last().map_or(inputs, |layer| layer.outputs);
            layers.push(Layer { names, inputs, outputs, window });
        }
        let outputs = layers[layers.len() - 1].outputs;
        let downsample = (stride > 1 || inputs != outputs).then(|| {
            let names = [0, 1].map(|part| format!("{name}.downsample.{part}"));
            Layer { names, inputs, outputs, window: window(1, stride) }
        });
        Block { layers, downsample }
    }

    /// The names and shapes of all parameters, running statistics included, but for the last layer's.
    pub(super) fn backbone_shapes(self) -> Vec<(String, Vec<usize>)> {
        let mut shapes = Vec::new();
        let blocks =
            self.blocks().into_iter().flat_map(|block| block.layers.into_iter().chain(block.downsample));
        for Layer { names: [convolution, norm], inputs, outputs, window } in
            std::iter::once(self.stem()).chain(blocks)
        {
            shapes
                .push((format!("{convolution}.weight"), vec![outputs, inputs, window.kernel, window.kernel]));
            for vector in ["weight", "bias", "running_mean", "running_var"] {
                shapes.push((format!("{norm}.{vector}"), vec![outputs]));
            }
        }
        shapes
    }

    /// The names and shapes of the last layer's parameters.
    pub(super) fn head_shapes(self, classes: usize) -> [(String, Vec<usize>); 2] {
        let shapes = [("fc.weight", vec![classes, self.features()]), ("fc.bias", vec![classes])];
        shapes.map(|(name, shape)| (name.to_owned(), shape))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parameters that torchvision gives for its models of 1000 classes, without running statistics.
    #[test]
    fn parameters_are_as_many_as_torchvision_says() {
        for (resnet, expected, features) in [(ResNet::R18, 11_689_512, 512), (ResNet::R50, 25_557_032, 2048)]
        {
            let shapes = resnet.backbone_shapes().into_iter().chain(resnet.head_shapes(1000));
            let trained = shapes.filter(|(name, _)| !name.contains("running"));
            let count: usize = trained.map(|(_, shape)| shape.iter().product::<usize>()).sum();
            assert_eq!((count, resnet.features()), (expected, features));
        }
    }
}
