//! A local web server that shows slides before and after, side by side.
//!
//! A [`Pair`] is an output and, where it is known, the slide it was made from. [`Server::bind`] opens the port and
//! [`Server::serve`] answers, to whoever knows the [`Token`], until it is dropped. A tile is read when it is asked for
//! ([`picture`]), by no more threads than there are processors, and kept in a cache with a limit ([`tiles`]), so memory does
//! not follow the number of viewers.
//!
//! ```no_run
//! use restain_view::{Pair, Server, Settings};
//!
//! # async fn view() -> Result<(), restain_view::Error> {
//! let pair = Pair::new("slide", Some("slide.mrxs".into()), "out.tif");
//! let server = Server::bind(vec![pair], Settings::default()).await?;
//! println!("{}", server.url());
//! server.serve().await
//! # }
//! ```

mod alignment;
mod assets;
mod error;
mod gate;
mod pair;
mod picture;
mod routes;
mod server;
mod tiles;
mod token;

pub use error::Error;
pub use pair::{Pair, Region};
pub use picture::TILE;
pub use server::{Server, Settings, router};
pub use token::Token;

/// What a fallible function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;
