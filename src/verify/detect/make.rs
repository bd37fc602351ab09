//! make: what a Makefile offers that no language's own tools do. It is read, never run.

use std::collections::BTreeSet;

use super::{BUILD_TIMEOUT, Project, TEST_TIMEOUT, Tree, check};
use crate::domain::finding::Category;

/// What such a project is called.
pub(super) const KIND: &str = "make";
/// The files that make looks for, in its order.
const FILES: [&str; 3] = ["GNUmakefile", "makefile", "Makefile"];
/// The targets of each kind of check, the likeliest first.
const TARGETS: [(Category, &[&str]); 3] = [
    (Category::Build, &["build", "all"]),
    (Category::Test, &["test", "tests", "check"]),
    (Category::Lint, &["lint"]),
];

/// The checks of the Makefile at the top, of those kinds that none of the `others` has.
pub(super) fn project(tree: &Tree<'_>, others: &[Project]) -> Option<Project> {
    let text = FILES.iter().find_map(|file| tree.text("", file))?;
    let targets = targets(&text);
    let has = |kind| {
        let checks = others.iter().flat_map(|project| &project.checks);
        checks.into_iter().any(|check| check.kind == kind)
    };
    let mut checks = Vec::new();
    for (kind, names) in TARGETS {
        if has(kind) {
            continue;
        }
        if let Some(target) = names.iter().find(|name| targets.contains(**name)) {
            let timeout = match kind {
                Category::Test => TEST_TIMEOUT,
                _ => BUILD_TIMEOUT,
            };
            checks.push(check(kind, format!("make {target}"), "", timeout));
        }
    }
    (!checks.is_empty()).then(|| Project {
        kind: KIND,
        folder: String::new(),
        checks,
        setup: Vec::new(),
    })
}

/// The targets that have a rule: the words before a colon at the start of a line, where nothing is set.
fn targets(text: &str) -> BTreeSet<&str> {
    text.lines()
        .filter(|line| !line.starts_with([' ', '\t', '#', '.']))
        .filter_map(|line| {
            let (names, rest) = line.split_once(':')?;
            let sets = rest.trim_start_matches(':').starts_with('=') || names.contains('=');
            (!sets).then_some(names)
        })
        .flat_map(str::split_whitespace)
        .collect()
}
