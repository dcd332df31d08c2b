//! How the work of a convolution is cut into pieces and shared out.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

/// `0..length` cut into pieces of `step`, the last one perhaps shorter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    length: usize,
    step: usize,
}

impl Cut {
    pub(crate) fn new(length: usize, step: usize) -> Self {
        Self { length, step: step.max(1) }
    }

    pub(crate) fn pieces(&self) -> usize {
        self.length.div_ceil(self.step)
    }

    pub(crate) fn piece(&self, index: usize) -> Range<usize> {
        index * self.step..((index + 1) * self.step).min(self.length)
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Range<usize>> {
        (0..self.pieces()).map(move |index| self.piece(index))
    }
}

/// Cuts an image in memory, `channels` of `rows` of `row` elements, into what each task owns: for each piece of the
/// channels and of the rows, in this order, one slice a channel.
pub(crate) fn split<T>(image: &mut [T], channels: Cut, rows: Cut, row: usize) -> Vec<Vec<&mut [T]>> {
    let mut tasks = Vec::with_capacity(channels.pieces() * rows.pieces());
    tasks.resize_with(channels.pieces() * rows.pieces(), Vec::new);
    for (channel, plane) in image.chunks_exact_mut(rows.length * row).enumerate() {
        let first = channel / channels.step * rows.pieces();
        for (task, piece) in tasks[first..].iter_mut().zip(plane.chunks_mut(rows.step * row)) {
            task.push(piece);
        }
    }
    tasks
}

/// Runs every task once on the threads of the pool, each thread with one scratch of its own for all that it takes.
pub(crate) fn share_out<T: Send, S>(
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

/// Pieces of work to aim at: as many a thread as let all have some until the end.
pub(crate) fn tasks() -> usize {
    4 * rayon::current_num_threads()
}
