use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use restain_pipeline::{Engine, Settings, normalize_picture};

use super::overrides::ModelArguments;
use crate::interrupt;

/// Normalize plain pictures, such as patches
///
/// The colours are those the same pixels get as part of a slide whose surroundings are white.
#[derive(Args)]
pub(crate) struct NormalizeImage {
    /// A PNG, JPEG, TIFF or BMP picture, or a folder of them
    input: PathBuf,

    /// The picture to write, its format by its name; for a folder the folder, which gets a PNG for each
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
        let work = plan(&self.input, &self.output)?;
        if !self.force
            && let Some((_, existing)) = work.iter().find(|(_, output)| output.exists())
        {
            bail!("{}: exists already; add --force to replace it", existing.display());
        }
        let selection = Engine::select(settings.model.as_deref(), settings.device()?, settings.precision)?;
        if let Some(note) = selection.note.as_ref().filter(|_| !self.quiet) {
            eprintln!("note: {note}");
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(settings.threads()?).build()?;
        for (input, output) in work {
            if interrupt::requested() {
                bail!("interrupted");
            }
            pool.install(|| normalize(&selection.engine, &input, &output, settings.tile))?;
            if !self.quiet {
                println!("{}", output.display());
            }
        }
        Ok(())
    }
}

/// Which picture goes where.
fn plan(input: &Path, output: &Path) -> anyhow::Result<Vec<(PathBuf, PathBuf)>> {
    if !input.is_dir() {
        return Ok(vec![(input.to_owned(), output.to_owned())]);
    }
    let entries =
        fs::read_dir(input).with_context(|| format!("{}: cannot list the folder", input.display()))?;
    let mut pictures = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("{}: cannot list the folder", input.display()))?.path();
        if image::ImageFormat::from_path(&path).is_ok() {
            pictures.push(path);
        }
    }
    if pictures.is_empty() {
        bail!("{}: holds no PNG, JPEG, TIFF or BMP picture", input.display());
    }
    pictures.sort();
    fs::create_dir_all(output).with_context(|| format!("{}: cannot make the folder", output.display()))?;
    let mut work: Vec<(PathBuf, PathBuf)> = Vec::new();
    for path in pictures {
        let Some(stem) = path.file_stem() else { continue };
        let target = output.join(stem).with_added_extension("png");
        if let Some((other, _)) = work.iter().find(|(_, taken)| *taken == target) {
            bail!("{} and {} would both become {}", other.display(), path.display(), target.display());
        }
        work.push((path, target));
    }
    Ok(work)
}

fn normalize(engine: &Engine, input: &Path, output: &Path, tile: u32) -> anyhow::Result<()> {
    let named = || format!("{}", input.display());
    let reader =
        image::ImageReader::open(input).with_context(named)?.with_guessed_format().with_context(named)?;
    let picture =
        reader.decode().with_context(|| format!("{}: no readable picture", input.display()))?.into_rgb8();
    let (width, height) = picture.dimensions();
    let rgb = normalize_picture(engine, picture.as_raw(), width, height, tile).with_context(named)?;
    write(output, &rgb, width, height)
}

/// Writes beside the target and renames, so that the name never holds half a picture.
fn write(output: &Path, rgb: &[u8], width: u32, height: u32) -> anyhow::Result<()> {
    let failed = || format!("{}: cannot write the picture", output.display());
    let format = image::ImageFormat::from_path(output).with_context(failed)?;
    let folder = match output.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new().prefix(".restain-").tempfile_in(folder).with_context(failed)?;
    {
        let mut buffer = std::io::BufWriter::new(file.as_file_mut());
        image::write_buffer_with_format(
            &mut buffer,
            rgb,
            width,
            height,
            image::ExtendedColorType::Rgb8,
            format,
        )
        .with_context(failed)?;
        std::io::Write::flush(&mut buffer).with_context(failed)?;
    }
    file.as_file().sync_all().with_context(failed)?;
    file.persist(output).with_context(failed)?;
    Ok(())
}
