//! JSON objects as lists of names and values, such as a model's card.

use maud::{Markup, html};
use serde_json::{Map, Value};

use crate::figures::{NONE, digits};

/// The most values of a list: longer ones, such as histograms, are for programs.
const LONGEST: usize = 12;

/// Each entry, those of objects within with the name of that before theirs. Long lists and lists of lists are left out.
pub(crate) fn list(object: &Map<String, Value>) -> Markup {
    let mut entries = Vec::new();
    flatten("", object, &mut entries);
    html! {
        dl.properties {
            @for (name, value) in entries {
                dt { (name) }
                dd { (value) }
            }
        }
    }
}

/// Figures on pictures that a model had not seen, as its card has them under `held_out`.
pub(crate) fn held_out(card: &Map<String, Value>) -> Option<Markup> {
    let figures = card.get("held_out")?.as_object().filter(|figures| !figures.is_empty())?;
    Some(html! {
        dl.tiles {
            @for (name, value) in figures {
                div { dt { (label(name)) } dd { (text(value)) } }
            }
        }
    })
}

/// A card without those figures.
pub(crate) fn without_held_out(card: &Map<String, Value>) -> Map<String, Value> {
    card.iter()
        .filter(|(name, _)| *name != "held_out")
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn flatten(before: &str, object: &Map<String, Value>, entries: &mut Vec<(String, String)>) {
    for (name, value) in object {
        let name = format!("{before}{}", label(name));
        match value {
            Value::Object(within) => flatten(&format!("{name}, "), within, entries),
            Value::Null => {}
            Value::Array(values)
                if values.len() > LONGEST
                    || values.iter().any(|value| value.is_array() || value.is_object()) => {}
            value => entries.push((name, text(value))),
        }
    }
}

/// The names of figures that are written in capitals; others lose their underscores.
fn label(name: &str) -> String {
    match name {
        "l1" => "L1, gray levels".to_owned(),
        "psnr" => "PSNR, dB".to_owned(),
        "ssim" => "SSIM".to_owned(),
        "sha256" => "SHA-256".to_owned(),
        "mpp" => "micrometres a pixel".to_owned(),
        name => name.replace('_', " "),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => NONE.to_owned(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Number(value) => match value.as_f64() {
            Some(float) if value.is_f64() && float.fract() != 0.0 => {
                digits(float, 4).trim_end_matches('0').to_owned()
            }
            Some(float) if value.is_f64() => format!("{float}"),
            _ => value.to_string(),
        },
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(self::text).collect::<Vec<_>>().join(", "),
        Value::Object(_) => value.to_string(),
    }
}
