//! G on one or more GPUs.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::card::{self, Card, in_words, is_full};
use super::launch::{Kind, Plan};
use super::slot::{SLOTS, Slot, batch_size};
use crate::engine::{Engine, Pixels, Window};
use crate::folded::Folded;
use crate::{Error, Result};

/// G in use on GPUs. Several threads may use it at once, as many as it has slots; more wait.
pub(crate) struct GpuGenerator {
    plan: Plan,
    slots: usize,
    free: Mutex<Vec<Slot>>,
    freed: Condvar,
}

impl fmt::Debug for GpuGenerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GpuGenerator").field("slots", &self.slots).finish_non_exhaustive()
    }
}

/// How many GPUs there are.
pub(crate) fn count() -> Result<usize, String> {
    card::count()
}

/// Whether G can run on a GPU, else why it cannot.
pub(crate) fn probe(index: usize) -> Result<(), String> {
    card::open(index).map(drop)
}

impl GpuGenerator {
    /// Puts G onto the GPUs of these numbers.
    ///
    /// # Errors
    /// [`Error::Gpu`] where one of them cannot be used.
    pub(crate) fn new(folded: &Folded, indices: &[usize]) -> Result<Self> {
        let plan = Plan::new(folded)?;
        let mut slots = Vec::with_capacity(SLOTS * indices.len());
        for &index in indices {
            let failed = |reason| Error::Gpu { index, reason };
            let card = Arc::new(Card::new(index, &plan).map_err(failed)?);
            for _ in 0..SLOTS {
                slots.push(Slot::new(card.clone()).map_err(|error| failed(in_words(error)))?);
            }
        }
        Ok(Self { plan, slots: slots.len(), free: Mutex::new(slots), freed: Condvar::new() })
    }
}

impl Engine for GpuGenerator {
    fn name(&self) -> &'static str {
        "tensor cores, bf16"
    }

    fn workspace(&self, height: usize, width: usize) -> usize {
        let pixel = Kind::Gm.bytes() + 3; // up and down
        self.slots * batch_size(height, width) * height * width * pixel
    }

    fn removes_stain(&self) -> bool {
        true
    }

    fn batch_size(&self, height: usize, width: usize) -> usize {
        batch_size(height, width)
    }

    fn workers(&self) -> usize {
        self.slots
    }

    fn restain(&self, windows: &[Window<'_>], height: usize, width: usize) -> Result<Vec<Vec<u8>>> {
        let images: Vec<_> = windows.iter().map(|window| window.pixels).collect();
        let kind = |pixels: &Pixels<'_>| match pixels {
            &Pixels::Rgb { soft_mask, .. } => Kind::Rgb { soft_mask },
            Pixels::Gm(_) => Kind::Gm,
        };
        let first = kind(&images[0]);
        if let Some(other) = images.iter().find(|image| kind(image) != first) {
            return Err(Error::Input { width, height, values: other.values().0 });
        }
        let cores: Vec<_> = windows.iter().map(|window| window.core.clone()).collect();
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut slot = loop {
            match free.pop() {
                Some(slot) => break slot,
                None => free = self.freed.wait(free).unwrap_or_else(PoisonError::into_inner),
            }
        };
        drop(free);
        let restained = slot.restain(&self.plan, (first, &images), &cores, height, width);
        let index = slot.card.index;
        // At the front, so that the GPUs take turns.
        self.free.lock().unwrap_or_else(PoisonError::into_inner).insert(0, slot);
        self.freed.notify_one();
        restained.map_err(|error| {
            let mut reason = in_words(error);
            if is_full(error) {
                reason += &format!(" with one window of {width} x {height} px; choose a smaller --tile");
            }
            Error::Gpu { index, reason }
        })
    }
}

/// On the GPUs that are there.
#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::testing::{difference, rgb, shipped};
    use crate::{Area, Precision, cpu};

    #[test]
    fn g_on_a_gpu_is_g_on_the_cpu() {
        let indices: Vec<usize> = (0..count().unwrap_or(0)).collect();
        if indices.is_empty() {
            eprintln!("SKIPPED: there is no GPU");
            return;
        }
        let folded = Folded::new(&shipped()).unwrap();
        let generator = GpuGenerator::new(&folded, &indices).unwrap();
        let cpu = cpu::plan(&folded, Precision::F32).unwrap();
        for (height, width) in [(64, 128), (512, 448), (192, 64)] {
            let images: Vec<Vec<u8>> =
                rgb(3, height, width).chunks(3 * height * width).map(<[u8]>::to_vec).collect();
            let core = |i: usize| Area { rows: i..height - 5, columns: 0..width - 7 * i };
            let windows: Vec<_> = images
                .iter()
                .enumerate()
                .map(|(i, rgb)| Window { pixels: Pixels::Rgb { rgb, soft_mask: false }, core: core(i) })
                .collect();
            let ours = generator.restain(&windows, height, width).unwrap();
            let gm = |rgb: &Vec<u8>| {
                let mut gm = vec![0.0; 2 * height * width];
                restain_stain::removal::remove_stain(rgb, &mut gm);
                gm
            };
            let gms: Vec<_> = images.iter().map(gm).collect();
            let of_gm: Vec<_> = gms
                .iter()
                .enumerate()
                .map(|(i, gm)| Window { pixels: Pixels::Gm(gm), core: core(i) })
                .collect();
            assert!(generator.restain(&of_gm, height, width).unwrap() == ours, "GM is what RGB becomes");
            assert!(generator.restain(&[&windows[..1], &of_gm[1..]].concat(), height, width).is_err());
            let theirs = cpu.restain(&of_gm, height, width).unwrap();
            for (ours, theirs) in ours.iter().zip(&theirs) {
                let (largest, mean) = difference(ours, theirs);
                println!("{height} x {width}: {largest} at most, {mean:.4} on average");
                assert!(largest <= 4 && mean <= 0.4, "{largest}, {mean}");
            }
            thread::scope(|scope| {
                for _ in 0..2 * generator.workers() {
                    scope.spawn(|| assert!(generator.restain(&windows, height, width).unwrap() == ours));
                }
            });
        }
    }
}
