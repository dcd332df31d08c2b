//! T's weights as safetensors, as torchvision names them. Nothing in a file is ever executed.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use candle_nn::{VarBuilder, VarMap};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::{ResNet, TaskNetwork};
use crate::checkpoint::tensor;
use crate::file::write_whole;
use crate::{Error, Result};

/// What counts the batches that a batch norm has seen in `PyTorch`. T has no use for it.
const BATCHES: &str = ".num_batches_tracked";

/// The parameters of T, or of all but its last layer.
#[derive(Debug, Clone)]
pub struct TaskWeights {
    resnet: ResNet,
    /// By name, f32, on the CPU.
    parameters: BTreeMap<String, Tensor>,
}

impl TaskWeights {
    /// Reads the weights of a network from a safetensors file, f32 or f16. Batch counts are left out.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Checkpoint`] where the file is no safetensors or holds parameters that are missing, too
    /// many, of another shape (the last layer's too, where the file knows other classes) or not finite.
    pub fn load(path: &Path, resnet: ResNet, classes: usize) -> Result<Self> {
        Self::read(path, resnet, Some(classes))
    }

    /// As [`load`](Self::load), but leaves out the last layer `fc`, whatever its classes: for weights of another task, whose
    /// classes are to be learnt anew.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_backbone(path: &Path, resnet: ResNet) -> Result<Self> {
        Self::read(path, resnet, None)
    }

    fn read(path: &Path, resnet: ResNet, classes: Option<usize>) -> Result<Self> {
        let failed = |cause| Error::Io { path: path.to_owned(), action: "read", cause };
        Self::from_bytes(path, &fs::read(path).map_err(failed)?, resnet, classes)
    }

    /// Reads the weights from the bytes of a file, without a number of classes all but the last layer; `path` is only named in
    /// errors.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_bytes(path: &Path, bytes: &[u8], resnet: ResNet, classes: Option<usize>) -> Result<Self> {
        let parameters = parse(bytes, resnet, classes)
            .map_err(|reason| Error::Checkpoint { path: path.to_owned(), reason })?;
        Ok(Self { resnet, parameters })
    }

    /// The weights that the variables of a network hold now.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn of(network: &TaskNetwork, variables: &VarMap) -> Result<Self> {
        let data = variables.data().lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let parameters = data.iter().map(|(name, var)| {
            Ok((
                name.clone(),
                var.as_tensor().detach().to_device(&Device::Cpu)?.to_dtype(DType::F32)?.copy()?,
            ))
        });
        Ok(Self { resnet: network.resnet(), parameters: parameters.collect::<Result<_>>()? })
    }

    /// Gives these weights to the variables of a network. Those that it does not name, as the last layer's after
    /// [`load_backbone`](Self::load_backbone), stay as they are.
    ///
    /// # Errors
    /// [`Error::Tensor`] where `variables` lack one or have another shape for it.
    pub fn give(&self, variables: &VarMap) -> Result<()> {
        let mut data = variables.data().lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for (name, tensor) in &self.parameters {
            let Some(variable) = data.get_mut(name) else {
                return Err(candle_core::Error::Msg(format!("there is no variable {name}")).into());
            };
            variable.set(&tensor.to_device(variable.device())?.to_dtype(variable.dtype())?)?;
        }
        Ok(())
    }

    /// T with these weights, frozen, on a device.
    ///
    /// # Errors
    /// [`Error::Tensor`] where the last layer was left out, or the device is out of memory.
    pub fn frozen(&self, device: &Device) -> Result<TaskNetwork> {
        let Some(bias) = self.parameters.get("fc.bias") else {
            return Err(candle_core::Error::Msg("these weights have no last layer fc".to_owned()).into());
        };
        let classes = bias.elem_count();
        let tensors: HashMap<_, _> = self
            .parameters
            .iter()
            .map(|(name, tensor)| Ok((name.clone(), tensor.to_device(device)?)))
            .collect::<Result<_>>()?;
        let vb = VarBuilder::from_tensors(tensors, DType::F32, device);
        Ok(TaskNetwork::new(self.resnet, classes, &vb)?)
    }

    /// Writes the weights beside `path` as f32 and renames them, so that the name never holds half a file.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Tensor`] where a parameter cannot be read.
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut stored = BTreeMap::new();
        for (name, tensor) in &self.parameters {
            let values = tensor.flatten_all()?.to_vec1::<f32>()?;
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            stored.insert(name.as_str(), (tensor.dims().to_vec(), bytes));
        }
        let views: BTreeMap<&str, TensorView<'_>> = stored
            .iter()
            .map(|(name, (shape, bytes))| Ok((*name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
            .collect::<Result<_, safetensors::SafeTensorError>>()
            .map_err(candle_core::Error::wrap)?;
        let bytes = safetensors::serialize(views, None).map_err(candle_core::Error::wrap)?;
        let failed = |cause| Error::Io { path: path.to_owned(), action: "write", cause };
        write_whole(path, &bytes).map_err(failed)
    }
}

fn parse(bytes: &[u8], resnet: ResNet, classes: Option<usize>) -> Result<BTreeMap<String, Tensor>, String> {
    let tensors =
        SafeTensors::deserialize(bytes).map_err(|error| format!("no safetensors file ({error})"))?;
    let views: BTreeMap<String, TensorView<'_>> = tensors.tensors().into_iter().collect();
    let mut expected = resnet.backbone_shapes();
    expected.extend(classes.into_iter().flat_map(|classes| resnet.head_shapes(classes)));
    let mut parameters = BTreeMap::new();
    for (name, shape) in expected {
        let view = views.get(&name).ok_or_else(|| format!("parameter {name} is missing"))?;
        if view.shape() != shape {
            return Err(format!("parameter {name} has shape {:?}, expected {shape:?}", view.shape()));
        }
        parameters.insert(name.clone(), tensor(&name, view)?);
    }
    let known = |name: &str| {
        parameters.contains_key(name)
            || name.ends_with(BATCHES)
            || (classes.is_none() && name.starts_with("fc."))
    };
    match views.keys().find(|name| !known(name)) {
        Some(name) => Err(format!("parameter {name} has no place in this network")),
        None => Ok(parameters),
    }
}

#[cfg(test)]
mod tests {
    use candle_nn::ModuleT;
    use tempfile::tempdir;

    use super::*;

    const SMALL: ResNet = ResNet::R18.with_width(2);

    fn fresh(classes: usize) -> (VarMap, TaskNetwork) {
        let variables = VarMap::new();
        let vb = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
        let network = TaskNetwork::new(SMALL, classes, &vb).unwrap();
        (variables, network)
    }

    fn numbers(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let path = tempdir().unwrap();
        let path = path.path().join("t.safetensors");
        let (variables, network) = fresh(3);
        TaskWeights::of(&network, &variables).unwrap().save(&path).unwrap();
        let loaded = TaskWeights::load(&path, SMALL, 3).unwrap();
        let x = Tensor::rand(0_f32, 1.0, (2, 3, 33, 40), &Device::Cpu).unwrap();
        let expected = numbers(&network.forward_t(&x, false).unwrap());
        let frozen = loaded.frozen(&Device::Cpu).unwrap();
        assert_eq!(numbers(&frozen.forward_t(&x, false).unwrap()), expected);
        let (others, other) = fresh(3);
        loaded.give(&others).unwrap();
        assert_eq!(numbers(&other.forward_t(&x, false).unwrap()), expected);
    }

    #[test]
    fn another_last_layer_is_left_out_only_on_request() {
        let path = tempdir().unwrap();
        let path = path.path().join("t.safetensors");
        let (variables, network) = fresh(5);
        TaskWeights::of(&network, &variables).unwrap().save(&path).unwrap();
        let refused = TaskWeights::load(&path, SMALL, 2).unwrap_err().to_string();
        assert!(refused.contains("fc.weight has shape [5, 16], expected [2, 16]"), "{refused}");
        let backbone = TaskWeights::load_backbone(&path, SMALL).unwrap();
        assert!(backbone.frozen(&Device::Cpu).unwrap_err().to_string().contains("no last layer"));
        let (others, other) = fresh(2);
        let head = || numbers(others.data().lock().unwrap()["fc.weight"].as_tensor());
        let before = head();
        backbone.give(&others).unwrap();
        assert_eq!(head(), before);
        let x = Tensor::rand(0_f32, 1.0, (1, 3, 32, 32), &Device::Cpu).unwrap();
        let features = |of: &TaskNetwork| numbers(&of.features(&x, false).unwrap());
        assert_eq!(features(&other), features(&network));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let path = tempdir().unwrap();
        let path = path.path().join("t.safetensors");
        let (variables, network) = fresh(2);
        let weights = TaskWeights::of(&network, &variables).unwrap();
        let reason = |change: &dyn Fn(&mut BTreeMap<String, Tensor>)| {
            let mut weights = weights.clone();
            change(&mut weights.parameters);
            weights.save(&path).unwrap();
            TaskWeights::load(&path, SMALL, 2).map(drop).map_err(|error| error.to_string())
        };
        let one = || Tensor::new(&[f32::NAN], &Device::Cpu).unwrap();
        assert_eq!(reason(&|_| ()), Ok(()));
        assert_eq!(reason(&|p| drop(p.insert(format!("bn1{BATCHES}"), one()))), Ok(()));
        let missing = reason(&|p| drop(p.remove("layer3.0.downsample.0.weight"))).unwrap_err();
        assert!(missing.contains("layer3.0.downsample.0.weight is missing"), "{missing}");
        let shape = reason(&|p| drop(p.insert("layer1.0.bn1.bias".to_owned(), one()))).unwrap_err();
        assert!(shape.contains("layer1.0.bn1.bias has shape [1], expected [2]"), "{shape}");
        let extra = reason(&|p| drop(p.insert("layer5.bias".to_owned(), one()))).unwrap_err();
        assert!(extra.contains("layer5.bias has no place"), "{extra}");
        let infinite = reason(&|p| {
            let two = Tensor::new(&[0.0, f32::INFINITY], &Device::Cpu).unwrap();
            p.insert("fc.bias".to_owned(), two);
        });
        assert!(infinite.unwrap_err().contains("fc.bias holds a value that is no finite number"));
        fs::write(&path, b"no weights").unwrap();
        assert!(TaskWeights::load(&path, SMALL, 2).unwrap_err().to_string().contains("no safetensors"));
        let missing = path.with_extension("none");
        assert!(matches!(TaskWeights::load(&missing, SMALL, 2), Err(Error::Io { action: "read", .. })));
    }
}
