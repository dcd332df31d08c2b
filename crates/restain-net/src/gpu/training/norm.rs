//! Batch norm and leaky ReLU with the batch's statistics, of `[channels, count]`.

use std::ptr::null_mut;

use candle_core::Result;

use super::sum::sum;
use super::{Kernel, Machine, pieces};

#[repr(C)]
#[derive(Clone, Copy)]
struct Moments {
    x: *const f32,
    partial: *mut f32,
    count: i64,
    pieces: i32,
}

impl Kernel for Moments {
    const NAME: &'static str = "moments";
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Gather {
    partial: *const f32,
    moments: *mut f32,
    running_mean: *mut f32,
    running_variance: *mut f32,
    momentum: f64,
    count: i64,
    pieces: i32,
    channels: i32,
}

impl Kernel for Gather {
    const NAME: &'static str = "gather_moments";
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Normalize {
    x: *const f32,
    y: *mut f32,
    moments: *const f32,
    scale: *const f32,
    shift: *const f32,
    count: i64,
    pieces: i32,
    channels: i32,
    eps: f32,
    slope: f32,
}

impl Kernel for Normalize {
    const NAME: &'static str = "normalize";
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Slopes {
    x: *const f32,
    dy: *const f32,
    moments: *const f32,
    scale: *const f32,
    shift: *const f32,
    partial: *mut f32,
    count: i64,
    pieces: i32,
    channels: i32,
    eps: f32,
    slope: f32,
}

impl Kernel for Slopes {
    const NAME: &'static str = "slopes";
}

#[repr(C)]
#[derive(Clone, Copy)]
struct NormalizeGradient {
    x: *const f32,
    dy: *const f32,
    dx: *mut f32,
    moments: *const f32,
    scale: *const f32,
    shift: *const f32,
    sums: *const f32,
    count: i64,
    pieces: i32,
    channels: i32,
    eps: f32,
    slope: f32,
}

impl Kernel for NormalizeGradient {
    const NAME: &'static str = "normalize_gradient";
}

/// Channels, and values of each.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) channels: usize,
    pub(crate) count: usize,
}

impl Size {
    fn blocks(self) -> usize {
        self.channels * pieces(self.count)
    }
}

/// The running statistics `[channels]` of a batch norm and how far they move towards those of a batch.
#[derive(Clone, Copy)]
pub(crate) struct Running {
    pub(crate) mean: *mut f32,
    pub(crate) variance: *mut f32,
    pub(crate) momentum: f64,
}

/// Writes mean and (biased) variance of each channel to `moments` `[2, channels]`, and moves running statistics, where
/// there are any.
///
/// # Errors
/// If the machine fails.
///
/// # Safety
/// `x`, `moments` and the running statistics are in the machine's memory and have those shapes; a channel has at least
/// two values.
pub(crate) unsafe fn moments<M: Machine>(
    machine: &M,
    size: Size,
    x: *const f32,
    moments: *mut f32,
    running: Option<Running>,
) -> Result<()> {
    let mut memory = machine.allocate(2 * size.blocks())?;
    let partial = machine.address(&mut memory);
    let (count, pieces) = (size.count as i64, pieces(size.count) as i32);
    let none = Running { mean: null_mut(), variance: null_mut(), momentum: 0.0 };
    let Running { mean: running_mean, variance: running_variance, momentum } = running.unwrap_or(none);
    // SAFETY: the caller's promise; each piece leaves a pair, and a block gathers the pieces of a channel.
    unsafe {
        machine.launch(&Moments { x, partial, count, pieces }, size.blocks())?;
        let channels = size.channels as i32;
        let gather =
            Gather { partial, moments, running_mean, running_variance, momentum, count, pieces, channels };
        machine.launch(&gather, size.channels)
    }
}

/// What normalizes: the batch's moments `[2, channels]`, scale and shift `[channels]`, and what is added to a variance;
/// then the slope of leaky ReLU, 0 for ReLU.
#[derive(Clone, Copy)]
pub(crate) struct Norm {
    pub(crate) moments: *const f32,
    pub(crate) scale: *const f32,
    pub(crate) shift: *const f32,
    pub(crate) eps: f64,
    pub(crate) slope: f64,
}

/// Writes `leaky(scale * (x - mean) / sqrt(variance + eps) + shift)` to `y`.
///
/// # Errors
/// If the machine fails.
///
/// # Safety
/// `x`, `y` and what normalizes are in the machine's memory and have those shapes.
pub(crate) unsafe fn normalize<M: Machine>(
    machine: &M,
    size: Size,
    x: *const f32,
    norm: Norm,
    y: *mut f32,
) -> Result<()> {
    let Norm { moments, scale, shift, eps, slope } = norm;
    let kernel = Normalize {
        x,
        y,
        moments,
        scale,
        shift,
        count: size.count as i64,
        pieces: pieces(size.count) as i32,
        channels: size.channels as i32,
        eps: eps as f32,
        slope: slope as f32,
    };
    // SAFETY: the caller's promise; a block takes a piece.
    unsafe { machine.launch(&kernel, size.blocks()) }
}

/// Writes the gradients of x, `[channels, count]`, and of shift and scale, `sums` `[2, channels]`, from that of y.
///
/// # Errors
/// If the machine fails.
///
/// # Safety
/// All addresses are in the machine's memory and have those shapes.
pub(crate) unsafe fn gradients<M: Machine>(
    machine: &M,
    size: Size,
    (x, dy): (*const f32, *const f32),
    norm: Norm,
    dx: *mut f32,
    sums: *mut f32,
) -> Result<()> {
    let Norm { moments, scale, shift, eps, slope } = norm;
    let mut memory = machine.allocate(2 * size.blocks())?;
    let partial = machine.address(&mut memory);
    let (count, pieces_of_channel) = (size.count as i64, pieces(size.count));
    let (pieces, channels, eps, slope) =
        (pieces_of_channel as i32, size.channels as i32, eps as f32, slope as f32);
    let slopes = Slopes { x, dy, moments, scale, shift, partial, count, pieces, channels, eps, slope };
    let gradient =
        NormalizeGradient { x, dy, dx, moments, scale, shift, sums, count, pieces, channels, eps, slope };
    // SAFETY: the caller's promise; each piece leaves a pair, all of which are summed before they are asked for.
    unsafe {
        machine.launch(&slopes, size.blocks())?;
        sum(machine, partial, (size.channels, pieces_of_channel), 1.0, sums)?;
        machine.launch(&gradient, size.blocks())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor, Var};
    use candle_nn::BatchNorm;

    use super::super::emulated::{Memory, assert_close, emulate, random};
    use super::*;
    use crate::norm::{normalize_leaky_relu, normalize_relu};

    const EPS: f64 = 1e-5;
    const MOMENTUM: f64 = 0.1;

    /// Less than a block, a piece less and more one, several pieces a channel, more pieces than threads.
    const SIZES: [Size; 7] = [
        Size { channels: 3, count: 2 },
        Size { channels: 1, count: 257 },
        Size { channels: 5, count: 48 },
        Size { channels: 2, count: 4095 },
        Size { channels: 2, count: 4097 },
        Size { channels: 3, count: 10_000 },
        Size { channels: 1, count: 4096 * 258 + 1 },
    ];

    /// Result, running statistics and gradients, as the CPU has them in f64. Only ReLU comes with running statistics.
    fn truth([x, scale, shift, mean, variance, dy]: [&Tensor; 6], slope: f64) -> [Tensor; 6] {
        let var = |tensor: &Tensor| Var::from_tensor(&tensor.to_dtype(DType::F64).unwrap()).unwrap();
        let [x, scale, shift, mean, variance] = [x, scale, shift, mean, variance].map(var);
        let [weight, bias] = [&scale, &shift].map(|var| var.as_tensor().clone());
        let [mean, variance] = [&mean, &variance].map(|var| var.as_tensor().clone());
        let norm = BatchNorm::new(scale.elem_count(), mean, variance, weight, bias, EPS).unwrap();
        let y = if slope > 0.0 {
            normalize_leaky_relu(&x, (scale.as_tensor(), shift.as_tensor()), EPS, slope).unwrap()
        } else {
            normalize_relu(&norm, &x, true).unwrap()
        };
        let dy = dy.to_dtype(DType::F64).unwrap();
        let gradients = (&y * dy).unwrap().sum_all().unwrap().backward().unwrap();
        let [dx, dscale, dshift] = [&x, &scale, &shift].map(|var| gradients.get(var).unwrap().clone());
        [y.detach(), norm.running_mean().clone(), norm.running_var().clone(), dx, dscale, dshift]
    }

    /// 1 where ReLU has no doubt whether it is given a positive value, else 0.
    fn off_the_edge(x: &Tensor, scale: &Tensor, shift: &Tensor) -> Result<Tensor> {
        let [x, scale, shift] = [x, scale, shift].map(|tensor| tensor.to_dtype(DType::F64));
        let (x, scale, shift) = (x?.flatten_from(1)?, scale?.unsqueeze(1)?, shift?.unsqueeze(1)?);
        let centred = x.broadcast_sub(&x.mean_keepdim(1)?)?;
        let deviation = (centred.sqr()?.mean_keepdim(1)? + EPS)?.sqrt()?;
        let before = centred.broadcast_div(&deviation)?.broadcast_mul(&scale)?.broadcast_add(&shift)?;
        before.abs()?.gt(1e-3)?.to_dtype(DType::F32)?.reshape((x.dim(0)?, 1, 1, ()))
    }

    #[test]
    fn values_statistics_and_gradients_are_those_of_the_cpu() {
        for (size, slope) in SIZES.into_iter().flat_map(|size| [(size, 0.0), (size, 0.2)]) {
            let channels = size.channels;
            let shape = (channels, 1, 1, size.count);
            // Far from zero in places, where a variance from squares alone would lose its digits.
            let offset = Tensor::arange(0_f32, channels as f32, &Device::Cpu).unwrap();
            let offset = (offset * 4.0).unwrap().reshape((channels, 1, 1, 1)).unwrap();
            let x = random(shape).broadcast_add(&offset).unwrap();
            let [scale, shift, mean] = [(); 3].map(|()| random(channels));
            let dy = (random(shape) * off_the_edge(&x, &scale, &shift)).unwrap();
            let variance = (random(channels) + 1.5).unwrap();
            let [y, new_mean, new_variance, dx, dscale, dshift] =
                truth([&x, &scale, &shift, &mean, &variance, &dy], slope);
            let results = emulate(|machine| {
                let [mut x, mut scale, mut shift, mut mean, mut variance, mut dy] =
                    [&x, &scale, &shift, &mean, &variance, &dy].map(Memory::of_tensor);
                let allocate = |length| machine.allocate(length).unwrap();
                let [mut of_batch, mut sums] = [(); 2].map(|()| allocate(2 * channels));
                let [mut y, mut dx] = [(); 2].map(|()| allocate(channels * size.count));
                let running = Running { mean: mean.at(), variance: variance.at(), momentum: MOMENTUM };
                let running = (slope <= 0.0).then_some(running);
                let norm =
                    Norm { moments: of_batch.at(), scale: scale.at(), shift: shift.at(), eps: EPS, slope };
                // SAFETY: all have the shapes of `size`.
                unsafe {
                    moments(machine, size, x.at(), of_batch.at(), running).unwrap();
                    normalize(machine, size, x.at(), norm, y.at()).unwrap();
                    gradients(machine, size, (x.at(), dy.at()), norm, dx.at(), sums.at()).unwrap();
                }
                vec![y, mean, variance, dx, sums]
            });
            let [y_ours, mean, variance, dx_ours, sums] = &results[..] else { unreachable!() };
            assert_close(y_ours, &y, 1e-5);
            assert_close(mean, &new_mean, 1e-6);
            assert_close(variance, &new_variance, 1e-5);
            assert_close(dx_ours, &dx, 2e-5);
            let (dshift_ours, dscale_ours) = sums.numbers().split_at(channels);
            assert_close(&Memory::of(dshift_ours), &dshift, 1e-5);
            assert_close(&Memory::of(dscale_ours), &dscale, 1e-5);
        }
    }

    #[test]
    fn the_gradient_asks_where_the_result_was_positive() {
        // Values on the edge: half of each channel is exactly the mean, and the shift is zero.
        let size = Size { channels: 2, count: 300 };
        let x: Vec<f32> = (0..600).map(|i| [1.0, 1.0, 0.5, 1.5][i % 4]).collect();
        emulate(|machine| {
            let mut x = Memory::of(&x);
            let mut of_batch = Memory::of(&[1.0, 1.0, 0.125, 0.125]);
            let (mut scale, mut shift) = (Memory::of(&[1.0, -2.0]), Memory::of(&[0.0, 0.0]));
            let mut dy = Memory::of(&[1.0; 600]);
            let [mut y, mut dx] = [(); 2].map(|()| machine.allocate(600).unwrap());
            let mut sums = machine.allocate(4).unwrap();
            let norm =
                Norm { moments: of_batch.at(), scale: scale.at(), shift: shift.at(), eps: 0.0, slope: 0.0 };
            // SAFETY: all have the shapes of `size`.
            unsafe {
                normalize(machine, size, x.at(), norm, y.at()).unwrap();
                gradients(machine, size, (x.at(), dy.at()), norm, dx.at(), sums.at()).unwrap();
            }
            let positive = |channel: &[f32]| channel.iter().filter(|y| **y > 0.0).count() as f32;
            assert_eq!(y.numbers().chunks(300).map(positive).collect::<Vec<_>>(), [75.0, 75.0]);
            assert_eq!(sums.numbers()[..2], [75.0, 75.0]);
            vec![y, dx, sums]
        });
    }
}
