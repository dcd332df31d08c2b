//! Many workers, one order: every piece of work carries a one-slot channel for its result, and a channel of the
//! receiving ends keeps the order. No sequence numbers, no reorder buffer; the bound of that channel is the number
//! of pieces under way.

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::control::Halt;

/// Where a worker puts the result of one piece of work.
pub(crate) type Slot<R> = Sender<R>;

/// Hands out work and keeps the order in which it was handed out.
pub(crate) struct Dispatcher<W, R> {
    work: Sender<(W, Slot<R>)>,
    order: Sender<Receiver<R>>,
}

/// The end at which workers take their work.
pub(crate) type WorkQueue<W, R> = Receiver<(W, Slot<R>)>;

/// The end at which results come out, in the order of the work.
pub(crate) struct InOrder<R>(Receiver<Receiver<R>>);

/// A queue for many workers with at most `depth` pieces under way or waiting to be taken in order.
pub(crate) fn ordered<W, R>(depth: usize) -> (Dispatcher<W, R>, WorkQueue<W, R>, InOrder<R>) {
    let (work, queue) = bounded(depth);
    let (order, results) = bounded(depth);
    (Dispatcher { work, order }, queue, InOrder(results))
}

impl<W, R> Dispatcher<W, R> {
    /// Waits until fewer than `depth` pieces are under way, then hands this one out.
    pub(crate) fn dispatch(&self, work: W) -> Result<(), Halt> {
        let (slot, result) = bounded(1);
        self.order.send(result)?;
        self.work.send((work, slot))?;
        Ok(())
    }
}

impl<R> InOrder<R> {
    /// The next result in order; `None` when all work is done.
    pub(crate) fn next(&self) -> Result<Option<R>, Halt> {
        let Ok(result) = self.0.recv() else { return Ok(None) };
        Ok(Some(result.recv()?))
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_work() {
        let (dispatcher, queue, results) = ordered::<u64, u64>(4);
        thread::scope(|scope| {
            scope.spawn(move || (0..100).for_each(|n| dispatcher.dispatch(n).unwrap()));
            for _ in 0..3 {
                let queue = queue.clone();
                scope.spawn(move || {
                    for (n, slot) in queue {
                        thread::sleep(Duration::from_micros(n * 7919 % 300));
                        slot.send(n * n).unwrap();
                    }
                });
            }
            drop(queue);
            for n in 0..100 {
                assert_eq!(results.next().unwrap(), Some(n * n));
            }
            assert_eq!(results.next().unwrap(), None);
        });
    }

    #[test]
    fn a_lost_piece_halts_instead_of_being_skipped() {
        let (dispatcher, queue, results) = ordered::<u8, u8>(2);
        dispatcher.dispatch(1).unwrap();
        drop(queue.recv().unwrap());
        assert!(results.next().is_err());
    }

    #[test]
    fn work_is_refused_once_nobody_wants_the_results() {
        let (dispatcher, _queue, results) = ordered::<u8, u8>(2);
        drop(results);
        assert!(dispatcher.dispatch(1).is_err());
    }
}
