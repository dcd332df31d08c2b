//! Reassembly: pieces of level 0 in, finished tiles of every level out.
//!
//! A quad tree whose nodes are tiles. A node that has been begun knows how many of its pixels are still missing; it
//! holds a buffer only once a piece with pixels has reached it. When nothing is missing it is halved into its parent
//! and handed out, so memory follows the tiles begun at one time: with pieces in row-major order one row of tiles a
//! level, whatever the height of the picture.

use std::collections::HashMap;

use crate::halve::halve;
use crate::layout::{Layout, LevelShape};
use crate::{Error, Result};

/// What a piece of level 0 holds.
#[derive(Debug, Clone, Copy)]
pub enum Piece<'a> {
    /// Interleaved RGB, row-major, 3 x width x height bytes.
    Rgb(&'a [u8]),
    /// Nothing: the layout's background colour, at no cost.
    Blank,
}

/// The pixels of a finished tile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TilePixels {
    /// All background.
    Blank {
        /// Side of the tile in pixels.
        side: u32,
    },
    /// Interleaved RGB, side x side x 3 bytes. Beyond the picture's right and lower edge the last pixel is repeated.
    Rgb(Vec<u8>),
}

/// A finished tile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelTile {
    /// Level, 0 is the full picture.
    pub level: u32,
    /// Column of the tile within its level.
    pub column: u32,
    /// Row of the tile within its level.
    pub row: u32,
    /// Its pixels.
    pub pixels: TilePixels,
}

/// A part of one tile, in pixels of that tile.
#[derive(Debug, Clone, Copy)]
struct Region {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}

impl Region {
    fn area(self) -> u32 {
        self.width * self.height
    }

    fn meets(self, other: Self) -> bool {
        self.x < other.x + other.width
            && other.x < self.x + self.width
            && self.y < other.y + other.height
            && other.y < self.y + self.height
    }
}

/// A tile that has been begun and is not complete.
struct Begun {
    /// Pixels inside the picture that are still to come.
    missing: u32,
    /// What has come.
    regions: Vec<Region>,
    /// The tile's buffer, from the first region with pixels on.
    pixels: Option<Vec<u8>>,
}

impl Begun {
    fn new((width, height): (u32, u32)) -> Self {
        Self { missing: width * height, regions: Vec::new(), pixels: None }
    }

    /// Notes that `region` has come.
    fn note(&mut self, region: Region) {
        self.missing -= region.area();
        self.regions.push(region);
    }
}

/// Puts a picture together from pieces and hands out the tiles of its pyramid; see the module.
pub struct Pyramid {
    levels: Vec<LevelShape>,
    tile: u32,
    background: [u8; 3],
    /// The begun tiles of each level by column and row. Only ever looked up, so its order shows nowhere.
    begun: Vec<HashMap<(u32, u32), Begun>>,
    /// One bit for each node of level 0, row-major: whether it is complete.
    complete: Vec<u64>,
    /// Nodes in a row of level 0.
    columns: u32,
    /// Whether the last level's only tile has been handed out.
    finished: bool,
}

impl Pyramid {
    /// An empty pyramid.
    ///
    /// # Errors
    /// [`Error::Layout`] when `layout` cannot be written.
    pub fn new(layout: &Layout) -> Result<Self> {
        let levels = layout.levels()?;
        let columns = layout.width.div_ceil(layout.tile);
        let nodes = columns as usize * layout.height.div_ceil(layout.tile) as usize;
        Ok(Self {
            begun: levels.iter().map(|_| HashMap::new()).collect(),
            complete: vec![0; nodes.div_ceil(64)],
            columns,
            levels,
            tile: layout.tile,
            background: layout.background,
            finished: false,
        })
    }

    /// Adds the piece of `width` x `height` level-0 pixels at (`x`, `y`) and hands each tile that it completes to
    /// `emit`: row-major for level 0, each tile before the one above it. The order depends on the order of
    /// insertions alone.
    ///
    /// # Errors
    /// [`Error::PieceOutside`], [`Error::PieceOverlaps`], [`Error::BufferSize`]; nothing is added then.
    pub fn insert(
        &mut self,
        x: u32,
        y: u32,
        width: u32,
        height: u32,
        piece: Piece<'_>,
        emit: &mut impl FnMut(LevelTile),
    ) -> Result<()> {
        self.check(x, y, width, height, piece)?;
        for (column, row, region) in parts(self.tile, x, y, width, height) {
            let mut begun = self.take(0, column, row);
            match piece {
                Piece::Blank => self.blank(&mut begun, region),
                Piece::Rgb(rgb) => {
                    let stride = 3 * width as usize;
                    let left = 3 * (column * self.tile + region.x - x) as usize;
                    let top = (row * self.tile + region.y - y) as usize;
                    copy(&rgb[top * stride + left..], stride, self.open(&mut begun), self.tile, region);
                }
            }
            begun.note(region);
            if begun.missing == 0 {
                let index = (row * self.columns + column) as usize;
                self.complete[index / 64] |= 1 << (index % 64);
                self.ascend((column, row), begun.pixels, emit);
            } else {
                self.begun[0].insert((column, row), begun);
            }
        }
        Ok(())
    }

    /// Whether every tile of every level has been handed out.
    pub fn is_complete(&self) -> bool {
        self.finished
    }

    /// How many tile buffers are held now, each of 3 x tile x tile bytes.
    pub fn buffers(&self) -> usize {
        self.begun.iter().flat_map(HashMap::values).filter(|begun| begun.pixels.is_some()).count()
    }

    /// Refuses a piece that does not fit, before anything is changed.
    fn check(&self, x: u32, y: u32, width: u32, height: u32, piece: Piece<'_>) -> Result<()> {
        let LevelShape { width: picture_width, height: picture_height, .. } = self.levels[0];
        let inside = |at: u32, size: u32, all: u32| size > 0 && at < all && size <= all - at;
        if !inside(x, width, picture_width) || !inside(y, height, picture_height) {
            return Err(Error::PieceOutside { x, y, width, height, picture_width, picture_height });
        }
        if let Piece::Rgb(rgb) = piece {
            let (expected, found) = (3 * u64::from(width) * u64::from(height), rgb.len() as u64);
            if expected != found {
                return Err(Error::BufferSize { width, height, expected, found });
            }
        }
        let taken = |(column, row, region): (u32, u32, Region)| {
            let index = (row * self.columns + column) as usize;
            self.complete[index / 64] >> (index % 64) & 1 == 1
                || self.begun[0]
                    .get(&(column, row))
                    .is_some_and(|begun| begun.regions.iter().any(|other| other.meets(region)))
        };
        if parts(self.tile, x, y, width, height).any(taken) {
            return Err(Error::PieceOverlaps { x, y, width, height });
        }
        Ok(())
    }

    /// The buffer of a begun tile; what came before the buffer was blank and is filled in now.
    fn open<'a>(&self, begun: &'a mut Begun) -> &'a mut [u8] {
        begun.pixels.get_or_insert_with(|| {
            let side = self.tile as usize;
            let mut pixels = vec![0; 3 * side * side];
            for region in &begun.regions {
                fill(&mut pixels, side, *region, self.background);
            }
            pixels
        })
    }

    /// Makes a region blank: at no cost unless the tile has a buffer already.
    fn blank(&self, begun: &mut Begun, region: Region) {
        if let Some(pixels) = &mut begun.pixels {
            fill(pixels, self.tile as usize, region, self.background);
        }
    }

    /// Hands out a complete tile of level 0 and all tiles above that it completes, each after it has been halved into
    /// the one above it.
    fn ascend(
        &mut self,
        (mut column, mut row): (u32, u32),
        mut pixels: Option<Vec<u8>>,
        emit: &mut impl FnMut(LevelTile),
    ) {
        for level in 0..self.levels.len() {
            let (width, height) = self.inside(level, column, row);
            if let Some(pixels) = &mut pixels {
                pad(pixels, self.tile as usize, width as usize, height as usize);
            }
            let quarter = Region {
                x: column % 2 * (self.tile / 2),
                y: row % 2 * (self.tile / 2),
                width: width.div_ceil(2),
                height: height.div_ceil(2),
            };
            let above = (level + 1, column / 2, row / 2);
            let parent =
                (above.0 < self.levels.len()).then(|| self.halve_into(above, quarter, pixels.as_deref()));
            self.hand_out(level, (column, row), (width, height), pixels.take(), emit);
            (_, column, row) = above;
            match parent {
                None => self.finished = true,
                Some(parent) if parent.missing == 0 => pixels = parent.pixels,
                Some(parent) => {
                    self.begun[above.0].insert((column, row), parent);
                    return;
                }
            }
        }
    }

    /// Takes out the tile of a level, column and row, and adds a complete tile from below as its `quarter`.
    fn halve_into(
        &mut self,
        (level, column, row): (usize, u32, u32),
        quarter: Region,
        pixels: Option<&[u8]>,
    ) -> Begun {
        let mut parent = self.take(level, column, row);
        match pixels {
            None => self.blank(&mut parent, quarter),
            Some(pixels) => {
                let (x, y) = (quarter.x as usize, quarter.y as usize);
                let size = (quarter.width as usize, quarter.height as usize);
                halve(pixels, self.open(&mut parent), self.tile as usize, (x, y), size);
            }
        }
        parent.note(quarter);
        parent
    }

    /// Takes out a begun tile, or begins it.
    fn take(&mut self, level: usize, column: u32, row: u32) -> Begun {
        let begun = self.begun[level].remove(&(column, row));
        begun.unwrap_or_else(|| Begun::new(self.inside(level, column, row)))
    }

    /// Width and height in pixels of the part of a node that lies inside its level.
    fn inside(&self, level: usize, column: u32, row: u32) -> (u32, u32) {
        let LevelShape { width, height, .. } = self.levels[level];
        ((width - column * self.tile).min(self.tile), (height - row * self.tile).min(self.tile))
    }

    /// Hands out a node as a tile, or as several where the level's tiles are smaller.
    fn hand_out(
        &self,
        level: usize,
        (column, row): (u32, u32),
        (width, height): (u32, u32),
        pixels: Option<Vec<u8>>,
        emit: &mut impl FnMut(LevelTile),
    ) {
        let side = self.levels[level].tile;
        let mut emit = |column, row, pixels: Option<Vec<u8>>| {
            let pixels = pixels.map_or(TilePixels::Blank { side }, TilePixels::Rgb);
            emit(LevelTile { level: level as u32, column, row, pixels });
        };
        if side == self.tile {
            return emit(column, row, pixels);
        }
        let parts = self.tile / side;
        for down in 0..height.div_ceil(side) {
            for across in 0..width.div_ceil(side) {
                let cut = pixels.as_deref().map(|pixels| cut(pixels, self.tile, side, across, down));
                emit(column * parts + across, row * parts + down, cut);
            }
        }
    }
}

/// The parts of a rectangle of level 0 that lie in one tile each, row-major: column and row of the tile, and the
/// part in pixels of that tile.
fn parts(tile: u32, x: u32, y: u32, width: u32, height: u32) -> impl Iterator<Item = (u32, u32, Region)> {
    // The last pixel, so that nothing overflows at the end of the range.
    let (right, bottom) = (x + (width - 1), y + (height - 1));
    let span = move |index: u32, first: u32, last: u32| {
        let from = first.max(index * tile);
        (from - index * tile, last.min(index * tile + (tile - 1)) - from + 1)
    };
    (y / tile..=bottom / tile).flat_map(move |row| {
        (x / tile..=right / tile).map(move |column| {
            let ((x, width), (y, height)) = (span(column, x, right), span(row, y, bottom));
            (column, row, Region { x, y, width, height })
        })
    })
}

/// Copies rows of `source`, `stride` bytes apart, into a region of a tile.
fn copy(source: &[u8], stride: usize, pixels: &mut [u8], tile: u32, region: Region) {
    let (left, bytes) = (3 * region.x as usize, 3 * region.width as usize);
    let rows =
        pixels.chunks_exact_mut(3 * tile as usize).skip(region.y as usize).take(region.height as usize);
    for (from, to) in source.chunks(stride).zip(rows) {
        to[left..left + bytes].copy_from_slice(&from[..bytes]);
    }
}

/// The square of side `side` in a column and row of such squares of a tile.
fn cut(pixels: &[u8], tile: u32, side: u32, column: u32, row: u32) -> Vec<u8> {
    let (left, bytes) = (3 * (column * side) as usize, 3 * side as usize);
    let rows = pixels.chunks_exact(3 * tile as usize).skip((row * side) as usize).take(side as usize);
    rows.flat_map(|row| &row[left..left + bytes]).copied().collect()
}

/// Fills a region of a tile with one colour.
fn fill(pixels: &mut [u8], tile: usize, region: Region, colour: [u8; 3]) {
    let (left, bytes) = (3 * region.x as usize, 3 * region.width as usize);
    for row in pixels.chunks_exact_mut(3 * tile).skip(region.y as usize).take(region.height as usize) {
        row[left..left + bytes].as_chunks_mut().0.fill(colour);
    }
}

/// Repeats the last column and the last row of the `width` x `height` pixels inside the picture up to the tile's
/// edges.
fn pad(pixels: &mut [u8], tile: usize, width: usize, height: usize) {
    let stride = 3 * tile;
    if width < tile {
        for row in pixels.chunks_exact_mut(stride).take(height) {
            let (inside, outside) = row.as_chunks_mut::<3>().0.split_at_mut(width);
            outside.fill(inside[width - 1]);
        }
    }
    let (inside, outside) = pixels.split_at_mut(stride * height);
    let last = &inside[stride * (height - 1)..];
    for row in outside.chunks_exact_mut(stride) {
        row.copy_from_slice(last);
    }
}
