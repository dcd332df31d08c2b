use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use image::ExtendedColorType;
use restain_net::write_whole;
use restain_pipeline::{
    Engine, Error, Loaded, Settings, Style, normalize_picture, picture_format, read_picture,
};

use super::overrides::ModelArguments;
use crate::{interrupt, pictures};

/// Normalize plain pictures, such as patches
///
/// A picture is treated as a slide of its own with white around it. As part of a larger slide its pixels get slightly
/// other colours, above all near its edges: the model looks 127 pixels far.
///
/// With --style, the pictures of a folder are measured together, as parts of one slide. A single patch shows too little
/// of its lab: name the style of its lab with --own.
#[derive(Args)]
pub(crate) struct NormalizeImage {
    /// A PNG, JPEG, TIFF or BMP picture, or a folder of them
    input: PathBuf,

    /// The picture to write, its format by its name; or a folder, which gets a PNG for each
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,

    #[command(flatten)]
    model: ModelArguments,

    /// Replace existing outputs
    #[arg(long)]
    force: bool,

    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

impl NormalizeImage {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let mut settings = Settings::default();
        self.model.apply(&mut settings)?;
        interrupt::catch()?;
        let (work, others) = plan(&self.input, &self.output)?;
        if same(&self.input, &self.output) || work.iter().any(|(input, output)| same(input, output)) {
            bail!("{}: the output would replace the input; choose another output", self.output.display());
        }
        if let Some((_, odd)) = work.iter().find(|(_, output)| output.exists() && !output.is_file()) {
            bail!("{} is no file; give the name of one", odd.display());
        }
        if !self.force
            && let Some((_, existing)) = work.iter().find(|(_, output)| output.exists())
        {
            bail!("{}: exists already; add --force to replace it", existing.display());
        }
        let selection = Loaded::new(&settings)?.select(|| measure(work.iter().map(|(input, _)| input)))?;
        if let Some(note) = selection.note.as_ref().filter(|_| !self.quiet) {
            eprintln!("note: {note}");
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(settings.threads()?).build()?;
        if self.input.is_dir() {
            fs::create_dir_all(&self.output)
                .with_context(|| format!("{}: cannot make the folder", self.output.display()))?;
        }
        for (input, output) in work {
            if interrupt::requested() {
                bail!("interrupted");
            }
            pool.install(|| normalize(&selection.engine, &input, &output, settings.tile))?;
            if !self.quiet {
                println!("{}", output.display());
            }
        }
        if !self.quiet {
            pictures::note_others(&self.input, others);
        }
        Ok(())
    }
}

/// Which picture goes where, and how many other files the folder has.
fn plan(input: &Path, output: &Path) -> anyhow::Result<(Vec<(PathBuf, PathBuf)>, usize)> {
    if !input.is_dir() {
        picture_format(input)?;
        let output = match input.file_stem() {
            Some(stem) if output.is_dir() => output.join(stem).with_added_extension("png"),
            _ => output.to_owned(),
        };
        picture_format(&output)?;
        return Ok((vec![(input.to_owned(), output)], 0));
    }
    let (pictures, others) = pictures::in_folder(input)?;
    let mut work: Vec<(PathBuf, PathBuf)> = Vec::new();
    for path in pictures {
        let Some(stem) = path.file_stem() else { continue };
        let target = output.join(stem).with_added_extension("png");
        if let Some((other, _)) = work.iter().find(|(_, taken)| *taken == target) {
            bail!("{} and {} would both become {}", other.display(), path.display(), target.display());
        }
        work.push((path, target));
    }
    Ok((work, others))
}

/// The colours of all pictures together.
fn measure<'a>(pictures: impl Iterator<Item = &'a PathBuf>) -> Result<Style, Error> {
    let mut all = Style::default();
    for picture in pictures {
        if interrupt::requested() {
            return Err(Error::Interrupted);
        }
        all.merge(&Style::of_picture(&read_picture(picture)?));
    }
    Ok(all)
}

/// Whether both are the same file or folder.
fn same(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn normalize(engine: &Engine, input: &Path, output: &Path, tile: u32) -> anyhow::Result<()> {
    let picture = read_picture(input)?;
    let (width, height) = picture.dimensions();
    let rgb = normalize_picture(engine, picture.as_raw(), width, height, tile)
        .with_context(|| input.display().to_string())?;
    let failed = || format!("{}: cannot write the picture", output.display());
    let mut bytes = Cursor::new(Vec::new());
    let format = picture_format(output)?;
    image::write_buffer_with_format(&mut bytes, &rgb, width, height, ExtendedColorType::Rgb8, format)
        .with_context(failed)?;
    write_whole(output, bytes.get_ref()).with_context(failed)
}
