//! Whether a slide's files are those that they were.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use restain_net::hex;
use restain_slide::companion;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

use crate::{Error, Result};

/// Bytes of each end of a file that stand for its content.
const SAMPLE: u64 = 1 << 16;

/// All files of a slide: of a MIRAX slide also those of its folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// SHA-256 over the names, lengths and times of change of all files, without the slide's own name.
    pub files: String,
    /// SHA-256 over lengths and both ends of the content of all files, which no name goes into.
    pub content: String,
    /// Bytes of all files.
    pub bytes: u64,
}

impl Fingerprint {
    /// Looks at all files of a slide; reads of each no more than 128 KiB.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn of(slide: &Path) -> Result<Self> {
        let (mut files, mut content, mut bytes) = (Sha256::new(), Sha256::new(), 0);
        for (name, path) in files_of(slide)? {
            let unreadable = |cause| Error::Unreadable { path: path.clone(), cause };
            let meta = fs::metadata(&path).map_err(unreadable)?;
            let changed = meta.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            files.update(name.as_os_str().as_encoded_bytes());
            files.update(format!("\0{} {}\n", meta.len(), changed.map_or(0, |time| time.as_nanos())));
            content.update(meta.len().to_le_bytes());
            content.update(ends(&path, meta.len()).map_err(unreadable)?);
            bytes += meta.len();
        }
        Ok(Self { files: hex(&files.finalize()), content: hex(&content.finalize()), bytes })
    }
}

/// [`Fingerprint::of`] a slide on a disk that may not answer.
///
/// # Errors
/// [`Error::Unreadable`], also after `limit`.
pub(crate) fn fingerprint_within(slide: &Path, limit: Duration) -> Result<Fingerprint> {
    let (sender, looked) = crossbeam_channel::bounded(1);
    let path = slide.to_owned();
    // Where the disk never answers, the thread is left to wait for it.
    thread::spawn(move || sender.send(Fingerprint::of(&path)));
    let late = |_| Err(Error::Unreadable { path: slide.to_owned(), cause: io::ErrorKind::TimedOut.into() });
    looked.recv_timeout(limit).unwrap_or_else(late)
}

/// Bytes of all files of a slide, as far as they can be seen.
pub(crate) fn bytes_of(slide: &Path) -> u64 {
    let files = files_of(slide).unwrap_or_default().into_iter();
    files.filter_map(|(_, path)| fs::metadata(path).ok()).map(|meta| meta.len()).sum()
}

/// The files of a slide and how they are called in it, in a fixed order.
fn files_of(slide: &Path) -> Result<Vec<(PathBuf, PathBuf)>> {
    let mut files = vec![(PathBuf::new(), slide.to_owned())];
    if let Some(folder) = companion(slide) {
        for entry in WalkDir::new(&folder).follow_links(true).sort_by_file_name() {
            let entry = entry.map_err(|error| Error::Unreadable {
                path: error.path().unwrap_or(&folder).to_owned(),
                cause: error.into_io_error().unwrap_or_else(|| io::Error::other("a loop of links")),
            })?;
            if !entry.file_type().is_dir() {
                let name = entry.path().strip_prefix(&folder).unwrap_or(entry.path()).to_owned();
                files.push((name, entry.into_path()));
            }
        }
    }
    Ok(files)
}

/// The first and the last bytes of a file.
fn ends(path: &Path, length: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut bytes = Vec::new();
    file.by_ref().take(SAMPLE).read_to_end(&mut bytes)?;
    if length > SAMPLE {
        file.seek(SeekFrom::Start(length.saturating_sub(SAMPLE).max(SAMPLE)))?;
        file.take(SAMPLE).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn any_change_of_any_file_shows() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let slide = folder.path().join("Jane Doe.mrxs");
        let data = folder.path().join("Jane Doe");
        fs::create_dir(&data).expect("a folder");
        fs::write(&slide, "slide").expect("a file");
        fs::write(data.join("Slidedat.ini"), "ini").expect("a file");
        fs::write(data.join("Data0000.dat"), vec![7; 300_000]).expect("a file");
        let of = |slide: &Path| Fingerprint::of(slide).expect("readable files");
        let first = of(&slide);
        assert_eq!((first.clone(), first.bytes), (of(&slide), 300_008));

        // The same under another name, as on another disk.
        let (renamed, renamed_data) = (folder.path().join("b.mrxs"), folder.path().join("b"));
        fs::rename(&slide, &renamed).expect("a move");
        fs::rename(&data, &renamed_data).expect("a move");
        assert_eq!(of(&renamed), first);

        let mut content = vec![7; 300_000];
        content[299_999] = 8;
        fs::write(renamed_data.join("Data0000.dat"), content).expect("a file");
        assert_ne!(of(&renamed).content, first.content);
        fs::write(renamed_data.join("Data0000.dat"), vec![7; 300_000]).expect("a file");
        assert_eq!(of(&renamed).content, first.content);
        let later = SystemTime::now() + Duration::from_secs(5);
        File::options()
            .append(true)
            .open(renamed_data.join("Slidedat.ini"))
            .and_then(|file| file.set_modified(later))
            .expect("a time");
        assert_ne!(of(&renamed).files, first.files);
        let before = of(&renamed);
        fs::write(renamed_data.join("new"), "").expect("a file");
        assert_ne!(of(&renamed).files, before.files);
        #[cfg(unix)]
        {
            let (before, archive) = (of(&renamed), folder.path().join("archive"));
            fs::rename(&renamed_data, &archive).expect("a move");
            std::os::unix::fs::symlink(&archive, &renamed_data).expect("a link");
            assert_eq!(of(&renamed), before);
            fs::remove_file(&renamed_data).expect("a link");
            fs::rename(&archive, &renamed_data).expect("a move");
        }
        fs::remove_dir_all(&renamed_data).expect("a folder");
        assert!(Fingerprint::of(&renamed).is_err());
    }
}
