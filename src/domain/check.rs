//! What a check's run ended with.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::finding::{Category, Observation};
use super::id::{Digest, ExecutionId, TreeId};

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckStatus {
    /// Exit code and report agree that all is well.
    Passed,
    /// The check says no.
    Failed,
    /// It failed, but only in tests that fail on the base tree too.
    Baseline,
    /// The check itself could not be carried out.
    Error,
}

impl CheckStatus {
    /// The name in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Baseline => "baseline",
            Self::Error => "error",
        }
    }

    /// Whether the check does not stand in the way of the goal.
    pub fn acceptable(self) -> bool {
        matches!(self, Self::Passed | Self::Baseline)
    }
}

/// How one test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TestStatus {
    /// It passed.
    Passed,
    /// It failed or crashed.
    Failed,
    /// It was not run.
    Skipped,
}

/// One test as a report tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestCase {
    /// The test's full name.
    #[serde(rename = "test_case")]
    pub name: String,
    /// How it ended.
    pub status: TestStatus,
    /// How long it took, in milliseconds, where the report says.
    pub duration_ms: Option<u64>,
    /// The assertion or trace of a failure.
    pub message: Option<String>,
}

/// What a report counts. Tests that it does not name are in the numbers all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Tests that passed.
    pub passed: u32,
    /// Tests that failed.
    pub failed: u32,
    /// Tests that were not run.
    pub skipped: u32,
    /// Errors around tests: collection, fixtures.
    pub errors: u32,
    /// Whether the report tells of everything that was to run.
    pub complete: bool,
}

/// On which tree a check ran, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckScope {
    /// On the base tree, to learn what failed before.
    Base,
    /// After a step, in the worktree.
    Step,
    /// In the clean checkout of the tree that is handed over.
    Final,
}

impl CheckScope {
    /// The name in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Step => "step",
            Self::Final => "final",
        }
    }
}

/// The name under which the whole outputs of a check are kept, with `.stdout` or `.stderr` after it.
pub fn output_label(execution: ExecutionId, check: &str, scope: CheckScope) -> String {
    format!("exec-{execution}-{check}-{}", scope.as_str())
}

/// A test that fails now and then whatever the change is, with the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlakyTest {
    /// The test's full name.
    #[serde(rename = "test_case")]
    pub name: String,
    /// How often it was run on the tree that is judged.
    pub runs: u32,
    /// How often it failed there.
    pub failures: u32,
    /// How often it was run on the base tree; 0 if it has a record.
    pub base_runs: u32,
    /// How often it failed there.
    pub base_failures: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// The outcome of one check on one tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Its name in the configuration.
    pub name: String,
    /// Its kind.
    pub kind: Category,
    /// Why it ran.
    pub scope: CheckScope,
    /// The tree it ran on.
    pub tree: TreeId,
    /// The command, as configured or detected.
    pub command: String,
    /// The exit code; none if a signal or the time limit ended it.
    pub exit_code: Option<i32>,
    /// The verdict.
    pub status: CheckStatus,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Whether it was killed at its time limit.
    #[serde(default)]
    pub timed_out: bool,
    /// The signal that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
    /// What the report counts; none where there is no report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Counts>,
    /// Every test the report names; empty where there is no report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<TestCase>,
    /// Failing tests that fail on the base tree too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excused: Vec<String>,
    /// Failing tests of which it is shown that they fail now and then whatever the change is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flaky: Vec<FlakyTest>,
    /// How often it ran again on the same tree after it passed, and passed each time.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reruns: u32,
    /// What it says about the tree.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observations: Vec<Observation>,
    /// Why the verdict is what it is, where that needs words (exit code and report disagree, …).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The output, head and tail (capped); the whole of it is an artifact when it was cut.
    #[serde(default)]
    pub output: String,
    /// The whole output, where `output` was cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_output: Option<Digest>,
}

impl CheckResult {
    /// The tests that fail and are neither excused nor shown to be flaky.
    pub fn failing_tests(&self) -> impl Iterator<Item = &TestCase> {
        let is_flaky = |name: &String| self.flaky.iter().any(|test| test.name == *name);
        self.tests.iter().filter(move |test| {
            test.status == TestStatus::Failed
                && !self.excused.contains(&test.name)
                && !is_flaky(&test.name)
        })
    }
}

/// What passed in an earlier pass of the checks and fails in a later one: tests where the reports
/// name them, else whole checks.
pub fn newly_failing<'r>(
    before: impl Iterator<Item = &'r CheckResult> + Clone,
    after: impl Iterator<Item = &'r CheckResult>,
) -> Vec<String> {
    let mut found = Vec::new();
    for now in after.filter(|now| !now.status.acceptable()) {
        let Some(then) = before.clone().filter(|then| then.name == now.name).last() else {
            continue;
        };
        let passed: BTreeSet<&str> = names(then, TestStatus::Passed).collect();
        let failed: BTreeSet<&str> = names(then, TestStatus::Failed).collect();
        let stood = found.len();
        for test in now.failing_tests() {
            let name = test.name.as_str();
            let has_passed = passed.contains(name) || passes_unnamed(then, now);
            if has_passed && !failed.contains(name) {
                found.push(test.name.clone());
            }
        }
        if found.len() == stood && then.status.acceptable() {
            found.push(format!("the check {}", now.name));
        }
    }
    found
}

/// What ran in an earlier pass of the checks and no longer does in a later, whole one: a failing test that
/// is gone has not been mended. By name where the earlier report names its tests, else by number.
pub fn vanished<'r>(
    before: impl Iterator<Item = &'r CheckResult> + Clone,
    after: impl Iterator<Item = &'r CheckResult>,
) -> Vec<String> {
    let mut found = Vec::new();
    for now in after {
        let then = before.clone().filter(|then| then.name == now.name).last();
        let Some((then, counts)) = then.zip(now.report.filter(|counts| counts.complete)) else {
            continue;
        };
        let Some(earlier) = then.report else { continue };
        let ran = |counts: Counts| {
            let ran = counts.passed.saturating_add(counts.failed);
            ran.saturating_add(counts.errors)
        };
        let named: BTreeSet<&str> = ran_by_name(now).collect();
        let all_named = |result: &CheckResult, counts: Counts| {
            ran_by_name(result).count() as u64 >= u64::from(ran(counts))
        };
        if all_named(then, earlier) && all_named(now, counts) {
            let gone = ran_by_name(then).filter(|name| !named.contains(name));
            found.extend(gone.map(|name| format!("{name}, which no longer runs")));
        } else if ran(counts) < ran(earlier) {
            let fewer = ran(earlier) - ran(counts);
            let tests = if fewer == 1 { "test" } else { "tests" };
            found.push(format!("{fewer} {tests} fewer of the check {}", now.name));
        }
    }
    found
}

/// The names of the tests that ran; a doc test's without its line, which moves with every edit.
fn ran_by_name(result: &CheckResult) -> impl Iterator<Item = &str> {
    let ran = result
        .tests
        .iter()
        .filter(|test| test.status != TestStatus::Skipped);
    ran.map(|test| match test.name.rsplit_once(" (line ") {
        Some((name, _)) => name,
        None => test.name.as_str(),
    })
}

/// Whether a report names failures only, and the later one tells of no test that it did not: what
/// fails now and did not fail then has passed.
fn passes_unnamed(then: &CheckResult, now: &CheckResult) -> bool {
    let (Some(before), Some(after)) = (then.report, now.report) else {
        return false;
    };
    let named = names(then, TestStatus::Passed).count();
    let all = |counts: Counts| {
        let ran = counts.passed.saturating_add(counts.failed);
        ran.saturating_add(counts.errors)
    };
    named == 0 && before.passed > 0 && all(before) >= all(after)
}

fn names(result: &CheckResult, status: TestStatus) -> impl Iterator<Item = &str> {
    let of_status = result
        .tests
        .iter()
        .filter(move |test| test.status == status);
    of_status.map(|test| test.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(tests: &[(&str, TestStatus)], passed: u32) -> CheckResult {
        let failed = tests
            .iter()
            .filter(|(_, status)| *status == TestStatus::Failed);
        let failed = u32::try_from(failed.count()).expect("few");
        let tests: Vec<_> = tests
            .iter()
            .map(|(name, status)| {
                serde_json::json!({"test_case": name, "status": status, "duration_ms": null, "message": null})
            })
            .collect();
        serde_json::from_value(serde_json::json!({
            "name": "test", "kind": "test", "scope": "final", "tree": "t", "command": "c",
            "exit_code": 0, "duration_ms": 1, "tests": tests,
            "status": if failed > 0 { "failed" } else { "passed" },
            "report": {"passed": passed, "failed": failed, "skipped": 0, "errors": 0, "complete": true},
        }))
        .expect("reads")
    }

    fn newly(before: &CheckResult, after: &CheckResult) -> Vec<String> {
        newly_failing([before].into_iter(), [after].into_iter())
    }

    const FAILED: TestStatus = TestStatus::Failed;
    const PASSED: TestStatus = TestStatus::Passed;

    #[test]
    fn a_swap_of_failing_tests_is_seen() {
        let before = result(&[("a", FAILED), ("b", FAILED), ("c", PASSED)], 1);
        let after = result(&[("a", PASSED), ("b", PASSED), ("c", FAILED)], 2);
        assert_eq!(newly(&before, &after), ["c"]);
        let better = result(&[("a", FAILED), ("b", PASSED), ("c", PASSED)], 2);
        assert!(newly(&before, &better).is_empty());
    }

    #[test]
    fn it_is_seen_too_where_a_report_names_failures_only() {
        let before = result(&[("a", FAILED), ("b", FAILED)], 1);
        assert_eq!(newly(&before, &result(&[("c", FAILED)], 2)), ["c"]);
        // Tests that did not run before have not passed before.
        assert!(newly(&before, &result(&[("c", FAILED)], 3)).is_empty());
    }

    #[test]
    fn a_check_without_names_counts_as_a_whole() {
        let (mut before, mut after) = (result(&[], 0), result(&[], 0));
        before.report = None;
        after.report = None;
        after.status = CheckStatus::Failed;
        assert_eq!(newly(&before, &after), ["the check test"]);
        assert!(newly(&after, &after).is_empty());
    }
}
