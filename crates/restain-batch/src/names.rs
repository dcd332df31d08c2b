//! Outputs that tell nothing about a patient: named by their slide's content, and messages without the slide's name.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::inputs::Item;
use crate::{Error, Fingerprint, Result};

/// Hexadecimal digits of a name: a collision among a million slides is one in thirty millions.
const DIGITS: usize = 16;
/// Names shorter than this are words of any message.
const SHORTEST: usize = 3;

/// Gives every output the name of its slide's content. Two slides of the same content are one.
pub fn hash(items: Vec<Item>) -> Vec<Item> {
    let mut known = BTreeSet::new();
    let mut unreadable = 0;
    let named = items.into_iter().filter_map(|item| {
        let name = Fingerprint::of(&item.slide).map_or_else(
            |_| {
                unreadable += 1;
                format!("unreadable-{unreadable}")
            },
            |input| input.content[..DIGITS].to_owned(),
        );
        known.insert(name.clone()).then_some(Item { name, ..item })
    });
    let mut items: Vec<Item> = named.collect();
    items.sort_by(|a, b| a.name.cmp(&b.name));
    items
}

/// Writes which slide became which output, for its owner's eyes alone.
///
/// # Errors
/// [`Error::Folder`] where the file cannot be written.
pub fn write_mapping(path: &Path, items: &[Item]) -> Result<()> {
    let fault = |source: io::Error| Error::Folder {
        path: path.to_owned(),
        doing: "cannot write which slide is which",
        source,
    };
    let mut csv = csv::Writer::from_writer(Vec::new());
    let lines = items.iter().map(|item| (format!("{}.tif", item.name), item.slide.to_string_lossy()));
    for (output, slide) in [("output".to_owned(), "slide".into())].into_iter().chain(lines) {
        csv.write_record([output.as_bytes(), slide.as_bytes()])
            .map_err(|error| fault(io::Error::other(error)))?;
    }
    let bytes = csv.into_inner().map_err(|error| fault(io::Error::other(error.to_string())))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // A new file of mode 0600 takes the place of whatever was there.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(fault)?;
    file.write_all(&bytes).and_then(|()| file.as_file().sync_all()).map_err(fault)?;
    file.persist(path).map(drop::<File>).map_err(|error| fault(error.error))
}

/// A message about a slide without its name and its folders.
pub(crate) fn veil(item: (&Path, &str), message: &str) -> String {
    let (slide, name) = item;
    let mut message = message.to_owned();
    let absolute = slide.canonicalize().unwrap_or_else(|_| slide.to_owned());
    // The longest first: a part must not be taken out of the whole.
    for path in [absolute.as_path(), slide] {
        for part in [path, &path.with_extension("")] {
            message = message.replace(&*part.to_string_lossy(), name);
        }
        if let Some(folder) = path.parent().filter(|folder| folder.as_os_str().len() > SHORTEST) {
            message = message.replace(&*folder.to_string_lossy(), "...");
        }
        for part in [path.file_name(), path.file_stem()].into_iter().flatten() {
            if part.len() >= SHORTEST {
                message = message.replace(&*part.to_string_lossy(), name);
            }
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::inputs::find;

    #[test]
    fn names_follow_the_content() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("Jane.svs"), "one").expect("a file");
        fs::write(at("Joan.svs"), "two").expect("a file");
        fs::write(at("Copy of Jane.svs"), "one").expect("a file");
        let find =
            || find(&[folder.path().to_str().expect("a name").to_owned()], Path::new("out")).expect("slides");
        let items = hash(find());
        assert_eq!(items.len(), 2);
        assert!(items.iter().all(|item| item.name.len() == DIGITS && !item.name.contains('J')));
        fs::rename(at("Joan.svs"), at("Zoe.svs")).expect("a move");
        let names = |items: &[Item]| items.iter().map(|item| item.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&hash(find())), names(&items));
        let mapping = at("names.csv");
        write_mapping(&mapping, &items).expect("a file");
        let text = fs::read_to_string(&mapping).expect("a file");
        assert!(text.starts_with("output,slide\n") && text.contains("Joan.svs"), "{text}");
        #[cfg(unix)]
        assert_eq!(
            std::os::unix::fs::MetadataExt::mode(&fs::metadata(&mapping).expect("a file")) & 0o777,
            0o600
        );
    }

    #[test]
    fn messages_keep_quiet() {
        let slide = Path::new("/scans/Ward 7/Jane Doe.mrxs");
        let message = "/scans/Ward 7/Jane Doe.mrxs: /scans/Ward 7/Jane Doe/Slidedat.ini is missing beside Jane Doe.mrxs in /scans/Ward 7";
        assert_eq!(veil((slide, "ab12"), message), "ab12: ab12/Slidedat.ini is missing beside ab12 in ...");
    }
}
