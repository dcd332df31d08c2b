//! What `OpenSlide` takes on trust in a MIRAX slide. Where it is wrong there, `OpenSlide` ends the process, or leaves images out
//! without a word.
//!
//! `Slidedat.ini` says what there is, `Index.dat` where: after version and identity two pointers, to the table of levels and to
//! that of other records. A level is a zero and a pointer to its first page; a page is a count, a pointer to the next page or 0,
//! and four numbers an image. All numbers are 32 bits, little endian, signed.

use std::{
    collections::HashSet,
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
};

/// Length of the version that the index begins with.
const VERSION: usize = 5;
/// Length of a photograph's position: 1 where it was taken, else 0; then x and y in pixels of level 0, as in the index.
const POSITION: usize = 9;
/// `OpenSlide` reads no longer `Slidedat.ini`.
const LONGEST_INI: u64 = 1 << 20;
/// No slide has so many images, 16 million, that its index were longer.
const LONGEST_INDEX: u64 = 1 << 28;
/// Nor so many photographs, 7 million, that their positions were.
const LONGEST_POSITIONS: u64 = 1 << 26;
/// The longest side of an image in pixels: four bytes a pixel then fit the signed 32 bits in which `OpenSlide` counts them.
const LONGEST_SIDE: u64 = 1 << 14;

/// What is wrong with the slide in `folder` that `OpenSlide` does not see; what it sees is left to it.
pub(crate) fn fault(folder: &Path) -> Option<String> {
    let mut ini = Vec::new();
    let file = File::open(folder.join("Slidedat.ini")).ok()?;
    file.take(LONGEST_INI).read_to_end(&mut ini).ok()?;
    let ini = Ini(&String::from_utf8_lossy(&ini));
    let levels = ini.levels()?;
    if let Some((number, level)) = (0..).zip(&levels).find(|(_, level)| level.side > LONGEST_SIDE) {
        return Some(format!("images of level {number} would have {} pixels a side", level.side));
    }
    let mut index = Vec::new();
    let file = File::open(folder.join(ini.value("HIERARCHICAL", "INDEXFILE")?)).ok()?;
    file.take(LONGEST_INDEX + 1).read_to_end(&mut index).ok()?;
    if index.len() as u64 > LONGEST_INDEX {
        return Some(format!("Index.dat: longer than {LONGEST_INDEX} bytes"));
    }
    let index = Index(index);
    let tables = VERSION + ini.value("GENERAL", "SLIDE_ID")?.len();
    positions_fault(folder, &ini, &index, tables + 4, levels.first()?.side)
        .or_else(|| index.levels_fault(tables, &levels))
}

/// `OpenSlide` would allocate a negative length, and for a photograph far off go through all places up to there in each read.
fn positions_fault(folder: &Path, ini: &Ini, index: &Index, table: usize, side: u64) -> Option<String> {
    let plain = ini.record("VIMSLIDE_POSITION_BUFFER");
    // A count and three numbers come first.
    let page = index.page(table, plain.or_else(|| ini.record("StitchingIntensityLayer"))?)?;
    let (offset, length, file) =
        (index.pointer(page + 16)?, index.number(page + 20)?, index.number(page + 24)?);
    let Some(length) = u64::try_from(length).ok().filter(|length| *length <= LONGEST_POSITIONS) else {
        return Some(format!("Index.dat: the positions of photographs have {length} bytes"));
    };
    let images = [ini.number("GENERAL", "IMAGENUMBER_X")?, ini.number("GENERAL", "IMAGENUMBER_Y")?];
    // What is compressed has a checksum.
    if plain.is_none() || length > (POSITION as u64).checked_mul(images[0].checked_mul(images[1])?)? {
        return None;
    }
    let mut positions = Vec::new();
    let mut data = File::open(folder.join(ini.value("DATAFILE", &format!("FILE_{file}"))?)).ok()?;
    data.seek(SeekFrom::Start(offset as u64)).ok()?;
    data.take(length).read_to_end(&mut positions).ok()?;
    let reach = images.map(|images| images.saturating_mul(side));
    (0..positions.len()).step_by(POSITION).filter(|at| positions[*at] == 1).find_map(|at| {
        let [x, y] = [number(&positions, at + 1)?, number(&positions, at + 5)?];
        let far = [x, y].iter().zip(reach).any(|(at, reach)| u64::from(at.unsigned_abs()) > reach);
        far.then(|| format!("a photograph lies at {x}, {y} px, far outside of the slide"))
    })
}

/// A zoom level, as `Slidedat.ini` describes its images.
struct Level {
    /// The longer side in pixels.
    side: u64,
    /// The least bytes that an image can have: pixels that are not compressed, else none.
    least: u64,
}

/// The text of `Slidedat.ini`.
struct Ini<'a>(&'a str);

impl Ini<'_> {
    fn value(&self, group: &str, key: &str) -> Option<&str> {
        let lines = self.0.lines().map(str::trim);
        let group =
            lines.skip_while(|line| line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) != Some(group));
        let pairs =
            group.skip(1).take_while(|line| !line.starts_with('[')).filter_map(|line| line.split_once('='));
        pairs
            .map(|(name, value)| (name.trim(), value.trim()))
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    }

    /// A number that is not negative; none has more than 32 bits.
    fn number(&self, group: &str, key: &str) -> Option<u64> {
        self.value(group, key)?.parse::<i32>().ok()?.try_into().ok()
    }

    fn levels(&self) -> Option<Vec<Level>> {
        let level = |number| {
            let section = self.value("HIERARCHICAL", &format!("HIER_0_VAL_{number}_SECTION"))?;
            let width = self.number(section, "DIGITIZER_WIDTH")?;
            let height = self.number(section, "DIGITIZER_HEIGHT")?;
            let plain = self.value(section, "IMAGE_FORMAT")? == "BMP24";
            Some(Level {
                side: width.max(height),
                least: if plain { width.saturating_mul(height).saturating_mul(3) } else { 0 },
            })
        };
        (0..self.number("HIERARCHICAL", "HIER_0_COUNT")?).map(level).collect()
    }

    /// The number of a layer's first record.
    fn record(&self, wanted: &str) -> Option<usize> {
        let mut record = 0;
        for layer in 0..self.number("HIERARCHICAL", "NONHIER_COUNT")? {
            if self.value("HIERARCHICAL", &format!("NONHIER_{layer}_NAME"))? == wanted {
                return Some(record);
            }
            record += self.number("HIERARCHICAL", &format!("NONHIER_{layer}_COUNT"))? as usize;
        }
        None
    }
}

fn number(bytes: &[u8], at: usize) -> Option<i32> {
    bytes.get(at..)?.first_chunk().map(|bytes| i32::from_le_bytes(*bytes))
}

/// The bytes of the index. What lies outside is `None`.
struct Index(Vec<u8>);

impl Index {
    fn number(&self, at: usize) -> Option<i32> {
        number(&self.0, at)
    }

    fn pointer(&self, at: usize) -> Option<usize> {
        self.number(at)?.try_into().ok()
    }

    /// Where the first page of an entry of a table lies.
    fn page(&self, table: usize, entry: usize) -> Option<usize> {
        self.pointer(self.pointer(self.pointer(table)? + 4 * entry)? + 4)
    }

    /// `OpenSlide` reads a level's pages one after the other, and never goes where they point.
    fn levels_fault(&self, table: usize, levels: &[Level]) -> Option<String> {
        let mut seen = HashSet::new();
        for (number, level) in levels.iter().enumerate() {
            let mut page = self.page(table, number)?;
            let mut images = 0;
            loop {
                let count = self.number(page)?;
                let Ok(here) = usize::try_from(count) else {
                    return Some(format!("Index.dat, byte {page}: a page of {count} images"));
                };
                if here > 0 && !seen.insert(page) {
                    return Some(format!("Index.dat, byte {page}: a page of two levels"));
                }
                let first = page + 8;
                for image in (first..).step_by(16).take(if level.least > 0 { here } else { 0 }) {
                    let length = self.number(image + 8)?;
                    if u64::try_from(length).is_ok_and(|length| length < level.least) {
                        return Some(format!("Index.dat, byte {image}: an image of {length} bytes"));
                    }
                }
                images += here;
                let (next, end) = (self.number(page + 4)?, first + 16 * here);
                if next == 0 {
                    break;
                }
                if usize::try_from(next) != Ok(end) {
                    return Some(format!("Index.dat, byte {page}: a page that does not lead to the next"));
                }
                page = end;
            }
            if number == 0 && images == 0 {
                return Some("Index.dat: no image of level 0".to_owned());
            }
        }
        None
    }
}
