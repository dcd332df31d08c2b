//! Bytes a second from and to memory, and to a file.

use std::collections::BTreeMap;
use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use crate::{Machine, Result};

/// Bytes of memory that a thread goes through: several times what caches hold.
const MEMORY: usize = 64 << 20;
/// Bytes of a file.
const FILE: usize = 128 << 20;
/// Bytes that are written at a time: about a tile of JPEG.
const WRITE: usize = 64 << 10;
const TURNS: usize = 3;

/// Bytes a second that are read; that are read or written by a copy.
pub(crate) fn memory(machine: &Machine) -> BTreeMap<&'static str, [f64; 2]> {
    let threads = machine.all.current_num_threads();
    // No zeros: all pages of those would be one until written.
    let buffers: Vec<_> =
        (0..threads).map(|i| Mutex::new((vec![i as u64 + 1; MEMORY / 8], vec![1_u64; MEMORY / 8]))).collect();
    // Each thread takes a pair that is free.
    let pair = || buffers.iter().find_map(|pair| pair.try_lock().ok()).expect("a pair for every thread");
    let read = machine.rates(MEMORY as f64, || {
        let pair = pair();
        black_box(pair.0.iter().fold(0, |sum: u64, value| sum.wrapping_add(*value)));
    });
    let copy = machine.rates(2.0 * MEMORY as f64, || {
        let mut pair = pair();
        let (from, to) = &mut *pair;
        to.copy_from_slice(black_box(from));
    });
    [("read", read), ("copy", copy)].into()
}

/// Bytes a second into a new file beside `output`: what the system takes, and what lies on the disk.
pub(crate) fn file(output: &Path) -> Result<BTreeMap<&'static str, f64>> {
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let piece: Vec<u8> = (0..WRITE).map(|i| ((i * 7919) >> 3) as u8).collect();
    let (mut taken, mut stored) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..TURNS {
        let mut file: File = tempfile::tempfile_in(folder)?;
        let started = Instant::now();
        for _ in 0..FILE / piece.len() {
            file.write_all(&piece)?;
        }
        taken = taken.min(started.elapsed().as_secs_f64());
        file.sync_all()?;
        stored = stored.min(started.elapsed().as_secs_f64());
    }
    Ok([("taken", FILE as f64 / taken), ("stored", FILE as f64 / stored)].into())
}
