//! The last stage of sums over the pieces of a channel.

use candle_core::Result;

use super::{Kernel, Machine};

#[repr(C)]
#[derive(Clone, Copy)]
struct Sum {
    partial: *const f32,
    sums: *mut f32,
    factor: f64,
    pieces: i32,
    channels: i32,
}

impl Kernel for Sum {
    const NAME: &'static str = "sum";
}

/// Writes the sums `[2, channels]`, times `factor`, of the pairs `partial` `[channels, pieces, 2]`.
///
/// # Errors
/// If the machine fails.
///
/// # Safety
/// `partial` and `sums` are in the machine's memory and have those shapes.
pub(super) unsafe fn sum<M: Machine>(
    machine: &M,
    partial: *const f32,
    (channels, pieces): (usize, usize),
    factor: f64,
    sums: *mut f32,
) -> Result<()> {
    let kernel = Sum { partial, sums, factor, pieces: pieces as i32, channels: channels as i32 };
    // SAFETY: the caller's promise; a block makes the sums of a channel.
    unsafe { machine.launch(&kernel, channels) }
}
