//! `Index.dat`: where in the data files each image lies.
//!
//! After version and identity come the positions of two tables of pointers: one record a zoom level (the hierarchy),
//! one record a kind of other data (label, photograph positions ...). A record is a zero and a pointer to the first
//! of its pages; a page is a count, a pointer to the next page or 0, and the entries. All numbers are 32 bits, little
//! endian, signed; pointers count bytes from the start of the file.

use std::{fs, path::Path};

use crate::{Error, Result};

/// Entries a page at most (`PAGEELEMENTCOUNT`).
pub(super) const PAGE: usize = 128;

/// A stretch of bytes in a data file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Location {
    /// Where it begins.
    pub(super) offset: u32,
    /// How long it is.
    pub(super) length: u32,
    /// The number of the data file.
    pub(super) file: u32,
}

/// The index as it grows. It is kept whole until the end: 16 bytes an image, that is 2.5 MB for level 0 of a slide
/// of 100,000 x 100,000 px.
#[derive(Debug)]
pub(super) struct Index {
    levels: Vec<Vec<(u32, Location)>>,
    records: Vec<Option<Location>>,
}

impl Index {
    /// An index of so many zoom levels and so many non-hierarchical records.
    pub(super) fn new(levels: usize, records: usize) -> Self {
        Self { levels: vec![Vec::new(); levels], records: vec![None; records] }
    }

    /// Enters an image. `number` counts level-0 images row by row over the whole canvas; an image of a higher level
    /// has the number of the first that it covers.
    pub(super) fn image(&mut self, level: usize, number: u32, location: Location) {
        self.levels[level].push((number, location));
    }

    /// Enters a non-hierarchical record.
    pub(super) fn record(&mut self, record: usize, location: Location) {
        self.records[record] = Some(location);
    }

    /// Images entered so far, of all levels.
    pub(super) fn images(&self) -> usize {
        self.levels.iter().map(Vec::len).sum()
    }

    /// Writes the index and returns its length in bytes.
    pub(super) fn write(&self, path: &Path, slide_id: &str) -> Result<u64> {
        let mut bytes = format!("01.02{slide_id}").into_bytes();
        let roots = bytes.len() as u32;
        let hierarchy = roots + 8;
        let others = hierarchy + 4 * self.levels.len() as u32;
        put(&mut bytes, &[hierarchy, others]);
        let mut pointer = others + 4 * self.records.len() as u32;
        let mut body = Vec::new();
        for images in &self.levels {
            put(&mut bytes, &[pointer]);
            put(&mut body, &[0, pointer + 8]);
            pointer += 8;
            let mut pages = images.chunks(PAGE).peekable();
            while let Some(page) = pages.next() {
                pointer += 8 + 16 * page.len() as u32;
                let next = if pages.peek().is_some() { pointer } else { 0 };
                put(&mut body, &[page.len() as u32, next]);
                for (number, Location { offset, length, file }) in page {
                    put(&mut body, &[*number, *offset, *length, *file]);
                }
            }
        }
        for record in &self.records {
            put(&mut bytes, &[pointer]);
            put(&mut body, &[0, pointer + 8]);
            let entries = u32::from(record.is_some());
            put(&mut body, &[entries, 0]);
            pointer += 16;
            if let Some(Location { offset, length, file }) = record {
                put(&mut body, &[0, 0, *offset, *length, *file]);
                pointer += 20;
            }
        }
        bytes.append(&mut body);
        fs::write(path, &bytes).map_err(Error::io("write", path))?;
        Ok(bytes.len() as u64)
    }
}

fn put(bytes: &mut Vec<u8>, numbers: &[u32]) {
    bytes.extend(numbers.iter().flat_map(|n| n.to_le_bytes()));
}
