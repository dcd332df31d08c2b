//! The pages and what they load, built in.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

/// The list of slides.
pub(crate) const BROWSE: Asset = html(include_bytes!("../assets/browse.html"));
/// One slide before and after.
pub(crate) const VIEW: Asset = html(include_bytes!("../assets/view.html"));

/// A file.
#[derive(Clone, Copy)]
pub(crate) struct Asset {
    kind: &'static str,
    bytes: &'static [u8],
}

const fn html(bytes: &'static [u8]) -> Asset {
    Asset { kind: "text/html; charset=utf-8", bytes }
}

/// What the pages load.
pub(crate) fn find(name: &str) -> Option<Asset> {
    let (kind, bytes): (_, &[u8]) = match name {
        "theme.css" => (CSS, include_bytes!("../assets/theme.css")),
        "style.css" => (CSS, include_bytes!("../assets/style.css")),
        "theme.js" => (JAVASCRIPT, include_bytes!("../assets/theme.js")),
        "browse.js" => (JAVASCRIPT, include_bytes!("../assets/browse.js")),
        "view.js" => (JAVASCRIPT, include_bytes!("../assets/view.js")),
        "openseadragon.min.js" => (JAVASCRIPT, include_bytes!("../assets/openseadragon.min.js")),
        "openseadragon.LICENSE.txt" => {
            ("text/plain; charset=utf-8", include_bytes!("../assets/openseadragon.LICENSE.txt"))
        }
        "icon.svg" => ("image/svg+xml", include_bytes!("../assets/icon.svg")),
        _ => return None,
    };
    Some(Asset { kind, bytes })
}

const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

impl IntoResponse for Asset {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, self.kind)], self.bytes).into_response()
    }
}
