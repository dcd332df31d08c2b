//! Checksums at the end of a file, where no reader of TIFF looks: of every tile, and of the directories.
//!
//! A block of little-endian numbers: the count of levels (4 bytes); for each level the count of its tiles (8) and the CRC-32
//! of the stored bytes of each (4), in the order of `TileOffsets`; where the tiles end (8); the CRC-32 (4) of the file's
//! header and of all between the tiles and the block. Then the end: where the block begins (8), its CRC-32 (4), and
//! [`MAGIC`]. CRC-32 as in RFC 1952, section 8; it finds every flipped bit and every change within 32 bits.

use std::io::{self, Read, Seek, SeekFrom, Write};

use crc32fast::Hasher;

/// The last bytes of a file that has checksums.
const MAGIC: &[u8; 12] = b"restain sum1";
/// Bytes of the end.
const END: u64 = 8 + 4 + MAGIC.len() as u64;
/// Bytes of the header of a `BigTIFF`, with the offset of its first directory.
const HEADER: u64 = 16;

/// The checksums of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sums {
    /// Of each level's tiles, in the order of `TileOffsets`.
    pub(crate) levels: Vec<Vec<u32>>,
    /// Where the tiles end.
    pub(crate) tiles_end: u64,
    /// Of the header and the directories.
    directories: u32,
    /// Where the directories end and the checksums begin.
    at: u64,
}

/// Why there are none to compare with.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The file does not end as it should.
    Missing,
    /// The checksums themselves are damaged.
    Damaged,
    /// The file cannot be read.
    Read(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

/// Appends the checksums to a file that is otherwise complete, whose tiles end at `tiles_end`.
pub(crate) fn append<F: Read + Write + Seek>(
    file: &mut F,
    tiles_end: u64,
    levels: Vec<Vec<u32>>,
) -> io::Result<()> {
    let at = file.seek(SeekFrom::End(0))?;
    let directories = hash_directories(file, tiles_end, at)?;
    let block = Sums { levels, tiles_end, directories, at }.encode();
    file.seek(SeekFrom::Start(at))?;
    file.write_all(&block)?;
    file.write_all(&at.to_le_bytes())?;
    file.write_all(&crc32fast::hash(&block).to_le_bytes())?;
    file.write_all(MAGIC)
}

impl Sums {
    /// Reads the checksums of a file. Takes memory in proportion to the file's length, whatever it says.
    pub(crate) fn read<F: Read + Seek>(file: &mut F) -> Result<Self, Fault> {
        let length = file.seek(SeekFrom::End(0))?;
        let block_end = length.checked_sub(END).ok_or(Fault::Missing)?;
        file.seek(SeekFrom::Start(block_end))?;
        let (at, sum) = (read_u64(file)?, read_u32(file)?);
        let mut magic = [0; MAGIC.len()];
        file.read_exact(&mut magic)?;
        if magic != *MAGIC {
            return Err(Fault::Missing);
        }
        let block_length = block_end.checked_sub(at).ok_or(Fault::Damaged)?;
        file.seek(SeekFrom::Start(at))?;
        let mut block = Vec::new();
        file.by_ref().take(block_length).read_to_end(&mut block)?;
        if crc32fast::hash(&block) != sum {
            return Err(Fault::Damaged);
        }
        Self::decode(&block, at).ok_or(Fault::Damaged)
    }

    /// Whether header and directories are as they were written.
    pub(crate) fn directories_hold<F: Read + Seek>(&self, file: &mut F) -> io::Result<bool> {
        Ok(hash_directories(file, self.tiles_end, self.at)? == self.directories)
    }

    fn encode(&self) -> Vec<u8> {
        let mut block = (self.levels.len() as u32).to_le_bytes().to_vec();
        for tiles in &self.levels {
            block.extend((tiles.len() as u64).to_le_bytes());
            block.extend(tiles.iter().flat_map(|sum| sum.to_le_bytes()));
        }
        block.extend(self.tiles_end.to_le_bytes());
        block.extend(self.directories.to_le_bytes());
        block
    }

    fn decode(mut block: &[u8], at: u64) -> Option<Self> {
        let block = &mut block;
        let count = read_u32(block).ok()?;
        let mut levels = Vec::new();
        for _ in 0..count {
            let tiles = usize::try_from(read_u64(block).ok()?).ok()?;
            let (sums, rest) = block.split_at_checked(tiles.checked_mul(4)?)?;
            let sum = |bytes: &[u8]| bytes.try_into().map(u32::from_le_bytes).unwrap_or_default();
            levels.push(sums.chunks_exact(4).map(sum).collect());
            *block = rest;
        }
        let (tiles_end, directories) = (read_u64(block).ok()?, read_u32(block).ok()?);
        block.is_empty().then_some(Self { levels, tiles_end, directories, at })
    }
}

/// CRC-32 of the header and of what lies from `begin` to `end`.
fn hash_directories<F: Read + Seek>(file: &mut F, begin: u64, end: u64) -> io::Result<u32> {
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 1 << 16];
    for (begin, end) in [(0, HEADER), (begin, end)] {
        file.seek(SeekFrom::Start(begin))?;
        let mut part = file.by_ref().take(end.saturating_sub(begin));
        loop {
            let read = part.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            hasher.update(&buffer[..read]);
        }
    }
    Ok(hasher.finalize())
}

fn read_u64(from: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    from.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn read_u32(from: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn file() -> Cursor<Vec<u8>> {
        let mut file = Cursor::new((0..100).collect::<Vec<u8>>());
        append(&mut file, 60, vec![vec![1, 2, 3], vec![u32::MAX]]).expect("memory");
        file
    }

    #[test]
    fn what_is_appended_is_read() {
        let mut file = file();
        let sums = Sums::read(&mut file).expect("sums");
        assert_eq!(
            (sums.levels.clone(), sums.tiles_end, sums.at),
            (vec![vec![1, 2, 3], vec![u32::MAX]], 60, 100)
        );
        assert!(sums.directories_hold(&mut file).expect("memory"));
        // Header and directories, and nothing between.
        for (place, holds) in [(0, false), (15, false), (16, true), (59, true), (60, false), (99, false)] {
            let mut damaged = file.clone();
            damaged.get_mut()[place] ^= 1;
            assert_eq!(sums.directories_hold(&mut damaged).expect("memory"), holds, "byte {place}");
        }
    }

    #[test]
    fn no_damage_and_no_end_passes() {
        let whole = file().into_inner();
        for byte in 100..whole.len() {
            for bit in 0..8 {
                let mut damaged = whole.clone();
                damaged[byte] ^= 1 << bit;
                assert!(Sums::read(&mut Cursor::new(damaged)).is_err(), "bit {bit} of byte {byte}");
            }
        }
        for length in 0..whole.len() {
            let cut = Cursor::new(&whole[..length]);
            assert!(matches!(Sums::read(&mut { cut }), Err(Fault::Missing)), "{length} bytes");
        }
    }
}
