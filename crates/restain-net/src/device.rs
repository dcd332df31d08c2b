//! Where G runs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;

use candle_core::{DType, Device, Tensor};

use crate::{Error, Result};

/// Which device is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The first GPU where there is one, else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// The GPU of this number.
    Cuda(usize),
}

impl FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => name
                .strip_prefix("cuda:")
                .and_then(|index| index.parse().ok())
                .map(Self::Cuda)
                .ok_or_else(|| Error::DeviceName(name.to_owned())),
        }
    }
}

/// Opens a device; with [`DeviceChoice::Auto`] also says in one line why it is not a GPU.
///
/// # Errors
/// [`Error::Gpu`] where the GPU asked for cannot be used.
pub fn open_device(choice: DeviceChoice) -> Result<(Device, Option<String>)> {
    match choice {
        DeviceChoice::Cpu => Ok((Device::Cpu, None)),
        DeviceChoice::Cuda(index) => {
            open_gpu(index).map(|device| (device, None)).map_err(|reason| Error::Gpu { index, reason })
        }
        DeviceChoice::Auto => match open_gpu(0) {
            Ok(device) => Ok((device, None)),
            Err(reason) => Ok((Device::Cpu, Some(format!("running on the CPU: {reason}")))),
        },
    }
}

/// Opens a GPU and tries a small convolution and product on it: a missing library shows only then.
fn open_gpu(index: usize) -> Result<Device, String> {
    if !candle_core::utils::cuda_is_available() {
        return Err("this build has no GPU support".to_owned());
    }
    let probe = || -> candle_core::Result<Device> {
        let device = Device::new_cuda(index)?;
        let ones = Tensor::ones((1, 2, 8, 8), DType::F32, &device)?;
        let kernel = Tensor::ones((1, 2, 4, 4), DType::F32, &device)?;
        ones.conv2d(&kernel, 1, 2, 1, 1)?.flatten_all()?.to_vec1::<f32>()?;
        ones.matmul(&ones)?.flatten_all()?.to_vec1::<f32>()?;
        Ok(device)
    };
    match catch_unwind(AssertUnwindSafe(probe)) {
        Ok(Ok(device)) => Ok(device),
        Ok(Err(error)) => Err(in_words(&error.to_string())),
        Err(_) => Err("the GPU's driver or libraries are missing".to_owned()),
    }
}

/// What CUDA says, in one line.
fn in_words(text: &str) -> String {
    if text.contains("CUDA_ERROR_NO_DEVICE") {
        return "there is no NVIDIA GPU, or no driver for it".to_owned();
    }
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read() {
        assert_eq!("cuda:3".parse::<DeviceChoice>().unwrap(), DeviceChoice::Cuda(3));
        assert_eq!("cuda".parse::<DeviceChoice>().unwrap(), DeviceChoice::Cuda(0));
        for wrong in ["", "gpu", "cuda:", "cuda:-1", "CPU"] {
            assert!(wrong.parse::<DeviceChoice>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_cuda_says_becomes_one_line() {
        let none = "DriverError(CUDA_ERROR_NO_DEVICE, \"no CUDA-capable device is detected\")";
        assert_eq!(in_words(none), "there is no NVIDIA GPU, or no driver for it");
        assert_eq!(in_words("out of memory\n  at 0x1"), "out of memory");
    }

    #[test]
    fn without_a_gpu_the_cpu_is_taken_and_said_once() {
        if open_gpu(0).is_ok() {
            return;
        }
        let (device, why) = open_device(DeviceChoice::Auto).unwrap();
        assert!(device.is_cpu() && why.is_some_and(|why| !why.contains('\n')));
        assert!(matches!(open_device(DeviceChoice::Cpu), Ok((Device::Cpu, None))));
        let error = open_device(DeviceChoice::Cuda(7)).unwrap_err().to_string();
        assert!(error.contains("cuda:7") && error.contains("--device cpu"), "{error}");
    }
}
