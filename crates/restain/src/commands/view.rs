use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use bytesize::ByteSize;
use clap::Args;
use restain_batch::inputs;
use restain_quality::Check;
use restain_report::BatchReport;
use restain_view::{Pair, Region, Server, Settings, Token};

use super::verify::tiffs;
use crate::{desktop, say};

/// Show slides and their outputs in the browser, before and after
///
/// A server on this machine alone, until Ctrl-C; its address is printed. Without the token in it nobody sees anything, and
/// nothing but the slides named here is shown: no label, no macro picture. Of a batch's outputs, J and K go to the places that
/// its report names, and the list of slides leads to the report.
#[derive(Args)]
pub(crate) struct View {
    /// A slide and its output; an output alone; or a folder of outputs
    #[arg(required = true, num_args = 1..=2, value_names = ["SLIDE", "OUT"])]
    paths: Vec<PathBuf>,

    /// Where the slides of a folder of outputs are, each called as its output: folders, patterns and manifests, as `restain
    /// batch` takes them
    #[arg(long, value_name = "INPUT", num_args = 1..)]
    slides: Vec<String>,

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
        // Outputs that are shown together lie in one folder.
        let folder = pairs.first().and_then(|pair| pair.after.parent()).unwrap_or(Path::new(".")).to_owned();
        if let Some(report) = restain_batch::read_report(&folder) {
            for pair in &mut pairs {
                pair.regions = regions(&report, &pair.name);
            }
        }
        let settings = Settings {
            host: self.host,
            port: self.port,
            token: self.token.map_or_else(|| Ok(Token::random()), Token::new)?,
            cache: self.cache.as_u64(),
            report: Some(folder.join(restain_batch::PAGE)).filter(|page| page.is_file()),
        };
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

/// Where to look first: what the checks that fired name, then what has kept least structure.
fn regions(report: &BatchReport, name: &str) -> Vec<Region> {
    let slide = report.slides.iter().find(|slide| slide.name == name);
    let Some(examination) = slide.and_then(|slide| slide.look.as_ref()?.examination.as_ref()) else {
        return Vec::new();
    };
    let fired = examination.checks.iter().filter(|check| check.fired);
    let structure = examination.checks.iter().filter(|check| check.name == "structure" && !check.fired);
    let of =
        |check: &'_ Check| {
            let title = if check.fired {
                check.why.clone()
            } else {
                "No check fired; here least structure was kept.".to_owned()
            };
            check.regions.clone().into_iter().map(move |restain_quality::Region { x, y, width, height }| {
                Region { x, y, width, height, title: title.clone() }
            })
        };
    fired.chain(structure).flat_map(of).collect()
}

fn present(path: &Path) -> anyhow::Result<PathBuf> {
    ensure!(path.exists(), "{}: no such file; check the path", path.display());
    Ok(path.to_owned())
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
