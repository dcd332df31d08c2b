//! The output folder: outputs, and beside them, hidden, what is known of each slide and who works on it.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::findings::Findings;
use crate::record::host;
use crate::report::{SUMMARY, SlideSummary};
use crate::{Error, Record, Result, Summary};

/// What the batch knows lies here.
const HIDDEN: &str = ".restain";
/// After so long a file that was begun belongs to nobody: each is written at once.
const STALE: Duration = Duration::from_mins(1);
/// A record or the state of a run has some 2 KB; nothing longer is read.
const MOST_BYTES: u64 = 1 << 20;
/// A summary has some 200 bytes a slide; nothing longer is read.
const MOST_OF_SUMMARY: u64 = 64 << 20;

/// An output folder.
#[derive(Debug, Clone)]
pub struct OutFolder {
    path: PathBuf,
}

/// The right to work on a slide. The system takes it back when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl OutFolder {
    /// Opens an output folder, and makes it where it is missing.
    ///
    /// # Errors
    /// [`Error::Folder`] where it cannot be made or written to.
    pub fn create(path: &Path) -> Result<Self> {
        let folder = Self { path: path.to_owned() };
        fs::create_dir_all(path).map_err(|source| fault(path, "cannot make the folder", source))?;
        own_folder(&path.join(HIDDEN))?;
        for part in ["records", "findings", "locks", "runs"] {
            own_folder(&folder.hidden(part))?;
        }
        // A folder that one may not write to says so now, not at the first slide.
        tempfile::tempfile_in(&folder.path)
            .map_err(|source| fault(&folder.path, "cannot write into the folder", source))?;
        Ok(folder)
    }

    /// Opens an output folder that is there.
    ///
    /// # Errors
    /// [`Error::NoBatch`].
    pub fn open(path: &Path) -> Result<Self> {
        let folder = Self { path: path.to_owned() };
        if folder.hidden("records").is_dir() { Ok(folder) } else { Err(Error::NoBatch(path.to_owned())) }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the output of a slide goes.
    pub fn output(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.tif"))
    }

    /// What is known of a slide.
    pub fn record(&self, name: &str) -> Option<Record> {
        Record::read(&self.record_path(name))
    }

    pub(crate) fn write_record(&self, name: &str, record: &Record) -> Result<()> {
        let path = self.record_path(name);
        record.write(&path).map_err(|source| fault(&path, "cannot write the record", source))
    }

    /// What comparing the output of a slide with it has found.
    pub(crate) fn findings(&self, name: &str) -> Option<Findings> {
        Findings::read(&self.findings_path(name))
    }

    pub(crate) fn write_findings(&self, name: &str, findings: &Findings) -> Result<()> {
        // A process that was killed may have left some; who holds the slide's lock is alone with it.
        remove_parts(&self.hidden("findings"), Some(&format!("{name}.json")), Duration::ZERO);
        let path = self.findings_path(name);
        findings.write(&path).map_err(|source| fault(&path, "cannot write what the comparison found", source))
    }

    /// Asks for the right to work on a slide; `None` while another process has it.
    pub(crate) fn lock(&self, name: &str) -> Result<Option<Lock>> {
        let path = self.hidden("locks").join(format!("{name}.lock"));
        let mut file = lock_file(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(cause)) => return Err(Error::NoLocks { path, cause }),
        }
        // For people: the system alone knows whether it is held.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{} {}", host(), std::process::id()));
        Ok(Some(Lock { _file: file }))
    }

    /// Waits for the right to change what all processes share.
    pub(crate) fn lock_all(&self) -> Result<Lock> {
        let path = self.hidden("all.lock");
        let file = lock_file(&path)?;
        file.lock().map_err(|cause| Error::NoLocks { path, cause })?;
        Ok(Lock { _file: file })
    }

    /// Removes what a process that was killed has left of an output and of its record; only for who holds its lock.
    pub(crate) fn clear(&self, name: &str) {
        remove_parts(&self.path, Some(&format!("{name}.tif")), Duration::ZERO);
        remove_parts(&self.hidden("records"), Some(&format!("{name}.json")), Duration::ZERO);
    }

    /// Removes what ended runs have said of themselves; for who is about to say more.
    pub(crate) fn forget_runs(&self, is_over: impl Fn(&[u8]) -> bool) {
        let runs = self.hidden("runs");
        for path in jsons(&runs) {
            if read_small(&path).is_ok_and(|json| is_over(&json)) {
                let _ = fs::remove_file(path);
            }
        }
        // Other processes may be writing theirs.
        remove_parts(&runs, None, STALE);
    }

    /// Whether the file system has what a batch needs: files that can be written, locks; and how many bytes are free.
    ///
    /// # Errors
    /// [`Error::NoLocks`], [`Error::Folder`].
    pub fn probe(&self) -> Result<u64> {
        let _lock = self.lock_all()?;
        self.write("probe", b"whole or not at all")?;
        self.free()
    }

    /// Bytes that may still be written.
    pub(crate) fn free(&self) -> Result<u64> {
        fs4::available_space(&self.path)
            .map_err(|source| fault(&self.path, "cannot tell how much room is left", source))
    }

    /// Writes a file about the batch, whole or not at all.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.write_by(name, |file| Ok(file.write_all(bytes)?))
    }

    /// As [`OutFolder::write`], piece by piece.
    pub(crate) fn write_by(
        &self,
        name: &str,
        fill: impl FnOnce(&mut dyn Write) -> restain_report::Result<()>,
    ) -> Result<()> {
        remove_parts(&self.path, Some(name), STALE);
        let path = self.path.join(name);
        restain_net::write_whole_by(&path, fill).map_err(|error| match error {
            restain_report::Error::Write(cause) => fault(&path, "cannot write", cause),
            other => Error::Report(other),
        })
    }

    /// What the summaries of all parts say of slides.
    pub(crate) fn summaries(&self) -> Vec<SlideSummary> {
        let is_one =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(SUMMARY));
        let paths = jsons(&self.path).into_iter().filter(is_one);
        let parse = |path: PathBuf| Summary::parse(&read_own(&path, MOST_OF_SUMMARY).ok()?);
        paths.filter_map(parse).flat_map(|summary| summary.slides).collect()
    }

    /// Where a running batch says how far it is.
    pub(crate) fn write_run(&self, run: &str, state: &impl Serialize) -> Result<()> {
        let json = serde_json::to_vec(state).map_err(io::Error::other);
        let path = self.hidden("runs").join(format!("{run}.json"));
        json.and_then(|json| restain_net::write_whole(&path, &json))
            .map_err(|source| fault(&path, "cannot write how far the batch is", source))
    }

    /// What running and finished batches say of themselves.
    pub(crate) fn runs(&self) -> Vec<Vec<u8>> {
        let paths = jsons(&self.hidden("runs")).into_iter();
        paths.filter_map(|path| read_small(&path).ok()).collect()
    }

    /// All that is known of slides, by name.
    pub(crate) fn records(&self) -> Vec<(String, Record)> {
        let paths = jsons(&self.hidden("records")).into_iter();
        let named = |path: PathBuf| {
            let name = path.file_stem()?.to_string_lossy().into_owned();
            Some((name, Record::read(&path)?))
        };
        paths.filter_map(named).collect()
    }

    fn findings_path(&self, name: &str) -> PathBuf {
        self.hidden("findings").join(format!("{name}.json"))
    }

    fn record_path(&self, name: &str) -> PathBuf {
        self.hidden("records").join(format!("{name}.json"))
    }

    fn hidden(&self, part: &str) -> PathBuf {
        self.path.join(HIDDEN).join(part)
    }
}

fn lock_file(path: &Path) -> Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    // A link could lead to a file outside, which would be emptied.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NOFOLLOW);
    options.open(path).map_err(|cause| match fs::symlink_metadata(path) {
        Ok(there) if !there.is_file() => Error::Stranger(path.to_owned()),
        _ => fault(path, "cannot make the lock", cause),
    })
}

/// Makes a folder where there is none. A link in its place could lead anywhere.
fn own_folder(path: &Path) -> Result<()> {
    match fs::create_dir(path) {
        Ok(()) => Ok(()),
        Err(_) if fs::symlink_metadata(path).is_ok_and(|there| there.is_dir()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Error::Stranger(path.to_owned())),
        Err(cause) => Err(fault(path, "cannot make the folder", cause)),
    }
}

/// Removes what was begun, at least so long ago, to be written in the place of the file `name` of a folder, or of any file, and
/// never got its name. What cannot be removed now is hidden and of no harm.
fn remove_parts(folder: &Path, name: Option<&str>, age: Duration) {
    let prefix = name.map_or(".".to_owned(), |name| format!(".{name}."));
    let left = |entry: &fs::DirEntry| {
        let file = entry.file_name();
        let whole = file.to_string_lossy();
        let rest = whole.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(".part"));
        let begun = entry.metadata().and_then(|about| about.modified()).ok();
        // With another dot in it, it is of a file with a longer name.
        rest.is_some_and(|rest| name.is_none() || !rest.contains('.'))
            && begun.and_then(|at| at.elapsed().ok()).unwrap_or_default() >= age
    };
    for entry in folder.read_dir().into_iter().flatten().flatten().filter(left) {
        let _ = fs::remove_file(entry.path());
    }
}

/// The JSON files of a folder, sorted.
fn jsons(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let json = |path: &PathBuf| path.extension() == Some(OsStr::new("json"));
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).filter(json).collect();
    paths.sort();
    paths
}

/// A record, or the state of a run.
pub(crate) fn read_small(path: &Path) -> io::Result<Vec<u8>> {
    read_own(path, MOST_BYTES)
}

/// A file that the batch has written. What is no file, or longer than any of its kind, was put there by somebody else.
pub(crate) fn read_own(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    if !fs::symlink_metadata(path)?.is_file() {
        return Err(io::Error::other("none of the batch's files"));
    }
    restain_net::read_at_most(path, most)
}

fn fault(path: &Path, doing: &'static str, cause: io::Error) -> Error {
    Error::Folder { path: path.to_owned(), doing, cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slide_is_one_processes_at_a_time() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let out = OutFolder::create(folder.path()).expect("a folder");
        let lock = out.lock("a").expect("locks").expect("a free slide");
        assert!(out.lock("a").expect("locks").is_none());
        assert!(out.lock("b").expect("locks").is_some());
        drop(lock);
        assert!(out.lock("a").expect("locks").is_some());
    }

    #[test]
    fn only_what_is_left_of_the_output_is_removed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let out = OutFolder::create(folder.path()).expect("a folder");
        let files = [".a.tif.x1.part", ".a.tif.y.tif.x2.part", ".b.tif.x3.part", "a.tif", ".a.tif.part"];
        for file in files {
            fs::write(folder.path().join(file), "").expect("a file");
        }
        let part = out.hidden("records").join(".a.json.x4.part");
        fs::write(&part, "").expect("a file");
        out.clear("a");
        let left = files.map(|file| folder.path().join(file).exists());
        assert_eq!(left, [false, true, true, true, true]);
        assert!(!part.exists());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed_out_of_it() {
        use std::os::unix::fs::symlink;

        let folder = tempfile::tempdir().expect("a temporary folder");
        let (path, outside) = (folder.path().join("out"), folder.path().join("outside"));
        fs::create_dir_all(&outside).expect("a folder");
        fs::create_dir_all(&path).expect("a folder");
        symlink(&outside, path.join(HIDDEN)).expect("a link");
        assert!(matches!(OutFolder::create(&path), Err(Error::Stranger(_))));
        assert_eq!(fs::read_dir(&outside).expect("a folder").count(), 0);
        fs::remove_file(path.join(HIDDEN)).expect("a link");

        let out = OutFolder::create(&path).expect("a folder");
        let file = outside.join("file");
        fs::write(&file, "kept").expect("a file");
        symlink(&file, out.hidden("locks").join("a.lock")).expect("a link");
        assert!(matches!(out.lock("a"), Err(Error::Stranger(_))));
        symlink(&file, out.record_path("a")).expect("a link");
        assert!(out.record("a").is_none());
        symlink("/dev/zero", out.hidden("runs").join("a.json")).expect("a link");
        assert!(out.runs().is_empty());
        out.write("summary.csv", b"once").expect("a file");
        fs::remove_file(path.join("summary.csv")).expect("a file");
        symlink(&file, path.join("summary.csv")).expect("a link");
        out.write("summary.csv", b"twice").expect("a file");
        assert_eq!(fs::read(&file).expect("a file"), b"kept");
    }

    #[test]
    fn a_folder_without_a_batch_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert!(OutFolder::open(folder.path()).is_err());
        OutFolder::create(folder.path()).expect("a folder");
        assert!(OutFolder::open(folder.path()).is_ok());
        let file = folder.path().join("file");
        fs::write(&file, "").expect("a file");
        assert!(matches!(OutFolder::create(&file), Err(Error::Folder { .. })));
    }
}
