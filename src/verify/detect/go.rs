//! Go: whatever has a `go.mod`.

use super::{BUILD_TIMEOUT, Project, TEST_TIMEOUT, Tree, check};
use crate::domain::finding::Category;

pub(super) fn projects(tree: &Tree<'_>) -> Vec<Project> {
    tree.topmost(&["go.mod"])
        .into_iter()
        .map(|folder| project(tree, folder))
        .collect()
}

fn project(tree: &Tree<'_>, folder: &str) -> Project {
    let build = |kind, command: &str| check(kind, command.to_owned(), folder, BUILD_TIMEOUT);
    let mut checks = vec![build(Category::Build, "go build ./...")];
    if tree.below(folder).any(|path| path.ends_with("_test.go")) {
        let command = "go test ./...".to_owned();
        checks.push(check(Category::Test, command, folder, TEST_TIMEOUT));
    }
    // Both compile everything, so they need a build's time.
    if let Some(command) = lint(tree, folder) {
        checks.push(build(Category::Lint, command));
    }
    Project {
        kind: "go",
        folder: folder.to_owned(),
        checks,
        setup: Vec::new(),
    }
}

/// The linter that the repository has configured, or runs on its build server or by its Makefile.
fn lint(tree: &Tree<'_>, folder: &str) -> Option<&'static str> {
    let configured = [".golangci.yml", ".golangci.yaml", ".golangci.toml"];
    if configured.iter().any(|file| tree.has(folder, file)) {
        return Some("golangci-lint run ./...");
    }
    let makefile = tree.text(folder, "Makefile").unwrap_or_default();
    (tree.pipelines().contains("go vet") || makefile.contains("go vet")).then_some("go vet ./...")
}
