//! A convolution and its adjoint on slices in memory, as dense matrix products over columns.
//!
//! The work is cut to keep the column matrix of a piece in a core's cache. Each value of the result is summed in one
//! order, whatever the pieces.

use std::ops::Range;

use super::columns::{fold, unfold};
use crate::conv::geometry::{Cut, share_out, split, tasks};
use crate::conv::kernel::stride;
use crate::conv::window::Sliding;
use crate::cpu::{Aligned, PIXELS, Sums};
use crate::matmul::{Matrix, multiply};
use crate::values::Real;

/// Elements that a piece's column matrix may have: 512 KiB of f32, half of a core's second-level cache.
const COLUMNS: usize = 128 * 1024;

/// Fewest positions of a piece, where there are more: below, a product spends its time on the weights.
const POSITIONS: usize = 64;

/// Rows of a column matrix that a piece of the adjoint aims at: fewer, and the gradient is gathered more often than it is
/// worth.
const DEPTH: usize = 216;

/// Convolution of the images `x` with the weights to `y`.
pub(super) fn convolve<T: Real>(sums: &Sums<T>, g: &Sliding, x: &[T], weight: &[T], y: &mut [T]) {
    let depth = g.window.taps() * g.inputs;
    let rows = Cut::new(g.all_rows(), g.rows_of((COLUMNS / depth).max(POSITIONS)));
    // Where rows make few pieces the channels are cut too, and the same columns unfolded for each of their pieces: once a
    // thread and no more.
    let parts = rayon::current_num_threads().div_ceil(rows.pieces());
    let channels = Cut::new(g.outputs, g.outputs.div_ceil(parts).next_multiple_of(PIXELS));
    let pieces = split(y, channels, rows, g.columns);
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
}

/// The gradient `dx` of the images, zero before, from the gradient `dy` at all positions: the adjoint of [`convolve`].
pub(super) fn input_gradient<T: Real>(sums: &Sums<T>, g: &Sliding, dy: &[T], weight: &[T], dx: &mut [T]) {
    let taps = g.window.taps();
    let channels = Cut::new(g.inputs, DEPTH / taps);
    // Images never share a pixel, so pieces of images are summed as the whole is.
    let images = Cut::into_pieces(g.images, tasks().div_ceil(channels.pieces()));
    let pieces = split(dx, channels, images, g.height * g.width);
    let scratch = || (Aligned::default(), Vec::new());
    share_out(pieces.into_iter().enumerate(), scratch, |(values, columns), (task, mut pieces)| {
        let (channels, images) =
            (channels.piece(task / images.pieces()), images.piece(task % images.pieces()));
        let depth = taps * channels.len();
        for rows in bands(g, &images, (COLUMNS / depth).max(POSITIONS)) {
            let positions = rows.len() * g.columns;
            let stride = stride(positions, sums.lanes);
            values.grow(g.outputs * stride);
            let planes = dy.chunks_exact(g.output_plane());
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
            for (piece, columns) in pieces.iter_mut().zip(columns.chunks_exact(taps * stride)) {
                fold(g, columns, &rows, images.start, piece, stride);
            }
        }
    });
}

/// The rows of some images in bands of about so many positions. Each holds whole images or a part of one, and an image is
/// cut alike whatever images it is among: its pixels are summed in one order.
fn bands(g: &Sliding, images: &Range<usize>, positions: usize) -> impl Iterator<Item = Range<usize>> {
    let rows = (positions / g.columns).max(1);
    let (images, whole) = (images.clone(), rows >= g.rows);
    let (count, length) = if whole { (1, images.len() * g.rows) } else { (images.len(), g.rows) };
    let step = if whole { rows / g.rows * g.rows } else { rows };
    let first = images.start * g.rows;
    (0..count).flat_map(move |part| {
        let start = first + part * length;
        Cut::new(length, step).iter().map(move |rows| start + rows.start..start + rows.end)
    })
}
