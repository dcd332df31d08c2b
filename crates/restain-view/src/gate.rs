//! What every request passes: the host it asks for, the token, and the headers of every answer.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::Token;

/// What is on the page comes from the server alone; nothing of it stays in the browser's cache, and no other page sees it.
/// The hash is that of the one rule that `OpenSeadragon` 6.1.1 puts into the page: no outline where there is no mouse.
const HEADERS: [(axum::http::HeaderName, HeaderValue); 5] = [
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'self'; style-src 'self' 'sha256-9xTiqzfwFaL2SGb1rmr8gysEwVVjIvqWAgmZgqFqpEE='; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// Who may pass.
#[derive(Debug)]
pub(crate) struct Gate {
    /// The name that the server was told to listen on.
    pub(crate) host: String,
    pub(crate) token: Token,
}

impl Gate {
    /// Whether a page of another site cannot have made its own name point here (DNS rebinding): what was asked for is an
    /// address, this machine, or the name that the server was started with.
    fn knows(&self, request: &Request) -> bool {
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        let Some(authority) = host.and_then(|host| host.parse::<Authority>().ok()) else { return false };
        let name = authority.host();
        name.eq_ignore_ascii_case("localhost")
            || name.eq_ignore_ascii_case(&self.host)
            || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
    }

    /// Whether the path begins with the token.
    fn admits(&self, request: &Request) -> bool {
        let offered = request.uri().path().split('/').nth(1).unwrap_or_default();
        self.token.is(offered)
    }
}

pub(crate) async fn pass(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let mut response = if !gate.knows(&request) {
        (
            StatusCode::FORBIDDEN,
            "this name is not the server's; use the address that restain view has printed",
        )
            .into_response()
    } else if !gate.admits(&request) {
        (StatusCode::FORBIDDEN, "wrong or missing token; use the address that restain view has printed")
            .into_response()
    } else {
        next.run(request).await
    };
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}
