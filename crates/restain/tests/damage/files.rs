//! The files of a slide, and what lies where in them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A slide in memory.
#[derive(Clone)]
pub(crate) struct Files {
    /// The preview, which is the `.mrxs` file.
    pub(crate) mrxs: Option<Vec<u8>>,
    /// The files of the folder, by name.
    pub(crate) folder: BTreeMap<String, Vec<u8>>,
}

/// A stretch of a data file.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) file: usize,
    pub(crate) offset: usize,
    pub(crate) length: usize,
}

pub(crate) const INI: &str = "Slidedat.ini";
pub(crate) const INDEX: &str = "Index.dat";
/// Length of the version at the beginning of the index.
pub(crate) const VERSION: usize = 5;
/// Where the index says where the levels are: after version and identity.
pub(crate) const LEVELS: usize = VERSION + 32;
/// Where the index says where all else is.
pub(crate) const RECORDS: usize = LEVELS + 4;

// The records, in the order of `Slidedat.ini`.
pub(crate) const MACRO: usize = 0;
pub(crate) const LABEL: usize = 1;
pub(crate) const THUMBNAIL: usize = 2;
pub(crate) const POSITIONS: usize = 3;

impl Files {
    pub(crate) fn read(slide: &Path) -> Self {
        let entries = fs::read_dir(slide.with_extension("")).unwrap().map(|entry| entry.unwrap());
        let folder = entries
            .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
            .collect();
        Self { mrxs: Some(fs::read(slide).unwrap()), folder }
    }

    pub(crate) fn write(&self, slide: &Path) {
        let folder = slide.with_extension("");
        fs::create_dir(&folder).unwrap();
        for (name, bytes) in &self.folder {
            fs::write(folder.join(name), bytes).unwrap();
        }
        if let Some(mrxs) = &self.mrxs {
            fs::write(slide, mrxs).unwrap();
        }
    }

    pub(crate) fn file(&mut self, name: &str) -> &mut Vec<u8> {
        self.folder.get_mut(name).unwrap_or_else(|| panic!("there is no {name}"))
    }

    pub(crate) fn data(&mut self, number: usize) -> &mut Vec<u8> {
        self.file(&data_name(number))
    }

    // Slidedat.ini

    fn ini(&mut self, change: impl FnOnce(&mut Vec<String>)) {
        let text = String::from_utf8(self.file(INI).clone()).unwrap();
        let mut lines = text.lines().map(ToOwned::to_owned).collect();
        change(&mut lines);
        *self.file(INI) = (lines.join("\n") + "\n").into_bytes();
    }

    /// The line of a key.
    fn key(lines: &[String], group: &str, key: &str) -> usize {
        let group_line = format!("[{group}]");
        let begin = lines.iter().position(|line| *line == group_line).expect(group);
        let found = lines[begin + 1..]
            .iter()
            .take_while(|line| !line.starts_with('['))
            .position(|line| line.split(" = ").next() == Some(key));
        begin + 1 + found.unwrap_or_else(|| panic!("no {key} in {group}"))
    }

    pub(crate) fn get(&mut self, group: &str, key: &str) -> String {
        let mut value = String::new();
        self.ini(|lines| {
            let line = &lines[Self::key(lines, group, key)];
            line.split_once(" = ").unwrap().1.clone_into(&mut value);
        });
        value
    }

    pub(crate) fn set(&mut self, group: &str, key: &str, value: &str) {
        self.ini(|lines| {
            let at = Self::key(lines, group, key);
            lines[at] = format!("{key} = {value}");
        });
    }

    pub(crate) fn remove(&mut self, group: &str, key: &str) {
        self.ini(|lines| {
            let at = Self::key(lines, group, key);
            lines.remove(at);
        });
    }

    pub(crate) fn remove_group(&mut self, group: &str) {
        self.ini(|lines| {
            let begin = lines.iter().position(|line| *line == format!("[{group}]")).expect(group);
            let more = lines[begin + 1..].iter().position(|line| line.starts_with('['));
            let end = more.map_or(lines.len(), |more| begin + 1 + more);
            lines.drain(begin..end);
        });
    }

    pub(crate) fn levels(&mut self) -> usize {
        self.get("HIERARCHICAL", "HIER_0_COUNT").parse().unwrap()
    }

    // Index.dat

    /// The number at a place of the index.
    pub(crate) fn number(&self, at: usize) -> usize {
        let bytes = self.folder[INDEX][at..at + 4].try_into().unwrap();
        usize::try_from(i32::from_le_bytes(bytes)).unwrap()
    }

    pub(crate) fn put(&mut self, at: usize, number: i32) {
        self.file(INDEX)[at..at + 4].copy_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn cut_index(&mut self, at: usize) {
        assert!(at < self.folder[INDEX].len());
        self.file(INDEX).truncate(at);
    }

    /// Where the pointer to a level lies.
    pub(crate) fn level_pointer(&self, level: usize) -> usize {
        self.number(LEVELS) + 4 * level
    }

    /// Where a level's zero and its pointer to the first page lie.
    pub(crate) fn level(&self, level: usize) -> usize {
        self.number(self.level_pointer(level))
    }

    /// Where a level's first page lies: a count, a pointer to the next page, entries.
    pub(crate) fn page(&self, level: usize) -> usize {
        self.number(self.level(level) + 4)
    }

    /// Where an entry of a level's first page lies: image, offset, length, file.
    pub(crate) fn entry(&self, level: usize, entry: usize) -> usize {
        assert!(entry < self.number(self.page(level)));
        self.page(level) + 8 + 16 * entry
    }

    /// Where the pointer to a record lies.
    pub(crate) fn record_pointer(&self, record: usize) -> usize {
        self.number(RECORDS) + 4 * record
    }

    /// Where a record's zero and its pointer to the page lie.
    pub(crate) fn record(&self, record: usize) -> usize {
        self.number(self.record_pointer(record))
    }

    /// Where a record's page lies: a count, three zeros, offset, length, file.
    pub(crate) fn record_page(&self, record: usize) -> usize {
        self.number(self.record(record) + 4)
    }

    fn place(&self, at: usize) -> Place {
        let [offset, length, file] = [0, 4, 8].map(|more| self.number(at + more));
        Place { file, offset, length }
    }

    /// Where a tile lies.
    pub(crate) fn tile(&self, level: usize, entry: usize) -> Place {
        self.place(self.entry(level, entry) + 4)
    }

    /// Where the data of a record lie.
    pub(crate) fn record_data(&self, record: usize) -> Place {
        self.place(self.record_page(record) + 16)
    }

    /// The bytes of a place.
    pub(crate) fn bytes(&mut self, place: Place) -> &mut [u8] {
        &mut self.data(place.file)[place.offset..place.offset + place.length]
    }

    /// Writes new bytes for the entry at a place of the index, at the end of its data file.
    fn replace(&mut self, at: usize, bytes: &[u8]) {
        let file = self.place(at).file;
        let data = self.data(file);
        let offset = data.len();
        data.extend(bytes);
        self.put(at, offset as i32);
        self.put(at + 4, bytes.len() as i32);
    }

    pub(crate) fn replace_tile(&mut self, level: usize, entry: usize, bytes: &[u8]) {
        self.replace(self.entry(level, entry) + 4, bytes);
    }

    pub(crate) fn replace_record(&mut self, record: usize, bytes: &[u8]) {
        self.replace(self.record_page(record) + 16, bytes);
    }
}

pub(crate) fn data_name(number: usize) -> String {
    format!("Data{number:04}.dat")
}
