//! The position buffer: where each photograph lies.
//!
//! Nine bytes a place of the photograph grid, row by row over the whole canvas: a flag, then x and y in level-0
//! pixels, 32 bits each, little endian. Newer scanners compress it with zlib (`StitchingIntensityLayer`).

use std::io::Write;

use flate2::{Compression, write::ZlibEncoder};

use crate::mirax::layout::Layout;

/// The compressed buffer. `taken` in any order.
pub(super) fn encode(layout: &Layout, taken: &[[u32; 2]]) -> std::io::Result<Vec<u8>> {
    let across = layout.x.total() as usize;
    // Places never photographed keep flag and position zero, as on real slides.
    let mut buffer = vec![0_u8; 9 * across * layout.y.total() as usize];
    for &[column, row] in taken {
        let [x, y] = layout.place(column, row);
        let at = (row + layout.y.before) as usize * across + (column + layout.x.before) as usize;
        let record = &mut buffer[9 * at..9 * at + 9];
        record[0] = 1;
        record[1..5].copy_from_slice(&((x + layout.x.origin) as i32).to_le_bytes());
        record[5..].copy_from_slice(&((y + layout.y.origin) as i32).to_le_bytes());
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&buffer)?;
    encoder.finish()
}
