//! One file a stage, in the order of the data; each takes from the channel before it and fills the one after it.

pub(crate) mod encode;
pub(crate) mod generate;
pub(crate) mod read;
pub(crate) mod reassemble;
pub(crate) mod stain;
pub(crate) mod write;

use crate::Error;
use crate::control::StageName;

/// A place where a test can make a stage fail, panic or sleep (feature `failpoints`).
pub(crate) fn failpoint(stage: StageName) -> Result<(), Error> {
    fail::fail_point!(stage.as_str(), |_| Err(Error::Injected(stage.as_str())));
    let _ = stage;
    Ok(())
}
