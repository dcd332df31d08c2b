use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use bytesize::ByteSize;
use clap::Args;
use restain_batch::inputs;
use restain_view::{Pair, Region, Server, Settings, Token};

use super::verify::tiffs;
use crate::{desktop, say};

/// Show slides and their outputs in the browser, before and after
///
/// A server on this machine alone, until Ctrl-C; its address is printed. Without the token in it nobody sees anything, and
/// nothing but the slides named here is shown: no label, no macro picture.
#[derive(Args)]
pub(crate) struct View {
    /// A slide and its output; an output alone; or a folder of outputs
    #[arg(required = true, num_args = 1..=2, value_names = ["SLIDE", "OUT"])]
    paths: Vec<PathBuf>,

    /// Where the slides of a folder of outputs are, each called as its output: folders, patterns and manifests, as `restain
    /// batch` takes them
    #[arg(long, value_name = "INPUT", num_args = 1..)]
    slides: Vec<String>,

    /// Places to jump to, the worst first: a JSON object with, for each output's name, a list of objects with x, y, width,
    /// height (pixels of the output) and title
    #[arg(long, value_name = "FILE.json")]
    regions: Option<PathBuf>,

    /// Name or address to listen on; with any but this machine's own, whoever has the token can see the slides
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1")]
    host: String,

    /// Port to listen on; 0 for a free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    port: u16,

    /// The secret part of the address, at least 16 letters and digits [default: 128 random bits]
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,

    /// Tiles that are kept in memory for all who look
    #[arg(long, value_name = "SIZE", default_value = "256MiB")]
    cache: ByteSize,

    /// Open it in the browser
    #[arg(long)]
    open: bool,
}

impl View {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let mut pairs = self.pairs()?;
        if let Some(path) = &self.regions {
            let mut regions = read_regions(path)?;
            for pair in &mut pairs {
                pair.regions = regions.remove(&pair.name).unwrap_or_default();
            }
        }
        let token = self.token.map_or_else(|| Ok(Token::random()), Token::new)?;
        let settings = Settings { host: self.host, port: self.port, token, cache: self.cache.as_u64() };
        let runtime = tokio::runtime::Runtime::new().context("cannot start the server")?;
        runtime.block_on(async {
            let server = Server::bind(pairs, settings).await?;
            if !server.is_local() {
                say::error(
                    "anyone who has this address can see the slides, and on the way they are not encrypted",
                );
            }
            say::line(server.url());
            if self.open {
                desktop::open(server.url());
            }
            tokio::select! {
                ended = server.serve() => Ok(ended?),
                interrupt = tokio::signal::ctrl_c() => interrupt.context("cannot catch Ctrl-C"),
            }
        })
    }

    /// What is to be shown.
    fn pairs(&self) -> anyhow::Result<Vec<Pair>> {
        match &*self.paths {
            [folder] if folder.is_dir() => of_folder(folder, &self.slides),
            [_] | [_, _] if !self.slides.is_empty() => bail!("--slides goes with a folder of outputs"),
            [output] => Ok(vec![Pair::new(name(output), None, present(output)?)]),
            [slide, output] => {
                let before = Some(present(slide)?);
                let after = if output.is_dir() { of_slide(slide, output)? } else { present(output)? };
                Ok(vec![Pair::new(name(slide), before, after)])
            }
            _ => bail!("name a slide and its output, or a folder of outputs"),
        }
    }
}

/// All outputs of a folder, each with its slide where that is among `slides`.
fn of_folder(folder: &Path, slides: &[String]) -> anyhow::Result<Vec<Pair>> {
    let items = if slides.is_empty() { Vec::new() } else { inputs::find(slides, folder)? };
    let mut known: BTreeMap<_, _> = items.into_iter().map(|item| (item.name, item.slide)).collect();
    let pair = |output: PathBuf| Pair::new(name(&output), known.remove(&name(&output)), output);
    Ok(tiffs(folder)?.into_iter().map(pair).collect())
}

/// The output of a slide in a folder.
fn of_slide(slide: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    present(&folder.join(format!("{}.tif", name(slide))))
}

fn read_regions(path: &Path) -> anyhow::Result<BTreeMap<String, Vec<Region>>> {
    let text = fs::read(path).with_context(|| format!("{}: cannot read the file", path.display()))?;
    serde_json::from_slice(&text)
        .with_context(|| format!("{}: not a list of regions; see --help", path.display()))
}

fn present(path: &Path) -> anyhow::Result<PathBuf> {
    ensure!(path.exists(), "{}: no such file; check the path", path.display());
    Ok(path.to_owned())
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
