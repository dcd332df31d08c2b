//! Rectangles and RGB pictures.

/// A rectangle in level-0 pixels. (0, 0) is the top left corner of the scanned bounds, so `OpenSlide`'s
/// coordinates are these plus `openslide.bounds-x` and `-y`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rect {
    /// Left edge.
    pub x: i64,
    /// Top edge.
    pub y: i64,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

impl Rect {
    /// Whether the centre of a cell's nucleus lies in it.
    pub(crate) fn holds(&self, cell: &Cell) -> bool {
        let within =
            |at: f64, start: i64, side: u32| (start as f64..(start + i64::from(side)) as f64).contains(&at);
        within(cell.x, self.x, self.width) && within(cell.y, self.y, self.height)
    }
}

/// A squamous cell that was drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// Centre of its nucleus in level-0 pixels, from the left edge of the scanned bounds; pixel `i` covers `i..i + 1`.
    pub x: f64,
    /// From their top edge.
    pub y: f64,
    /// Whether it is abnormal.
    pub abnormal: bool,
}

/// An RGB picture of 8 bits a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Interleaved R, G, B, row by row: `3 * width * height` bytes.
    pub rgb: Vec<u8>,
}

impl Picture {
    /// A picture of one colour.
    pub(crate) fn filled(width: u32, height: u32, colour: [u8; 3]) -> Self {
        Self { width, height, rgb: colour.repeat(width as usize * height as usize) }
    }

    /// Half the size, each pixel the rounded mean of 2 x 2. An odd last row or column is dropped.
    pub(crate) fn halved(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let stride = 3 * self.width as usize;
        let mut rgb = Vec::with_capacity(3 * width as usize * height as usize);
        for pair in self.rgb.chunks_exact(2 * stride) {
            let (upper, lower) = pair.split_at(stride);
            for (a, b) in upper.chunks_exact(6).zip(lower.chunks_exact(6)) {
                for c in 0..3 {
                    let sum = u16::from(a[c]) + u16::from(a[c + 3]) + u16::from(b[c]) + u16::from(b[c + 3]);
                    rgb.push(((sum + 2) / 4) as u8);
                }
            }
        }
        Self { width, height, rgb }
    }

    /// Puts `other` at (x, y); what lies outside is cut off.
    pub(crate) fn paste(&mut self, other: &Self, x: i64, y: i64) {
        let from_x = (-x).clamp(0, i64::from(other.width));
        let to_x = (i64::from(self.width) - x).clamp(from_x, i64::from(other.width));
        let from_y = (-y).clamp(0, i64::from(other.height));
        let to_y = (i64::from(self.height) - y).clamp(from_y, i64::from(other.height));
        for row in from_y..to_y {
            let source = 3 * (row * i64::from(other.width) + from_x) as usize;
            let target = 3 * ((y + row) * i64::from(self.width) + x + from_x) as usize;
            let bytes = 3 * (to_x - from_x) as usize;
            self.rgb[target..target + bytes].copy_from_slice(&other.rgb[source..source + bytes]);
        }
    }
}
