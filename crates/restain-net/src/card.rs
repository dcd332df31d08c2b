//! The model card: what a checkpoint says about itself.

use std::collections::BTreeMap;

use restain_stain::reference::Reference;
use serde::{Deserialize, Serialize};

/// The one architecture there is so far: [`Generator`](crate::Generator).
pub const ARCHITECTURE: &str = "restain-g-unet-6";

/// A model card, kept as JSON in the checkpoint's metadata.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// The model's name.
    pub name: String,
    /// The network's architecture, [`ARCHITECTURE`].
    pub architecture: String,
    /// G's base width.
    pub base: usize,
    /// The style it gives to slides.
    pub source_style: String,
    /// What it was trained on.
    pub trained_on: String,
    /// Under which terms it and its training data may be used.
    pub licence: String,
    /// The commit of restain it was trained with.
    pub commit: String,
    /// Micrometres a pixel of what it was trained on.
    pub mpp: Option<f64>,
    /// What was done to pixels before stain removal, or instead of its plain form; empty for the paper's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub input: Vec<String>,
    /// SHA-256 of the parameters, in hexadecimal digits; [`Checkpoint`](crate::Checkpoint) sets and checks it.
    #[serde(default)]
    pub sha256: String,
    /// Figures on held-out data, by name.
    #[serde(default)]
    pub held_out: BTreeMap<String, f64>,
    /// The colours of what it was trained on, by which slides of another kind are told; `None` where they are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Reference>,
}
