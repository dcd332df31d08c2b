//! What was used last, up to a limit.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::Result;

/// Values by path, the longest unused ones dropped where the sum of their weights passes the limit.
#[derive(Debug)]
pub(crate) struct Lru<V> {
    limit: u64,
    weight: fn(&V) -> u64,
    state: Mutex<State<V>>,
}

#[derive(Debug)]
struct State<V> {
    kept: HashMap<PathBuf, (Arc<V>, u64)>,
    weight: u64,
    clock: u64,
}

impl<V> Lru<V> {
    pub(crate) fn new(limit: u64, weight: fn(&V) -> u64) -> Self {
        Self { limit, weight, state: Mutex::new(State { kept: HashMap::new(), weight: 0, clock: 0 }) }
    }

    /// The value of a path, made where it is not at hand. Threads that miss the same one both make it.
    pub(crate) fn get(&self, path: &Path, make: impl FnOnce() -> Result<V>) -> Result<Arc<V>> {
        let state = || self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = state().touch(path) {
            return Ok(value);
        }
        let value = Arc::new(make()?);
        let mut state = state();
        if let Some(other) = state.touch(path) {
            return Ok(other);
        }
        let weight = (self.weight)(&value);
        while state.weight + weight > self.limit {
            let oldest = state.kept.iter().min_by_key(|(_, (_, used))| *used).map(|(path, _)| path.clone());
            let Some((dropped, _)) = oldest.and_then(|path| state.kept.remove(&path)) else { break };
            state.weight -= (self.weight)(&dropped);
        }
        state.weight += weight;
        let now = state.clock;
        state.kept.insert(path.to_owned(), (value.clone(), now));
        Ok(value)
    }
}

impl<V> State<V> {
    fn touch(&mut self, path: &Path) -> Option<Arc<V>> {
        self.clock += 1;
        let (value, used) = self.kept.get_mut(path)?;
        *used = self.clock;
        Some(value.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_unused_goes_first() {
        let lru = Lru::new(10, |value: &u64| *value);
        let made = std::cell::Cell::new(0);
        let get = |name: &str, value| {
            let make = || {
                made.set(made.get() + 1);
                Ok(value)
            };
            assert_eq!(*lru.get(Path::new(name), make).unwrap(), value);
            made.get()
        };
        assert_eq!([get("a", 4), get("b", 4), get("a", 4)], [1, 2, 2]);
        assert_eq!(get("c", 5), 3, "b has to go");
        assert_eq!(get("a", 4), 3);
        assert_eq!(get("b", 4), 4, "c has to go");
        assert_eq!(get("a", 4), 4);
        assert_eq!(get("huge", 99), 5, "more than the limit stays alone");
        assert_eq!([get("huge", 99), get("a", 4)], [5, 6]);
    }
}
