//! The convolution, its adjoint and its weight gradient on slices in memory, as dense matrix products over columns.
//!
//! Each cuts its work by the shapes alone, so that the number of threads changes no bit of the result, and keeps the
//! column matrix of a piece small enough to stay in a core's cache.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::columns::{fold, unfold};
use super::geometry::{Cut, Geometry, TAPS, split};
use crate::matmul::{Matrix, Real, multiply};

/// Elements that a piece's column matrix may have: 1 MiB of f32, half of a core's second-level cache.
const COLUMNS: usize = 256 * 1024;

/// Fewest positions of a piece, where there are more: below, a product spends its time on the weights.
const POSITIONS: usize = 64;

/// Pieces of work to aim at: enough for as many threads, or for fewer that do not finish at once.
const TASKS: usize = 16;

/// Convolution of `fine` to `coarse`.
pub(crate) fn convolve<T: Real>(g: &Geometry, fine: &[T], weight: &[T], coarse: &mut [T]) {
    let depth = TAPS * g.fine;
    let rows = Cut::new(g.rows(), g.rows_of((COLUMNS / depth).max(POSITIONS)));
    // Where rows make few pieces the channels are cut too, and the same columns unfolded for each of their pieces.
    let channels = Cut::new(g.coarse, if rows.pieces() < TASKS { 64 } else { g.coarse });
    let tasks = split(coarse, channels, rows, g.width);
    share_out(
        tasks.into_iter().enumerate(),
        || (Vec::new(), Vec::new()),
        |(columns, product), (task, pieces)| {
            let (channels, rows) = (channels.piece(task / rows.pieces()), rows.piece(task % rows.pieces()));
            let positions = rows.len() * g.width;
            columns.resize(depth * positions, T::zero());
            unfold(g, fine, 0..g.fine, rows, columns);
            product.resize(channels.len() * positions, T::zero());
            let weight = Matrix::new(&weight[channels.start * depth..], channels.len(), depth, depth);
            multiply(weight, Matrix::new(columns, depth, positions, positions), product, false);
            for (piece, values) in pieces.into_iter().zip(product.chunks_exact(positions)) {
                piece.copy_from_slice(values);
            }
        },
    );
}

/// Transposed convolution of `coarse` to `fine`, which is zero before.
pub(crate) fn convolve_transposed<T: Real>(g: &Geometry, coarse: &[T], weight: &[T], fine: &mut [T]) {
    let channels = Cut::new(g.fine, 16);
    // The row before and after a band reaches into it and is multiplied twice: so no fewer than 16 rows a band.
    let bands = TASKS.div_ceil(channels.pieces()).min(g.rows().div_ceil(16));
    let bands = Cut::into_pieces(g.rows(), bands);
    let tasks = split(fine, channels, bands, 4 * g.width);
    share_out(tasks.into_iter().enumerate(), Vec::new, |columns, (task, mut pieces)| {
        let (channels, band) = (channels.piece(task / bands.pieces()), bands.piece(task % bands.pieces()));
        let depth = TAPS * channels.len();
        let reach = band.start.saturating_sub(1)..(band.end + 1).min(g.rows());
        for rows in Cut::new(reach.len(), g.rows_of((COLUMNS / depth).max(POSITIONS))).iter() {
            let rows = reach.start + rows.start..reach.start + rows.end;
            let positions = rows.len() * g.width;
            columns.resize(depth * positions, T::zero());
            let weight = Matrix::new(&weight[channels.start * TAPS..], g.coarse, depth, g.fine * TAPS);
            let values = Matrix::new(&coarse[rows.start * g.width..], g.coarse, positions, g.plane());
            multiply(weight.transposed(), values, columns, false);
            for (piece, columns) in pieces.iter_mut().zip(columns.chunks_exact(TAPS * positions)) {
                fold(g, columns, rows.clone(), &band, piece);
            }
        }
    });
}

/// Gradient of the weights, `[coarse, fine, 4, 4]`: the product of each coarse value (of the result's gradient in a
/// convolution, of the input in a transposed one) with the fine value under each tap, summed over all positions.
pub(crate) fn weight_gradient<T: Real>(g: &Geometry, fine: &[T], coarse: &[T]) -> Vec<T> {
    let channels = Cut::new(g.fine, 16);
    let step = g.rows_of((COLUMNS / (TAPS * g.fine.min(16))).max(POSITIONS));
    // Each run of rows has its own sum; the sums are added up in the order of the runs.
    let runs = Cut::into_pieces(g.rows(), TASKS.div_ceil(channels.pieces()).min(g.rows().div_ceil(step)));
    let mut sums = vec![Vec::new(); channels.pieces() * runs.pieces()];
    share_out(sums.iter_mut().enumerate(), Vec::new, |columns, (task, sum)| {
        let (channels, run) = (channels.piece(task / runs.pieces()), runs.piece(task % runs.pieces()));
        let depth = TAPS * channels.len();
        sum.resize(g.coarse * depth, T::zero());
        for rows in Cut::new(run.len(), step).iter() {
            let rows = run.start + rows.start..run.start + rows.end;
            let positions = rows.len() * g.width;
            columns.resize(depth * positions, T::zero());
            unfold(g, fine, channels.clone(), rows.clone(), columns);
            let values = Matrix::new(&coarse[rows.start * g.width..], g.coarse, positions, g.plane());
            multiply(values, Matrix::new(columns, depth, positions, positions).transposed(), sum, true);
        }
    });
    let mut gradient = vec![T::zero(); g.coarse * g.fine * TAPS];
    for (task, sum) in sums.iter().enumerate() {
        let channels = channels.piece(task / runs.pieces());
        let rows = gradient.chunks_exact_mut(TAPS * g.fine).zip(sum.chunks_exact(TAPS * channels.len()));
        for (row, values) in rows {
            for (total, value) in row[TAPS * channels.start..].iter_mut().zip(values) {
                *total += *value;
            }
        }
    }
    gradient
}

/// Runs every task once on the threads of the pool, each thread with one scratch of its own for all that it takes.
fn share_out<T: Send, S>(
    tasks: impl ExactSizeIterator<Item = T> + Send,
    scratch: impl Fn() -> S + Sync,
    run: impl Fn(&mut S, T) + Sync,
) {
    let threads = rayon::current_num_threads().min(tasks.len());
    let queue = Mutex::new(tasks);
    (0..threads).into_par_iter().for_each(|_| {
        let mut scratch = scratch();
        loop {
            let Some(task) = queue.lock().unwrap_or_else(PoisonError::into_inner).next() else { break };
            run(&mut scratch, task);
        }
    });
}
