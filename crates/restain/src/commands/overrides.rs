//! Settings from a YAML file, the command line's on top.

use std::path::PathBuf;

use anyhow::anyhow;
use bytesize::ByteSize;
use clap::Args;
use restain_pipeline::Settings;
use serde::de::DeserializeOwned;

/// Which model or style, where, on how many threads.
#[derive(Args)]
pub(crate) struct ModelArguments {
    /// Checkpoint (.safetensors); `shipped`; or `identity` to copy pixels unchanged through the whole pipeline [default:
    /// shipped, or none with --style]
    #[arg(long, value_name = "M")]
    model: Option<String>,

    /// The style of a lab, as `restain style` measures it. Each channel of each pixel is mapped so that the slide's
    /// distribution of its values becomes the style's. That undoes every change of a whole slide that acts on each channel by
    /// itself, such as brightness, white balance or gamma, and no other. With --model the model sees what the map has made:
    /// give it the style of the lab whose colours it paints
    #[arg(long, value_name = "STYLE.json")]
    style: Option<PathBuf>,

    /// The style of the lab that the slide is from, in place of the slide's own colours, which --style and models trained on
    /// standardized slides measure. For small slides, for slides that show something else than the lab's others, and for
    /// single patches
    #[arg(long, value_name = "STYLE.json")]
    own: Option<PathBuf>,

    /// Whose gray pixels get: the slide's (mapped where there is a --style), so that the model gives no more than colour; or
    /// the model's, which can be off by some levels [default: slide, or model where it was trained on standardized gray]
    #[arg(long, value_name = "WHOSE", value_parser = ["slide", "model"])]
    gray: Option<String>,

    /// Where the model runs: auto (all GPUs, or the CPU where there is none), cpu, cuda (all GPUs) or cuda:N [default:
    /// auto]
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,

    /// Numbers the model computes in: f32, bf16 (twice as fast where the processor has it, at most 3 grey levels away), or
    /// auto: bf16 on GPUs and where the processor has it [default: auto]
    #[arg(long, value_name = "P", value_parser = ["auto", "f32", "bf16"])]
    precision: Option<String>,

    /// Side of the tiles worked on in pixels, a multiple of 64; the result does not depend on it [default: 1024]
    #[arg(long, value_name = "N")]
    tile: Option<u32>,

    /// Threads; the result does not depend on it [default: one a processor]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,

    /// Memory that may be used, such as 4GiB: where a slide would need more, tiles are made smaller and threads fewer. In a
    /// batch each of the two slides under way gets half [default: what the tiles and threads take]
    #[arg(long, value_name = "SIZE")]
    memory: Option<ByteSize>,
}

/// Which part of the slide.
#[derive(Args)]
pub(crate) struct InputArguments {
    /// What the scanner has seen, or all of the slide [default: bounds]
    #[arg(long, value_name = "EXTENT", value_parser = ["bounds", "full"])]
    extent: Option<String>,

    /// Level of the slide to read, 0 the finest [default: 0]
    #[arg(long, value_name = "L", conflicts_with = "mpp", allow_negative_numbers = true)]
    level: Option<u32>,

    /// Read the level nearest to X micrometres a pixel; pixels are not resampled
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    mpp: Option<f64>,
}

/// Settings from a file.
#[derive(Args)]
pub(crate) struct ConfigArgument {
    /// YAML run configuration; the command line wins over it. See pipelines/normalize.yaml
    #[arg(long, value_name = "FILE.yaml")]
    config: Option<PathBuf>,
}

impl ConfigArgument {
    /// The settings of the file, or the defaults.
    pub(crate) fn settings(&self) -> anyhow::Result<Settings> {
        Ok(self.config.as_deref().map_or_else(|| Ok(Settings::default()), Settings::from_yaml)?)
    }
}

/// How the output is stored.
#[derive(Args)]
pub(crate) struct OutputArguments {
    /// JPEG, or lossless deflate [default: jpeg]
    #[arg(long, value_name = "HOW", value_parser = ["jpeg", "deflate"])]
    compression: Option<String>,

    /// JPEG quality, 1 to 100 [default: 90]
    #[arg(long, value_name = "Q", allow_negative_numbers = true)]
    quality: Option<u8>,

    /// JPEG chroma subsampling [default: 4:4:4]
    #[arg(long, value_name = "S", value_parser = ["4:4:4", "4:2:2", "4:2:0"])]
    subsampling: Option<String>,
}

impl ModelArguments {
    pub(crate) fn apply(self, settings: &mut Settings) -> anyhow::Result<()> {
        // What the command line says of model and style takes the place of all that the file says of them.
        if self.model.is_some() && self.style.is_none() {
            settings.own = None;
        }
        if self.model.is_some() || self.style.is_some() {
            (settings.model, settings.style) = (self.model, self.style);
        }
        if self.own.is_some() {
            settings.own = self.own;
        }
        if self.gray.is_some() {
            parse(&mut settings.gray, self.gray)?;
        }
        set(&mut settings.device, self.device);
        parse(&mut settings.precision, self.precision)?;
        set(&mut settings.tile, self.tile);
        if self.threads.is_some() {
            settings.threads = self.threads;
        }
        settings.memory = self.memory.or(settings.memory);
        Ok(())
    }
}

impl InputArguments {
    pub(crate) fn apply(self, settings: &mut Settings) -> anyhow::Result<()> {
        parse(&mut settings.extent, self.extent)?;
        // One choice of the level on the command line replaces either choice of the file.
        if self.level.is_some() || self.mpp.is_some() {
            (settings.level, settings.mpp) = (self.level, self.mpp);
        }
        Ok(())
    }
}

impl OutputArguments {
    pub(crate) fn apply(self, settings: &mut Settings) -> anyhow::Result<()> {
        parse(&mut settings.compression, self.compression)?;
        set(&mut settings.quality, self.quality);
        parse(&mut settings.subsampling, self.subsampling)
    }
}

fn set<T>(setting: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *setting = given;
    }
}

/// Reads a setting as a run configuration would, so that both know the same words.
fn parse<T: DeserializeOwned>(setting: &mut T, given: Option<String>) -> anyhow::Result<()> {
    if let Some(given) = given {
        let value = serde_yaml::Value::String(given);
        *setting = serde_yaml::from_value(value).map_err(|error| anyhow!("{error}"))?;
    }
    Ok(())
}
