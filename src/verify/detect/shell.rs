//! Shell: tests for bats, and shellcheck where it is configured, as far as nothing else has such checks.

use std::collections::BTreeSet;

use super::{OTHER_TIMEOUT, Project, TEST_TIMEOUT, Tree, check, split};
use crate::domain::finding::Category;

/// What such a project is called.
pub(super) const KIND: &str = "shell";
/// Folders of bats itself, when it is kept in the repository.
const BATS_ITSELF: [&str; 3] = ["bats", "bats-core", "test_helper"];

/// The checks of those kinds that none of the `others` has.
pub(super) fn project(tree: &Tree<'_>, others: &[Project]) -> Option<Project> {
    let has = |kind| {
        let checks = others.iter().flat_map(|project| &project.checks);
        checks.into_iter().any(|check| check.kind == kind)
    };
    let mut checks = Vec::new();
    if !has(Category::Test) {
        let folders = bats(tree);
        if !folders.is_empty() {
            let command = format!("bats --tap {}", folders.join(" "));
            checks.push(check(Category::Test, command, "", TEST_TIMEOUT));
        }
    }
    let scripts = tree.below("").any(|path| path.ends_with(".sh"));
    let configured = tree.has("", ".shellcheckrc") || tree.pipelines().contains("shellcheck");
    if !has(Category::Lint) && scripts && configured {
        let command = "find . -name '*.sh' -not -path './.git/*' -exec shellcheck -f gcc {} +";
        checks.push(check(Category::Lint, command.to_owned(), "", OTHER_TIMEOUT));
    }
    (!checks.is_empty()).then(|| Project {
        kind: KIND,
        folder: String::new(),
        checks,
        setup: Vec::new(),
    })
}

/// The folders with tests for bats, in order; those of bats itself excluded.
fn bats(tree: &Tree<'_>) -> Vec<String> {
    let plain = |folder: &str| {
        folder
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '/' | '_' | '-' | '.'))
    };
    let folders: BTreeSet<String> = tree
        .below("")
        .filter(|path| path.ends_with(".bats"))
        .map(|path| split(path).0)
        .filter(|folder| !folder.split('/').any(|part| BATS_ITSELF.contains(&part)))
        .filter(|folder| plain(folder) && !folder.starts_with('-'))
        .map(|folder| match folder {
            "" => ".".to_owned(),
            folder => folder.to_owned(),
        })
        .collect();
    folders.into_iter().collect()
}
