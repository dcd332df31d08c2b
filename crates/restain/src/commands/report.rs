use std::path::PathBuf;

use anyhow::{bail, ensure};
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
        ensure!(self.folder.is_dir(), "{}: no such folder; check the path", self.folder.display());
        let page = self.folder.join(PAGE);
        if let Ok(out) = OutFolder::open(&self.folder) {
            self.of_batch(&out)?;
        } else {
            let written =
                restain_net::write_whole_by(&page, |mut file| restain_report::run(&self.folder, &mut file));
            if let Err(restain_report::Error::NothingThere(folder)) = &written {
                bail!(
                    "{}: no batch, training or evaluation was run into this folder; check the path",
                    folder.display()
                );
            }
            written?;
            say::line(page.display());
        }
        if self.open {
            desktop::open(page);
        }
        Ok(())
    }

    fn of_batch(&self, out: &OutFolder) -> anyhow::Result<()> {
        let report = write_report(out)?;
        if self.json {
            return print_json(&report);
        }
        say::line(format_args!(
            "{}: {}, {} done, {} failed, {} flagged",
            self.folder.join(PAGE).display(),
            quantity::count(report.slides.len() as u64, "slide"),
            report.done,
            report.failed,
            report.flagged
        ));
        Ok(())
    }
}
