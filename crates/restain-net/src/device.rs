//! Where G runs.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;

use candle_core::{DType, Device, DeviceLocation, Tensor};

use crate::{Error, Result};

/// Which device is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceChoice {
    /// All GPUs where there are some, else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// The GPU of this number, or all.
    Cuda(Option<usize>),
}

impl FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(None)),
            _ => name
                .strip_prefix("cuda:")
                .and_then(|index| index.parse().ok())
                .map(|index| Self::Cuda(Some(index)))
                .ok_or_else(|| Error::DeviceName(name.to_owned())),
        }
    }
}

/// Where G runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The CPU.
    Cpu,
    /// The GPUs of these numbers; at least one.
    Cuda(Vec<usize>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(indices) => {
                let names: Vec<_> = indices.iter().map(|index| format!("cuda:{index}")).collect();
                f.write_str(&names.join(", "))
            }
        }
    }
}

/// Where a device of candle is.
impl From<&Device> for Place {
    fn from(device: &Device) -> Self {
        match device.location() {
            DeviceLocation::Cuda { gpu_id } => Self::Cuda(vec![gpu_id]),
            _ => Self::Cpu,
        }
    }
}

/// Where G can run for a choice; with [`DeviceChoice::Auto`] also says in one line why it is not a GPU.
///
/// # Errors
/// [`Error::Gpu`] where the GPU asked for cannot be used.
pub fn find_place(choice: DeviceChoice) -> Result<(Place, Option<String>)> {
    choose(choice, Place::Cpu, |indices| {
        let first = indices.first().copied().unwrap_or(0);
        tried(|| probe(first))?;
        // Others that cannot be used are no reason to do without the first.
        let others = indices.into_iter().skip(1).filter(|&index| tried(|| probe(index)).is_ok());
        Ok(Place::Cuda([first].into_iter().chain(others).collect()))
    })
}

/// Opens a device of candle, to train on: as [`find_place`], but one GPU at most.
///
/// # Errors
/// As [`find_place`].
pub fn open_device(choice: DeviceChoice) -> Result<(Device, Option<String>)> {
    choose(choice, Device::Cpu, |indices| tried(|| open_gpu(indices.first().copied().unwrap_or(0))))
}

/// Follows a choice: `cpu`, or what `open` makes of the numbers of the GPUs that may be used.
fn choose<T>(
    choice: DeviceChoice,
    cpu: T,
    open: impl FnOnce(Vec<usize>) -> Result<T, String>,
) -> Result<(T, Option<String>)> {
    match choice {
        DeviceChoice::Cpu => Ok((cpu, None)),
        DeviceChoice::Cuda(index) => {
            let indices = index.map_or_else(all_gpus, |index| Ok(vec![index]));
            let opened = indices.and_then(open);
            opened
                .map(|device| (device, None))
                .map_err(|reason| Error::Gpu { index: index.unwrap_or(0), reason })
        }
        DeviceChoice::Auto => Ok(match all_gpus().and_then(open) {
            Ok(device) => (device, None),
            Err(reason) => (cpu, Some(format!("running on the CPU: {reason}"))),
        }),
    }
}

/// Runs what may panic where the driver or its libraries are missing.
fn tried<T>(open: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(open))
        .unwrap_or_else(|_| Err("the GPU's driver or libraries are missing".to_owned()))
}

/// The numbers of all GPUs, one at least.
fn all_gpus() -> Result<Vec<usize>, String> {
    #[cfg(feature = "cuda")]
    return match tried(crate::gpu::engine::count)? {
        0 => Err("there is no NVIDIA GPU".to_owned()),
        count => Ok((0..count).collect()),
    };
    #[cfg(not(feature = "cuda"))]
    Err(NO_SUPPORT.to_owned())
}

/// Whether G can run on a GPU, else why it cannot.
fn probe(index: usize) -> Result<(), String> {
    #[cfg(feature = "cuda")]
    return crate::gpu::engine::probe(index);
    #[cfg(not(feature = "cuda"))]
    {
        let _ = index;
        Err(NO_SUPPORT.to_owned())
    }
}

/// Why there is no GPU in a build without them.
#[cfg(not(feature = "cuda"))]
pub(crate) const NO_SUPPORT: &str = "this build has no GPU support";

/// Opens a GPU in candle and tries a small product on it: a missing library shows only then.
fn open_gpu(index: usize) -> Result<Device, String> {
    probe(index)?;
    let open = || -> candle_core::Result<Device> {
        let device = Device::new_cuda(index)?;
        let ones = Tensor::ones((8, 8), DType::F32, &device)?;
        ones.matmul(&ones)?.flatten_all()?.to_vec1::<f32>()?;
        Ok(device)
    };
    open().map_err(|error| error.to_string().lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read() {
        assert_eq!("cuda:3".parse::<DeviceChoice>().unwrap(), DeviceChoice::Cuda(Some(3)));
        assert_eq!("cuda".parse::<DeviceChoice>().unwrap(), DeviceChoice::Cuda(None));
        for wrong in ["", "gpu", "cuda:", "cuda:-1", "CPU"] {
            assert!(wrong.parse::<DeviceChoice>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn without_a_gpu_the_cpu_is_taken_and_said_once() {
        if find_place(DeviceChoice::Cuda(None)).is_ok() {
            return;
        }
        let (place, why) = find_place(DeviceChoice::Auto).unwrap();
        assert!(place == Place::Cpu && why.is_some_and(|why| !why.contains('\n')));
        let (device, why) = open_device(DeviceChoice::Auto).unwrap();
        assert!(device.is_cpu() && why.is_some_and(|why| !why.contains('\n')));
        assert!(matches!(find_place(DeviceChoice::Cpu), Ok((Place::Cpu, None))));
        let error = find_place(DeviceChoice::Cuda(Some(7))).unwrap_err().to_string();
        assert!(error.contains("cuda:7") && error.contains("--device cpu"), "{error}");
    }

    #[test]
    fn places_are_named_as_devices_are_asked_for() {
        assert_eq!(Place::Cpu.to_string(), "cpu");
        assert_eq!(Place::Cuda(vec![0, 2]).to_string(), "cuda:0, cuda:2");
    }

    #[test]
    fn a_library_that_panics_is_a_library_that_is_missing() {
        let reason = tried(|| -> Result<(), String> { panic!("no libcuda") }).unwrap_err();
        assert!(reason.contains("missing"), "{reason}");
    }
}
