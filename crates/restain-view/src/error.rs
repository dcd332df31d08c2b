//! What can go wrong between a slide and a browser.

use std::io;
use std::path::PathBuf;

/// An error of this crate: what is wrong, where, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The port cannot be had.
    #[error("cannot listen on {address}: {source}; another --port, or 0 for a free one")]
    Bind {
        /// Host and port.
        address: String,
        /// The system's cause.
        source: io::Error,
    },
    /// The server ended.
    #[error("the server ended: {0}; start it again")]
    Serve(#[source] io::Error),
    /// A token that may be guessed, or that is no part of a URL.
    #[error("a token has at least 16 characters, letters, digits, - and _; leave it out for a random one")]
    Token,
    /// A slide cannot be opened or read.
    #[error("{}", .0.discreet())]
    Slide(#[from] restain_slide::Error),
    /// An output says that it was made from a slide of another size.
    #[error(
        "{}: this is not the slide that the output was made from: it has {width} x {height} px, that one had {expected_width} x {expected_height} px",
        .slide.display()
    )]
    OtherSlide {
        /// The slide.
        slide: PathBuf,
        /// Its width in pixels.
        width: i64,
        /// Its height in pixels.
        height: i64,
        /// The width that the output names.
        expected_width: i64,
        /// The height that the output names.
        expected_height: i64,
    },
    /// A tile cannot be compressed.
    #[error("libjpeg-turbo cannot encode a tile: {0}")]
    Jpeg(#[from] turbojpeg::Error),
    /// Reading a tile ended in a panic.
    #[error("reading ended before its time; see the messages of the server")]
    Ended,
}
