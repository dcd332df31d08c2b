//! What can be asked for, and the answers.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, get_service};
use axum::{Json, Router};
use restain_slide::LevelSize;
use serde::Serialize;
use tower_http::services::ServeFile;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::alignment::{Placement, Source};
use crate::assets::{self, BROWSE, VIEW};
use crate::pair::Side;
use crate::picture::{Address, Picture, TILE};
use crate::tiles::{Part, Tiles};
use crate::{Error, Region, Result};

type Slides = State<Arc<Tiles>>;
/// What a path names; what is not so named is not there.
type Named<T> = Result<Path<T>, PathRejection>;

/// Every known path; all begin with the token.
pub(crate) fn routes(tiles: Arc<Tiles>, token: &str) -> Router {
    let at = |path: &str| format!("/{token}{path}");
    let home = at("/");
    let mut router = Router::new();
    if let Some(page) = tiles.report() {
        let policy = SetResponseHeaderLayer::overriding(CONTENT_SECURITY_POLICY, OF_REPORT);
        router = router.route(&at("/report.html"), get_service(ServeFile::new(page)).layer(policy));
    }
    router
        .route(&at(""), get(async move || Redirect::to(&home)))
        .route(&at("/"), get(start))
        .route(&at("/slides.json"), get(list))
        .route(&at("/assets/{name}"), get(asset))
        .route(&at("/view/{name}"), get(by_name))
        .route(&at("/slides/{pair}/"), get(page))
        .route(&at("/slides/{pair}/info.json"), get(info))
        .route(&at("/slides/{pair}/overview.jpg"), get(overview))
        .route(&at("/slides/{pair}/{side}/{level}/{tile}"), get(tile))
        .fallback(async || nothing())
        .with_state(tiles)
}

/// The list, or the only slide.
async fn start(State(tiles): Slides) -> Response {
    if tiles.pairs().len() == 1 { Redirect::to("slides/0/").into_response() } else { BROWSE.into_response() }
}

async fn asset(Path(name): Path<String>) -> Response {
    assets::find(&name).map_or_else(nothing, IntoResponse::into_response)
}

/// What the report is allowed: it is one file, with its own style and script in it, which it names by their hashes.
const OF_REPORT: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);

/// From the report, which knows slides by their names.
async fn by_name(State(tiles): Slides, name: Named<String>) -> Response {
    let Ok(Path(name)) = name else { return nothing() };
    let index = tiles.pairs().iter().position(|pair| pair.name == name);
    index.map_or_else(nothing, |index| Redirect::to(&format!("../slides/{index}/")).into_response())
}

#[derive(Serialize)]
struct List {
    /// Whether there is a report.
    report: bool,
    slides: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    name: String,
    /// Whether the slide before is known.
    before: bool,
    /// How many places are worth a look.
    regions: usize,
}

async fn list(State(tiles): Slides) -> Json<List> {
    let listed = |pair: &crate::Pair| Listed {
        name: pair.name.clone(),
        before: pair.before.is_some(),
        regions: pair.regions.len(),
    };
    Json(List { report: tiles.report().is_some(), slides: tiles.pairs().iter().map(listed).collect() })
}

async fn page(State(tiles): Slides, pair: Named<usize>) -> Response {
    let Ok(Path(pair)) = pair else { return nothing() };
    if pair < tiles.pairs().len() { VIEW.into_response() } else { nothing() }
}

/// A pair as its page needs it.
#[derive(Serialize)]
struct Info {
    name: String,
    /// How many pairs there are.
    slides: usize,
    /// Size of the output, the common ground, in pixels.
    width: i64,
    height: i64,
    /// Micrometres along the side of such a pixel.
    mpp: Option<f64>,
    /// Side of a tile in pixels.
    tile: u32,
    /// `None` where it is not known which slide that is.
    before: Option<Shown>,
    after: Shown,
    regions: Vec<Region>,
}

/// A picture, or what is wrong with it.
#[derive(Serialize)]
#[serde(untagged)]
enum Shown {
    Picture {
        /// Size of its level 0.
        width: i64,
        height: i64,
        halvings: u32,
        #[serde(flatten)]
        placement: Placement,
    },
    Error {
        error: String,
    },
}

impl Shown {
    fn of(shown: Result<(Arc<Picture>, Placement)>) -> Self {
        match shown {
            Ok((picture, placement)) => {
                let size = picture.size();
                Self::Picture {
                    width: size.width,
                    height: size.height,
                    halvings: picture.halvings(),
                    placement,
                }
            }
            Err(error) => Self::Error { error: error.to_string() },
        }
    }
}

async fn info(State(tiles): Slides, pair: Named<usize>) -> Response {
    let Ok(Path(pair)) = pair else { return nothing() };
    match tiles.work(move |tiles| describe(tiles, pair)).await {
        Ok(Some(info)) => Json(info).into_response(),
        Ok(None) => nothing(),
        Err(error) => failed(&error),
    }
}

fn describe(tiles: &Tiles, index: usize) -> Option<Info> {
    let pair = tiles.pairs().get(index)?;
    let before = tiles.picture(index, Side::Before).transpose();
    let after = tiles.picture(index, Side::After).and_then(|after| after.ok_or(Error::Ended));
    // The output is the common ground; where there is none, what the scanner has seen of the slide is.
    let bounds = |picture: &Arc<Picture>| picture.slide().info().bounds;
    let ground = after.as_ref().ok().or(before.as_ref().and_then(|before| before.as_ref().ok()));
    let size = ground.map_or(LevelSize::new(1, 1), |picture| {
        LevelSize::new(bounds(picture).width(), bounds(picture).height())
    });
    let mpp = ground.and_then(|picture| picture.slide().info().mpp).map(|mpp| mpp.x);
    let before = before.map(|before| {
        before.and_then(|picture| {
            let placement = match &after {
                Ok(_) => Placement::before(&picture, Source::of(&pair.after).as_ref(), size)?,
                Err(_) => Placement::alone(bounds(&picture)),
            };
            Ok((picture, placement))
        })
    });
    let after = after.map(|picture| {
        let placement = Placement::alone(bounds(&picture));
        (picture, placement)
    });
    Some(Info {
        name: pair.name.clone(),
        slides: tiles.pairs().len(),
        width: size.width,
        height: size.height,
        mpp,
        tile: TILE,
        before: before.map(Shown::of),
        after: Shown::of(after),
        regions: pair.regions.clone(),
    })
}

async fn overview(State(tiles): Slides, pair: Named<usize>) -> Response {
    let Ok(Path(pair)) = pair else { return nothing() };
    jpeg(tiles.jpeg(pair, Side::After, Part::Overview).await)
}

async fn tile(State(tiles): Slides, named: Named<(usize, Side, u32, String)>) -> Response {
    let Ok(Path((pair, side, halvings, tile))) = named else { return nothing() };
    let address =
        tile.strip_suffix(".jpg").and_then(|tile| tile.split_once('_')).and_then(|(column, row)| {
            Some(Address { halvings, column: column.parse().ok()?, row: row.parse().ok()? })
        });
    match address {
        Some(address) => jpeg(tiles.jpeg(pair, side, Part::Tile(address)).await),
        None => nothing(),
    }
}

fn jpeg(jpeg: Result<Option<Bytes>>) -> Response {
    match jpeg {
        Ok(Some(jpeg)) => ([(CONTENT_TYPE, "image/jpeg")], jpeg).into_response(),
        Ok(None) => nothing(),
        Err(error) => failed(&error),
    }
}

fn nothing() -> Response {
    (StatusCode::NOT_FOUND, "there is nothing of this name").into_response()
}

fn failed(error: &Error) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response()
}
