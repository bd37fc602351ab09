//! The page in a real browser.

use std::fs;
use std::path::Path;

use super::{with_a_hostile_run, with_a_run};
use crate::sandbox::Sandbox;

/// What Chromium makes of a page: the document once it is laid out, and a picture of it.
struct Seen {
    dom: String,
    picture: Vec<u8>,
}

/// Opens the page of the latest run in Chromium, at this width.
fn seen(sandbox: &Sandbox, width: u32) -> Seen {
    let page = sandbox.outside("page.html");
    let picture = sandbox.outside(&format!("page-{width}.png"));
    let path = page.to_str().unwrap();
    let exported = sandbox.rgpt(&["export", "latest", "-o", path, "--force"]);
    assert_eq!(exported.code, 0, "{exported:#?}");
    let home = sandbox.outside("browser");
    let run = |what: &str| {
        let mut command = sandbox.start("chromium");
        command.args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--virtual-time-budget=2000",
        ]);
        command.arg(format!("--user-data-dir={}", home.display()));
        command.arg(format!("--window-size={width},1600"));
        command.arg(what).arg(format!("file://{path}"));
        command.output().unwrap()
    };
    let dom = run("--dump-dom");
    assert!(dom.status.success(), "{dom:?}");
    let shot = run(&format!("--screenshot={}", picture.display()));
    assert!(shot.status.success(), "{shot:?}");
    let log = String::from_utf8_lossy(&shot.stderr);
    assert!(!log.contains("Content Security Policy"), "{log}");
    Seen {
        dom: String::from_utf8(dom.stdout).unwrap(),
        picture: pixels(&picture),
    }
}

/// The bytes of a picture; a blank one compresses to next to nothing.
fn pixels(file: &Path) -> Vec<u8> {
    fs::read(file).unwrap()
}

#[test]
#[ignore = "needs chromium"]
fn a_browser_shows_the_timeline() {
    let sandbox = with_a_run();
    for width in [400, 1400] {
        let seen = seen(&sandbox, width);
        for bar in [
            "planner completed",
            "tester completed",
            "releaser completed",
        ] {
            assert!(seen.dom.contains(&format!("title=\"{bar}")), "{bar}");
        }
        assert!(seen.picture.starts_with(b"\x89PNG"));
        assert!(
            seen.picture.len() > 20_000,
            "{} bytes: blank",
            seen.picture.len()
        );
    }
}

#[test]
#[ignore = "needs chromium"]
fn a_browser_runs_nothing_of_a_hostile_run() {
    let sandbox = with_a_hostile_run();
    let seen = seen(&sandbox, 1400);
    let dom = seen.dom.to_lowercase();
    for tag in ["<script", "<img", "<iframe", "<svg", "<link", "onerror=\""] {
        assert!(!dom.contains(tag), "{tag}");
    }
    assert!(seen.dom.contains("title=\"tester failed"));
    assert!(seen.picture.len() > 20_000);
}
