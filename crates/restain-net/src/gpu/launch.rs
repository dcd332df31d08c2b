//! G as launches of the kernels in `kernels/generator.cu`: pure data, the same for a GPU and for the emulator.

use std::ops::Range;

use candle_core::Result;

use super::layer::{PackedLayer, Seen, padded};
use crate::folded::Folded;
use crate::form::Form;
use crate::generator::{CHANNELS_IN, CHANNELS_OUT, DEPTH};
use crate::need::{Area, Need};

/// Threads of a block of every kernel.
pub(super) const THREADS: u32 = 256;

/// Every kernel of `kernels/generator.cu`.
#[cfg_attr(not(feature = "cuda"), expect(dead_code, reason = "the emulator finds kernels by their names"))]
pub(super) const KERNELS: [&str; 7] =
    ["remove_stain", "remove_stain_softly", "take_gm", "layer_128", "layer_64", "layer_32", "last_layer"];

/// Positions of a block.
const POSITIONS: usize = 128;

/// Output channels of a block, of each kernel there is, from the widest.
const BLOCKS: [(usize, &str); 3] = [(128, "layer_128"), (64, "layer_64"), (32, "layer_32")];

/// Output channels of a block of the last layer.
const LAST_BLOCK: usize = 16;

/// Numbers of a pixel of GM, so that two are a chunk.
const GM_PIXEL: usize = 4;

/// Where parts of the device's memory begin: bytes, a multiple of what any instruction wants.
const ALIGNMENT: usize = 256;

/// What the images of a batch are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `[height][width][3]`, bytes.
    Rgb { soft_mask: bool },
    /// `[2][height][width]`, f32.
    Gm,
}

impl Kind {
    /// Bytes of a pixel.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Rgb { .. } => 3,
            Self::Gm => 2 * size_of::<f32>(),
        }
    }

    /// The kernel that makes GM of it, as the layers want it.
    pub(super) fn kernel(self) -> &'static str {
        match self {
            Self::Rgb { soft_mask: false } => "remove_stain",
            Self::Rgb { soft_mask: true } => "remove_stain_softly",
            Self::Gm => "take_gm",
        }
    }
}

/// What the kernels take that make GM.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct StainParameters {
    pixels: u64,
    gm: u64,
    images: i32,
    height: i32,
    width: i32,
}

/// What the kernels of layers take; `kernels/generator.cu` says what each is.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct LayerParameters {
    input: u64,
    output: u64,
    weights: u64,
    bias: u64,
    chunks: u64,
    rgb: u64,
    cores: u64,
    input_image: i64,
    output_image: i64,
    rgb_image: i64,
    input_row: i32,
    input_pixel: i32,
    output_row: i32,
    output_pixel: i32,
    images: i32,
    first_row: i32,
    rows: i32,
    first_column: i32,
    columns: i32,
    stride: i32,
    chunk_count: i32,
    width: i32,
    channels: i32,
    output_height: i32,
    output_width: i32,
}

/// A kernel, how many blocks of [`THREADS`] threads, and what it takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Launch<P> {
    pub(super) kernel: &'static str,
    pub(super) blocks: u32,
    pub(super) parameters: P,
}

/// G, packed for the GPU.
#[derive(Debug)]
pub(super) struct Plan {
    /// In the order in which they run.
    pub(super) layers: Vec<PackedLayer>,
    /// Channels of the encoder at each level, with those that only fill it up.
    widths: [usize; DEPTH],
}

/// Images of one size, and the part of each that is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch<'a> {
    pub(super) kind: Kind,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) cores: &'a [Area],
}

/// Where things lie in the device's memory, in bytes from its beginning.
#[derive(Debug)]
pub(super) struct Arena {
    /// The images, one after another, of either kind.
    pub(super) pixels: Range<usize>,
    /// `[images][4]`: first row, row after the last, first column, column after the last.
    pub(super) cores: Range<usize>,
    /// RGB of the cores, each image's `stride` bytes after the one before.
    pub(super) out: Range<usize>,
    /// GM, then the levels from the outermost; bf16.
    pub(super) canvases: Vec<Range<usize>>,
    /// All of it.
    pub(super) bytes: usize,
}

/// Where a layer's weights lie: addresses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weights {
    pub(super) matrix: u64,
    pub(super) bias: u64,
    pub(super) chunks: u64,
}

impl Plan {
    /// Packs G's weights.
    ///
    /// # Errors
    /// Where G is too wide for the kernels, or a weight cannot be read.
    pub(super) fn new(folded: &Folded) -> Result<Self> {
        let own: Vec<usize> = folded.down.iter().map(|(_, bias)| bias.elem_count()).collect();
        let widths: [usize; DEPTH] = std::array::from_fn(|level| padded(own[level]));
        let pixel = |level: usize| if level + 1 < DEPTH { 2 * widths[level] } else { widths[level] };
        // What is read of a level: the encoder's channels, behind the decoder's, or all.
        let encoder = |level| Seen {
            pixel: pixel(level),
            first: pixel(level) - widths[level],
            parts: vec![own[level]],
        };
        let all = |level| {
            let parts = if level + 1 < DEPTH { vec![own[level]; 2] } else { vec![own[level]] };
            Seen { pixel: pixel(level), first: 0, parts }
        };
        let gm = Seen { pixel: GM_PIXEL, first: 0, parts: vec![CHANNELS_IN] };
        let widest = BLOCKS[0].0;
        let mut layers = Vec::with_capacity(2 * DEPTH);
        for (level, (weight, bias)) in folded.down.iter().enumerate() {
            let seen = if level == 0 { gm.clone() } else { encoder(level - 1) };
            layers.push(PackedLayer::new(Form::Convolution, weight, bias, &seen, widths[level], widest)?);
        }
        for (weight, bias, level) in
            folded.up.iter().zip((0..DEPTH - 1).rev()).map(|((weight, bias), level)| (weight, bias, level))
        {
            let width = widths[level];
            layers.push(PackedLayer::new(Form::Transposed, weight, bias, &all(level + 1), width, widest)?);
        }
        let (weight, bias) = &folded.out;
        layers.push(PackedLayer::new(Form::Transposed, weight, bias, &all(0), CHANNELS_OUT, LAST_BLOCK)?);
        Ok(Self { layers, widths })
    }

    /// Numbers of a pixel of GM (0) and of the levels (1, ..).
    fn pixel(&self, canvas: usize) -> usize {
        match canvas {
            0 => GM_PIXEL,
            DEPTH => self.widths[DEPTH - 1],
            _ => 2 * self.widths[canvas - 1],
        }
    }

    /// Where things lie for so many images of a size.
    pub(super) fn arena(&self, images: usize, height: usize, width: usize) -> Arena {
        let mut bytes = 0;
        let mut take = |length: usize| {
            let from = bytes;
            bytes += length.next_multiple_of(ALIGNMENT);
            from..from + length
        };
        let pixels = take(images * height * width * Kind::Gm.bytes());
        let cores = take(images * size_of::<[i32; 4]>());
        let out = take(images * height * width * 3);
        let canvas = |canvas: usize| {
            let numbers = ((height >> canvas) + 2) * ((width >> canvas) + 2) * self.pixel(canvas);
            take(images * numbers * size_of::<u16>())
        };
        let canvases = (0..=DEPTH).map(canvas).collect();
        Arena { pixels, cores, out, canvases, bytes }
    }

    /// What turns the images in an arena into the RGB of the cores: the removal of their stain, then the layers.
    ///
    /// `base` is the arena's address, `weights` those of the layers. Blocks are made so narrow that there are at least
    /// `blocks` of them, where they can be.
    pub(super) fn launches(
        &self,
        batch: Batch<'_>,
        arena: &Arena,
        base: u64,
        weights: &[Weights],
        blocks: usize,
    ) -> (Launch<StainParameters>, Vec<Launch<LayerParameters>>) {
        let Batch { kind, height, width, cores } = batch;
        let address = |range: &Range<usize>| base + range.start as u64;
        let stain = Launch {
            kernel: kind.kernel(),
            blocks: (cores.len() * height * width).div_ceil(THREADS as usize) as u32,
            parameters: StainParameters {
                pixels: address(&arena.pixels),
                gm: address(&arena.canvases[0]),
                images: cores.len() as i32,
                height: height as i32,
                width: width as i32,
            },
        };
        let core = cores.iter().skip(1).fold(cores[0].clone(), |all, core| all.join(core));
        let need = Need::of(&core, height, width);
        let launches = self.layers.iter().zip(weights).enumerate().map(|(index, (layer, weights))| {
            // Canvases that it reads and writes, and the area of its output that is wanted.
            let (input, output, area) = match index {
                0..DEPTH => (index, index + 1, &need.down[index]),
                _ if index < 2 * DEPTH - 1 => {
                    let level = 2 * DEPTH - 2 - index;
                    (level + 2, level + 1, &need.up[level])
                }
                _ => (1, 0, &core),
            };
            let last = output == 0;
            let positions = positions(layer.form, area);
            let row = |canvas: usize| ((width >> canvas) + 2) * self.pixel(canvas);
            let image = |canvas: usize| (((height >> canvas) + 2) * row(canvas)) as i64;
            // The encoder's channels lie behind the decoder's.
            let first = if index < DEPTH { self.pixel(output) - self.widths[index] } else { 0 };
            let seen = cores.len() * positions.pixels();
            let blocks_of = |channels: usize| seen.div_ceil(POSITIONS) * layer.channels.div_ceil(channels);
            let (channels, kernel) = if last {
                (LAST_BLOCK, "last_layer")
            } else {
                let fits = |&(channels, _): &(usize, &str)| {
                    channels <= layer.channels && blocks_of(channels) >= blocks
                };
                BLOCKS.into_iter().find(fits).unwrap_or(BLOCKS[BLOCKS.len() - 1])
            };
            Launch {
                kernel,
                blocks: blocks_of(channels) as u32,
                parameters: LayerParameters {
                    input: address(&arena.canvases[input]),
                    output: address(&arena.canvases[output]) + (first * size_of::<u16>()) as u64,
                    weights: weights.matrix,
                    bias: weights.bias,
                    chunks: weights.chunks,
                    rgb: address(&arena.out),
                    cores: address(&arena.cores),
                    input_image: image(input),
                    output_image: image(output),
                    rgb_image: rgb_stride(cores) as i64,
                    input_row: row(input) as i32,
                    input_pixel: self.pixel(input) as i32,
                    output_row: row(output) as i32,
                    output_pixel: self.pixel(output) as i32,
                    images: cores.len() as i32,
                    first_row: positions.rows.start as i32,
                    rows: positions.rows.len() as i32,
                    first_column: positions.columns.start as i32,
                    columns: positions.columns.len() as i32,
                    stride: layer.form.stride() as i32,
                    chunk_count: layer.chunks.len() as i32,
                    width: layer.width as i32,
                    channels: layer.channels as i32,
                    output_height: (height >> output) as i32,
                    output_width: (width >> output) as i32,
                },
            }
        });
        (stain, launches.collect())
    }
}

/// Bytes from one core's RGB to the next.
pub(super) fn rgb_stride(cores: &[Area]) -> usize {
    cores.iter().map(|core| CHANNELS_OUT * core.pixels()).max().unwrap_or(0)
}

/// The positions that make an area of the output: its pixels, or the corners around and between them.
fn positions(form: Form, area: &Area) -> Area {
    let along = |range: &Range<usize>| match form {
        Form::Convolution => range.clone(),
        Form::Transposed => range.start.div_ceil(2)..range.end / 2 + 1, // corner m makes pixels 2m - 1 and 2m
    };
    Area { rows: along(&area.rows), columns: along(&area.columns) }
}

#[cfg(test)]
mod tests {
    use half::bf16;
    use restain_stain::removal::Removal;

    use super::*;
    use crate::checkpoint::Checkpoint;
    use crate::gpu::emulator::Kernels;
    use crate::testing::{difference, random, rgb, shipped, twin};

    const RGB: Kind = Kind::Rgb { soft_mask: false };

    fn gm(rgb: &[u8]) -> Vec<f32> {
        let mut gm = vec![0.0; rgb.len() / 3 * 2];
        restain_stain::removal::remove_stain(rgb, &mut gm);
        gm
    }

    /// Runs G on the emulator: the RGB of each core.
    fn emulate(
        kernels: &Kernels,
        plan: &Plan,
        batch: Batch<'_>,
        pixels: &[u8],
        blocks: usize,
        seed: u32,
    ) -> Vec<Vec<u8>> {
        let Batch { height, width, cores, .. } = batch;
        let arena = plan.arena(cores.len(), height, width);
        let mut memory = vec![0_u128; arena.bytes.div_ceil(16)]; // aligned as the copies want it
        let base = memory.as_mut_ptr() as u64;
        let words: Vec<u8> = cores
            .iter()
            .flat_map(|core| [core.rows.start, core.rows.end, core.columns.start, core.columns.end])
            .flat_map(|side| (side as i32).to_ne_bytes())
            .collect();
        // SAFETY: `memory` has all bytes of the arena, and nobody else uses it.
        let bytes = unsafe { std::slice::from_raw_parts_mut(memory.as_mut_ptr().cast::<u8>(), arena.bytes) };
        bytes[arena.pixels.clone()][..pixels.len()].copy_from_slice(pixels);
        bytes[arena.cores.clone()].copy_from_slice(&words);
        let address = |layer: &PackedLayer| Weights {
            matrix: layer.weights.as_ptr() as u64,
            bias: layer.bias.as_ptr() as u64,
            chunks: layer.chunks.as_ptr() as u64,
        };
        let weights: Vec<_> = plan.layers.iter().map(address).collect();
        let (stain, layers) = plan.launches(batch, &arena, base, &weights, blocks);
        // SAFETY: addresses are those of the arena and of the weights, all alive.
        unsafe {
            kernels.launch(stain.kernel, &stain.parameters, [stain.blocks, 1, 1], THREADS, seed);
            for layer in &layers {
                kernels.launch(layer.kernel, &layer.parameters, [layer.blocks, 1, 1], THREADS, seed);
            }
        }
        let out = &bytes[arena.out.clone()];
        let stride = rgb_stride(cores);
        let image = |(i, core): (usize, &Area)| out[i * stride..][..CHANNELS_OUT * core.pixels()].to_vec();
        cores.iter().enumerate().map(image).collect()
    }

    fn plan(checkpoint: &Checkpoint) -> Plan {
        Plan::new(&Folded::new(checkpoint).unwrap()).unwrap()
    }

    #[test]
    fn the_kernels_make_what_candle_makes() {
        let kernels = Kernels::compile("generator");
        // Blocks wide and narrow; widths that fill chunks and blocks, and others. Random weights magnify what bf16
        // rounds, far more than trained ones.
        for (checkpoint, height, width, blocks, most, on_average) in vec![
            (shipped(), 64, 64, 1, 4, 0.4),
            (random(12), 64, 128, usize::MAX, 20, 1.0),
            (random(3), 128, 64, 1, 20, 1.0),
            (random(20), 64, 64, 20, 20, 1.0),
        ] {
            let rgb = rgb(1, height, width);
            let cores = [Area::whole(height, width)];
            let ours = emulate(
                &kernels,
                &plan(&checkpoint),
                Batch { kind: RGB, height, width, cores: &cores },
                &rgb,
                blocks,
                1,
            );
            let (largest, mean) = difference(&ours[0], &twin(&checkpoint, &gm(&rgb), height, width));
            println!("{height} x {width}: {largest} at most, {mean:.4} on average");
            assert!(largest <= most && mean <= on_average, "{largest}, {mean}");
        }
    }

    #[test]
    fn neither_company_nor_core_nor_order_nor_blocks_change_a_pixel() {
        let kernels = Kernels::compile("generator");
        let plan = plan(&random(4));
        let (height, width) = (128, 192);
        let images = rgb(2, height, width);
        let whole = [Area::whole(height, width)];
        let alone: Vec<_> = images
            .chunks(images.len() / 2)
            .map(|rgb| {
                let batch = Batch { kind: RGB, height, width, cores: &whole };
                emulate(&kernels, &plan, batch, rgb, 1, 1).remove(0)
            })
            .collect();
        let cores = [Area { rows: 33..64, columns: 1..70 }, Area { rows: 40..41, columns: 0..192 }];
        for (seed, blocks) in [(2, 1), (3, 1000)] {
            let batch = Batch { kind: RGB, height, width, cores: &cores };
            let both = emulate(&kernels, &plan, batch, &images, blocks, seed);
            for ((ours, alone), core) in both.iter().zip(&alone).zip(&cores) {
                let rows = core
                    .rows
                    .clone()
                    .flat_map(|y| &alone[3 * (y * width + core.columns.start)..][..3 * core.columns.len()]);
                assert!(ours.iter().eq(rows), "{core:?}");
            }
        }
    }

    #[test]
    fn stain_removal_is_that_of_the_processor() {
        let kernels = Kernels::compile("generator");
        let (height, width) = (64, 64);
        let rgb: Vec<u8> = (0..height * width * 3).map(|i| (((i * 7919) >> 5) % 256) as u8).collect();
        let gm = gm(&rgb);
        let launched = |kind: Kind, pixels: u64| {
            let mut canvas = vec![0_u64; (height + 2) * (width + 2)];
            let parameters = StainParameters {
                pixels,
                gm: canvas.as_mut_ptr() as u64,
                images: 1,
                height: height as i32,
                width: width as i32,
            };
            // SAFETY: the structure is the kernel's, and what it points to is alive and as large as it says.
            unsafe { kernels.launch(kind.kernel(), &parameters, [16, 1, 1], THREADS, 1) };
            canvas
        };
        let canvas = launched(RGB, rgb.as_ptr() as u64);
        assert!(launched(Kind::Gm, gm.as_ptr() as u64) == canvas, "GM is taken as it is made");
        let mut softly = vec![0.0; gm.len()];
        Removal { soft_mask: true, ..Removal::default() }.remove(&rgb, &mut softly);
        let soft = launched(Kind::Rgb { soft_mask: true }, rgb.as_ptr() as u64);
        assert!(launched(Kind::Gm, softly.as_ptr() as u64) == soft && soft != canvas, "the soft mask");
        for (at, pixel) in canvas.iter().enumerate() {
            let (y, x) = (at / (width + 2), at % (width + 2));
            let inside = (1..=height).contains(&y) && (1..=width).contains(&x);
            let expected = if inside {
                let at = (y - 1) * width + x - 1;
                let bits = |value: f32| u64::from(bf16::from_f32(value).to_bits());
                bits(gm[at]) | bits(gm[height * width + at]) << 16
            } else {
                0
            };
            assert_eq!(*pixel, expected, "at {y}, {x}");
        }
    }
}
