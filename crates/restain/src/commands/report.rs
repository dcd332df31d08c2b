use std::io;
use std::path::PathBuf;

use clap::Args;
use restain_batch::{OutFolder, PAGE, write_report};

use super::print_json;
use crate::{desktop, quantity, say};

/// Write the report of a batch, a training or an evaluation
///
/// One page, report.html in the folder itself, that opens in any browser and needs no network. Of a batch, which writes it at its
/// own end, too: every slide before and after, its colours, the checks for harm, and why slides failed; the figures are also in
/// report.json. Of a training: the losses and what G made of samples. Of an evaluation: its tables, plots and pictures.
#[derive(Args)]
pub(crate) struct WriteReport {
    /// The output folder of `restain batch`, `restain train` or `restain evaluate`
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,

    /// Print the figures of a batch as one JSON object on stdout
    #[arg(long)]
    json: bool,

    /// Open the page in the browser
    #[arg(long)]
    open: bool,
}

impl WriteReport {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let page = self.folder.join(PAGE);
        match OutFolder::open(&self.folder) {
            Ok(out) => {
                let report = write_report(&out)?;
                if self.json {
                    print_json(&report)?;
                } else {
                    let all = report.slides.len() as u64;
                    say::line(format_args!(
                        "{}: {}, {} done, {} failed, {} flagged",
                        page.display(),
                        quantity::count(all, "slide"),
                        report.done,
                        report.failed,
                        report.flagged
                    ));
                }
            }
            Err(no_batch) if !restain_report::is_run(&self.folder) => return Err(no_batch.into()),
            Err(_) => {
                restain_net::write_whole_by(&page, |file| {
                    restain_report::run(&self.folder, &mut &mut *file).map_err(io::Error::other)
                })?;
                say::line(page.display());
            }
        }
        if self.open {
            desktop::open(page);
        }
        Ok(())
    }
}
