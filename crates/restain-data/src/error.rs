//! What can go wrong with a dataset, each with its file, its place and what to do.

use std::path::PathBuf;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a dataset cannot be used; the message is one line for the person who wrote the manifest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read.
    #[error("{}: cannot read the file: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A manifest, table or annotation file larger than any that makes sense.
    #[error("{}: {bytes} bytes are more than the {limit} that a table or annotation file may have; take it apart", .path.display())]
    FileTooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The largest size.
        limit: u64,
    },
    /// A text file whose content is wrong: its syntax, a column, a number, a class.
    #[error("{}{}: {message}", .path.display(), .line.map_or(String::new(), |line| format!(":{line}")))]
    Content {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1, where it is known.
        line: Option<u64>,
        /// What is wrong there, and what it may be.
        message: String,
    },
    /// An object of an annotation file is wrong.
    #[error("{}: object {object}: {message}", .path.display())]
    Object {
        /// The annotation file.
        path: PathBuf,
        /// Its number, counted from 1 in the order of the file.
        object: usize,
        /// What is wrong with it, and what it may be.
        message: String,
    },
    /// A folder cannot be searched.
    #[error("{}: cannot list the folder: {message}", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the operating system said.
        message: String,
    },
    /// A source holds nothing to draw from.
    #[error("{}: {what}", .path.display())]
    Nothing {
        /// The folder, file or pattern.
        path: PathBuf,
        /// What is not there.
        what: &'static str,
    },
    /// No sample is left.
    #[error(
        "none of {found} samples is left; with `padding: skip`, patches that reach beyond their picture are left out"
    )]
    Empty {
        /// How many there were before those were left out.
        found: usize,
    },
    /// A subfolder names a class that the manifest gives no label.
    #[error("{}: the class `{class}` has no label; add it to `labels` as normal, abnormal or ignore", .path.display())]
    Unlabelled {
        /// The folder of the class.
        path: PathBuf,
        /// The class.
        class: String,
    },
    /// A rule for groups that cannot be followed.
    #[error("`group`: {message}")]
    GroupRule {
        /// What is wrong with it.
        message: String,
    },
    /// No group can be told from a path.
    #[error("{}: the pattern `{pattern}` of `group` finds nothing in `{name}`", .path.display())]
    NoGroup {
        /// The picture.
        path: PathBuf,
        /// The pattern.
        pattern: String,
        /// What it was looked for in.
        name: String,
    },
    /// An image is damaged or of an unknown kind.
    #[error("{}: cannot decode the image: {source}", .path.display())]
    Image {
        /// The image.
        path: PathBuf,
        /// What the decoder said.
        source: image::ImageError,
    },
    /// A JPEG image that ends before its last pixel.
    #[error("{}: the image is cut short; copy it again", .path.display())]
    CutShort {
        /// The image.
        path: PathBuf,
    },
    /// An image that does not fit into the memory set aside.
    #[error("{}: {width} x {height} px are more than `memory_limit` ({limit} bytes) holds; raise it, or make the image a slide", .path.display())]
    ImageTooLarge {
        /// The image.
        path: PathBuf,
        /// Its width in pixels.
        width: u32,
        /// Its height in pixels.
        height: u32,
        /// The limit in bytes.
        limit: u64,
    },
    /// A picture of unknown scale where patches of one scale were asked for.
    #[error("{}: how many micrometres a pixel has is not known, so it cannot be brought to {mpp}; state `mpp` of its source", .path.display())]
    NoMpp {
        /// The picture.
        path: PathBuf,
        /// Micrometres a pixel asked for.
        mpp: f64,
    },
    /// A patch would have to be made of far too few or far too many pixels.
    #[error("{}: a patch of {side} px of {mpp} micrometres covers {width:.1} x {height:.1} px of the picture; choose a nearer `mpp`", .path.display())]
    Scale {
        /// The picture.
        path: PathBuf,
        /// Side of a patch in pixels.
        side: u32,
        /// Micrometres a pixel asked for.
        mpp: f64,
        /// Width of what it covers, in pixels of the picture.
        width: f64,
        /// Height of what it covers, in pixels of the picture.
        height: f64,
    },
    /// One picture was given to two groups, so that a split would have its crops in two parts.
    #[error("{}: the picture belongs to the groups `{first}` and `{second}`; its patches would be in two parts at once", .path.display())]
    TwoGroups {
        /// The picture.
        path: PathBuf,
        /// One group.
        first: String,
        /// The other.
        second: String,
    },
    /// A list of parts has one group in two of them.
    #[error("the split leaks: the group `{group}` is in the part `{first}` and in the part `{second}`")]
    Leak {
        /// The group.
        group: String,
        /// One part.
        first: String,
        /// The other.
        second: String,
    },
    /// A list of parts names a group that the dataset does not have.
    #[error("the part `{part}` names the group `{group}`, which the dataset does not have")]
    NoSuchGroup {
        /// The group.
        group: String,
        /// The part.
        part: String,
    },
    /// A list of parts forgets a group.
    #[error("the group `{group}` is in no part; list it, in a part of its own if it is not to be used")]
    InNoPart {
        /// The group.
        group: String,
    },
    /// A part without samples.
    #[error(
        "the part `{part}` got no sample of the {groups} groups; change its share, the seed or the number of folds"
    )]
    EmptyPart {
        /// The part.
        part: String,
        /// How many groups there are.
        groups: usize,
    },
    /// A split that makes no sense.
    #[error("split: {message}")]
    Split {
        /// What is wrong with it.
        message: &'static str,
    },
    /// A slide cannot be read.
    #[error(transparent)]
    Slide(#[from] restain_slide::Error),
}
