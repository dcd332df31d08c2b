//! Which slides are asked for: files, folders, patterns, and tables of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use restain_net::read_at_most;
use restain_slide::{Slide, check_mpp};
use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

use crate::{Error, Result};

/// Names of slide files by their end, as `OpenSlide` reads them; what else a folder holds is not looked at. TIFF files are
/// slides where `OpenSlide` knows them.
const SLIDES: [&str; 8] = ["mrxs", "svs", "ndpi", "scn", "bif", "svslide", "vms", "vmu"];
const TIFFS: [&str; 2] = ["tif", "tiff"];
/// Bytes that an output's name may have, so that those of its lock, its record and its hidden file are no longer than file
/// systems allow, 255.
const LONGEST_NAME: usize = 200;
/// Bytes that a manifest may have: some 100,000 slides.
const LONGEST_MANIFEST: u64 = 32 << 20;

/// A slide that is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Its file.
    pub slide: PathBuf,
    /// Name of its output, without `.tif`.
    pub name: String,
    /// What a manifest says of it alone.
    #[serde(default)]
    pub own: Own,
}

/// Settings of one slide, in place of those of the batch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Own {
    /// The model.
    pub model: Option<String>,
    /// The level to read.
    pub level: Option<u32>,
    /// The level to read by its micrometres a pixel.
    pub mpp: Option<f64>,
}

/// A line of a manifest.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    slide: PathBuf,
    output: Option<String>,
    model: Option<String>,
    level: Option<u32>,
    mpp: Option<f64>,
}

/// Finds the slides of inputs, by the names of their outputs: slide files; folders, searched with all folders in them;
/// patterns such as `scans/*.mrxs`; and manifests, CSV files with the column `slide` (relative to the manifest) and, if wanted,
/// `output`, `model`, `level` and `mpp`. Nothing in `output` is an input.
///
/// # Errors
/// [`Error::Input`] where there is no slide in an input, [`Error::Manifest`], [`Error::SameName`].
pub fn find(inputs: &[String], output: &Path) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    for input in inputs {
        let fault = |reason: &str| Error::Input { input: input.clone(), reason: reason.to_owned() };
        let path = Path::new(input);
        let before = items.len();
        if path.is_dir() {
            if path
                .canonicalize()
                .ok()
                .is_some_and(|folder| output.canonicalize().is_ok_and(|output| output == folder))
            {
                return Err(fault("the outputs would lie among the slides; choose another folder for them"));
            }
            items.extend(search(path, output)?.into_iter().map(item));
        } else if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("csv")) {
            items.extend(manifest(path)?);
        } else if path.exists() {
            items.push(item(path.to_owned()));
        } else {
            let found = glob::glob(input).map_err(|_| fault("no such file or folder, and no pattern"))?;
            for path in found.flatten() {
                if path.is_dir() {
                    items.extend(search(&path, output)?.into_iter().map(item));
                } else {
                    items.push(item(path));
                }
            }
        }
        if items.len() == before {
            let is_there = path.exists() || input.contains(['*', '?', '[']);
            return Err(fault(if is_there {
                "there is no slide here; check the path"
            } else {
                "no such file or folder, so there is no slide here; check the path"
            }));
        }
    }
    unique(items)
}

/// One item a slide, sorted; the same slide may be asked for twice.
fn unique(items: Vec<Item>) -> Result<Vec<Item>> {
    let mut by_name = BTreeMap::<String, Item>::new();
    for item in items {
        if item.name.len() > LONGEST_NAME {
            let reason = format!(
                "its name is longer than {LONGEST_NAME} bytes; give its output a shorter one in a manifest"
            );
            return Err(Error::Input { input: item.slide.display().to_string(), reason });
        }
        if let Some(known) = by_name.get(&item.name) {
            if known.slide.canonicalize().ok() != item.slide.canonicalize().ok() || known.own != item.own {
                let (first, second) = (known.slide.clone(), item.slide);
                return Err(Error::SameName { name: item.name, first, second });
            }
            continue;
        }
        by_name.insert(item.name.clone(), item);
    }
    Ok(by_name.into_values().collect())
}

fn item(slide: PathBuf) -> Item {
    let name = slide.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Item { slide, name, own: Own::default() }
}

/// The slides of a folder. What belongs to a slide is none itself, nor is what lies in `output`.
fn search(folder: &Path, output: &Path) -> Result<Vec<PathBuf>> {
    let output = output.canonicalize().ok();
    let enter = |entry: &walkdir::DirEntry| {
        let (path, hidden) = (entry.path(), entry.file_name().as_encoded_bytes().starts_with(b"."));
        let belongs = path.is_dir() && path.with_extension("mrxs") != path && sibling(path).is_file();
        let outputs = output.is_some() && path.canonicalize().ok() == output;
        entry.depth() == 0 || !(hidden || belongs || outputs)
    };
    let mut slides = Vec::<PathBuf>::new();
    // Slides whose own file was not copied, only the folder with their images: they are asked for, and fail.
    let mut orphans = Vec::new();
    for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter().filter_entry(enter) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => match error.path().map(Path::to_owned) {
                // What a link in a circle leads to is seen anyway.
                Some(_) if error.loop_ancestor().is_some() => continue,
                // What cannot be looked at may be a slide: it is asked for, and fails with its reason.
                Some(path) if error.depth() > 0 => {
                    slides.push(path);
                    continue;
                }
                _ => {
                    let reason = "cannot be searched; check its permissions and the disk".to_owned();
                    return Err(Error::Input { input: folder.display().to_string(), reason });
                }
            },
        };
        let ends = |ends: &[&str]| {
            entry.path().extension().is_some_and(|end| ends.iter().any(|one| end.eq_ignore_ascii_case(one)))
        };
        if !entry.file_type().is_dir() && (ends(&SLIDES) || ends(&TIFFS) && Slide::open(entry.path()).is_ok())
        {
            slides.push(entry.into_path());
        } else if entry.depth() > 0 && entry.path().join("Slidedat.ini").is_file() {
            orphans.push(sibling(entry.path()));
        }
    }
    // MIRAX files in capitals are told of as they are.
    orphans.retain(|orphan| !slides.iter().any(|s| s.as_os_str().eq_ignore_ascii_case(orphan.as_os_str())));
    slides.append(&mut orphans);
    Ok(slides)
}

/// The MIRAX file that a folder would belong to.
fn sibling(folder: &Path) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".mrxs");
    folder.with_file_name(name)
}

fn manifest(path: &Path) -> Result<Vec<Item>> {
    let text = read_at_most(path, LONGEST_MANIFEST).map_err(|error| Error::Manifest {
        path: path.to_owned(),
        message: format!("cannot be read: {error}"),
    })?;
    parse_manifest(&text, path)
}

/// Reads a manifest; slides are relative to the folder of `path`, which is not opened.
///
/// # Errors
/// [`Error::Manifest`].
pub fn parse_manifest(text: &[u8], path: &Path) -> Result<Vec<Item>> {
    let fault = |message: String| Error::Manifest { path: path.to_owned(), message };
    // Spreadsheets write semicolons where the comma is the decimal point.
    let head = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let delimiter = if head.contains(&b';') && !head.contains(&b',') { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).delimiter(delimiter).from_reader(text);
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut items = Vec::new();
    for line in reader.deserialize() {
        let Line { slide, output, model, level, mpp } =
            line.map_err(|error| fault(format!("{error}; columns are slide, output, model, level and mpp")))?;
        // Joined, an empty one would be the folder itself.
        if slide.file_name().is_none() {
            return Err(fault(format!("the slide `{}` is no name of a file", slide.display())));
        }
        let mut item = item(folder.join(slide));
        if let Some(output) = output.filter(|output| !output.is_empty()) {
            let name =
                output.strip_suffix(".tif").or(output.strip_suffix(".tiff")).unwrap_or(&output).to_owned();
            let odd = |letter: char| letter.is_control() || matches!(letter, '/' | '\\' | ':');
            if name.is_empty() || name.len() > LONGEST_NAME || name.starts_with('.') || name.contains(odd) {
                let slide = item.slide.display();
                return Err(fault(format!(
                    "the output {output} of {slide} is no name of a file in the output folder"
                )));
            }
            item.name = name;
        }
        if level.is_some() && mpp.is_some() {
            return Err(fault(format!(
                "{}: `level` and `mpp` are two ways to say one thing",
                item.slide.display()
            )));
        }
        if let Some(error) = mpp.and_then(|mpp| check_mpp(mpp).err()) {
            return Err(fault(format!("{}: {error}", item.slide.display())));
        }
        item.own = Own { model: model.filter(|model| !model.is_empty()), level, mpp };
        items.push(item);
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn names(items: &[Item]) -> Vec<&str> {
        items.iter().map(|item| item.name.as_str()).collect()
    }

    fn place(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, "").expect("a file");
        }
        folder
    }

    #[test]
    fn a_folder_is_searched_and_what_belongs_to_a_slide_is_none() {
        let folder = place(&[
            "a.mrxs",
            "a/Slidedat.ini",
            "a/inner.svs",
            "b.SVS",
            "c.jpg",
            "deep/er/d.ndpi",
            ".hidden/e.svs",
            "no.tif",
            "out/f.svs",
            "lone/g.scn",
            "notes.csv",
            "orphan.2/Slidedat.ini",
            "shouting.MRXS",
            "shouting/Slidedat.ini",
        ]);
        let at = |name: &str| folder.path().join(name).to_str().expect("a name").to_owned();
        let found = find(&[at("")], &folder.path().join("out")).expect("slides");
        assert_eq!(names(&found), ["a", "b", "d", "g", "orphan.2", "shouting"]);
        assert_eq!(found[4].slide, folder.path().join("orphan.2.mrxs"));
        assert_eq!(found[5].slide, folder.path().join("shouting.MRXS"));
        let found = find(&[at("*.mrxs"), at("a.mrxs"), at("lone")], Path::new("out")).expect("slides");
        assert_eq!(names(&found), ["a", "g"]);
        for nothing in ["nowhere", "*.bif", "[", ".hidden/nothing"] {
            assert!(matches!(find(&[at(nothing)], Path::new("out")), Err(Error::Input { .. })), "{nothing}");
        }
    }

    #[test]
    fn two_slides_of_one_name_are_refused() {
        let folder = place(&["one/a.svs", "two/a.ndpi"]);
        let error =
            find(&[folder.path().to_str().expect("a name").to_owned()], Path::new("out")).expect_err("two");
        assert!(error.to_string().contains("a.tif"), "{error}");
    }

    #[test]
    fn a_manifest_says_more() {
        let folder = place(&[]);
        let path = folder.path().join("slides.csv");
        let read = |text: &str| {
            fs::write(&path, text).expect("a file");
            find(&[path.to_str().expect("a name").to_owned()], Path::new("out"))
        };
        let items =
            read("slide, output, mpp, model, level\nx/a.mrxs, one.tif, 0.5, ,\n/b.svs,,,identity,2\n")
                .expect("two");
        assert_eq!(names(&items), ["b", "one"]);
        assert_eq!((items[1].slide.clone(), items[1].own.mpp), (folder.path().join("x/a.mrxs"), Some(0.5)));
        assert_eq!((items[0].own.model.as_deref(), items[0].own.level), (Some("identity"), Some(2)));
        assert_eq!(items[0].slide, Path::new("/b.svs"));
        let european = read("slide;mpp\na.svs;0.5\n").expect("one");
        assert_eq!((names(&european), european[0].own.mpp), (vec!["a"], Some(0.5)));
        let long = format!("slide,output\na.svs,{}\n", "x".repeat(LONGEST_NAME + 1));
        for (text, expected) in [
            (&*long, "no name of a file"),
            ("slide,output\na.svs,\"two\nlines\"\n", "no name of a file"),
            ("slide,output\na.svs,C:\\x\n", "no name of a file"),
            ("file\na\n", "slide"),
            ("slide,output\na.svs,../../etc/passwd\n", "no name of a file"),
            ("slide,output\na.svs,.bashrc\n", "no name of a file"),
            ("slide,level\na.svs,x\n", "line: 2"),
            ("slide,level,mpp\na.svs,1,0.5\n", "two ways"),
            ("slide,output\n,a\n", "`` is no name of a file"),
            ("slide,output\n..,a\n", "`..` is no name of a file"),
            ("slide,mpp\na.svs,nan\n", "a.svs: NaN micrometres"),
            ("slide,mpp\na.svs,-1\n", "a.svs: -1 micrometres"),
            ("slide\n", "there is no slide"),
        ] {
            let error = read(text).expect_err(text).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
