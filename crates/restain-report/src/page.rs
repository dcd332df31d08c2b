//! What all pages share: their frame, their rules about what a browser may load, and pictures within them.

use std::io::{Cursor, Write};

use base64::display::Base64Display;
use image::ImageReader;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::Result;

/// The look of the viewer, and what reports add to it.
const STYLE: &str =
    concat!(include_str!("../../restain-view/assets/theme.css"), include_str!("../assets/page.css"));
const SCRIPT: &str = include_str!("../assets/page.js");
/// Light and dark, as in the viewer.
const THEME: &str = include_str!("../../restain-view/assets/theme.js");
const ICON: &[u8] = include_bytes!("../../restain-view/assets/icon.svg");

/// Writes what comes before a page's sections.
pub(crate) fn begin(out: &mut impl Write, title: &str, about: &Markup) -> Result<()> {
    // Nothing but what is in the file itself: whatever stands in names and cards, no browser runs or asks for it.
    let policy = format!(
        "default-src 'none'; img-src data:; style-src '{}'; script-src '{}' '{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(THEME),
        hash(SCRIPT)
    );
    let icon = data_uri("image/svg+xml", ICON);
    let head = html! {
        (DOCTYPE)
        (PreEscaped("<html lang=\"en\">"))
        head {
            meta charset="utf-8";
            meta http-equiv="Content-Security-Policy" content=(policy);
            meta name="viewport" content="width=device-width, initial-scale=1";
            title { (title) " · restain" }
            link rel="icon" href=(icon);
            style { (PreEscaped(STYLE)) }
            script { (PreEscaped(THEME)) }
        }
        (PreEscaped("<body>"))
        header.bar {
            img src=(icon) alt="" width="24" height="24";
            h1 { (title) }
            p.quiet { (about) }
            span.gap {}
            button #theme .icon type="button" title="Light or dark" aria-label="Light or dark" { "◐" }
        }
        (PreEscaped("<main>"))
    };
    Ok(out.write_all(head.into_string().as_bytes())?)
}

/// Writes what comes after them.
pub(crate) fn end(out: &mut impl Write) -> Result<()> {
    let foot = html! {
        (PreEscaped("</main>"))
        footer.quiet {
            "For research only: restain is not a medical device. The colours after were made by a program; they can be wrong."
        }
        script { (PreEscaped(SCRIPT)) }
        (PreEscaped("</body></html>\n"))
    };
    out.write_all(foot.into_string().as_bytes())?;
    Ok(out.flush()?)
}

/// A source of the page's own, by its hash.
fn hash(source: &str) -> String {
    format!("sha256-{}", base64::encode(Sha256::digest(source)))
}

fn data_uri(kind: &str, bytes: &[u8]) -> String {
    format!("data:{kind};base64,{}", Base64Display::with_config(bytes, base64::STANDARD))
}

/// A JPEG or PNG at its own size; in its place, that it is none.
pub(crate) fn picture(bytes: &[u8], what: &str) -> Markup {
    let read = || {
        let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
        let kind = reader.format()?.to_mime_type();
        Some((kind, reader.into_dimensions().ok()?))
    };
    html! {
        @if let Some((kind, (width, height))) = read() {
            img src=(data_uri(kind, bytes)) alt=(what) width=(width) height=(height) decoding="async";
        } @else {
            p.missing { "No picture" }
        }
    }
}

/// An SVG from a file, of which a browser runs nothing.
pub(crate) fn plot(svg: &[u8], what: &str) -> Markup {
    let tag = String::from_utf8_lossy(&svg[..svg.len().min(500)]);
    let pixels = |name: &str| -> Option<u32> {
        tag.split_once(&format!(" {name}=\""))?.1.split_once('"')?.0.parse().ok()
    };
    let uri = data_uri("image/svg+xml", svg);
    html! { img src=(uri) alt=(what) width=[pixels("width")] height=[pixels("height")]; }
}

/// A chart of our own, in the colours of the page.
pub(crate) fn chart(svg: &str, what: &str) -> Markup {
    html! { div.chart role="img" aria-label=(what) { (PreEscaped(svg)) } }
}
