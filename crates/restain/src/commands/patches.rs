use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use image::ExtendedColorType;
use image::codecs::{jpeg::JpegEncoder, png::PngEncoder};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rayon::prelude::*;
use restain_data::{Dataset, Error, Manifest, Padding, Sample, Settings, SlidePlace, Slides, Source};
use restain_slide::Slide;
use sha2::{Digest, Sha256};

use crate::folder::Folder;
use crate::{interrupt, quantity};

/// The table beside the patches.
const TABLE: &str = "patches.csv";
/// Quality of JPEG patches; their chroma is not subsampled.
const JPEG_QUALITY: u8 = 95;

/// Write the annotated places of slides as picture files
///
/// A patch is cut about each point and about the centre of each polygon of the annotations, straight from the slide,
/// into DIR/<class>/<slide>_<number>.png. DIR/patches.csv has a row for each: file, slide, the centre x, y in level-0
/// pixels from the slide's own corner, class, and group (the slide: keep a group in one part when you split). DIR
/// appears when it is whole, or not at all.
///
/// Annotations are GeoJSON as QuPath exports it (File, Export objects as GeoJSON); the class of an object is its
/// classification. The names of the slides become names of files and stand in the table: where they name patients, use
/// --rename hash.
#[derive(Args)]
#[command(after_help = "Example:\n  \
    restain patches slides/*.mrxs --annotations exports/ -o patches --size 128 --mpp 0.25\n\n  \
    cuts patches of 128 px of 0.25 micrometres; exports/ holds a.geojson for slides/a.mrxs, and so on.")]
pub(crate) struct Patches {
    /// The slides
    #[arg(value_name = "SLIDE", required = true)]
    slides: Vec<PathBuf>,

    /// The annotations: for one slide its GeoJSON file, for several a folder with a .geojson file of each slide's name;
    /// without it, such a file beside each slide
    #[arg(long, value_name = "PATH")]
    annotations: Option<PathBuf>,

    /// The folder to write
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,

    /// Side of a patch in pixels, 1 to 4096
    #[arg(long, value_name = "N", default_value_t = 256)]
    size: u32,

    /// Micrometres a pixel of the patches; without it, those of level 0
    #[arg(long, value_name = "M")]
    mpp: Option<f64>,

    /// What a patch shows beyond what was scanned
    #[arg(long, value_name = "RULE", value_enum, default_value_t = Pad::Reflect)]
    pad: Pad,

    /// Where the annotations count their pixels from
    #[arg(long, value_name = "CORNER", value_enum, default_value_t = Origin::Bounds)]
    origin: Origin,

    /// Format of the patches
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Png)]
    format: Format,

    /// Write at most so many patches, spread evenly over what there is
    #[arg(long, value_name = "N")]
    limit: Option<usize>,

    /// Call the slides otherwise than by their names
    #[arg(long, value_name = "HOW", value_enum)]
    rename: Option<Rename>,

    /// Replace the folder of an earlier run, with all that is in it
    #[arg(long)]
    force: bool,

    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Pad {
    /// The scan mirrored at its edge
    Reflect,
    /// The slide's background colour
    White,
    /// Nothing: such patches are left out
    Skip,
}

#[derive(Clone, Copy, ValueEnum)]
enum Origin {
    /// The corner of what was scanned, as QuPath does
    Bounds,
    /// The corner of level 0, as QuPath does with --no-crop
    Slide,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// Lossless
    Png,
    /// Smaller, quality 95
    Jpg,
}

#[derive(Clone, Copy, ValueEnum)]
enum Rename {
    /// By 16 digits of a hash of the slide's file, not of its name
    Hash,
}

/// A slide and its patches to be.
struct Work {
    /// What it is called in the output.
    name: String,
    dataset: Dataset,
}

/// A patch to be.
struct Item<'a> {
    work: &'a Work,
    sample: &'a Sample,
    /// Its path inside the output, with `/` between folder and file.
    file: String,
}

impl Patches {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        interrupt::catch()?;
        let output = Folder::begin(&self.output, TABLE, self.force)?;
        let works = self.find()?;
        let samples: usize = works.iter().map(|work| work.dataset.samples().len()).sum();
        let wanted = self.limit.unwrap_or(samples).min(samples);
        if wanted == 0 {
            bail!("--limit 0 leaves no patch to write");
        }
        let items = self.items(&works, samples, wanted)?;
        let bar = ProgressBar::new(items.len() as u64);
        if self.quiet {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        bar.set_style(ProgressStyle::with_template("{bar:32} {pos} of {len} patches  {eta} left")?);
        let written = self.write(&items, output.path(), &bar);
        bar.finish_and_clear();
        written?;
        output.finish()?;
        let skipped: usize = works.iter().map(|work| work.dataset.skipped()).sum();
        if !self.quiet {
            if skipped > 0 {
                let patches = quantity::count(skipped as u64, "patch that would reach");
                eprintln!("note: left out {patches} beyond what was scanned");
            }
            let classes: BTreeSet<_> = items.iter().map(|item| &item.sample.class).collect();
            println!(
                "{}: {} of {} from {}",
                self.output.display(),
                if items.len() == 1 { "1 patch".to_owned() } else { format!("{} patches", items.len()) },
                if classes.len() == 1 { "1 class".to_owned() } else { format!("{} classes", classes.len()) },
                quantity::count(works.len() as u64, "slide")
            );
        }
        Ok(())
    }

    /// Opens the slides and reads their annotations.
    fn find(&self) -> anyhow::Result<Vec<Work>> {
        if let Some(file) = self.annotations.as_ref().filter(|path| self.slides.len() > 1 && !path.is_dir()) {
            bail!(
                "{}: one annotation file cannot be that of several slides; give a folder with one for each",
                file.display()
            );
        }
        let mut works: Vec<Work> = Vec::new();
        for path in &self.slides {
            let slide = Slide::open(path)?;
            let beneath = |output: PathBuf| path.canonicalize().is_ok_and(|path| path.starts_with(output));
            if slide.holds(&self.output) || self.output.canonicalize().is_ok_and(beneath) {
                bail!(
                    "{}: the output would lie among the slides; choose another folder",
                    self.output.display()
                );
            }
            let name = match self.rename {
                None => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
                Some(Rename::Hash) => {
                    hash(path).with_context(|| format!("{}: cannot read the file", path.display()))?
                }
            };
            if works.iter().any(|work| work.name == name) {
                bail!(
                    "{}: another slide is also called {name}, and so would its patches; cut them in two runs",
                    path.display()
                );
            }
            drop(slide);
            let dataset = self.dataset(path);
            let dataset = match dataset {
                Err(error @ Error::Empty { .. }) => Err(error).with_context(|| path.display().to_string()),
                other => other.map_err(Into::into),
            }?;
            works.push(Work { name, dataset });
        }
        Ok(works)
    }

    fn dataset(&self, slide: &Path) -> restain_data::Result<Dataset> {
        let source = Slides {
            place: SlidePlace::Annotated,
            paths: vec![slide.to_string_lossy().into_owned()],
            annotations: self.annotations.clone(),
            labels: BTreeMap::new(),
            origin: match self.origin {
                Origin::Bounds => restain_data::Origin::Bounds,
                Origin::Slide => restain_data::Origin::Slide,
            },
            polygons: restain_data::PolygonRule::Centre,
            group: restain_data::Group::File,
            mpp: None,
        };
        let patches = Settings {
            side: self.size,
            mpp: self.mpp,
            padding: match self.pad {
                Pad::Reflect => Padding::Reflect,
                Pad::White => Padding::White,
                Pad::Skip => Padding::Skip,
            },
            ..Settings::default()
        };
        let manifest = Manifest { patches, sources: vec![Source::Slides(source)], split: None };
        Dataset::build(&manifest, Path::new(""))
    }

    /// The `wanted` patches to write, spread evenly over all `samples`, and their files.
    fn items<'a>(&self, works: &'a [Work], samples: usize, wanted: usize) -> anyhow::Result<Vec<Item<'a>>> {
        let (mut items, mut folders) = (Vec::with_capacity(wanted), BTreeMap::new());
        let ending = match self.format {
            Format::Png => "png",
            Format::Jpg => "jpg",
        };
        let numbered =
            works.iter().flat_map(|work| (1..).zip(work.dataset.samples()).map(move |n| (work, n)));
        for (index, (work, (number, sample))) in numbered.enumerate() {
            // In 128 bits, where no product overflows.
            let before = |index: usize| index as u128 * wanted as u128 / samples as u128;
            if before(index) == before(index + 1) {
                continue;
            }
            let folder = folder_name(&sample.class);
            let class = *folders.entry(folder.clone()).or_insert(&sample.class);
            if *class != sample.class {
                bail!(
                    "the classes `{class}` and `{}` would share the folder {folder}; rename one of them",
                    sample.class
                );
            }
            items.push(Item { work, sample, file: format!("{folder}/{}_{number:05}.{ending}", work.name) });
        }
        Ok(items)
    }

    fn write(&self, items: &[Item<'_>], folder: &Path, bar: &ProgressBar) -> anyhow::Result<()> {
        let failed = |file: &str| format!("{}: cannot write the file", self.output.join(file).display());
        let folders: BTreeSet<_> = items.iter().filter_map(|item| Path::new(&item.file).parent()).collect();
        for name in folders {
            fs::create_dir(folder.join(name)).with_context(|| failed(&name.to_string_lossy()))?;
        }
        items.par_iter().try_for_each(|item| {
            if interrupt::requested() {
                bail!("interrupted");
            }
            let patch = item.work.dataset.read(item.sample)?;
            let bytes = self.encode(&patch.rgb).with_context(|| failed(&item.file))?;
            fs::write(folder.join(&item.file), bytes).with_context(|| failed(&item.file))?;
            bar.inc(1);
            Ok(())
        })?;
        let table = File::create_new(folder.join(TABLE)).with_context(|| failed(TABLE))?;
        let mut rows = csv::Writer::from_writer(&table);
        rows.write_record(["file", "slide", "x", "y", "class", "group"]).with_context(|| failed(TABLE))?;
        for Item { work: Work { name, .. }, sample, file } in items {
            let [x, y] = sample.centre().map(quantity::number);
            rows.write_record([file, name, &x, &y, &*sample.class, name]).with_context(|| failed(TABLE))?;
        }
        rows.flush().with_context(|| failed(TABLE))?;
        drop(rows);
        table.sync_all().with_context(|| failed(TABLE))
    }

    fn encode(&self, rgb: &[u8]) -> image::ImageResult<Vec<u8>> {
        use image::ImageEncoder;
        let (mut bytes, side, colours) = (Vec::new(), self.size, ExtendedColorType::Rgb8);
        match self.format {
            Format::Png => PngEncoder::new(&mut bytes).write_image(rgb, side, side, colours),
            Format::Jpg => {
                JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY).write_image(rgb, side, side, colours)
            }
        }?;
        Ok(bytes)
    }
}

/// A class as the name of a folder: whatever a class is called, it leads to no other place.
fn folder_name(class: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || " -_+.".contains(c) { c } else { '_' };
    let name: String = class.chars().map(safe).collect();
    let hidden = name.starts_with('.') || name.trim().is_empty() || name == TABLE;
    if hidden { format!("_{name}") } else { name }
}

/// The first 16 digits of the SHA-256 of the file's size and its first mebibyte, which for MIRAX holds the preview and
/// elsewhere the first tiles.
fn hash(slide: &Path) -> std::io::Result<String> {
    let file = File::open(slide)?;
    let bytes = file.metadata()?.len();
    let mut head = Vec::new();
    file.take(1 << 20).read_to_end(&mut head)?;
    let hash = Sha256::new().chain_update(bytes.to_le_bytes()).chain_update(head).finalize();
    let head = hash.iter().take(8).fold(0_u64, |head, &byte| head << 8 | u64::from(byte));
    Ok(format!("{head:016x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_class_leads_out_of_the_folder() {
        for (class, folder) in [
            ("ASC-US", "ASC-US"),
            ("Tumor: Positive", "Tumor_ Positive"),
            ("../../etc", "_.._.._etc"),
            ("..", "_.."),
            ("/", "_"),
            ("a\\b\0c", "a_b_c"),
            ("", "_"),
            ("patches.csv", "_patches.csv"),
            ("gr\u{fc}n", "gr\u{fc}n"),
        ] {
            assert_eq!(folder_name(class), folder);
            assert_eq!(Path::new(folder).components().count(), 1);
        }
    }
}
