//! Prepares batches on threads of its own, so that the device does not wait for them.

use std::thread::{Scope, ScopedJoinHandle};

use crossbeam_channel::{Receiver, bounded};

use crate::{Error, Result};

/// Batches each thread may prepare ahead.
const AHEAD: usize = 2;

/// Hands out the batches of consecutive steps in order.
///
/// Thread `i` of `n` prepares every `n`-th step on a channel of its own and the reader takes the channels in turn:
/// order needs no sequence numbers, and does not depend on the number of threads.
pub(crate) struct Loader<'scope, T> {
    channels: Vec<Receiver<T>>,
    _threads: Vec<ScopedJoinHandle<'scope, ()>>,
    next: u64,
    first: u64,
}

impl<'scope, T: Send + 'scope> Loader<'scope, T> {
    /// Starts `threads` threads that prepare the steps `first..end`. They end when the loader is dropped.
    pub(crate) fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        prepare: &'env (impl Fn(u64) -> T + Sync),
        (first, end): (u64, u64),
        threads: usize,
    ) -> Self {
        let (channels, handles) = (0..threads)
            .map(|thread| {
                let (sender, receiver) = bounded(AHEAD);
                let handle = scope.spawn(move || {
                    for step in (first + thread as u64..end).step_by(threads) {
                        if sender.send(prepare(step)).is_err() {
                            return; // nobody wants more
                        }
                    }
                });
                (receiver, handle)
            })
            .unzip();
        Self { channels, _threads: handles, next: first, first }
    }

    /// The next step's batch; waits for it.
    pub(crate) fn next(&mut self) -> Result<T> {
        let turn = ((self.next - self.first) % self.channels.len() as u64) as usize;
        self.next += 1;
        self.channels[turn].recv().map_err(|_| Error::Loader { step: self.next })
    }
}
