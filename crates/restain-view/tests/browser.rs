//! The pages in a browser: see `browser.py`.

mod support;

use std::path::Path;
use std::process::Command;

use restain_view::{Pair, Region, Server, Settings};
use support::Slides;

fn region(x: i64, y: i64, title: &str) -> Region {
    Region { x, y, width: 400, height: 300, title: title.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_work_in_a_browser() {
    let Some(python) = std::env::var_os("RESTAIN_PYTHON") else {
        eprintln!("SKIPPED: RESTAIN_PYTHON names no Python with playwright; `make test` does");
        return;
    };
    let slides = Slides::new((6000, 4500), 0);
    let (before, after) = (slides.path("before.mrxs"), slides.path("after.tif"));
    let pairs = vec![
        Pair {
            regions: vec![
                region(3000, 2000, "Structure lost: SSIM 0.71"),
                region(500, 700, "Red and blue exchanged"),
            ],
            ..Pair::new("smear-0417", Some(before.clone()), &after)
        },
        Pair::new("smear-0418", Some(slides.damaged()), &after),
        Pair::new("smear-0419", None, &after),
        Pair::new("smear-0420", Some(before), slides.path("missing.tif")),
        Pair::new("a slide <b>with</b> a name that is far too long for any card or any bar", None, &after),
    ];
    let server = Server::bind(pairs, Settings::default()).await.expect("a free port");
    let url = server.url().to_owned();
    tokio::spawn(server.serve());
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
    let run = tokio::task::spawn_blocking(move || {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser.py");
        Command::new(python).arg(script).arg(url).arg(pictures).output().expect("Python starts")
    });
    let run = run.await.expect("no panic");
    let said = String::from_utf8_lossy(&run.stdout);
    println!("{said}");
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
}
