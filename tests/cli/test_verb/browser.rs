//! A real browser suite: Playwright's runner with the Chromium of this machine.

use std::fs;
use std::path::{Path, PathBuf};

use super::{document, folder, told};
use crate::sandbox::Sandbox;

const CONFIG: &str = "checks: {test: {command: npx --no-install playwright test, report: playwright, timeout: 5m}}\n";

/// A copy of the project, with the packages that are installed beside it.
fn project() -> Sandbox {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/playwright");
    let sandbox = folder(&[("orchestrator.local.yaml", CONFIG)]);
    for path in [
        "package.json",
        "playwright.config.js",
        "shop.html",
        "e2e/cart.spec.js",
        "e2e/page.spec.js",
    ] {
        sandbox.write(path, &fs::read_to_string(fixture.join(path)).unwrap());
    }
    let packages: PathBuf = fixture.join("node_modules");
    assert!(
        packages.is_dir(),
        "install them: npm ci --prefix {}",
        fixture.display()
    );
    std::os::unix::fs::symlink(packages, sandbox.folder().join("node_modules")).unwrap();
    sandbox
}

#[test]
#[ignore = "needs chromium, node and Playwright"]
fn a_failing_page_is_told_of_with_a_picture() {
    let sandbox = project();
    let document = document(&sandbox, 2, &["--shards", "2"]);
    let summary = &document["summary"];
    assert_eq!(
        (&summary["passed"], &summary["failed"]),
        (&3.into(), &1.into()),
        "{document:#}"
    );
    let kept: Vec<&str> = document["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|path| path.as_str().unwrap())
        .collect();
    let picture = kept.iter().find(|path| path.ends_with(".png")).unwrap();
    let picture = fs::read(sandbox.folder().join(picture)).unwrap();
    assert!(picture.starts_with(b"\x89PNG") && picture.len() > 1000);
    assert!(
        kept.iter().any(|path| path.ends_with("trace.zip")),
        "{kept:?}"
    );
}

#[test]
#[ignore = "needs chromium, node and Playwright"]
fn a_mended_page_is_clean() {
    let sandbox = project();
    let page = sandbox.read("shop.html");
    let total = "count > 2 ? count * 9 : count * 10";
    sandbox.write("shop.html", &page.replace("count * 10", total));
    let outcome = sandbox.rgpt(&["test"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert!(
        told(&outcome).starts_with("✓ test  4 passed, "),
        "{outcome:#?}"
    );
}
