//! A place where a batch runs: a stream of its own, so that its copies go on while another's kernels run.

use std::sync::Arc;

use candle_core::cuda_backend::cudarc::driver::{
    CudaSlice, CudaStream, DevicePtr, DriverError, PinnedHostSlice, result, sys,
};

use super::card::{Card, is_full};
use super::launch::{Arena, Batch, Kind, Plan, rgb_stride};
use crate::engine::Pixels;
use crate::generator::CHANNELS_OUT;
use crate::need::Area;

/// Slots of a GPU: one computes while the other copies.
pub(super) const SLOTS: usize = 2;

/// Pixels of the images of a batch that keep a GPU busy; more would only take memory.
const PIXELS: usize = 16 << 20;

/// Images of a batch, where memory is enough.
pub(super) fn batch_size(height: usize, width: usize) -> usize {
    (PIXELS / (height * width)).max(1)
}

/// A stream with memory for a batch, kept from one to the next.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) card: Arc<Card>,
    stream: Arc<CudaStream>,
    memory: Option<CudaSlice<u8>>,
    upload: Option<PinnedHostSlice<u8>>,
    download: Option<PinnedHostSlice<u8>>,
    /// Images, height and width that the memory is laid out for.
    shape: (usize, usize, usize),
    /// Images that the GPU's memory has been too small for.
    too_many: usize,
}

impl Slot {
    pub(super) fn new(card: Arc<Card>) -> Result<Self, DriverError> {
        let stream = card.context.new_stream()?;
        Ok(Self {
            card,
            stream,
            memory: None,
            upload: None,
            download: None,
            shape: (0, 0, 0),
            too_many: usize::MAX,
        })
    }

    /// RGB of the cores of images of one kind. Where the GPU's memory is too small for all of them, it takes
    /// half as many at a time, down to one.
    pub(super) fn restain(
        &mut self,
        plan: &Plan,
        (kind, images): (Kind, &[Pixels<'_>]),
        cores: &[Area],
        height: usize,
        width: usize,
    ) -> Result<Vec<Vec<u8>>, DriverError> {
        self.card.context.bind_to_thread()?;
        let mut restained = Vec::with_capacity(images.len());
        while restained.len() < images.len() {
            let rest = restained.len()..images.len();
            let count = rest.len().min(self.too_many - 1).max(1);
            let some = rest.start..rest.start + count;
            let batch = Batch { kind, height, width, cores: &cores[some.clone()] };
            match self
                .reserve(plan, count, height, width)
                .and_then(|arena| self.run(plan, &arena, batch, &images[some]))
            {
                Ok(rgb) => restained.extend(rgb),
                Err(error) if is_full(error) && count > 1 => {
                    self.too_many = count.div_ceil(2) + 1;
                    self.free();
                }
                Err(error) => {
                    self.free();
                    return Err(error);
                }
            }
        }
        Ok(restained)
    }

    /// Gives all memory back.
    fn free(&mut self) {
        (self.memory, self.upload, self.download, self.shape) = (None, None, None, (0, 0, 0));
    }

    /// Memory for so many images of a size, zeros around each of them.
    fn reserve(
        &mut self,
        plan: &Plan,
        images: usize,
        height: usize,
        width: usize,
    ) -> Result<Arena, DriverError> {
        let (most, ..) = self.shape;
        if self.shape == (most, height, width) && images <= most {
            return Ok(plan.arena(most, height, width));
        }
        let arena = plan.arena(images, height, width);
        if self.memory.as_ref().is_none_or(|memory| memory.len() < arena.bytes) {
            self.free(); // before, so that old and new need not fit together
            self.stream.synchronize()?;
            // SAFETY: nothing reads what has not been written: the zeros below, the copies, and what kernels make of them.
            self.memory = Some(unsafe { self.stream.alloc(arena.bytes)? });
        }
        let context = &self.card.context;
        for (pinned, length, flags) in [
            (&mut self.upload, arena.pixels.len() + arena.cores.len(), sys::CU_MEMHOSTALLOC_WRITECOMBINED),
            (&mut self.download, arena.out.len(), 0), // the processor reads it, so it is to be cached
        ] {
            if pinned.as_ref().is_none_or(|pinned| pinned.len() < length) {
                *pinned = None;
                // SAFETY: every byte is written before it is read.
                *pinned = Some(unsafe { context.alloc_pinned_with_flags(length, flags)? });
            }
        }
        let [first, .., last] = &arena.canvases[..] else { return Ok(arena) };
        let zeros = first.start..last.end;
        // SAFETY: the bytes lie in the arena, which this stream alone uses.
        unsafe {
            result::memset_d8_async(
                self.base() + zeros.start as u64,
                0,
                zeros.len(),
                self.stream.cu_stream(),
            )?;
        }
        self.shape = (images, height, width);
        Ok(arena)
    }

    /// Address of the memory.
    fn base(&self) -> u64 {
        self.memory.as_ref().map_or(0, |memory| memory.device_ptr(&self.stream).0)
    }

    /// One batch: up, through G, and down again.
    fn run(
        &mut self,
        plan: &Plan,
        arena: &Arena,
        batch: Batch<'_>,
        images: &[Pixels<'_>],
    ) -> Result<Vec<Vec<u8>>, DriverError> {
        let base = self.base();
        let (Some(upload), Some(download)) = (&mut self.upload, &mut self.download) else {
            return Ok(Vec::new()); // `reserve` has made both
        };
        let (stream, card) = (&self.stream, &self.card);
        let side = |side: usize| (side as i32).to_ne_bytes();
        let sides = batch
            .cores
            .iter()
            .flat_map(|Area { rows, columns }| [rows.start, rows.end, columns.start, columns.end].map(side));
        let sides: Vec<u8> = sides.flatten().collect();
        let (cores, pixels) = upload.as_mut_slice()?.split_at_mut(sides.len());
        cores.copy_from_slice(&sides);
        let image_bytes = batch.kind.bytes() * batch.height * batch.width;
        let pixels = &mut pixels[..image_bytes * images.len()];
        for (to, image) in pixels.chunks_exact_mut(image_bytes).zip(images) {
            match image {
                Pixels::Rgb { rgb, .. } => to.copy_from_slice(rgb),
                Pixels::Gm(gm) => {
                    for (to, value) in to.as_chunks_mut().0.iter_mut().zip(*gm) {
                        *to = value.to_ne_bytes();
                    }
                }
            }
        }
        let (stain, layers) = plan.launches(batch, arena, base, &card.weights, card.blocks);
        let stride = rgb_stride(batch.cores);
        let out = &mut download.as_mut_slice()?[..stride * batch.cores.len()];
        // SAFETY: both copies lie in the arena and in pinned memory that nobody touches until the stream has been waited
        // for, which happens before this function returns, whatever happens.
        let queued = unsafe {
            let queue = || {
                result::memcpy_htod_async(base + arena.cores.start as u64, cores, stream.cu_stream())?;
                result::memcpy_htod_async(base + arena.pixels.start as u64, pixels, stream.cu_stream())?;
                card.launch(stream, &stain)?;
                layers.iter().try_for_each(|layer| card.launch(stream, layer))
            };
            queue().and_then(|()| {
                result::memcpy_dtoh_async(out, base + arena.out.start as u64, stream.cu_stream())
            })
        };
        let waited = stream.synchronize();
        queued.and(waited)?;
        let images = out.chunks_exact(stride).zip(batch.cores);
        Ok(images.map(|(rgb, core)| rgb[..CHANNELS_OUT * core.pixels()].to_vec()).collect())
    }
}
