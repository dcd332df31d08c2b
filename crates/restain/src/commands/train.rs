use std::path::PathBuf;

use clap::Args;

/// Train a model on a folder of pictures of the lab whose style is wanted
#[derive(Args)]
pub(crate) struct Train {
    /// YAML training configuration. See pipelines/train-l1.yaml
    #[arg(long, value_name = "FILE.yaml")]
    config: PathBuf,

    /// Go on from the last checkpoint of the output folder
    #[arg(long)]
    resume: bool,

    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

impl Train {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let _ = (self.config, self.resume, self.quiet);
        anyhow::bail!("training is not there yet")
    }
}
