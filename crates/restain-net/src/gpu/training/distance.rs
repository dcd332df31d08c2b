//! The mean absolute difference of two images.

use candle_core::Result;

use super::sum::sum;
use super::{Kernel, Machine, pieces};

#[repr(C)]
#[derive(Clone, Copy)]
struct Distance {
    a: *const f32,
    b: *const f32,
    partial: *mut f32,
    count: i64,
    pieces: i32,
}

impl Kernel for Distance {
    const NAME: &'static str = "distance";
}

#[repr(C)]
#[derive(Clone, Copy)]
struct DistanceGradient {
    a: *const f32,
    b: *const f32,
    da: *mut f32,
    along: *const f32,
    count: i64,
    pieces: i32,
}

impl Kernel for DistanceGradient {
    const NAME: &'static str = "distance_gradient";
}

/// Writes the mean of `|a - b|` over `count` numbers to the first of the two in `mean`.
///
/// # Errors
/// If the machine fails.
///
/// # Safety
/// All addresses are in the machine's memory and have those lengths.
pub(crate) unsafe fn distance<M: Machine>(
    machine: &M,
    count: usize,
    (a, b): (*const f32, *const f32),
    mean: *mut f32,
) -> Result<()> {
    let blocks = pieces(count);
    let mut memory = machine.allocate(2 * blocks)?;
    let partial = machine.address(&mut memory);
    // SAFETY: the caller's promise; each piece leaves a pair.
    unsafe {
        let pieces = blocks as i32;
        machine.launch(&Distance { a, b, partial, count: count as i64, pieces }, blocks)?;
        sum(machine, partial, (1, blocks), 1.0 / count as f64, mean)
    }
}

/// Writes the gradient of `a` from that of the mean, one number in `along`.
///
/// # Errors
/// If the machine fails.
///
/// # Safety
/// All addresses are in the machine's memory and have those lengths.
pub(crate) unsafe fn gradient<M: Machine>(
    machine: &M,
    count: usize,
    (a, b): (*const f32, *const f32),
    along: *const f32,
    da: *mut f32,
) -> Result<()> {
    let blocks = pieces(count);
    let kernel = DistanceGradient { a, b, da, along, count: count as i64, pieces: blocks as i32 };
    // SAFETY: the caller's promise; a block takes a piece.
    unsafe { machine.launch(&kernel, blocks) }
}

#[cfg(test)]
mod tests {
    use candle_core::Var;

    use super::super::emulated::{Memory, assert_close, emulate, random};
    use super::*;

    #[test]
    fn value_and_gradient_are_those_of_candle() {
        for count in [1, 255, 4096, 4097, 20_000] {
            let (a, b) = (random(count), random(count));
            let var = Var::from_tensor(&a).unwrap();
            let mean = (crate::distance::mean_distance(&var, &b).unwrap() * 3.0).unwrap();
            let truth = mean.backward().unwrap();
            let results = emulate(|machine| {
                let (mut a, mut b) = (Memory::of_tensor(&a), Memory::of_tensor(&b));
                let (mut mean, mut da) = (machine.allocate(2).unwrap(), machine.allocate(count).unwrap());
                let mut along = Memory::of(&[3.0]);
                // SAFETY: all have those lengths.
                unsafe {
                    distance(machine, count, (a.at(), b.at()), mean.at()).unwrap();
                    gradient(machine, count, (a.at(), b.at()), along.at(), da.at()).unwrap();
                }
                vec![mean, da]
            });
            assert_close(&Memory::of(&results[0].numbers()[..1]), &(mean / 3.0).unwrap(), 1e-6);
            assert_close(&results[1], truth.get(&var).unwrap(), 1e-9);
        }
    }
}
