//! The convolution and its adjoint on slices in memory, as dense matrix products over columns.
//!
//! Inference packs its weights once and takes the kernel past them at every pixel; in training they are new at every
//! step, and packing them would cost more than it saves. So here the kernel's vectors are positions, and a weight is
//! what it takes one at a time, from where it lies.
//!
//! The work is cut to keep the column matrix of a piece in a core's cache. Each value of the result is summed in one
//! order, whatever the pieces.

use super::columns::{fold, unfold};
use super::geometry::{Cut, Geometry, TAPS, share_out, split, tasks};
use crate::cpu::{Aligned, PIXELS, Sums};
use crate::matmul::{Matrix, multiply};
use crate::values::Real;

/// Elements that a piece's column matrix may have: 512 KiB of f32, half of a core's second-level cache.
const COLUMNS: usize = 128 * 1024;

/// Fewest positions of a piece, where there are more: below, a product spends its time on the weights.
const POSITIONS: usize = 64;

/// Convolution of `fine` to `coarse`.
pub(crate) fn convolve<T: Real>(sums: &Sums<T>, g: &Geometry, fine: &[T], weight: &[T], coarse: &mut [T]) {
    let depth = TAPS * g.fine;
    let rows = Cut::new(g.rows(), g.rows_of((COLUMNS / depth).max(POSITIONS)));
    // Where rows make few pieces the channels are cut too, and the same columns unfolded for each of their pieces.
    let parts = tasks().div_ceil(rows.pieces());
    let channels = Cut::new(g.coarse, g.coarse.div_ceil(parts).next_multiple_of(PIXELS));
    let pieces = split(coarse, channels, rows, g.width);
    let scratch = || (Aligned::default(), Vec::new());
    share_out(pieces.into_iter().enumerate(), scratch, |(columns, product), (task, pieces)| {
        let (channels, rows) = (channels.piece(task / rows.pieces()), rows.piece(task % rows.pieces()));
        let positions = rows.len() * g.width;
        let stride = stride(positions, sums.lanes);
        columns.grow(depth * stride);
        unfold(g, fine, rows, columns.words_mut(), stride);
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
}

/// Transposed convolution of `coarse` to `fine`, which is zero before.
pub(crate) fn convolve_transposed<T: Real>(
    sums: &Sums<T>,
    g: &Geometry,
    coarse: &[T],
    weight: &[T],
    fine: &mut [T],
) {
    let channels = Cut::new(g.fine, 24);
    // The row before and after a band reaches into it and is multiplied twice: so no fewer than 16 rows a band.
    let bands = tasks().div_ceil(channels.pieces()).min(g.rows().div_ceil(16));
    let bands = Cut::into_pieces(g.rows(), bands);
    let pieces = split(fine, channels, bands, 4 * g.width);
    let scratch = || (Aligned::default(), Vec::new());
    share_out(pieces.into_iter().enumerate(), scratch, |(values, columns), (task, mut pieces)| {
        let (channels, band) = (channels.piece(task / bands.pieces()), bands.piece(task % bands.pieces()));
        let depth = TAPS * channels.len();
        let reach = band.start.saturating_sub(1)..(band.end + 1).min(g.rows());
        for rows in Cut::new(reach.len(), g.rows_of((COLUMNS / depth).max(POSITIONS))).iter() {
            let rows = reach.start + rows.start..reach.start + rows.end;
            let positions = rows.len() * g.width;
            let stride = stride(positions, sums.lanes);
            values.grow(g.coarse * stride);
            for (line, plane) in
                values.words_mut().chunks_exact_mut(stride).zip(coarse.chunks_exact(g.plane()))
            {
                line[..positions].copy_from_slice(&plane[rows.start * g.width..][..positions]);
            }
            columns.clear();
            columns.resize(depth * stride, T::zero());
            let weight = Matrix {
                data: &weight[channels.start * TAPS..],
                rows: depth,
                columns: g.coarse,
                row_stride: 1,
                column_stride: g.fine * TAPS,
            };
            multiply(sums, weight, values.words(), positions, stride, columns);
            for (piece, columns) in pieces.iter_mut().zip(columns.chunks_exact(TAPS * stride)) {
                fold(g, columns, rows.clone(), &band, piece);
            }
        }
    });
}

/// Elements from one row of `positions` to the next: whole vectors, an odd number of them where there are many, or the
/// rows would crowd into a part of the cache.
pub(crate) fn stride(positions: usize, lanes: usize) -> usize {
    let vectors = positions.div_ceil(lanes);
    lanes * if vectors > 4 { vectors | 1 } else { vectors }
}
