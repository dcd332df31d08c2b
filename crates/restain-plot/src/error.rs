//! Why there is no plot.

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why there is no plot.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A plot of nothing.
    #[error("the plot `{title}` has nothing to show")]
    Empty {
        /// Its title.
        title: String,
    },
    /// A plot that cannot be drawn.
    #[error("cannot draw the plot: {0}")]
    Draw(String),
}
