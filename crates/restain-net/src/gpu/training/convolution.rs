//! The convolutions of G and the gradient of their weights, each as one product with the columns of the fine image.
//!
//! A large batch is taken a run of images at a time, so that the columns of all need not be in memory at once.

use std::ops::Range;

use candle_core::{Result, bail};

use super::product::{Matrix, Product};
use super::{Kernel, Machine, THREADS};
use crate::conv::pieces::Cut;
use crate::conv::window::Sliding;

#[repr(C)]
#[derive(Clone, Copy)]
struct Unfold {
    fine: *const f32,
    columns: *mut f32,
    channel: i64,
    height: i32,
    width: i32,
    positions: i32,
    blocks: i32,
}

impl Kernel for Unfold {
    const NAME: &'static str = "unfold";
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Fold {
    columns: *const f32,
    fine: *mut f32,
    channel: i64,
    height: i32,
    width: i32,
    positions: i32,
    blocks: i32,
}

impl Kernel for Fold {
    const NAME: &'static str = "fold";
}

/// Writes the coarse image `y` that weights `w` make of the fine one `x`.
///
/// # Errors
/// If the images are beyond what kernels can count, or the machine fails.
///
/// # Safety
/// `x`, `w` and `y` are in the machine's memory and have the shapes of `g`.
pub(crate) unsafe fn convolve<M: Machine>(
    machine: &M,
    g: &Sliding,
    x: *const f32,
    w: *const f32,
    y: *mut f32,
) -> Result<()> {
    let mut columns = machine.allocate(columns_of_run(machine, g))?;
    let columns = machine.address(&mut columns);
    for run in runs(machine, g).iter() {
        let positions = run.len() * area(g);
        // SAFETY: `x` is a fine image, and there is memory for the columns of a run.
        unsafe { unfold(machine, g, &run, x, columns)? };
        let weights = Matrix::new(w, g.outputs, depth(g), depth(g));
        let columns = Matrix::new(columns, depth(g), positions, positions);
        let y = y.wrapping_add(run.start * area(g));
        // SAFETY: the weights have that shape, the columns were written, and `y` has a row of `plane` a channel.
        unsafe { machine.multiply(&Product::new(weights, columns, y, g.output_plane(), false)?)? };
    }
    Ok(())
}

/// Writes the fine image `y` that weights `w` make of the coarse one `x`.
///
/// # Errors
/// If the images are beyond what kernels can count, or the machine fails.
///
/// # Safety
/// `x`, `w` and `y` are in the machine's memory and have the shapes of `g`.
pub(crate) unsafe fn convolve_transposed<M: Machine>(
    machine: &M,
    g: &Sliding,
    x: *const f32,
    w: *const f32,
    y: *mut f32,
) -> Result<()> {
    let mut columns = machine.allocate(columns_of_run(machine, g))?;
    let columns = machine.address(&mut columns);
    for run in runs(machine, g).iter() {
        let positions = run.len() * area(g);
        let weights = Matrix::new(w, g.outputs, depth(g), depth(g));
        let x = Matrix::new(x.wrapping_add(run.start * area(g)), g.outputs, positions, g.output_plane());
        // SAFETY: weights and `x` have those shapes, and there is memory for the columns of a run.
        unsafe {
            machine.multiply(&Product::new(weights.transposed(), x, columns, positions, false)?)?;
        }
        // SAFETY: `y` is a fine image, and the columns were written.
        unsafe { fold(machine, g, &run, columns, y)? };
    }
    Ok(())
}

/// Writes the gradient `dw` of the weights between the fine image `x` and the coarse one `y`, one of which is a
/// gradient.
///
/// # Errors
/// If the images are beyond what kernels can count, or the machine fails.
///
/// # Safety
/// `x`, `y` and `dw` are in the machine's memory and have the shapes of `g`.
pub(crate) unsafe fn weight_gradient<M: Machine>(
    machine: &M,
    g: &Sliding,
    x: *const f32,
    y: *const f32,
    dw: *mut f32,
) -> Result<()> {
    let mut columns = machine.allocate(columns_of_run(machine, g))?;
    let columns = machine.address(&mut columns);
    for run in runs(machine, g).iter() {
        let positions = run.len() * area(g);
        // SAFETY: `x` is a fine image, and there is memory for the columns of a run.
        unsafe { unfold(machine, g, &run, x, columns)? };
        let y = Matrix::new(y.wrapping_add(run.start * area(g)), g.outputs, positions, g.output_plane());
        let columns = Matrix::new(columns, depth(g), positions, positions).transposed();
        let product = Product::new(y, columns, dw, depth(g), run.start > 0)?;
        // SAFETY: `y` has that shape, the columns were written, and `dw` has the weights' shape.
        unsafe { machine.multiply(&product)? };
    }
    Ok(())
}

/// Rows of the column matrix.
fn depth(g: &Sliding) -> usize {
    g.inputs * g.window.taps()
}

/// Coarse positions of an image.
fn area(g: &Sliding) -> usize {
    g.rows * g.columns
}

/// The batch, cut into runs of images whose columns fit in what the machine gives them.
fn runs<M: Machine>(machine: &M, g: &Sliding) -> Cut {
    Cut::new(g.images, machine.columns() / (depth(g) * area(g)))
}

/// Numbers of the columns of the longest run.
fn columns_of_run<M: Machine>(machine: &M, g: &Sliding) -> usize {
    runs(machine, g).piece(0).len() * depth(g) * area(g)
}

/// Writes the columns of a run of images.
///
/// # Safety
/// `fine` is a whole fine image, `columns` has place for the columns of `run`, both in the machine's memory.
unsafe fn unfold<M: Machine>(
    machine: &M,
    g: &Sliding,
    run: &Range<usize>,
    fine: *const f32,
    columns: *mut f32,
) -> Result<()> {
    let Counts { channel, height, width, positions, blocks } = Counts::new(g, run)?;
    let fine = fine.wrapping_add(run.start * g.height * g.width);
    let kernel = Unfold { fine, columns, channel, height, width, positions, blocks };
    // SAFETY: the caller's promise; the blocks of a channel make its columns, from its images.
    unsafe { machine.launch(&kernel, g.inputs * blocks as usize) }
}

/// Writes the fine images of a run from their columns.
///
/// # Safety
/// `columns` are the columns of `run`, `fine` is a whole fine image, both in the machine's memory.
unsafe fn fold<M: Machine>(
    machine: &M,
    g: &Sliding,
    run: &Range<usize>,
    columns: *const f32,
    fine: *mut f32,
) -> Result<()> {
    let Counts { channel, height, width, positions, blocks } = Counts::new(g, run)?;
    let fine = fine.wrapping_add(run.start * g.height * g.width);
    let kernel = Fold { columns, fine, channel, height, width, positions, blocks };
    // SAFETY: the caller's promise; the blocks of a channel make its images, from its columns.
    unsafe { machine.launch(&kernel, g.inputs * blocks as usize) }
}

/// What both kernels count, as they count it.
struct Counts {
    channel: i64,
    height: i32,
    width: i32,
    positions: i32,
    blocks: i32,
}

impl Counts {
    fn new(g: &Sliding, run: &Range<usize>) -> Result<Self> {
        if !g.halves() {
            bail!("the kernels of the GPU are for convolutions to half of each side, not {g:?}")
        }
        let positions = run.len() * area(g);
        // A fine row has twice the width, and the last block may begin up to THREADS positions before its end.
        if positions > (i32::MAX as usize - THREADS) / 2 {
            bail!("images of {} x {} px are beyond the kernels of the GPU", g.height, g.width)
        }
        Ok(Self {
            channel: g.input_plane() as i64,
            height: g.rows as i32,
            width: g.columns as i32,
            positions: positions as i32,
            blocks: positions.div_ceil(THREADS) as i32,
        })
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Tensor, Var};

    use super::super::emulated::{Memory, assert_close, emulate, emulate_with_columns, random};
    use super::*;
    use crate::conv::window::Window;
    use crate::conv::{conv, conv_transpose};

    /// A convolution to `rows` x `columns` positions, half of each side.
    const fn halving(images: usize, inputs: usize, outputs: usize, rows: usize, columns: usize) -> Sliding {
        let (height, width) = (2 * rows, 2 * columns);
        Sliding { window: Window::HALVING, images, inputs, outputs, height, width, rows, columns }
    }

    /// Shapes that cut the work in every way: odd channels and batches, sides of 2, one position a channel, a block that
    /// is full and more than one.
    const SHAPES: [Sliding; 8] = [
        halving(1, 3, 2, 2, 3),
        halving(3, 4, 5, 1, 1),
        halving(2, 1, 1, 4, 2),
        halving(5, 7, 3, 1, 6),
        halving(1, 2, 3, 16, 16),
        halving(3, 2, 4, 9, 19),
        halving(2, 3, 17, 5, 1),
        halving(1, 1, 2, 2, 300),
    ];

    /// For each number of the columns of a run, which fine number of the batch it is, as conv/columns.rs defines it.
    fn sources(g: &Sliding, run: &Range<usize>) -> Vec<Option<usize>> {
        let (height, width) = (g.height, g.width);
        let mut sources = Vec::new();
        for channel in 0..g.inputs {
            for (ky, kx) in (0..4).flat_map(|ky| (0..4).map(move |kx| (ky, kx))) {
                for image in run.clone() {
                    for (i, j) in (0..g.rows).flat_map(|i| (0..g.columns).map(move |j| (i, j))) {
                        let pixel = (2 * i + ky).checked_sub(1).zip((2 * j + kx).checked_sub(1));
                        let inside = pixel.filter(|&(y, x)| y < height && x < width);
                        sources.push(
                            inside.map(|(y, x)| ((channel * g.images + image) * height + y) * width + x),
                        );
                    }
                }
            }
        }
        sources
    }

    #[test]
    fn columns_are_those_of_the_definition() {
        for g in SHAPES {
            for run in [0..g.images, g.images / 2..g.images] {
                let fine = random(g.inputs * g.input_plane());
                let sources = sources(&g, &run);
                let results = emulate(|machine| {
                    let mut fine = Memory::of_tensor(&fine);
                    let mut columns = machine.allocate(sources.len()).unwrap();
                    // SAFETY: the image is whole, and there is place for the columns.
                    unsafe { unfold(machine, &g, &run, fine.at(), columns.at()).unwrap() };
                    vec![columns]
                });
                let fine = fine.to_vec1::<f32>().unwrap();
                for (column, source) in results[0].numbers().iter().zip(&sources) {
                    let truth = source.map_or(0.0, |source| fine[source]);
                    assert_eq!(column.to_bits(), truth.to_bits(), "{g:?}");
                }
            }
        }
    }

    #[test]
    fn folding_is_the_adjoint() {
        for g in SHAPES {
            for run in [0..g.images, g.images / 2..g.images] {
                let sources = sources(&g, &run);
                let columns = random(sources.len());
                let results = emulate(|machine| {
                    let mut columns = Memory::of_tensor(&columns);
                    let mut fine = machine.allocate(g.inputs * g.input_plane()).unwrap();
                    // SAFETY: there are columns of the run, and place for the image.
                    unsafe { fold(machine, &g, &run, columns.at(), fine.at()).unwrap() };
                    vec![fine]
                });
                let mut truth = vec![f32::NAN; g.inputs * g.input_plane()];
                for source in sources.iter().flatten() {
                    truth[*source] = 0.0;
                }
                for (column, source) in columns.to_vec1::<f32>().unwrap().iter().zip(&sources) {
                    if let Some(source) = source {
                        truth[*source] += column;
                    }
                }
                for (fine, truth) in results[0].numbers().iter().zip(&truth) {
                    // Images of other runs stay as they were.
                    assert!((fine - truth).abs() < 1e-6 || fine.is_nan() && truth.is_nan(), "{g:?}");
                }
            }
        }
    }

    /// Operation and gradients of a convolution, or a transposed one, on the CPU: result, and those of input and weights.
    fn truth(
        form: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
        x: &Tensor,
        w: &Tensor,
        dy: &Tensor,
    ) -> [Tensor; 3] {
        let [x, w] = [x, w].map(|tensor| Var::from_tensor(tensor).unwrap());
        let y = form(&x, &w).unwrap();
        let gradients = (&y * dy).unwrap().sum_all().unwrap().backward().unwrap();
        [y.detach(), gradients.get(&x).unwrap().clone(), gradients.get(&w).unwrap().clone()]
    }

    #[test]
    fn operations_are_those_of_the_cpu() {
        for g in SHAPES {
            let fine = random((g.inputs, g.images, g.height, g.width));
            let coarse = random((g.outputs, g.images, g.rows, g.columns));
            let weights = random((g.outputs, g.inputs, 4, 4));
            let down = truth(conv, &fine, &weights, &coarse);
            let up = truth(conv_transpose, &coarse, &weights, &fine);
            let image = depth(&g) * area(&g);
            // All images at once, two at a time, and one though there is no place for it.
            for columns in [1 << 28, 2 * image + 1, image - 1] {
                let [y, z, dw] = emulate_with_columns(columns, |machine| {
                    let [mut fine, mut coarse, mut weights] =
                        [&fine, &coarse, &weights].map(Memory::of_tensor);
                    let [mut y, mut z, mut dw] = [&coarse, &fine, &weights]
                        .map(|like| machine.allocate(like.numbers().len()).unwrap());
                    // SAFETY: all have the shapes of `g`.
                    unsafe {
                        convolve(machine, &g, fine.at(), weights.at(), y.at()).unwrap();
                        convolve_transposed(machine, &g, coarse.at(), weights.at(), z.at()).unwrap();
                        weight_gradient(machine, &g, fine.at(), coarse.at(), dw.at()).unwrap();
                    }
                    vec![y, z, dw]
                })
                .try_into()
                .unwrap_or_else(|_| unreachable!());
                // Each operation is the other's gradient, and both have the same gradient of the weights.
                for (ours, truths) in
                    [(y, [&down[0], &up[1]]), (z, [&up[0], &down[1]]), (dw, [&down[2], &up[2]])]
                {
                    for truth in truths {
                        assert_close(&ours, truth, 1e-5);
                    }
                }
            }
        }
    }

    #[test]
    fn large_batches_are_cut_and_what_cannot_be_counted_is_refused() {
        struct Large;
        impl Machine for Large {
            type Memory = ();
            fn allocate(&self, length: usize) -> Result<()> {
                assert!(length <= 1 << 28, "{length}");
                Ok(())
            }
            fn address(&self, (): &mut ()) -> *mut f32 {
                std::ptr::null_mut()
            }
            fn columns(&self) -> usize {
                1 << 28
            }
            unsafe fn launch<K: Kernel>(&self, _: &K, blocks: usize) -> Result<()> {
                assert!(i32::try_from(blocks).is_ok());
                Ok(())
            }
            unsafe fn multiply(&self, product: &Product) -> Result<()> {
                assert!(product.m <= 1 << 26 && product.n > 0 && product.k > 0);
                Ok(())
            }
        }
        let null = std::ptr::null_mut();
        let run = |g: &Sliding| {
            // SAFETY: this machine touches no memory.
            unsafe {
                convolve(&Large, g, null, null, null)?;
                convolve_transposed(&Large, g, null, null, null)?;
                weight_gradient(&Large, g, null, null, null)
            }
        };
        // The layers of G with base width 64 over 64 images of 512 px: the outermost two, and the one to RGB.
        for (fine, coarse, side) in [(2, 64, 256), (64, 128, 128), (3, 128, 256)] {
            run(&halving(64, fine, coarse, side, side)).unwrap();
        }
        let wide = halving(1, 0, 1, 1 << 15, 1 << 15);
        assert!(Counts::new(&wide, &(0..1)).is_err());
        let small = halving(1, 1, 1, 2, 2);
        assert!(Counts::new(&small, &(0..1)).is_ok());
        assert!(Counts::new(&Sliding { height: 5, ..small }, &(0..1)).is_err());
    }
}
