//! Splits a JPEG stream into the abbreviated pair that TIFF stores: the tables once for all tiles, and each tile
//! without them (TIFF Technical Note 2, "`JPEGTables` field"; ITU-T T.81, B.4 and B.5).

use crate::{Error, Result};

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const DQT: u8 = 0xdb;
const DHT: u8 = 0xc4;

/// The two halves of a JPEG stream, each a stream from SOI to EOI of its own.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Abbreviated {
    /// Quantisation and Huffman tables only: TIFF's `JPEGTables`.
    pub(crate) tables: Vec<u8>,
    /// Frame, scan and entropy-coded data: one TIFF tile.
    pub(crate) picture: Vec<u8>,
}

/// Splits `stream`. Application data (JFIF) and comments are dropped: TIFF's own tags say what they would.
pub(crate) fn split(stream: &[u8]) -> Result<Abbreviated> {
    let mut rest =
        stream.strip_prefix(&[0xff, SOI]).ok_or(Error::JpegStream("it does not begin with SOI"))?;
    let mut tables = vec![0xff, SOI];
    let mut picture = Vec::with_capacity(stream.len());
    picture.extend([0xff, SOI]);
    loop {
        let [0xff, marker, high, low, ..] = *rest else {
            return Err(Error::JpegStream("a marker segment is cut short"));
        };
        let length = 2 + usize::from(u16::from_be_bytes([high, low]));
        let (segment, after) =
            rest.split_at_checked(length).ok_or(Error::JpegStream("a marker segment is cut short"))?;
        match marker {
            DQT | DHT => tables.extend(segment),
            // APP0 to APP15 and COM.
            0xe0..=0xef | 0xfe => {}
            SOS => {
                // A baseline stream has one scan, which lasts until the end.
                picture.extend(rest);
                tables.extend([0xff, EOI]);
                return Ok(Abbreviated { tables, picture });
            }
            _ => picture.extend(segment),
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_picture_part() {
        let segment = |marker: u8, byte: u8| vec![0xff, marker, 0, 3, byte];
        let scan = [0xff, SOS, 0, 2, 1, 2, 3, 0xff, EOI];
        let stream = [
            vec![0xff, SOI],
            segment(0xe0, 1),
            segment(DQT, 2),
            segment(0xc0, 3),
            segment(DHT, 4),
            segment(0xfe, 5),
            scan.to_vec(),
        ]
        .concat();
        let Abbreviated { tables, picture } = split(&stream).expect("a well-formed stream");
        assert_eq!(tables, [vec![0xff, SOI], segment(DQT, 2), segment(DHT, 4), vec![0xff, EOI]].concat());
        assert_eq!(picture, [vec![0xff, SOI], segment(0xc0, 3), scan.to_vec()].concat());
    }

    #[test]
    fn every_cut_before_the_scan_is_an_error() {
        let stream = [0xff, SOI, 0xff, DQT, 0, 3, 7, 0xff, SOS, 0, 2];
        assert!(split(&stream).is_ok());
        for end in 0..stream.len() {
            assert!(split(&stream[..end]).is_err(), "cut at {end}");
        }
    }
}
