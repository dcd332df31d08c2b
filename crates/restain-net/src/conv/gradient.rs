//! The gradient of the weights, on the kernels of inference.
//!
//! It is the product of the value at each position (of the result's gradient in a convolution, of the input in a transposed
//! one) with the pixel under each tap, summed over all positions. Six output channels stand where six pixels do in a
//! convolution, the positions where its input channels do, and a row of the window, its pixels of all input channels
//! side by side, where its output channels do.

use std::ops::Range;

use super::batch::Batch;
use super::pieces::{Cut, share_out, tasks};
use super::window::Sliding;
use crate::cpu::{PIXELS, Run, Runs, Sums};
use crate::transpose::transpose;
use crate::values::Real;

/// Positions that are taken at a time: four vectors of them stay in a core's cache for all output channels of a task.
const POSITIONS: usize = 512;

/// Gradient of the weights, `[outputs, inputs, kernel, kernel]`, from the images `x` and the gradient `dy` at all positions.
pub(super) fn weight_gradient<T: Real>(sums: &Sums<T>, g: &Sliding, x: &[T], dy: &[T]) -> Vec<T> {
    let kernel = g.window.kernel;
    let input = Batch::new(x, [g.inputs, g.images, g.height, g.width], g.window, sums.lanes);
    let widths: Vec<_> = sums.widths((kernel * g.inputs).div_ceil(sums.lanes)).collect();
    let row = (kernel * g.inputs).next_multiple_of(sums.lanes);
    // Not a power of two, or the sums of all channels would crowd into a part of the cache.
    let stride = kernel * row + sums.lanes;
    let weights = g.inputs * g.window.taps();
    let step = g.window.stride * g.inputs;
    let bands = Cut::new(g.all_rows(), g.rows_of(POSITIONS));
    let bands: Vec<Runs> = bands.iter().map(|rows| band(g, rows, input.row() / step)).collect();
    let channels = Cut::new(g.outputs, g.outputs.div_ceil(tasks()).next_multiple_of(PIXELS));
    let mut gradient = vec![T::zero(); g.outputs * weights];
    let tasks = gradient.chunks_mut(channels.piece(0).len() * weights).enumerate();
    share_out(tasks, Vec::new, |products: &mut Vec<T>, (task, gradient)| {
        let channels = channels.piece(task);
        products.clear();
        products.resize(channels.len() * stride, T::zero());
        for runs in &bands {
            for (ky, (first, vectors)) in
                (0..kernel).flat_map(|ky| widths.iter().map(move |width| (ky, *width)))
            {
                let from = ky * input.row() + first * sums.lanes;
                for channel in channels.clone().step_by(PIXELS) {
                    let block: [_; PIXELS] = std::array::from_fn(|i| (channel + i).min(channels.end - 1));
                    sums.add(
                        vectors,
                        (dy, block.map(|channel| channel * g.output_plane()), runs),
                        (&input.words()[from..], step),
                        (
                            products,
                            block.map(|i| (i - channels.start) * stride + ky * row + first * sums.lanes),
                        ),
                    );
                }
            }
        }
        hand_out(g, (products, stride), row, gradient);
    });
    gradient
}

/// The values at some rows of positions, and under each of them a step of the window over the images, whose rows are
/// `steps` long.
fn band(g: &Sliding, rows: Range<usize>, steps: usize) -> Runs {
    let run = |row: usize| {
        let pixel_row = row / g.rows * (g.height + g.window.padding) + row % g.rows * g.window.stride;
        Run { start: row * g.columns, length: g.columns, step: pixel_row * steps }
    };
    Runs::new(rows.map(run).collect(), 1)
}

/// Turns sums `[outputs, ky]` of rows `[kx, inputs]`, each row filled up to `row` and each channel to `stride`, into weights.
fn hand_out<T: Real>(g: &Sliding, (sums, stride): (&[T], usize), row: usize, gradient: &mut [T]) {
    let (kernel, taps) = (g.window.kernel, g.window.taps());
    for (sums, kernels) in sums.chunks_exact(stride).zip(gradient.chunks_exact_mut(g.inputs * taps)) {
        for (ky, sums) in sums.chunks_exact(row).take(kernel).enumerate() {
            transpose(sums, (kernel, g.inputs, g.inputs), &mut kernels[kernel * ky..], taps);
        }
    }
}
