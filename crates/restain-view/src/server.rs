//! The port, and who listens on it.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use tokio::net::TcpListener;

use crate::gate::{Gate, pass};
use crate::routes::routes;
use crate::tiles::Tiles;
use crate::{Error, Pair, Result, Token};

/// How to serve.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name or address to listen on.
    pub host: String,
    /// Port to listen on; 0 for a free one.
    pub port: u16,
    /// What has to be known to look.
    pub token: Token,
    /// Bytes of compressed tiles that are kept.
    pub cache: u64,
    /// A page about the slides, which the list of slides leads to; it may lead back by `view/NAME`.
    pub report: Option<PathBuf>,
}

impl Default for Settings {
    /// This machine alone, a free port, a random token, 256 MiB, no report.
    fn default() -> Self {
        Self { host: "127.0.0.1".to_owned(), port: 0, token: Token::random(), cache: 256 << 20, report: None }
    }
}

/// A server that has its port.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    router: Router,
    url: String,
}

impl Server {
    /// Takes the port.
    ///
    /// # Errors
    /// [`Error::Bind`].
    pub async fn bind(pairs: Vec<Pair>, settings: Settings) -> Result<Self> {
        let Settings { host, port, .. } = &settings;
        let failed = |source| Error::Bind { address: format!("{host}:{port}"), source };
        let listener = TcpListener::bind((host.as_str(), *port)).await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let name = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let url = format!("http://{name}:{port}/{}/", settings.token.as_str());
        Ok(Self { listener, router: router(pairs, settings), url })
    }

    /// Where to look, with the token.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether only this machine can reach it.
    pub fn is_local(&self) -> bool {
        self.listener.local_addr().is_ok_and(|address| address.ip().is_loopback())
    }

    /// Answers until the future is dropped.
    ///
    /// # Errors
    /// [`Error::Serve`].
    pub async fn serve(self) -> Result<()> {
        axum::serve(self.listener, self.router).await.map_err(Error::Serve)
    }
}

/// The answers alone, without a port.
pub fn router(pairs: Vec<Pair>, Settings { host, token, cache, report, .. }: Settings) -> Router {
    let tiles = Arc::new(Tiles::new(pairs, report, cache));
    let routes = routes(tiles, token.as_str());
    routes.layer(from_fn_with_state(Arc::new(Gate { host, token }), pass))
}
