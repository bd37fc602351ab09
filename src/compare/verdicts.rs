//! Which checks and tests ended differently.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::domain::Run;
use crate::domain::check::{CheckResult, CheckScope, CheckStatus, TestStatus};

use super::words::place;

/// A check whose last verdict on what is handed over differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckChange {
    /// The check.
    pub name: String,
    /// Its verdict in the first run; none if it never ran there.
    pub a: Option<CheckStatus>,
    /// Its verdict in the second run.
    pub b: Option<CheckStatus>,
}

/// Tests that ended differently in the last final check of each run, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TestChanges {
    /// They fail in the second run only.
    pub newly_failing: Vec<String>,
    /// They failed in the first run and pass in the second.
    pub newly_passing: Vec<String>,
    /// They passed and failed on one and the same tree, in either run or between the two.
    pub flaky: Vec<String>,
}

/// The checks whose verdict on what is handed over differs.
pub(super) fn checks(a: &Run, b: &Run) -> Vec<CheckChange> {
    let (left, right) = (last_final(a), last_final(b));
    let names: BTreeSet<&str> = left.keys().chain(right.keys()).copied().collect();
    let status = |results: &BTreeMap<&str, &CheckResult>, name| results.get(name).map(|r| r.status);
    names
        .into_iter()
        .map(|name| CheckChange {
            name: name.to_owned(),
            a: status(&left, name),
            b: status(&right, name),
        })
        .filter(|change| change.a != change.b)
        .collect()
}

impl TestChanges {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn between(a: &Run, b: &Run) -> Self {
        let (left, right) = (last_final(a), last_final(b));
        let mut changes = Self {
            flaky: flaky(a, b),
            ..Self::default()
        };
        for (name, after) in &right {
            let before = left.get(name);
            // On one and the same tree a test that ends differently is flaky, no better or worse.
            if before.is_some_and(|before| before.tree == after.tree) {
                continue;
            }
            let ends_before = before.map(|before| ends(before)).unwrap_or_default();
            for (test, end) in ends(after) {
                match (ends_before.get(&test), end) {
                    (Some(TestStatus::Failed), TestStatus::Passed) => {
                        changes.newly_passing.push(test)
                    }
                    (Some(TestStatus::Failed), _) => {}
                    (_, TestStatus::Failed) => changes.newly_failing.push(test),
                    _ => {}
                }
            }
        }
        for tests in [&mut changes.newly_failing, &mut changes.newly_passing] {
            tests.sort_unstable();
            tests.dedup();
        }
        changes
    }
}

/// Each check's last result on a tree that was to be handed over.
fn last_final(run: &Run) -> BTreeMap<&str, &CheckResult> {
    let results = run.checks.iter().map(|check| &check.result);
    results
        .filter(|result| result.scope == CheckScope::Final)
        .map(|result| (result.name.as_str(), result))
        .collect()
}

/// How each test ended; of several with one name the worst counts.
fn ends(result: &CheckResult) -> BTreeMap<String, TestStatus> {
    let mut ends = BTreeMap::new();
    for test in &result.tests {
        let end = ends.entry(place(&test.name)).or_insert(test.status);
        if test.status == TestStatus::Failed {
            *end = TestStatus::Failed;
        }
    }
    ends
}

/// The tests that passed and failed where all else was the same.
fn flaky(a: &Run, b: &Run) -> Vec<String> {
    let mut seen: BTreeMap<(&str, &str, &str, String), BTreeSet<bool>> = BTreeMap::new();
    for check in a.checks.iter().chain(&b.checks) {
        let result = &check.result;
        for (test, end) in ends(result) {
            if end == TestStatus::Skipped {
                continue;
            }
            let scope = result.scope.as_str();
            let circumstances = (result.name.as_str(), scope, result.tree.as_str(), test);
            let passed = end == TestStatus::Passed;
            seen.entry(circumstances).or_default().insert(passed);
        }
    }
    let flaky = seen.into_iter().filter(|(_, ends)| ends.len() > 1);
    let names: BTreeSet<String> = flaky.map(|((_, _, _, test), _)| test).collect();
    names.into_iter().collect()
}
