//! The viewer from the command line: who gets in, and how it ends. What it shows is tested in `restain-view`.

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use common::{assert_fails, restain, run, run_well, synth};

/// A viewer at work, and the host and path of its address.
struct Viewer(Child, String, String);

impl Viewer {
    fn start(arguments: &[&Path]) -> Self {
        let mut viewer =
            restain().arg("view").args(arguments).stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut address = String::new();
        let stdout = viewer.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut address).expect("an address");
        let rest = address.trim().strip_prefix("http://").expect("an address").to_owned();
        let (host, path) = rest.split_once('/').expect("a path with the token");
        Self(viewer, host.to_owned(), format!("/{path}"))
    }

    /// Status and body of an answer.
    fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.1).expect("a server");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.1)
            .expect("a question");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, answer)
    }

    fn at(&self, path: &str) -> (u16, String) {
        self.get(&format!("{}{path}", self.2))
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_batch_is_shown_to_who_has_the_token_until_ctrl_c() {
    let folder = tempfile::tempdir().unwrap();
    let (scans, out) = (folder.path().join("scans"), folder.path().join("out"));
    fs::create_dir(&scans).unwrap();
    for (name, seed) in [("first", "1"), ("second", "2")] {
        synth(&scans.join(name).with_extension("mrxs"), "1200x1000", &["--seed", seed]);
    }
    run_well(
        ["batch", "--quiet", "--model", "identity", "-o"].map(Path::new).into_iter().chain([&*out, &*scans]),
    );
    let mut viewer = Viewer::start(&[&out, Path::new("--slides"), &scans]);
    let (status, list) = viewer.at("slides.json");
    assert_eq!(status, 200, "{list}");
    assert!(list.contains(r#""report":true"#) && list.contains(r#""name":"first","before":true"#), "{list}");
    let (_, info) = viewer.at("slides/1/info.json");
    assert!(info.contains(r#""name":"second""#) && info.contains("No check fired"), "{info}");
    let (status, page) = viewer.at("report.html");
    assert!(status == 200 && page.contains("second"));
    assert_eq!(viewer.get("/0123456789abcdef0123456789abcdef/").0, 403);
    assert_eq!(viewer.at("../../../etc/passwd").0, 404);
    assert_eq!(viewer.at("slides/%2e%2e/%2e%2e/etc/passwd").0, 404);
    let process = viewer.0.id().to_string();
    assert!(Command::new("kill").args(["-INT", &process]).status().unwrap().success());
    assert_eq!(viewer.0.wait().unwrap().code(), Some(0));
}

#[test]
fn what_is_not_there_is_said() {
    let output = run(["view", "none.mrxs", "none.tif"]);
    assert_fails(&output, &["none.mrxs", "no such file"]);
    let output = run(["view", "none.tif", "--token", "short"]);
    assert_fails(&output, &["none.tif"]);
}
