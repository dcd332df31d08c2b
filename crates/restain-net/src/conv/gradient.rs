//! The gradient of the weights, on the kernels of inference.
//!
//! It is the product of each coarse value (of the result's gradient in a convolution, of the input in a transposed one)
//! with the fine value under each tap, summed over all positions. Six coarse channels stand where six pixels do in a
//! convolution, the positions where its input channels do, and a row of the window, four pixels of all fine channels
//! side by side, where its output channels do.

use std::ops::Range;

use super::batch::Batch;
use super::geometry::{Cut, Geometry, TAPS, share_out, tasks};
use crate::cpu::{PIXELS, Run, Runs, Sums};
use crate::transpose::transpose;
use crate::values::Real;

/// Positions that are taken at a time: four vectors of them stay in a core's cache for all coarse channels of a task.
const POSITIONS: usize = 512;

/// Gradient of the weights, `[coarse, fine, 4, 4]`.
pub(crate) fn weight_gradient<T: Real>(sums: &Sums<T>, g: &Geometry, fine: &[T], coarse: &[T]) -> Vec<T> {
    let input = Batch::new(fine, [g.fine, g.images, 2 * g.height, 2 * g.width], sums.lanes);
    let widths: Vec<_> = sums.widths((4 * g.fine).div_ceil(sums.lanes)).collect();
    let row = (4 * g.fine).next_multiple_of(sums.lanes);
    // Not a power of two, or the sums of all channels would crowd into a part of the cache.
    let stride = 4 * row + sums.lanes;
    let bands = Cut::new(g.rows(), g.rows_of(POSITIONS));
    let bands: Vec<Runs> = bands.iter().map(|rows| band(g, rows)).collect();
    let channels = Cut::new(g.coarse, g.coarse.div_ceil(tasks()).next_multiple_of(PIXELS));
    let mut gradient = vec![T::zero(); g.coarse * g.fine * TAPS];
    let tasks = gradient.chunks_mut(channels.piece(0).len() * g.fine * TAPS).enumerate();
    share_out(tasks, Vec::new, |products: &mut Vec<T>, (task, gradient)| {
        let channels = channels.piece(task);
        products.clear();
        products.resize(channels.len() * stride, T::zero());
        for runs in &bands {
            for (ky, (first, vectors)) in (0..4).flat_map(|ky| widths.iter().map(move |width| (ky, *width))) {
                let from = ky * input.row() + first * sums.lanes;
                for channel in channels.clone().step_by(PIXELS) {
                    let block: [_; PIXELS] = std::array::from_fn(|i| (channel + i).min(channels.end - 1));
                    sums.add(
                        vectors,
                        (coarse, block.map(|channel| channel * g.plane()), runs),
                        (&input.words()[from..], 2 * g.fine),
                        (
                            products,
                            block.map(|i| (i - channels.start) * stride + ky * row + first * sums.lanes),
                        ),
                    );
                }
            }
        }
        hand_out(g.fine, (products, stride), row, gradient);
    });
    gradient
}

/// The coarse values of some rows, and under each of them a step of two pixels of the fine image.
fn band(g: &Geometry, rows: Range<usize>) -> Runs {
    let run = |row: usize| {
        let fine_row = row / g.height * (2 * g.height + 1) + row % g.height * 2;
        Run { start: row * g.width, length: g.width, step: fine_row * (g.width + 1) }
    };
    Runs::new(rows.map(run).collect(), 1)
}

/// Turns sums `[coarse, ky]` of rows `[kx, fine]`, each row filled up to `row` and each channel to `stride`, into weights.
fn hand_out<T: Real>(fine: usize, (sums, stride): (&[T], usize), row: usize, gradient: &mut [T]) {
    for (sums, kernels) in sums.chunks_exact(stride).zip(gradient.chunks_exact_mut(fine * TAPS)) {
        for (ky, sums) in sums.chunks_exact(row).take(4).enumerate() {
            transpose(sums, (4, fine, fine), &mut kernels[4 * ky..], TAPS);
        }
    }
}
