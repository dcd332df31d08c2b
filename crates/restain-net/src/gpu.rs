//! G on NVIDIA GPUs, with kernels of its own.
//!
//! The kernels (`kernels/*.cu`) run on the processor too, to be tested where there is no GPU (`emulator.rs`).

#[cfg(test)]
#[allow(unsafe_code, reason = "kernels are called through pointers")]
mod emulator;
#[cfg(any(test, feature = "cuda"))]
#[allow(unsafe_code, reason = "kernels take addresses in the GPU's memory")]
pub(crate) mod training;
