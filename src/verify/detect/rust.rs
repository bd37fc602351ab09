//! Rust: whatever has a `Cargo.toml`.

use super::{BUILD_TIMEOUT, Project, TEST_TIMEOUT, Tree, check, has_table, table};
use crate::domain::finding::Category;

pub(super) fn projects(tree: &Tree<'_>) -> Vec<Project> {
    tree.topmost(&["Cargo.toml"])
        .into_iter()
        .map(|folder| project(tree, folder))
        .collect()
}

fn project(tree: &Tree<'_>, folder: &str) -> Project {
    let manifest = tree.text(folder, "Cargo.toml").unwrap_or_default();
    let mut options = String::new();
    if has_members(&manifest) {
        options.push_str(" --workspace");
    }
    if tree.has(folder, "Cargo.lock") {
        options.push_str(" --locked");
    }
    let mut checks = vec![
        check(
            Category::Build,
            format!("cargo build{options}"),
            folder,
            BUILD_TIMEOUT,
        ),
        check(
            Category::Test,
            format!("cargo test{options} --no-fail-fast"),
            folder,
            TEST_TIMEOUT,
        ),
    ];
    if let Some(denied) = lint(tree, folder, &manifest) {
        let command = format!("cargo clippy --all-targets{options}{denied}");
        // Clippy compiles every dependency for itself, so it needs a build's time.
        checks.push(check(Category::Lint, command, folder, BUILD_TIMEOUT));
    }
    Project {
        kind: "rust",
        folder: folder.to_owned(),
        checks,
        setup: Vec::new(),
    }
}

/// Whether the manifest names other packages; an empty `[workspace]` only keeps the package to itself.
fn has_members(manifest: &str) -> bool {
    let mut in_workspace = false;
    manifest.lines().any(|line| {
        if let Some(name) = table(line) {
            in_workspace = name == "workspace";
        }
        in_workspace
            && line
                .split('=')
                .next()
                .is_some_and(|key| key.trim() == "members")
    })
}

/// What follows the clippy command, if the repository has configured clippy: by a file, in the manifest, or on its
/// build server.
fn lint(tree: &Tree<'_>, folder: &str, manifest: &str) -> Option<&'static str> {
    let pipelines = tree.pipelines();
    let command = pipelines.lines().find(|line| line.contains("cargo clippy"));
    if command.is_some_and(|line| line.contains("-D warnings") || line.contains("-Dwarnings")) {
        return Some(" -- -D warnings");
    }
    let configured = command.is_some()
        || ["clippy.toml", ".clippy.toml"]
            .iter()
            .any(|file| tree.has(folder, file))
        || ["lints", "workspace.lints"]
            .iter()
            .any(|name| has_table(manifest, name));
    configured.then_some("")
}
