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
}
