use std::io::{self, BufReader};

/// How the supervisor of a batch calls this command.
pub(super) const NAME: &str = "batch-worker";

/// Works for `restain batch`
pub(super) fn run() -> anyhow::Result<()> {
    Ok(restain_batch::worker::run(BufReader::new(io::stdin()), io::stdout())?)
}
