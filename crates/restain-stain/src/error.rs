//! What can be wrong with what a colour method is fitted on or read from.

/// An error of the colour methods.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing to fit on.
    #[error("no pixels of the {0}")]
    NoPixels(&'static str),
    /// A table of a quantile map that is none.
    #[error("the table of {channel} is not 256 values that never fall")]
    Table {
        /// The channel's name.
        channel: &'static str,
    },
    /// An option of the stain removal that there is not.
    #[error("no option of stain removal is called {0}")]
    UnknownOption(String),
    /// Counts of gray levels that are none.
    #[error("the counts of gray and the sums of its colours do not belong together")]
    Grays,
    /// Counts of a histogram that are none.
    #[error("the counts of {channel} are not 256 numbers")]
    Counts {
        /// The channel's name.
        channel: &'static str,
    },
    /// A histogram in a file that counts more pixels than it may.
    #[error("the counts of {channel} are of more than 2^53 pixels")]
    TooManyPixels {
        /// The channel's name.
        channel: &'static str,
    },
    /// A histogram whose channels are of different pictures.
    #[error("the counts of red, green and blue are not of equally many pixels")]
    UnequalChannels,
    /// Too few pictures, or pictures without a cell, to know how pictures of a kind differ.
    #[error("a reference takes three pictures with cells at least, and there are {0}; give more")]
    FewPictures(usize),
    /// A reference in a file that no pictures have.
    #[error("of what was seen in training, {0}")]
    Reference(&'static str),
}
