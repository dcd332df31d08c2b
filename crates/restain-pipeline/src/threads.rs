//! The pool of threads that a run shares.

use crate::{Error, Result};

/// A pool of so many threads.
pub(crate) fn thread_pool(threads: usize) -> Result<rayon::ThreadPool> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| Error::Threads { threads, cause: error.to_string() })
}
