//! A training step of G on NVIDIA GPUs: kernels of `kernels/training.cu` and cuBLAS products in TF32, which rounds the
//! factors to 11 bits and sums in f32.
//!
//! What is launched, over which memory and in which order, is said once, for any [`Machine`]: the GPU (`cuda.rs`), or
//! the emulator, on which the tests run the same (`emulated.rs`).

mod adam;
mod colour;
mod convolution;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod distance;
#[cfg(test)]
mod emulated;
mod machine;
mod norm;
mod product;
mod sum;

use machine::{Kernel, Machine, THREADS, pieces};
