//! The numbers inside tensors that live in the CPU's memory.

use candle_core::{CpuStorage, Layout, Result, Storage, Tensor, WithDType, bail};

use crate::cpu::{Processor, Sums, Word};

/// The numbers that networks are trained in: f32, and f64 where a test wants to see more digits.
pub(crate) trait Real: WithDType + Word<Value = Self> {
    /// The kernel that convolutions are made of on this machine.
    fn sums() -> Sums<Self>;
}

impl Real for f32 {
    fn sums() -> Sums<Self> {
        Sums::of(Processor::choose())
    }
}

impl Real for f64 {
    fn sums() -> Sums<Self> {
        Sums::portable()
    }
}

/// The elements of a contiguous tensor, from its storage.
pub(crate) fn values<'a, T: Real>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [T]> {
    match layout.contiguous_offsets() {
        Some((from, to)) => Ok(&storage.as_slice::<T>()?[from..to]),
        None => bail!("a contiguous tensor is needed"),
    }
}

/// Calls `run` with the elements of contiguous tensors.
///
/// # Errors
/// If one is not contiguous, not of type `T` or not on the CPU, and what `run` returns.
pub(crate) fn with_values<T: Real, R>(
    tensors: &[&Tensor],
    run: impl FnOnce(&[&[T]]) -> Result<R>,
) -> Result<R> {
    let held: Vec<_> = tensors.iter().map(|tensor| tensor.storage_and_layout()).collect();
    let slices: Vec<&[T]> = held
        .iter()
        .map(|(storage, layout)| match &**storage {
            Storage::Cpu(storage) => values(storage, layout),
            _ => bail!("a tensor on the CPU is needed"),
        })
        .collect::<Result<_>>()?;
    run(&slices)
}
