//! What a slide asks for: pixels of windows, multiply-adds of G, and values between its layers.

use std::ops::Range;
use std::path::Path;

use restain_net::{Checkpoint, field, halo};
use restain_slide::{Extent, LevelRect, Margin, Slide, TileGrid};
use serde_json::{Map, Value, json};

use crate::Result;

/// How often G halves its input.
const DEPTH: usize = 6;

/// The work for each side of tiles.
pub(crate) fn of(slide: &Path) -> Result<Value> {
    let slide = Slide::open(slide)?;
    let extent = slide.extent(0, Extent::Bounds)?;
    let shape = Shape::shipped()?;
    let mut work = Map::new();
    for side in [512, 1024, 2048] {
        let grid = TileGrid::new(extent, side, Margin::Halo(halo()))?;
        let mut sum = Work::default();
        for tile in grid.iter() {
            sum.add(&shape, tile.window, tile.core);
        }
        let Work { windows, multiply_adds, of_windows, values } = sum;
        work.insert(
            side.to_string(),
            json!({
                "tiles": grid.len(),
                "pixels": extent.area(),
                "window_pixels": windows,
                "multiply_adds": multiply_adds,
                "multiply_adds_of_windows": of_windows,
                "values": values,
            }),
        );
    }
    Ok(work.into())
}

/// Weights of a layer: channels in and out, of 4 x 4 taps.
struct Layer {
    inputs: usize,
    outputs: usize,
}

impl Layer {
    fn weights(&self) -> usize {
        16 * self.inputs * self.outputs
    }

    /// Multiply-adds for a pixel of the output of a transposed convolution, which sees 2 x 2 of the input.
    fn transposed(&self) -> usize {
        self.weights() / 4
    }
}

/// G's layers, from the outermost.
pub(crate) struct Shape {
    down: Vec<Layer>,
    up: Vec<Layer>,
    last: Layer,
}

impl Shape {
    /// That of the shipped model.
    pub(crate) fn shipped() -> Result<Self> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../restain-net/models/cric.safetensors");
        let parameters = Checkpoint::load(Path::new(path))?.parameters;
        let dims = |name: String| parameters[&name].dims4();
        let (mut down, mut up) = (Vec::new(), Vec::new());
        for i in 0..DEPTH {
            let (outputs, inputs, ..) = dims(format!("down.{i}.0.weight"))?;
            down.push(Layer { inputs, outputs });
        }
        for i in (0..DEPTH - 1).rev() {
            let (inputs, outputs, ..) = dims(format!("up.{i}.0.weight"))?;
            up.push(Layer { inputs, outputs });
        }
        let (inputs, outputs, ..) = dims("out.weight".to_owned())?;
        Ok(Self { down, up, last: Layer { inputs, outputs } })
    }
}

#[derive(Default)]
pub(crate) struct Work {
    /// Pixels of the windows.
    windows: usize,
    /// Those that the cores need.
    pub(crate) multiply_adds: usize,
    /// Those that whole windows would take.
    pub(crate) of_windows: usize,
    /// Numbers that layers read and write, weights too: each once a layer.
    values: usize,
}

impl Work {
    /// Adds a tile.
    pub(crate) fn add(&mut self, shape: &Shape, window: LevelRect, core: LevelRect) {
        let (height, width) = (window.height() as usize, window.width() as usize);
        let core = core.translate(-window.min.to_vector()).to_usize();
        self.windows += height * width;
        let need = [Need::of(core.min.y..core.max.y, height), Need::of(core.min.x..core.max.x, width)];
        self.multiply_adds += multiply_adds(shape, &need);
        self.of_windows += multiply_adds(shape, &[Need::of(0..height, height), Need::of(0..width, width)]);
        self.values += height * width * shape.down[0].inputs + values(shape, &need);
    }
}

/// Rows, or columns, that each layer makes, as `restain-net`'s `need.rs` has it.
struct Need {
    core: Range<usize>,
    /// What the decoder reads of each level, from the outermost; of all but the deepest its own next layer makes it.
    read: Vec<Range<usize>>,
    /// What the encoder makes of each level.
    down: Vec<Range<usize>>,
    /// What its layers see of the level before.
    seen: Vec<Range<usize>>,
}

impl Need {
    fn of(core: Range<usize>, side: usize) -> Self {
        let mut read: Vec<Range<usize>> = Vec::new();
        for level in 0..DEPTH {
            let after = read.last().unwrap_or(&core);
            read.push(after.start.saturating_sub(1) / 2..(after.end / 2 + 1).min(side >> (level + 1)));
        }
        let before = |range: &Range<usize>, side: usize| {
            (2 * range.start).saturating_sub(1)..(2 * range.end + 1).min(side)
        };
        let mut down = read.clone();
        for level in (0..DEPTH - 1).rev() {
            let next = before(&down[level + 1], side >> (level + 1));
            down[level] = read[level].start.min(next.start)..read[level].end.max(next.end);
        }
        let seen: Vec<_> =
            down.iter().enumerate().map(|(level, range)| before(range, side >> level)).collect();
        // G's own word on how far it looks.
        let reach = |rows: Range<usize>| rows.map(|row| field(row as i64));
        let first = reach(core.clone()).map(|(first, _)| first).min().unwrap_or(0);
        let last = reach(core.clone()).map(|(_, last)| last).max().unwrap_or(0);
        assert_eq!(seen[0], first.max(0) as usize..(last + 1).min(side as i64) as usize);
        Self { core, read, down, seen }
    }
}

/// Pixels of ranges of rows and columns.
fn area(need: &[Need; 2], range: impl Fn(&Need) -> &Range<usize>) -> usize {
    need.iter().map(|need| range(need).len()).product()
}

fn multiply_adds(shape: &Shape, need: &[Need; 2]) -> usize {
    let down =
        shape.down.iter().enumerate().map(|(i, layer)| area(need, |need| &need.down[i]) * layer.weights());
    let up =
        shape.up.iter().enumerate().map(|(i, layer)| area(need, |need| &need.read[i]) * layer.transposed());
    down.chain(up).sum::<usize>() + area(need, |need| &need.core) * shape.last.transposed()
}

fn values(shape: &Shape, need: &[Need; 2]) -> usize {
    let down = shape.down.iter().enumerate().map(|(i, layer)| {
        let (seen, made) = (area(need, |need| &need.seen[i]), area(need, |need| &need.down[i]));
        seen * layer.inputs + made * layer.outputs + layer.weights()
    });
    let up = shape.up.iter().enumerate().map(|(i, layer)| {
        let (seen, made) = (area(need, |need| &need.read[i + 1]), area(need, |need| &need.read[i]));
        seen * layer.inputs + made * layer.outputs + layer.weights()
    });
    let last = area(need, |need| &need.read[0]) * shape.last.inputs + shape.last.weights();
    down.chain(up).sum::<usize>() + last
}
