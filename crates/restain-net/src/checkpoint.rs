//! Checkpoints: safetensors with the model card in their metadata. Nothing in one is ever executed.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use candle_nn::{VarBuilder, VarMap};
use half::f16;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use sha2::{Digest, Sha256};

use crate::card::{ARCHITECTURE, Card};
use crate::file::{read_at_most, write_whole};
use crate::{Error, Generator, Result};

/// Bytes that a checkpoint's file may have: twice those of the widest G.
const LONGEST: u64 = 512 << 20;
/// The key of the card in the file's metadata.
const CARD_KEY: &str = "restain";

/// No G that a lab could use is wider; a card that says so is damaged.
const WIDEST: usize = 512;

/// The parameters of G with their card.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// The model card.
    pub card: Card,
    /// Parameters by name, f32, on the CPU.
    pub parameters: BTreeMap<String, Tensor>,
}

/// How parameters are stored; they are computed with in f32 either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// 32 bits each.
    F32,
    /// 16 bits each, IEEE 754 half precision.
    F16,
}

impl Checkpoint {
    /// Reads a checkpoint from the bytes of its file; `path` names it in errors.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] where the bytes are no safetensors, hold no card, another architecture, or parameters
    /// that are missing, too many, of another shape, not finite, or not those the card's checksum was made of.
    pub fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Self> {
        parse(bytes).map_err(|reason| Error::Checkpoint { path: path.to_owned(), reason })
    }

    /// Reads a checkpoint's file.
    ///
    /// # Errors
    /// As [`from_bytes`](Self::from_bytes), and [`Error::Io`].
    pub fn load(path: &Path) -> Result<Self> {
        Self::from_bytes(path, &read(path)?)
    }

    /// Writes the checkpoint beside `path` and renames it, so that the name never holds half a file.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Tensor`] where a parameter cannot be read.
    pub fn save(&self, path: &Path, storage: Storage) -> Result<()> {
        let bytes = self.to_bytes(storage)?;
        let failed = |cause| Error::Io { path: path.to_owned(), action: "write", cause };
        write_whole(path, &bytes).map_err(failed)
    }

    /// The bytes of the checkpoint's file.
    ///
    /// # Errors
    /// [`Error::Tensor`] where a parameter cannot be read or is too large for half precision.
    pub fn to_bytes(&self, storage: Storage) -> Result<Vec<u8>> {
        let mut stored = BTreeMap::new();
        for (name, tensor) in &self.parameters {
            let values = tensor.flatten_all()?.to_vec1::<f32>()?;
            let bytes: Vec<u8> = match storage {
                Storage::F32 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
                Storage::F16 => values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect(),
            };
            let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
            if storage == Storage::F16 && largest > f16::MAX.to_f32() {
                let reason = format!("parameter {name} holds {largest}, too large for half precision");
                return Err(candle_core::Error::Msg(reason).into());
            }
            stored.insert(name.as_str(), (tensor.dims().to_vec(), bytes));
        }
        let dtype = if storage == Storage::F32 { Dtype::F32 } else { Dtype::F16 };
        let views: BTreeMap<&str, TensorView<'_>> = stored
            .iter()
            .map(|(name, (shape, bytes))| Ok((*name, TensorView::new(dtype, shape.clone(), bytes)?)))
            .collect::<Result<_, safetensors::SafeTensorError>>()
            .map_err(candle_core::Error::wrap)?;
        let card = Card { sha256: checksum(&views), ..self.card.clone() };
        let json = serde_json::to_string(&card).map_err(candle_core::Error::wrap)?;
        let metadata = HashMap::from([(CARD_KEY.to_owned(), json)]);
        Ok(safetensors::serialize(views, Some(metadata)).map_err(candle_core::Error::wrap)?)
    }
}

/// SHA-256 over name, type, shape and bytes of every parameter, in the order of their names.
fn checksum(views: &BTreeMap<&str, TensorView<'_>>) -> String {
    let mut hash = Sha256::new();
    for (name, view) in views {
        hash.update(format!("{name} {:?} {:?}\n", view.dtype(), view.shape()));
        hash.update(view.data());
    }
    hex(&hash.finalize())
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The bytes of a checkpoint's file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    read_at_most(path, LONGEST).map_err(|cause| Error::Io { path: path.to_owned(), action: "read", cause })
}

fn parse(bytes: &[u8]) -> Result<Checkpoint, String> {
    let (_, metadata) =
        SafeTensors::read_metadata(bytes).map_err(|error| format!("not a safetensors file ({error})"))?;
    let json = metadata.metadata().as_ref().and_then(|entries| entries.get(CARD_KEY));
    let json = json.ok_or("it has no model card; only checkpoints of restain can be used")?;
    let card: Card =
        serde_json::from_str(json).map_err(|error| format!("its model card is damaged ({error})"))?;
    if card.architecture != ARCHITECTURE {
        return Err(format!("its architecture is {}, this restain knows {ARCHITECTURE}", card.architecture));
    }
    if !(1..=WIDEST).contains(&card.base) {
        return Err(format!("its base width is {}, expected 1 to {WIDEST}", card.base));
    }
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| format!("it is damaged ({error})"))?;
    let views: BTreeMap<String, TensorView<'_>> = tensors.tensors().into_iter().collect();
    let mut parameters = BTreeMap::new();
    for (name, shape) in Generator::shapes(card.base) {
        let view = views.get(&name).ok_or_else(|| format!("parameter {name} is missing"))?;
        if view.shape() != shape {
            return Err(format!("parameter {name} has shape {:?}, expected {shape:?}", view.shape()));
        }
        parameters.insert(name.clone(), tensor(&name, view)?);
    }
    if let Some(name) = views.keys().find(|name| !parameters.contains_key(*name)) {
        return Err(format!("parameter {name} has no place in {ARCHITECTURE}"));
    }
    let borrowed = views.iter().map(|(name, view)| (name.as_str(), view.clone())).collect();
    if checksum(&borrowed) != card.sha256 {
        return Err("its parameters do not match its checksum: the file is damaged".to_owned());
    }
    Ok(Checkpoint { card, parameters })
}

/// The finite values of a parameter, f32.
pub(crate) fn tensor(name: &str, view: &TensorView<'_>) -> Result<Tensor, String> {
    let values: Vec<f32> = match view.dtype() {
        Dtype::F32 => view.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        Dtype::F16 => {
            view.data().as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect()
        }
        other => return Err(format!("parameter {name} is of type {other:?}, expected F32 or F16")),
    };
    if values.iter().any(|value| !value.is_finite()) {
        return Err(format!("parameter {name} holds a value that is no finite number"));
    }
    if name.ends_with("running_var") && values.iter().any(|&value| value < 0.0) {
        return Err(format!("parameter {name} holds a negative variance"));
    }
    Tensor::from_vec(values, view.shape(), &Device::Cpu).map_err(|error| format!("parameter {name}: {error}"))
}

impl Checkpoint {
    /// G with these parameters, on a device.
    ///
    /// # Errors
    /// [`Error::Tensor`] where the device is out of memory.
    pub fn generator(&self, device: &Device) -> Result<Generator> {
        let tensors: HashMap<String, Tensor> = self
            .parameters
            .iter()
            .map(|(name, tensor)| Ok((name.clone(), tensor.to_device(device)?)))
            .collect::<Result<_>>()?;
        Ok(Generator::new(self.card.base, &VarBuilder::from_tensors(tensors, DType::F32, device))?)
    }

    /// The parameters that `vars` hold now.
    ///
    /// # Errors
    /// [`Error::Tensor`].
    pub fn of(card: Card, vars: &VarMap) -> Result<Self> {
        let data = vars.data().lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let parameters = data
            .iter()
            .map(|(name, var)| {
                Ok((name.clone(), var.as_tensor().to_device(&Device::Cpu)?.to_dtype(DType::F32)?))
            })
            .collect::<Result<_>>()?;
        Ok(Self { card, parameters })
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{any, proptest};
    use restain_stain::reference::{Picture, Reference};

    use super::*;

    fn small() -> Checkpoint {
        let vars = VarMap::new();
        Generator::new(1, &VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu)).unwrap();
        let card = Card {
            name: "test".to_owned(),
            architecture: ARCHITECTURE.to_owned(),
            base: 1,
            source_style: "none".to_owned(),
            trained_on: "nothing".to_owned(),
            licence: "none".to_owned(),
            commit: "none".to_owned(),
            mpp: Some(0.25),
            sha256: String::new(),
            input: Vec::new(),
            held_out: BTreeMap::new(),
            seen: None,
        };
        Checkpoint::of(card, &vars).unwrap()
    }

    fn reason(bytes: &[u8]) -> String {
        Checkpoint::from_bytes(Path::new("m.safetensors"), bytes).unwrap_err().to_string()
    }

    #[test]
    fn digits_are_hexadecimal() {
        assert_eq!(hex(&[0x00, 0x1f, 0xa0]), "001fa0");
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let saved = small();
        let loaded = Checkpoint::from_bytes(Path::new("m"), &saved.to_bytes(Storage::F32).unwrap()).unwrap();
        assert_eq!(Card { sha256: String::new(), ..loaded.card }, saved.card);
        for (name, tensor) in &saved.parameters {
            assert_eq!(numbers(tensor), numbers(&loaded.parameters[name]), "{name}");
        }
        let half = Checkpoint::from_bytes(Path::new("m"), &saved.to_bytes(Storage::F16).unwrap());
        half.unwrap().generator(&Device::Cpu).unwrap();
    }

    #[test]
    fn a_card_may_say_what_was_seen() {
        let pictures = [60u8, 80, 100].map(|cells| [[240; 3], [cells, 90, 150]].concat().repeat(20_000));
        let pictures = pictures.iter().map(|rgb| Picture { rgb, width: 200, mpp: 2.0 });
        let seen = Some(Reference::of(pictures).unwrap());
        let mut checkpoint = small();
        let without = checkpoint.to_bytes(Storage::F16).unwrap();
        assert!(!without.windows(4).any(|word| word == b"seen"));
        assert_eq!(Checkpoint::from_bytes(Path::new("m"), &without).unwrap().card.seen, None);
        checkpoint.card.seen.clone_from(&seen);
        let with = checkpoint.to_bytes(Storage::F16).unwrap();
        assert_eq!(Checkpoint::from_bytes(Path::new("m"), &with).unwrap().card.seen, seen);
        // Three pictures tell how pictures differ, two do not.
        checkpoint.card.seen.iter_mut().for_each(|seen| seen.profiles.truncate(2));
        assert!(reason(&checkpoint.to_bytes(Storage::F16).unwrap()).contains("its model card is damaged"));
    }

    #[test]
    fn no_damage_passes_or_panics() {
        let bytes = small().to_bytes(Storage::F16).unwrap();
        let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        for length in (0..bytes.len()).step_by(211).chain(0..header + 64).chain(bytes.len() - 64..bytes.len())
        {
            reason(&bytes[..length]);
        }
        reason(&[&bytes[..], &[0; 1]].concat());
        for bit in 0..8 * bytes.len() {
            // Every bit of the header, a sample of those after it.
            if bit >= 8 * header && bit % 1009 != 0 {
                continue;
            }
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let loaded = Checkpoint::from_bytes(Path::new("m"), &damaged);
            // The card's free text may change without harm; no parameter may.
            if bit >= 8 * header {
                let message = loaded.unwrap_err().to_string();
                assert!(
                    ["checksum", "finite", "negative"].iter().any(|word| message.contains(word)),
                    "{message}"
                );
            } else if let Ok(loaded) = loaded {
                for (name, tensor) in small_of(&bytes) {
                    assert_eq!(numbers(&tensor), numbers(&loaded.parameters[&name]), "bit {bit}");
                }
            }
        }
        for length in [0, 1, header as u64 - 9, header as u64, 1 << 40, i64::MAX as u64, u64::MAX] {
            let mut damaged = bytes.clone();
            damaged[..8].copy_from_slice(&length.to_le_bytes());
            reason(&damaged);
        }
    }

    fn small_of(bytes: &[u8]) -> BTreeMap<String, Tensor> {
        Checkpoint::from_bytes(Path::new("m"), bytes).unwrap().parameters
    }

    fn numbers(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    proptest! {
        #[test]
        fn no_garbage_panics(mut header in "[ -~]{0,400}", data in vec(any::<u8>(), 0..64), card: bool) {
            if card {
                header = format!(r#"{{"__metadata__":{{"{CARD_KEY}":"{header}"}}}}"#);
            }
            let length = (header.len() as u64).to_le_bytes();
            reason(&[&length[..], header.as_bytes(), &data].concat());
            reason(&data);
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let other = |change: &dyn Fn(&mut Checkpoint)| {
            let mut checkpoint = small();
            change(&mut checkpoint);
            reason(&checkpoint.to_bytes(Storage::F32).unwrap())
        };
        assert!(other(&|c| c.card.architecture = "resnet50".to_owned()).contains("architecture is resnet50"));
        assert!(other(&|c| c.card.base = 2).contains("has shape"));
        assert!(other(&|c| drop(c.parameters.remove("out.bias"))).contains("out.bias is missing"));
        let extra = |c: &mut Checkpoint| {
            c.parameters.insert("more".to_owned(), c.parameters["out.bias"].clone());
        };
        assert!(other(&extra).contains("more has no place"));
        let nan = |c: &mut Checkpoint| {
            let nan = Tensor::new(&[f32::NAN, 0.0, 0.0], &Device::Cpu).unwrap();
            c.parameters.insert("out.bias".to_owned(), nan);
        };
        assert!(other(&nan).contains("finite"));
        let negative = |c: &mut Checkpoint| {
            let name = "down.0.1.running_var".to_owned();
            let variance = (&c.parameters[&name] - 2.0).unwrap();
            c.parameters.insert(name, variance);
        };
        assert!(other(&negative).contains("down.0.1.running_var holds a negative variance"));
        assert!(other(&|c| c.card.base = 1 << 40).contains("base width"));
    }

    #[test]
    fn what_half_precision_cannot_hold_is_not_saved() {
        let mut checkpoint = small();
        let large = (&checkpoint.parameters["out.bias"] + 65_520.0).unwrap();
        checkpoint.parameters.insert("out.bias".to_owned(), large);
        assert!(checkpoint.to_bytes(Storage::F32).is_ok());
        assert!(checkpoint.to_bytes(Storage::F16).unwrap_err().to_string().contains("out.bias holds 65520"));
    }
}
