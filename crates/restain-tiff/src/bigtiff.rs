//! The bytes of a `BigTIFF` file ("The `BigTIFF` File Format", `AWare` Systems; types and rules of TIFF 6.0, section 2).
//!
//! Tiles arrive over the whole life of a writer and the directories come last. The `tiff` crate's encoder lends its
//! file to one directory at a time, which must then be written, so it cannot hold tiles that come in between; the
//! tests read the files back with that crate's decoder.

/// Bytes of the header: byte order, version 43, size of an offset, and the offset of the first directory.
pub(crate) const HEADER_LENGTH: usize = 16;

/// One entry of a directory: a tag with its values.
pub(crate) struct Entry {
    tag: u16,
    kind: u16,
    count: u64,
    values: Vec<u8>,
}

impl Entry {
    /// Text, closed by a NUL.
    pub(crate) fn ascii(tag: u16, text: &str) -> Self {
        Self { tag, kind: 2, count: text.len() as u64 + 1, values: [text.as_bytes(), &[0]].concat() }
    }

    /// 16-bit numbers.
    pub(crate) fn short(tag: u16, values: &[u16]) -> Self {
        Self::new(tag, 3, values, |value| value.to_le_bytes())
    }

    /// 32-bit numbers.
    pub(crate) fn long(tag: u16, values: &[u32]) -> Self {
        Self::new(tag, 4, values, |value| value.to_le_bytes())
    }

    /// Numerators and denominators.
    pub(crate) fn rational(tag: u16, values: &[(u32, u32)]) -> Self {
        Self::new(tag, 5, values, |(over, under)| (u64::from(*under) << 32 | u64::from(*over)).to_le_bytes())
    }

    /// Bytes that mean nothing to TIFF.
    pub(crate) fn undefined(tag: u16, bytes: &[u8]) -> Self {
        Self::new(tag, 7, bytes, |byte| [*byte])
    }

    /// 64-bit numbers.
    pub(crate) fn long8(tag: u16, values: &[u64]) -> Self {
        Self::new(tag, 16, values, |value| value.to_le_bytes())
    }

    fn new<T, const N: usize>(tag: u16, kind: u16, values: &[T], bytes: impl Fn(&T) -> [u8; N]) -> Self {
        Self { tag, kind, count: values.len() as u64, values: values.iter().flat_map(bytes).collect() }
    }
}

/// The file's first bytes.
pub(crate) fn header(first_directory: u64) -> [u8; HEADER_LENGTH] {
    let mut bytes = [0; HEADER_LENGTH];
    bytes[..8].copy_from_slice(&[b'I', b'I', 43, 0, 8, 0, 0, 0]);
    bytes[8..].copy_from_slice(&first_directory.to_le_bytes());
    bytes
}

/// The directory that lies at `offset` (a multiple of 8), with its long values behind it and, unless it is the
/// `last`, a link to a directory right behind those. Its length is a multiple of 8.
pub(crate) fn directory(mut entries: Vec<Entry>, offset: u64, last: bool) -> Vec<u8> {
    // Tags ascend (TIFF 6.0, page 15).
    entries.sort_by_key(|entry| entry.tag);
    // The count, 20 bytes an entry, the link.
    let values_at = (8 + 20 * entries.len() + 8).next_multiple_of(8);
    let mut head = (entries.len() as u64).to_le_bytes().to_vec();
    let mut long_values: Vec<u8> = Vec::new();
    for Entry { tag, kind, count, mut values } in entries {
        head.extend(tag.to_le_bytes());
        head.extend(kind.to_le_bytes());
        head.extend(count.to_le_bytes());
        let long = values.len() > 8;
        values.resize(values.len().next_multiple_of(8), 0);
        if long {
            head.extend((offset + (values_at + long_values.len()) as u64).to_le_bytes());
            long_values.extend(values);
        } else {
            head.extend(values);
        }
    }
    let next = if last { 0 } else { offset + (values_at + long_values.len()) as u64 };
    head.extend(next.to_le_bytes());
    head.resize(values_at, 0);
    head.extend(long_values);
    head
}
