//! Findings: what checks say about the tree.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::id::FindingId;

/// How much a finding weighs. Ordered: the worst is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Minor,
    /// Counts against `findings.max_medium`.
    Medium,
    /// Counts against `findings.max_major`.
    Major,
}

/// What kind of check made a finding; also a check's own kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// Compiles or packages.
    Build,
    /// Runs tests.
    Test,
    /// Judges style or likely mistakes.
    Lint,
    /// Looks for vulnerabilities.
    Security,
    /// Anything else.
    Custom,
}

impl Category {
    /// The name in configuration and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Test => "test",
            Self::Lint => "lint",
            Self::Security => "security",
            Self::Custom => "custom",
        }
    }
}

impl Severity {
    /// The name in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Minor => "minor",
            Self::Medium => "medium",
            Self::Major => "major",
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One thing a check says, before it has a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// How much it weighs.
    pub severity: Severity,
    /// The kind of its check.
    pub category: Category,
    /// One line for people.
    pub message: String,
    /// `path:line`, or a test's name, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

/// An observation on the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Its number in the run.
    pub id: FindingId,
    /// The check that made it.
    pub check: String,
    /// What it says.
    #[serde(flatten)]
    pub observation: Observation,
}
