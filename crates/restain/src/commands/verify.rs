use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use crate::{interrupt, quantity, say};

/// Check that outputs are as they were written
///
/// Every output ends with the checksum of each of its tiles. All are compared and every tile is decoded; of a damaged file the
/// first damaged place is named. The exit code is 1 where a file is damaged, cut off, or not one of restain's.
#[derive(Args)]
pub(crate) struct Verify {
    /// Outputs of `restain normalize`, or folders, in which every .tif is one
    #[arg(required = true, value_name = "OUT")]
    outputs: Vec<PathBuf>,

    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

impl Verify {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let interrupt = interrupt::catch()?;
        let mut files = Vec::new();
        for output in &self.outputs {
            if output.is_dir() { files.extend(tiffs(output)?) } else { files.push(output.clone()) }
        }
        let mut damaged = 0_u64;
        for file in &files {
            match restain_tiff::verify(file, interrupt) {
                Ok(sound) if !self.quiet => say::line(format_args!(
                    "{}: sound, {}, {}, {}",
                    file.display(),
                    quantity::count(sound.levels, "level"),
                    quantity::count(sound.tiles, "tile"),
                    quantity::bytes(sound.bytes)
                )),
                Ok(_) => {}
                Err(error @ restain_tiff::Error::Stopped) => return Err(error.into()),
                Err(error) => {
                    damaged += 1;
                    say::error(format_args!("error: {error}"));
                }
            }
        }
        if damaged > 0 {
            bail!("{damaged} of {} did not pass", quantity::count(files.len() as u64, "file"));
        }
        Ok(())
    }
}

/// The TIFF files of a folder, by name.
pub(super) fn tiffs(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let failed = || format!("{}: cannot list the folder", folder.display());
    let mut files = Vec::new();
    for entry in folder.read_dir().with_context(failed)? {
        let path = entry.with_context(failed)?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let tiff = path.extension().is_some_and(|extension| extension == "tif" || extension == "tiff");
        if tiff && !hidden {
            files.push(path);
        }
    }
    if files.is_empty() {
        bail!("{}: there is no .tif in this folder", folder.display());
    }
    files.sort();
    Ok(files)
}
