//! G on NVIDIA GPUs, with kernels of its own in bf16.
//!
//! A [`Plan`](launch::Plan) packs the weights and says which kernels are to run on what. A [`Card`](card::Card) holds a
//! GPU's kernels and weights, a [`Slot`](slot::Slot) a stream with memory for a batch, and an
//! [`engine`] hands batches to the slots of all cards.
//!
//! The kernels (`kernels/*.cu`) run on the processor too, to be tested where there is no GPU ([`emulator`]).

#[cfg(feature = "cuda")]
#[allow(unsafe_code, reason = "kernels are launched by addresses")]
mod card;
#[cfg(test)]
#[allow(unsafe_code, reason = "kernels are called through pointers")]
mod emulator;
#[cfg(feature = "cuda")]
pub(crate) mod engine;
#[cfg(any(feature = "cuda", test))]
#[cfg_attr(test, allow(unsafe_code, reason = "tests call kernels"))]
mod launch;
#[cfg(any(feature = "cuda", test))]
mod layer;
#[cfg(feature = "cuda")]
#[allow(unsafe_code, reason = "copies between addresses, in the order of a stream")]
mod slot;
#[cfg(any(test, feature = "cuda"))]
#[allow(unsafe_code, reason = "kernels take addresses in the GPU's memory")]
pub(crate) mod training;

use std::sync::Arc;

use crate::engine::Engine;
use crate::folded::Folded;
use crate::{Error, Precision, Result};

/// G on GPUs: in bf16 by its own kernels, in f32 by candle, which takes the first GPU alone.
///
/// # Errors
/// [`Error::Gpu`] where one of them cannot be used.
#[cfg(feature = "cuda")]
pub(crate) fn plan(folded: &Folded, indices: &[usize], precision: Precision) -> Result<Arc<dyn Engine>> {
    if precision != Precision::F32 {
        return Ok(Arc::new(engine::GpuGenerator::new(folded, indices)?));
    }
    let index = indices.first().copied().unwrap_or(0);
    let device = candle_core::Device::new_cuda(index).map_err(|error| {
        // The first line says it; a backtrace may follow.
        let reason = error.to_string().lines().next().unwrap_or_default().to_owned();
        Error::Gpu { index, reason }
    })?;
    Ok(Arc::new(crate::frozen::FrozenGenerator::new(folded, &device)?))
}

/// A build without GPUs has none.
///
/// # Errors
/// [`Error::Gpu`], always.
#[cfg(not(feature = "cuda"))]
pub(crate) fn plan(_: &Folded, indices: &[usize], _: Precision) -> Result<Arc<dyn Engine>> {
    let index = indices.first().copied().unwrap_or(0);
    Err(Error::Gpu { index, reason: crate::device::NO_SUPPORT.to_owned() })
}
