//! Outputs that tell nothing about a patient: named by their slide's content, and messages without the slide's name.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::fingerprint::fingerprint_within;
use crate::inputs::Item;
use crate::{Error, OutFolder, Result};

/// Hexadecimal digits of a name: a collision among a million slides is one in thirty millions.
const DIGITS: usize = 16;
/// How long a slide may take to be looked at, before it is one that cannot be read.
const PATIENCE: Duration = Duration::from_mins(1);
/// Names shorter than this are words of any message.
const SHORTEST: usize = 3;

/// Gives every output the name of its slide's content. Two slides of the same content are one. A slide that takes longer than
/// `limit` to be looked at counts as one that cannot be read.
pub fn hash(items: Vec<Item>, limit: Option<Duration>) -> Vec<Item> {
    let limit = limit.map_or(PATIENCE, |limit| limit.min(PATIENCE));
    let mut known = BTreeSet::new();
    let mut unreadable = 0;
    let named = items.into_iter().filter_map(|item| {
        let name = fingerprint_within(&item.slide, limit).map_or_else(
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

/// First line of a mapping.
const HEAD: [&str; 2] = ["output", "slide"];

/// Writes which slide became which output, for its owner's eyes alone: to `path`, or beside the output folder. What is said there
/// of other outputs stays.
///
/// # Errors
/// [`Error::Mapping`] where the file lies in the output folder or is something else; [`Error::Folder`] where it cannot be
/// written.
pub fn write_mapping(out: &OutFolder, path: Option<&Path>, items: &[Item]) -> Result<()> {
    let fault = |path: &Path, cause: io::Error| Error::Folder {
        path: path.to_owned(),
        doing: "cannot write which slide is which",
        cause,
    };
    let folder = out.path().canonicalize().map_err(|cause| fault(out.path(), cause))?;
    let path = path.map_or_else(|| beside(&folder), Path::to_owned);
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let parent = parent.canonicalize().map_err(|cause| fault(&path, cause))?;
    let refuse = |reason| Err(Error::Mapping { path: path.clone(), reason });
    if parent.starts_with(&folder) {
        return refuse("the mapping would lie among the outputs");
    }
    let _lock = out.lock_all()?;
    let Some(mut lines) = read_mapping(&path).map_err(|cause| fault(&path, cause))? else {
        return refuse("there is another file of this name, which is no mapping");
    };
    for Item { name, slide, .. } in items {
        lines.insert((format!("{name}.tif"), slide.to_string_lossy().into_owned()));
    }
    // A new file of mode 0600 takes the place of the old one.
    let written = format_mapping(&lines).and_then(|bytes| {
        let mut file = tempfile::NamedTempFile::new_in(&parent)?;
        file.write_all(&bytes)?;
        file.as_file().sync_all()?;
        file.persist(&path).map(drop::<File>).map_err(|error| error.error)
    });
    written.map_err(|cause| fault(&path, cause))
}

/// The lines of a mapping, none where there is no file; `None` where the file is no mapping.
fn read_mapping(path: &Path) -> io::Result<Option<Mapping>> {
    if !path.try_exists()? {
        return Ok(Some(Mapping::new()));
    }
    parse_mapping(File::open(path)?)
}

/// Which slide became which output, in the order of the outputs.
pub type Mapping = BTreeSet<(String, String)>;

/// The lines of a mapping; `None` where it is another table.
///
/// # Errors
/// Where it cannot be read, or is no table.
pub fn parse_mapping(csv: impl io::Read) -> io::Result<Option<Mapping>> {
    let mut reader = csv::Reader::from_reader(csv);
    if reader.headers().map_err(io::Error::other)? != HEAD[..] {
        return Ok(None);
    }
    let lines = reader.deserialize::<(String, String)>().collect::<Result<_, _>>();
    lines.map(Some).map_err(io::Error::other)
}

/// The file of a mapping.
///
/// # Errors
/// None: it is written to memory.
pub fn format_mapping(lines: &Mapping) -> io::Result<Vec<u8>> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(HEAD).map_err(io::Error::other)?;
    for (output, slide) in lines {
        csv.write_record([output, slide]).map_err(io::Error::other)?;
    }
    csv.into_inner().map_err(|error| io::Error::other(error.to_string()))
}

/// `OUTDIR-names.csv` beside the output folder.
fn beside(folder: &Path) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push("-names.csv");
    folder.with_file_name(name)
}

/// A message about a slide without its name and its folders.
pub(crate) fn veil((slide, name): (&Path, &str), message: &str) -> String {
    let absolute = slide.canonicalize().unwrap_or_else(|_| slide.to_owned());
    let paths = [absolute.as_path(), slide];
    let mut message = message.to_owned();
    // The longest first: a part must not be taken out of the whole.
    for path in paths {
        for part in [path, &path.with_extension("")] {
            message = message.replace(&*part.to_string_lossy(), name);
        }
    }
    for folder in
        paths.into_iter().filter_map(Path::parent).filter(|folder| folder.as_os_str().len() > SHORTEST)
    {
        message = message.replace(&*folder.to_string_lossy(), "...");
    }
    for part in paths.into_iter().flat_map(|path| [path.file_name(), path.file_stem()]).flatten() {
        if part.len() >= SHORTEST {
            message = message.replace(&*part.to_string_lossy(), name);
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
        let items = hash(find(), None);
        assert_eq!(items.len(), 2);
        assert!(items.iter().all(|item| item.name.len() == DIGITS && !item.name.contains('J')));
        fs::rename(at("Joan.svs"), at("Zoe.svs")).expect("a move");
        let names = |items: &[Item]| items.iter().map(|item| item.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&hash(find(), None)), names(&items));
        let out = OutFolder::create(&at("out")).expect("a folder");
        write_mapping(&out, None, &items[..1]).expect("a file");
        write_mapping(&out, None, &items[1..]).expect("a file");
        let mapping = at("out-names.csv");
        let text = fs::read_to_string(&mapping).expect("a file");
        assert!(
            text.starts_with("output,slide\n") && text.contains("Joan.svs") && text.lines().count() == 3,
            "{text}"
        );
        #[cfg(unix)]
        assert_eq!(
            std::os::unix::fs::MetadataExt::mode(&fs::metadata(&mapping).expect("a file")) & 0o777,
            0o600
        );
        fs::write(at("mine.csv"), "slide\na\n").expect("a file");
        for refused in ["mine.csv", "out/names.csv"] {
            let error = write_mapping(&out, Some(&at(refused)), &items).expect_err(refused);
            assert!(matches!(error, Error::Mapping { .. }), "{error}");
        }
        assert_eq!(fs::read_to_string(at("mine.csv")).expect("a file"), "slide\na\n");
    }

    #[test]
    fn messages_keep_quiet() {
        let slide = Path::new("/scans/Ward 7/Jane Doe.mrxs");
        let message = "/scans/Ward 7/Jane Doe.mrxs: /scans/Ward 7/Jane Doe/Slidedat.ini is missing beside Jane Doe.mrxs in /scans/Ward 7";
        assert_eq!(veil((slide, "ab12"), message), "ab12: ab12/Slidedat.ini is missing beside ab12 in ...");
        let near = Path::new("Doe/x.svs");
        assert_eq!(veil((near, "ab12"), "Doe/x.svs: cannot read level 0"), "ab12: cannot read level 0");
    }
}
