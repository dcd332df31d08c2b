//! G's end: bias and sigmoid of `[channels, images, area]`, which become images `[images, channels, area]`.

use candle_core::Result;

use super::sum::sum;
use super::{Kernel, Machine, pieces};

#[repr(C)]
#[derive(Clone, Copy)]
struct Colour {
    x: *const f32,
    bias: *const f32,
    y: *mut f32,
    area: i64,
    pieces: i32,
    images: i32,
    channels: i32,
}

impl Kernel for Colour {
    const NAME: &'static str = "colour";
}

#[repr(C)]
#[derive(Clone, Copy)]
struct ColourGradient {
    y: *const f32,
    dy: *const f32,
    dx: *mut f32,
    partial: *mut f32,
    area: i64,
    pieces: i32,
    images: i32,
    channels: i32,
}

impl Kernel for ColourGradient {
    const NAME: &'static str = "colour_gradient";
}

/// Images, their channels, and pixels of each.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) images: usize,
    pub(crate) channels: usize,
    pub(crate) area: usize,
}

impl Size {
    fn blocks(self) -> usize {
        self.images * self.channels * pieces(self.area)
    }
}

/// Writes the sigmoid of `x` and its channel's bias to `y`.
///
/// # Errors
/// If the machine fails.
///
/// # Safety
/// `x`, `bias` `[channels]` and `y` are in the machine's memory and have those shapes.
pub(crate) unsafe fn colour<M: Machine>(
    machine: &M,
    size: Size,
    x: *const f32,
    bias: *const f32,
    y: *mut f32,
) -> Result<()> {
    let (images, channels) = (size.images as i32, size.channels as i32);
    let pieces = pieces(size.area) as i32;
    let kernel = Colour { x, bias, y, area: size.area as i64, pieces, images, channels };
    // SAFETY: the caller's promise; a block takes a piece of a channel of an image.
    unsafe { machine.launch(&kernel, size.blocks()) }
}

/// Writes the gradients of x and, first in `sums` `[2, channels]`, of the bias, from that of `y`.
///
/// # Errors
/// If the machine fails.
///
/// # Safety
/// All addresses are in the machine's memory and have those shapes.
pub(crate) unsafe fn gradients<M: Machine>(
    machine: &M,
    size: Size,
    (y, dy): (*const f32, *const f32),
    dx: *mut f32,
    sums: *mut f32,
) -> Result<()> {
    let mut memory = machine.allocate(2 * size.blocks())?;
    let partial = machine.address(&mut memory);
    let (images, channels) = (size.images as i32, size.channels as i32);
    let pieces_of_plane = pieces(size.area);
    let (area, pieces) = (size.area as i64, pieces_of_plane as i32);
    let kernel = ColourGradient { y, dy, dx, partial, area, pieces, images, channels };
    // SAFETY: the caller's promise; each piece leaves a pair, and a channel has those of all its images together.
    unsafe {
        machine.launch(&kernel, size.blocks())?;
        sum(machine, partial, (size.channels, size.images * pieces_of_plane), 1.0, sums)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Var;

    use super::super::emulated::{Memory, assert_close, emulate, random};
    use super::*;

    #[test]
    fn values_and_gradients_are_those_of_candle() {
        for (images, channels, height, width) in [(1, 3, 2, 3), (3, 2, 1, 1), (2, 3, 70, 61), (5, 1, 16, 16)]
        {
            let size = Size { images, channels, area: height * width };
            let (x, bias) = (random((channels, images, height, width)), random(channels));
            let dy = random((images, channels, height, width));
            let [x_var, bias_var] = [&x, &bias].map(|tensor| Var::from_tensor(tensor).unwrap());
            let y = crate::colour::colour(&x_var, &bias_var).unwrap();
            let truth = (&y * &dy).unwrap().sum_all().unwrap().backward().unwrap();
            let results = emulate(|machine| {
                let [mut x, mut bias, mut dy] = [&x, &bias, &dy].map(Memory::of_tensor);
                let [mut y, mut dx] = [(); 2].map(|()| machine.allocate(x.numbers().len()).unwrap());
                let mut sums = machine.allocate(2 * channels).unwrap();
                // SAFETY: all have the shapes of `size`.
                unsafe {
                    colour(machine, size, x.at(), bias.at(), y.at()).unwrap();
                    gradients(machine, size, (y.at(), dy.at()), dx.at(), sums.at()).unwrap();
                }
                vec![y, dx, sums]
            });
            assert_close(&results[0], &y, 1e-6);
            assert_close(&results[1], truth.get(&x_var).unwrap(), 1e-6);
            let dbias = Memory::of(&results[2].numbers()[..channels]);
            assert_close(&dbias, truth.get(&bias_var).unwrap(), 1e-5);
        }
    }
}
