//! A convolution and its adjoint on slices in memory, as dense matrix products over columns.
//!
//! Inference packs its weights once and takes the kernel past them at every pixel; in training they are new at every
//! step, and packing them would cost more than it saves. So here the kernel's vectors are positions, and a weight is
//! what it takes one at a time, from where it lies.
//!
//! The work is cut to keep the column matrix of a piece in a core's cache. Each value of the result is summed in one
//! order, whatever the pieces.

use super::columns::{fold, unfold};
use super::pieces::{Cut, share_out, split, tasks};
use super::window::Sliding;
use crate::cpu::{Aligned, PIXELS, Sums};
use crate::matmul::{Matrix, multiply};
use crate::values::Real;

/// Elements that a piece's column matrix may have: 512 KiB of f32, half of a core's second-level cache.
const COLUMNS: usize = 128 * 1024;

/// Fewest positions of a piece, where there are more: below, a product spends its time on the weights.
const POSITIONS: usize = 64;

/// Rows of a column matrix that a piece of the adjoint aims at: fewer, and the values at all positions are gathered more
/// often than it is worth.
const DEPTH: usize = 216;

/// Convolution of the images `x` with the weights.
pub(super) fn convolve<T: Real>(sums: &Sums<T>, g: &Sliding, x: &[T], weight: &[T]) -> Vec<T> {
    let depth = g.window.taps() * g.inputs;
    let rows = Cut::new(g.all_rows(), g.rows_of((COLUMNS / depth).max(POSITIONS)));
    // Where rows make few pieces the channels are cut too, and the same columns unfolded for each of their pieces: once a
    // thread and no more.
    let parts = rayon::current_num_threads().div_ceil(rows.pieces());
    let channels = Cut::new(g.outputs, g.outputs.div_ceil(parts).next_multiple_of(PIXELS));
    let mut y = vec![T::zero(); g.outputs * g.output_plane()];
    let pieces = split(&mut y, channels, rows, g.columns);
    let scratch = || (Aligned::default(), Vec::new());
    share_out(pieces.into_iter().enumerate(), scratch, |(columns, product), (task, pieces)| {
        let (channels, rows) = (channels.piece(task / rows.pieces()), rows.piece(task % rows.pieces()));
        let positions = rows.len() * g.columns;
        let stride = stride(positions, sums.lanes);
        columns.grow(depth * stride);
        unfold(g, x, &rows, columns.words_mut(), stride);
        product.clear();
        product.resize(channels.len() * stride, T::zero());
        let weight = Matrix {
            data: &weight[channels.start * depth..],
            rows: channels.len(),
            columns: depth,
            row_stride: depth,
            column_stride: 1,
        };
        multiply(sums, weight, columns.words(), positions, stride, product);
        for (piece, values) in pieces.into_iter().zip(product.chunks_exact(stride)) {
            piece.copy_from_slice(&values[..positions]);
        }
    });
    y
}

/// Transposed convolution of the values `y` at all positions: the adjoint of [`convolve`].
pub(super) fn convolve_transposed<T: Real>(sums: &Sums<T>, g: &Sliding, y: &[T], weight: &[T]) -> Vec<T> {
    let taps = g.window.taps();
    let channels = Cut::new(g.inputs, DEPTH / taps);
    // Positions on both sides of a band reach into it and are multiplied twice: so no fewer than 16 rows of them a band.
    let bands = tasks().div_ceil(channels.pieces()).min(g.all_rows().div_ceil(16));
    let pixel_rows = g.images * g.height;
    let bands = Cut::new(pixel_rows, pixel_rows.div_ceil(bands).next_multiple_of(g.window.stride));
    let mut x = vec![T::zero(); g.inputs * g.input_plane()];
    let pieces = split(&mut x, channels, bands, g.width);
    let scratch = || (Aligned::default(), Vec::new());
    share_out(pieces.into_iter().enumerate(), scratch, |(values, columns), (task, mut pieces)| {
        let (channels, band) = (channels.piece(task / bands.pieces()), bands.piece(task % bands.pieces()));
        let depth = taps * channels.len();
        let reach = g.seeing(&band);
        for rows in Cut::new(reach.len(), g.rows_of((COLUMNS / depth).max(POSITIONS))).iter() {
            let rows = reach.start + rows.start..reach.start + rows.end;
            let positions = rows.len() * g.columns;
            let stride = stride(positions, sums.lanes);
            values.grow(g.outputs * stride);
            let planes = y.chunks_exact(g.output_plane());
            for (line, plane) in values.words_mut().chunks_exact_mut(stride).zip(planes) {
                line[..positions].copy_from_slice(&plane[rows.start * g.columns..][..positions]);
            }
            columns.clear();
            columns.resize(depth * stride, T::zero());
            let weight = Matrix {
                data: &weight[channels.start * taps..],
                rows: depth,
                columns: g.outputs,
                row_stride: 1,
                column_stride: g.inputs * taps,
            };
            multiply(sums, weight, values.words(), positions, stride, columns);
            fold(g, columns, &rows, (&band, &mut pieces), stride);
        }
    });
    x
}

/// Elements from one row of `positions` to the next: whole vectors, an odd number of them where there are many, or the
/// rows would crowd into a part of the cache.
fn stride(positions: usize, lanes: usize) -> usize {
    let vectors = positions.div_ceil(lanes);
    lanes * if vectors > 4 { vectors | 1 } else { vectors }
}
