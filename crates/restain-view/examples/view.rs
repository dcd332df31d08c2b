//! Shows a slide and its output: `cargo run --release -p restain-view --example view -- SLIDE OUT.tif`.

use std::env::args_os;
use std::path::PathBuf;

use restain_view::{Pair, Server, Settings};

#[tokio::main]
async fn main() -> Result<(), restain_view::Error> {
    let mut paths: Vec<PathBuf> = args_os().skip(1).map(PathBuf::from).collect();
    let Some(output) = paths.pop() else {
        eprintln!("usage: view [SLIDE] OUT.tif");
        return Ok(());
    };
    let pair = Pair::new(output.display().to_string(), paths.pop(), output);
    let server = Server::bind(vec![pair], Settings::default()).await?;
    println!("{}", server.url());
    server.serve().await
}
