//! A folder of output that appears when it is whole.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::TempDir;

/// A hidden folder beside the one to be; dropped unfinished, it is removed.
pub(crate) struct Folder {
    target: PathBuf,
    work: TempDir,
}

impl Folder {
    /// Begins a folder. What is there already must be empty, or with `force` the output of an earlier run, which
    /// holds the file `mark`.
    pub(crate) fn begin(target: &Path, mark: &str, force: bool) -> anyhow::Result<Self> {
        let target = if target.exists() { target.canonicalize()? } else { target.to_owned() };
        if target.exists() {
            if !target.is_dir() {
                bail!("{} is no folder; give the name of one", target.display());
            }
            let failed = || format!("{}: cannot list the folder", target.display());
            let empty = target.read_dir().with_context(failed)?.next().is_none();
            if !empty && !target.join(mark).is_file() {
                bail!("{}: there is something else in this folder; choose another", target.display());
            }
            if !empty && !force {
                bail!("{}: exists already; add --force to replace it", target.display());
            }
        }
        let parent =
            target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let work = hidden(parent).with_context(|| format!("{}: cannot make the folder", target.display()))?;
        Ok(Self { target, work })
    }

    /// Where to write.
    pub(crate) fn path(&self) -> &Path {
        self.work.path()
    }

    /// Gives it its name. What was there before stays if that fails.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        let failed = || format!("{}: cannot make the folder", self.target.display());
        let parent = self.work.path().parent().unwrap_or(Path::new("."));
        let old = hidden(parent).with_context(failed)?;
        let moved = old.path().join("old");
        let before = self.target.exists();
        if before {
            fs::rename(&self.target, &moved).with_context(failed)?;
        }
        if let Err(error) = fs::rename(self.work.path(), &self.target) {
            // Where it cannot be put back, it is kept where it is.
            if before && fs::rename(&moved, &self.target).is_err() {
                let kept = old.keep();
                return Err(error)
                    .with_context(|| format!("{}; what was there is in {}", failed(), kept.display()));
            }
            return Err(error).with_context(failed);
        }
        // Its name is gone; nothing is left to remove.
        let _ = self.work.keep();
        Ok(())
    }
}

/// A hidden folder that whoever may read the others may read.
fn hidden(parent: &Path) -> std::io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".restain-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
    builder.tempdir_in(parent)
}
