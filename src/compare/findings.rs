//! Which findings came and went.

use serde::Serialize;

use crate::domain::Run;
use crate::domain::check::CheckStatus;
use crate::domain::finding::{Category, Finding, Severity};

use super::words::{place, written};

/// Findings that stand in one run only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FindingChanges {
    /// They stand in the second run only.
    pub added: Vec<FindingWords>,
    /// They stand in the first run, and the second run's check no longer tells of them.
    pub resolved: Vec<FindingWords>,
}

/// A finding, without its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FindingWords {
    /// How much it weighs.
    pub severity: Severity,
    /// The kind of its check.
    pub category: Category,
    /// Its check.
    pub check: String,
    /// One line for people.
    pub message: String,
    /// Where, if known.
    pub location: Option<String>,
}

impl FindingChanges {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn between(a: &Run, b: &Run) -> Self {
        let mut gone: Vec<&Finding> = a.open_findings().collect();
        let mut added = Vec::new();
        for finding in b.open_findings() {
            let is_same = |other: &&Finding| identity(other) == identity(finding);
            match gone.iter().position(is_same) {
                Some(at) => drop(gone.remove(at)),
                None => added.push(FindingWords::of(finding)),
            }
        }
        let ran = |check: &str| {
            let mut results = b.checks.iter().map(|check| &check.result);
            results.any(|result| result.name == check && result.status != CheckStatus::Error)
        };
        let resolved = gone.into_iter().filter(|finding| ran(&finding.check));
        Self {
            added,
            resolved: resolved.map(FindingWords::of).collect(),
        }
    }
}

impl FindingWords {
    fn of(finding: &Finding) -> Self {
        let seen = &finding.observation;
        Self {
            severity: seen.severity,
            category: seen.category,
            check: finding.check.clone(),
            message: seen.message.clone(),
            location: seen.location.clone(),
        }
    }
}

/// What makes two findings the same: a line may move.
fn identity(finding: &Finding) -> (&str, String, Option<String>) {
    let seen = &finding.observation;
    let file = seen
        .location
        .as_deref()
        .map(|at| match at.rsplit_once(':') {
            Some((file, line)) if line.parse::<u32>().is_ok() => place(file),
            _ => place(at),
        });
    (&finding.check, written(&seen.message), file)
}
