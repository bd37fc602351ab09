//! What a check's run ended with.

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
    /// The tests that fail and are not excused.
    pub fn failing_tests(&self) -> impl Iterator<Item = &TestCase> {
        self.tests
            .iter()
            .filter(|test| test.status == TestStatus::Failed && !self.excused.contains(&test.name))
    }
}
