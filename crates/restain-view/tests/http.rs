//! What the server answers, and to whom.

mod support;

use std::collections::HashMap;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, LOCATION};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use restain_slide::{LevelPoint, LevelRect, LevelSize, Slide};
use restain_tiff::{Compression, Layout};
use restain_view::{Pair, Region, Settings, TILE, Token, router};
use serde_json::Value;
use support::{Slides, write, write_output};
use tower::ServiceExt;

const TOKEN: &str = "a-token-for-the-tests";
const LOCAL: &str = "127.0.0.1:4242";

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    fn location(&self) -> &str {
        self.headers[LOCATION].to_str().expect("text")
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

fn serve(pairs: Vec<Pair>) -> Router {
    let settings = Settings {
        host: "scanner-room".to_owned(),
        token: Token::new(TOKEN).expect("a good token"),
        ..Settings::default()
    };
    router(pairs, settings)
}

async fn ask(router: &Router, host: Option<&str>, method: Method, path: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(host) = host {
        request = request.header(HOST, host);
    }
    let request = request.body(Body::empty()).expect("a request");
    let response = router.clone().oneshot(request).await.expect("an answer");
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body").to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

/// Asks with the token.
async fn get(router: &Router, path: &str) -> Answer {
    ask(router, Some(LOCAL), Method::GET, &format!("/{TOKEN}/{path}")).await
}

fn pair(slides: &Slides) -> Pair {
    Pair::new("a slide", Some(slides.path("before.mrxs")), slides.path("after.tif"))
}

#[tokio::test]
async fn without_the_token_nothing_is_told() {
    let slides = Slides::new((700, 600), 0);
    let router = serve(vec![pair(&slides)]);
    for path in [
        "/",
        "/slides.json",
        "/slides/0/info.json",
        "/assets/style.css",
        "/a-token-for-the-test/slides.json",
        "/a-token-for-the-tests0/slides.json",
        "/A-token-for-the-tests/slides.json",
        "//a-token-for-the-tests/slides.json",
        "/slides.json?token=a-token-for-the-tests",
        "/etc/passwd",
    ] {
        let answer = ask(&router, Some(LOCAL), Method::GET, path).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        assert!(answer.text().starts_with("wrong or missing token"), "{path}");
    }
    assert_eq!(get(&router, "slides.json").await.status, StatusCode::OK);
}

#[tokio::test]
async fn only_what_is_known_is_there() {
    let slides = Slides::new((700, 600), 0);
    let router = serve(vec![pair(&slides)]);
    for path in [
        "../../../../etc/passwd",
        "assets/../../../etc/passwd",
        "assets/..%2f..%2f..%2fetc%2fpasswd",
        "assets/%2fetc%2fpasswd",
        "assets/",
        "assets/view.html",
        "slides/1/",
        "slides/1/info.json",
        "slides/x/info.json",
        "slides/-1/info.json",
        "slides/99999999999999999999/info.json",
        "slides/0/label.jpg",
        "slides/0/macro.jpg",
        "slides/0/thumbnail.jpg",
        "slides/0/beside/0/0_0.jpg",
        "slides/0/before/0/0_0.png",
        "slides/0/before/0/0.jpg",
        "slides/0/before/0/-1_0.jpg",
        "slides/0/before/0/999_0.jpg",
        "slides/0/before/0/4294967295_4294967295.jpg",
        "slides/0/before/31/0_0.jpg",
        "slides/0/before/4294967295/0_0.jpg",
        "slides/0/label/0/0_0.jpg",
        "slides/0/before/0/..%2f..%2f0_0.jpg",
    ] {
        let answer = get(&router, path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.text(), "there is nothing of this name", "{path}");
    }
    let written = ask(&router, Some(LOCAL), Method::POST, &format!("/{TOKEN}/slides.json")).await;
    assert_eq!(written.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn another_site_cannot_pass_for_the_server() {
    let router = serve(Vec::new());
    let path = format!("/{TOKEN}/slides.json");
    for host in [
        LOCAL,
        "127.0.0.1",
        "localhost:80",
        "LOCALHOST",
        "[::1]:4242",
        "192.168.1.7:4242",
        "scanner-room:4242",
    ] {
        assert_eq!(ask(&router, Some(host), Method::GET, &path).await.status, StatusCode::OK, "{host}");
    }
    for host in [
        Some("evil.example"),
        Some("127.0.0.1.evil.example"),
        Some("localhost.evil.example:4242"),
        Some("evil.example@127.0.0.1.x"),
        Some(""),
        None,
    ] {
        let answer = ask(&router, host, Method::GET, &path).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{host:?}");
    }
}

#[tokio::test]
async fn every_answer_keeps_to_itself() {
    let router = serve(vec![Pair::new("nothing", None, "nothing.tif")]);
    for (host, path) in [
        (LOCAL, format!("/{TOKEN}/slides/0/")),
        (LOCAL, format!("/{TOKEN}/nowhere")),
        (LOCAL, "/".to_owned()),
        ("evil.example", "/".to_owned()),
    ] {
        let Answer { headers, .. } = ask(&router, Some(host), Method::GET, &path).await;
        let policy = headers[CONTENT_SECURITY_POLICY].to_str().expect("text");
        assert!(policy.starts_with("default-src 'self';") && !policy.contains("unsafe"), "{path}: {policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(headers[name], value, "{path}");
        }
    }
}

#[tokio::test]
async fn one_slide_is_shown_at_once_and_several_are_listed() {
    let one = serve(vec![Pair::new("one", None, "one.tif")]);
    let bare = ask(&one, Some(LOCAL), Method::GET, &format!("/{TOKEN}")).await;
    assert_eq!((bare.status, bare.location()), (StatusCode::SEE_OTHER, &*format!("/{TOKEN}/")));
    let first = get(&one, "").await;
    assert_eq!((first.status, first.location()), (StatusCode::SEE_OTHER, "slides/0/"));
    assert!(get(&one, "slides/0/").await.text().contains("openseadragon.min.js"));

    let region = Region { x: 1, y: 2, width: 3, height: 4, title: "blurred".to_owned() };
    let second = Pair { regions: vec![region], ..Pair::new("two", Some("two.mrxs".into()), "two.tif") };
    let two = serve(vec![Pair::new("one", None, "one.tif"), second]);
    let page = get(&two, "").await;
    assert!(page.status == StatusCode::OK && page.text().contains("browse.js"));
    let expected = serde_json::json!({"report": false, "slides": [
        {"name": "one", "before": false, "regions": 0},
        {"name": "two", "before": true, "regions": 1},
    ]});
    assert_eq!(get(&two, "slides.json").await.json(), expected);
    let style = get(&two, "assets/style.css").await;
    assert_eq!(style.headers[CONTENT_TYPE], "text/css; charset=utf-8");
}

#[tokio::test]
async fn what_is_wrong_with_a_slide_is_told_in_words() {
    let slides = Slides::new((700, 600), 0);
    let other = Slides::new((900, 600), 0);
    let router = serve(vec![
        Pair::new("damaged", Some(slides.damaged()), slides.path("after.tif")),
        Pair::new("mixed up", Some(other.path("before.mrxs")), slides.path("after.tif")),
        Pair::new("gone", Some(slides.path("before.mrxs")), slides.path("gone.tif")),
        Pair::new("unknown", None, slides.path("after.tif")),
    ]);
    let info = async |pair: usize| get(&router, &format!("slides/{pair}/info.json")).await.json();
    let error = |shown: &Value| shown["error"].as_str().expect("an error").to_owned();

    let damaged = info(0).await;
    assert!(error(&damaged["before"]).contains("the slide is damaged or incomplete"), "{damaged}");
    assert_eq!(damaged["after"]["width"], 700);
    let tile = get(&router, "slides/0/before/0/0_0.jpg").await;
    assert_eq!(tile.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(tile.text().contains("the slide is damaged or incomplete"));

    let mixed = info(1).await;
    assert!(
        error(&mixed["before"]).contains("this is not the slide that the output was made from"),
        "{mixed}"
    );

    let gone = info(2).await;
    assert!(error(&gone["after"]).contains("gone.tif: no such file"), "{gone}");
    assert_eq!(
        (&gone["width"], &gone["height"]),
        (&700.into(), &600.into()),
        "the slide is the common ground"
    );

    assert_eq!(info(3).await["before"], Value::Null);
}

/// The largest and the mean difference of two pictures.
fn difference(a: &[u8], b: &[u8]) -> (u8, f64) {
    assert_eq!(a.len(), b.len());
    let differences = || a.iter().zip(b).map(|(a, b)| a.abs_diff(*b));
    let sum: u64 = differences().map(u64::from).sum();
    (differences().max().unwrap_or(0), sum as f64 / a.len() as f64)
}

fn decode(jpeg: &[u8]) -> (LevelSize, Vec<u8>) {
    let picture = turbojpeg::decompress(jpeg, turbojpeg::PixelFormat::RGB).expect("a JPEG");
    (LevelSize::new(picture.width as i64, picture.height as i64), picture.pixels)
}

#[tokio::test]
async fn tiles_are_what_the_slide_holds() {
    let slides = Slides::new((1500, 1300), 0);
    let router = serve(vec![pair(&slides)]);
    for (side, path) in [("before", slides.path("before.mrxs")), ("after", slides.path("after.tif"))] {
        let slide = Slide::open(path).expect("a slide");
        for (halvings, column, row) in [(0, 1, 1), (0, 2, 2), (1, 0, 0), (1, 1, 1), (2, 0, 0)] {
            let answer = get(&router, &format!("slides/0/{side}/{halvings}/{column}_{row}.jpg")).await;
            assert_eq!(answer.headers[CONTENT_TYPE], "image/jpeg");
            let (size, pixels) = decode(&answer.body);
            let min = LevelPoint::new(column, row) * i64::from(TILE);
            let expected =
                slide.read(halvings, LevelRect::from_origin_and_size(min, size)).expect("whole").rgb;
            let (largest, mean) = difference(&pixels, &expected);
            assert!(largest < 90 && mean < 3.0, "{side} {halvings} {column}_{row}: {largest}, {mean}");
        }
    }
}

/// The pixels of a pair's side that lie under a square of the common ground, as the page places them.
async fn under(router: &Router, side: &str, at: (i64, i64), length: i64) -> Vec<u8> {
    let info = get(router, "slides/0/info.json").await.json();
    let number = |name: &str| info[side][name].as_f64().expect("a number");
    let scale = number("scale");
    // The level on which a pixel is one of the common ground, and its tiles.
    let halvings = (1.0 / scale).log2().round();
    let (left, top) = (at.0 - number("x").round() as i64, at.1 - number("y").round() as i64);
    let tile = i64::from(TILE);
    let mut tiles = HashMap::new();
    for row in top / tile..=(top + length - 1) / tile {
        for column in left / tile..=(left + length - 1) / tile {
            let path = format!("slides/0/{side}/{halvings}/{column}_{row}.jpg");
            tiles.insert((column, row), decode(&get(router, &path).await.body));
        }
    }
    let mut pixels = Vec::new();
    for y in top..top + length {
        for x in left..left + length {
            let (size, rgb) = &tiles[&(x / tile, y / tile)];
            let at = 3 * ((y % tile) * size.width + x % tile) as usize;
            pixels.extend_from_slice(&rgb[at..at + 3]);
        }
    }
    pixels
}

#[tokio::test]
async fn both_sides_show_the_same_place() {
    for level in [0, 1] {
        let slides = Slides::new((2000, 1700), 0);
        let copy = slides.path("copy.tif");
        write_output(&slides.path("before.mrxs"), level, &copy);
        let router = serve(vec![Pair::new("copy", Some(slides.path("before.mrxs")), &copy)]);
        let before = under(&router, "before", (50, 50), 700).await;
        let mut off = Vec::new();
        for shift in [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)] {
            let after = under(&router, "after", (50 + shift.0, 50 + shift.1), 700).await;
            off.push(difference(&before, &after).1);
        }
        let (here, elsewhere) = (off[0], off[1..].iter().copied().fold(f64::INFINITY, f64::min));
        assert!(here < 1.0 && elsewhere > 1.3 * here, "level {level}: {off:?}");
    }
}

#[tokio::test]
async fn a_picture_without_coarse_levels_is_halved() {
    let slides = Slides::new((700, 600), 0);
    let flat = slides.path("flat.tif");
    let slide = Slide::open(slides.path("after.tif")).expect("a slide");
    let full = slide.info().levels[0].size;
    let layout = Layout {
        width: full.width as u32,
        height: full.height as u32,
        // All of it in one tile, so that there is no other level.
        tile: 1024,
        compression: Compression::Deflate,
        mpp: None,
        description: String::new(),
        background: [255; 3],
    };
    write(&slide.read(0, LevelRect::from_size(full)).expect("whole").rgb, &layout, &flat);
    let router = serve(vec![Pair::new("flat", None, &flat)]);
    let info = get(&router, "slides/0/info.json").await.json();
    assert_eq!(info["after"]["halvings"], 1);
    let (size, pixels) = decode(&get(&router, "slides/0/after/1/0_0.jpg").await.body);
    assert_eq!(size, LevelSize::new(350, 300));
    // The pyramid's own level is made by halving, too.
    let halved = slide.read(1, LevelRect::from_size(size)).expect("whole").rgb;
    let (largest, mean) = difference(&pixels, &halved);
    assert!(largest < 90 && mean < 3.0, "{largest}, {mean}");
    let overview = get(&router, "slides/0/overview.jpg").await;
    assert_eq!(decode(&overview.body).0, LevelSize::new(320, 274));
}

#[tokio::test]
async fn the_report_leads_to_slides() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let page = folder.path().join("report.html");
    std::fs::write(&page, "<p>all is well").expect("a page");
    let settings = Settings {
        token: Token::new(TOKEN).expect("a good token"),
        report: Some(page),
        ..Settings::default()
    };
    let pairs = vec![Pair::new("one", None, "one.tif"), Pair::new("two & more", None, "two.tif")];
    let router = router(pairs, settings);
    assert_eq!(get(&router, "slides.json").await.json()["report"], true);
    let report = get(&router, "report.html").await;
    assert_eq!((report.status, report.text()), (StatusCode::OK, "<p>all is well"));
    assert_eq!(report.headers[CONTENT_TYPE], "text/html");
    let policy = report.headers[CONTENT_SECURITY_POLICY].to_str().expect("text");
    assert!(policy.starts_with("default-src 'none'; img-src data:"), "{policy}");
    assert_eq!(report.headers[CACHE_CONTROL], "no-store");
    let slide = get(&router, "view/two%20%26%20more").await;
    assert_eq!((slide.status, slide.location()), (StatusCode::SEE_OTHER, "../slides/1/"));
    assert_eq!(get(&router, "view/three").await.status, StatusCode::NOT_FOUND);
    let wrong = ask(&router, Some(LOCAL), Method::GET, "/another-token-for-it/report.html").await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    let without = serve(vec![Pair::new("one", None, "one.tif")]);
    assert_eq!(get(&without, "report.html").await.status, StatusCode::NOT_FOUND);
}
