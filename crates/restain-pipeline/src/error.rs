use std::path::PathBuf;

use bytesize::ByteSize;

/// Why a slide could not be normalized.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The slide could not be opened or read.
    #[error(transparent)]
    Slide(#[from] restain_slide::Error),
    /// The model could not be loaded or run.
    #[error(transparent)]
    Net(#[from] restain_net::Error),
    /// The output could not be made or written.
    #[error(transparent)]
    Tiff(#[from] restain_tiff::Error),
    /// A file is no plain picture by its name.
    #[error("{}: no PNG, JPEG, TIFF or BMP picture by its name (slides: restain normalize)", .0.display())]
    PictureName(PathBuf),
    /// A plain picture's file could not be read.
    #[error("{}: cannot read the picture: {cause}; check the path", path.display())]
    PictureFile {
        /// The picture.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// A JPEG picture ends before its end.
    #[error("{}: the picture is cut short; copy it again", .0.display())]
    CutShort(PathBuf),
    /// A plain picture could not be decoded.
    #[error("{}: no readable picture: {cause}", path.display())]
    Image {
        /// The image.
        path: PathBuf,
        /// What the image library says.
        cause: image::ImageError,
    },
    /// A run configuration could not be read or holds a wrong setting.
    #[error("{}: {message}", path.display())]
    Config {
        /// The YAML file.
        path: PathBuf,
        /// What is wrong, with line and column where the parser knows them.
        message: String,
    },
    /// A style could not be read or is none.
    #[error("{}: {message}", path.display())]
    Style {
        /// The style's file.
        path: PathBuf,
        /// What is wrong, with line and column where the parser knows them.
        message: String,
    },
    /// The slide needs more memory than it may have.
    #[error(
        "the slide needs {needed} of memory at least, and may have {limit} (in a batch half of what is allowed, as two slides are under way); allow more with --memory, or read a coarser --level"
    )]
    Memory {
        /// What it needs with the smallest tiles and one thread.
        needed: ByteSize,
        /// What it may have.
        limit: ByteSize,
    },
    /// A slide without a scanned pixel has no colours to measure.
    #[error("{}: no pixel of the slide was scanned, so it has no colours to measure (--own gives those of its lab)", .0.display())]
    NothingScanned(PathBuf),
    /// A quantile map would make colours of noise.
    #[error(
        "what is to be normalized has hardly any colours of its own, like glass without a cell, and the style would come out of its noise; give the colours of its lab with --own"
    )]
    HardlyAnyColour,
    /// A colour method could not be fitted.
    #[error(transparent)]
    Stain(#[from] restain_stain::error::Error),
    /// A setting is out of its range or contradicts another.
    #[error("{0}")]
    Setting(String),
    /// The two pictures of a comparison do not fit each other.
    #[error("{0}")]
    Compare(String),
    /// The threads of the run could not be started.
    #[error("cannot start {threads} threads: {cause}; try fewer with --threads")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// What the system says.
        cause: String,
    },
    /// The output would replace the input, or lie in the folder that belongs to it.
    #[error("{}: the output would replace the input or lie among its files; choose another output", .0.display())]
    OutputIsInput(PathBuf),
    /// A worker panicked: a bug in restain.
    #[error("stage {stage} panicked: {message}; this is a bug in restain, please report it")]
    Panic {
        /// The stage.
        stage: &'static str,
        /// The panic's message.
        message: String,
    },
    /// A test asked a stage to fail.
    #[error("stage {0} was told to fail")]
    Injected(&'static str),
    /// The user asked to stop.
    #[error("interrupted; no output was written")]
    Interrupted,
}
