//! What comparing an output with its slide has found: one file each, from which the report is made.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use restain_net::Card;
use restain_pipeline::Loaded;
use restain_quality::{Region, Source, examine, pictures};
use restain_report::{Look, Pictures};
use restain_slide::Slide;
use restain_stain::histogram::Histogram;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Error, Output, Result, folder::read_own};

/// Version of the file.
const VERSION: u32 = 1;
/// Pictures have some 300 KB; nothing longer is read.
const MOST_BYTES: u64 = 16 << 20;
/// Of the regions of a check that fired, so many are shown.
const SHOWN: usize = 3;
/// The check whose worst region is shown even where it did not fire.
const ALWAYS: &str = "structure";

/// What is known of an output beside its record. It holds no more of the slide than its pixels.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Findings {
    version: u32,
    /// SHA-256 of the output that was looked at.
    output: String,
    /// The model, or what took its place, as the output's description has it.
    pub(crate) model: Map<String, Value>,
    /// What the model says of itself.
    pub(crate) card: Option<Card>,
    /// The colours of the style that the slide was given.
    pub(crate) style: Option<Histogram>,
    /// For the report.
    pub(crate) look: Look,
    /// Why it could not be compared with its slide.
    pub(crate) trouble: Option<String>,
    /// The whole slide before and after, as JPEG in base64.
    whole: [String; 2],
    /// The worst places of checks, before and after.
    regions: Vec<(String, Region, [String; 2])>,
}

/// What an output says of itself.
#[derive(Deserialize)]
struct Description {
    model: Map<String, Value>,
}

impl Findings {
    /// Compares an output with its slide.
    ///
    /// # Errors
    /// Where the user has stopped it. That they cannot be compared is in [`Findings::trouble`], as `say` puts it.
    pub(crate) fn of(
        (slide, output, made): (&Path, &Path, &Output),
        loaded: &Loaded,
        stage_seconds: BTreeMap<String, f64>,
        say: impl FnOnce(&Error) -> String,
        interrupt: &AtomicBool,
    ) -> Result<Self> {
        let reference = loaded.reference()?;
        let card = loaded.model().map(|model| Card { seen: None, ..model.card().clone() });
        let mut findings = Self {
            version: VERSION,
            output: made.sha256.clone(),
            model: Map::new(),
            card,
            style: reference.as_ref().map(|reference| reference.histogram.clone()),
            look: Look { stage_seconds, ..Look::default() },
            trouble: None,
            whole: Default::default(),
            regions: Vec::new(),
        };
        let examined = findings.examine(slide, output, reference.as_ref(), interrupt);
        match examined {
            Err(error) if error.is_interrupt() => return Err(error),
            Err(error) => findings.trouble = Some(say(&error)),
            Ok(()) => {}
        }
        Ok(findings)
    }

    fn examine(
        &mut self,
        slide: &Path,
        output: &Path,
        reference: Option<&restain_stain::reference::Reference>,
        interrupt: &AtomicBool,
    ) -> Result<()> {
        let description = restain_tiff::description(output)?.unwrap_or_default();
        let source = Source::of(&description)?;
        self.model =
            serde_json::from_str(&description).map(|Description { model }| model).unwrap_or_default();
        let (before, after) = (Slide::open(slide)?, Slide::open(output)?);
        let size = after.info().levels[0].size.to_u32();
        self.look.size = [size.width, size.height];
        self.look.mpp = after.info().mpp.map(|mpp| [mpp.x, mpp.y]);
        let examination = examine(&before, &after, &source, reference, interrupt)?;
        for check in &examination.checks {
            let shown = if check.fired { SHOWN } else { usize::from(check.name == ALWAYS) };
            for &region in check.regions.iter().take(shown) {
                let both = pictures(&before, &after, &source, region)?.map(base64::encode);
                self.regions.push((check.name.clone(), region, both));
            }
        }
        self.whole = examination.thumbnails.each_ref().map(base64::encode);
        self.look.examination = Some(examination);
        Ok(())
    }

    /// Whether it is about this output.
    pub(crate) fn is_about(&self, made: &Output) -> bool {
        self.output == made.sha256
    }

    /// The findings in a file; `None` where there are none that can be read.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        Self::parse(&read_own(path, MOST_BYTES).ok()?)
    }

    /// The findings in the bytes of their file; `None` where they are none of this version.
    pub fn parse(json: &[u8]) -> Option<Self> {
        let findings: Self = serde_json::from_slice(json).ok()?;
        (findings.version == VERSION).then_some(findings)
    }

    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        restain_net::write_whole(path, &serde_json::to_vec(self).map_err(io::Error::other)?)
    }

    /// The pictures; none where they are damaged.
    pub fn pictures(&self) -> Pictures {
        let decode =
            |both: &[String; 2]| both.each_ref().map(|text| base64::decode(text).unwrap_or_default());
        let region =
            |(check, region, both): &(String, Region, [String; 2])| (check.clone(), *region, decode(both));
        Pictures { whole: decode(&self.whole), regions: self.regions.iter().map(region).collect() }
    }
}
