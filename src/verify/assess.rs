//! All checks together: may the tree stand, and how bad is it?

use crate::config::FindingLimits;
use crate::domain::check::{CheckResult, CheckStatus, TestStatus};
use crate::domain::failure::Damage;
use crate::domain::finding::{Category, Severity};

/// How many findings of each severity there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Severities {
    /// Major ones.
    pub major: u32,
    /// Medium ones.
    pub medium: u32,
    /// Minor ones.
    pub minor: u32,
}

/// What all checks of one tree come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// Whether the checks do not stand in the way of the goal.
    pub acceptable: bool,
    /// How bad the tree is.
    pub damage: Damage,
    /// What the checks found.
    pub severities: Severities,
    /// Why the tree is not acceptable, one line each; empty if it is.
    pub reasons: Vec<String>,
}

/// Sums up the results of all checks on one tree. Nothing that ran is no evidence: no results are not acceptable.
pub fn assess(results: &[CheckResult], limits: &FindingLimits) -> Assessment {
    let mut damage = Damage::default();
    let mut severities = Severities::default();
    let mut reasons = Vec::new();
    if results.is_empty() {
        reasons.push("no check has run".to_owned());
    }
    for result in results {
        for one in &result.observations {
            let count = match one.severity {
                Severity::Major => &mut severities.major,
                Severity::Medium => &mut severities.medium,
                Severity::Minor => &mut severities.minor,
            };
            *count = count.saturating_add(1);
        }
        if result.status.acceptable() {
            continue;
        }
        damage.failing_checks = damage.failing_checks.saturating_add(1);
        if result.kind == Category::Build || nothing_could_run(result) {
            damage.broken_builds = damage.broken_builds.saturating_add(1);
        }
        damage.failing_tests = damage.failing_tests.saturating_add(failing_tests(result));
        reasons.push(reason(result));
    }
    let over_major = severities.major.saturating_sub(limits.max_major);
    let over_medium = severities.medium.saturating_sub(limits.max_medium);
    damage.findings = over_major.saturating_add(over_medium);
    if over_major > 0 {
        reasons.push(over("major", severities.major, limits.max_major));
    }
    if over_medium > 0 {
        reasons.push(over("medium", severities.medium, limits.max_medium));
    }
    Assessment {
        acceptable: reasons.is_empty(),
        damage,
        severities,
        reasons,
    }
}

/// Tests that fail without an excuse, those without a name included.
fn failing_tests(result: &CheckResult) -> u32 {
    let named = result.failing_tests().count();
    let told = result
        .report
        .map_or(0, |counts| counts.failed.saturating_add(counts.errors));
    let listed = result
        .tests
        .iter()
        .filter(|test| test.status == TestStatus::Failed)
        .count();
    let unnamed = told.saturating_sub(u32::try_from(listed).unwrap_or(u32::MAX));
    u32::try_from(named)
        .unwrap_or(u32::MAX)
        .saturating_add(unnamed)
}

/// Whether a check could not be carried out to its end, or a test check could not run its tests: it does not compile,
/// or cannot be collected.
fn nothing_could_run(result: &CheckResult) -> bool {
    let ran = result
        .report
        .map_or(0, |counts| counts.passed.saturating_add(counts.failed));
    // What was cut off or could not be carried out says nothing of the tests that it did not come to.
    let broke_off = result.status == CheckStatus::Error || result.timed_out;
    broke_off || (result.kind == Category::Test && ran == 0 && result.status == CheckStatus::Failed)
}

fn reason(result: &CheckResult) -> String {
    let what = match result.status {
        CheckStatus::Error => "could not be carried out",
        _ => "failed",
    };
    let tests = failing_tests(result);
    let why = match (&result.note, tests) {
        (_, 1) => Some("1 test fails".to_owned()),
        (_, 2..) => Some(format!("{tests} tests fail")),
        (Some(note), _) => Some(note.clone()),
        (None, _) => result
            .observations
            .iter()
            .max_by_key(|one| one.severity)
            .map(|one| one.message.clone()),
    };
    match why {
        Some(why) => format!("check `{}` {what}: {why}", result.name),
        None => format!("check `{}` {what}", result.name),
    }
}

fn over(severity: &str, number: u32, most: u32) -> String {
    let noun = if number == 1 { "finding" } else { "findings" };
    format!("{number} {severity} {noun}, at most {most} allowed (findings.max_{severity})")
}

#[cfg(test)]
mod tests;
