//! What the shards of a check say, as one result.

use crate::config::CheckConfig;
use crate::domain::check::{CheckResult, CheckScope, CheckStatus, Counts, TestStatus};
use crate::domain::finding::Observation;
use crate::domain::id::TreeId;

use super::{NOTHING, Part};
use crate::verify::facts::{RECORDED, RunFacts, tail};
use crate::verify::findings::MAX_OBSERVATIONS;
use crate::verify::judge::judge;
use crate::verify::runner::explains;

/// By which words, beside the exit code, runners say that no test was to be run.
const NO_TESTS: [&str; 7] = [
    NOTHING,
    "no tests ran",
    "No tests found",
    "No test files found",
    "no tests to run",
    "No tests were found",
    "NO TESTS RAN",
];

/// How one shard ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Shard {
    /// Which, from 1.
    pub shard: u32,
    /// How it ended.
    pub status: CheckStatus,
    /// Its exit code.
    pub exit_code: Option<i32>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// What its report counts.
    pub report: Option<Counts>,
    /// Whether there was no test for it.
    pub empty: bool,
}

/// A check's result, and those of its shards; none if it ran as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The check's.
    pub result: CheckResult,
    /// Its shards'.
    pub shards: Vec<Shard>,
}

/// Judges the runs of a check's parts. A shard that failed, died or could not be
/// carried out fails the check; one of several that had no test to run does not.
pub fn judge_parts(
    name: &str,
    check: &CheckConfig,
    scope: CheckScope,
    tree: &TreeId,
    runs: Vec<(Part, RunFacts)>,
) -> Judged {
    // They ran side by side.
    let wall_ms = runs
        .iter()
        .map(|(_, run)| run.duration_ms)
        .max()
        .unwrap_or_default();
    let judged = |part: &Part, run: RunFacts| {
        let own = CheckConfig {
            report_files: part.report_files.clone(),
            ..check.clone()
        };
        judge(name, &own, scope, tree.clone(), run)
    };
    let mut told: Vec<(Part, CheckResult, bool)> = Vec::new();
    for (part, run) in runs {
        let silent = !part.is_whole() && says_nothing(&run);
        let result = judged(&part, run);
        let empty = silent && had_nothing(&result);
        told.push((part, result, empty));
    }
    if told.iter().all(|(part, ..)| part.is_whole()) {
        let whole = told.pop().map(|(_, result, _)| result);
        return Judged {
            result: whole
                .unwrap_or_else(|| judge(name, check, scope, tree.clone(), RunFacts::default())),
            shards: Vec::new(),
        };
    }
    let shards = told.iter().map(shard).collect();
    let some = told.iter().any(|(.., empty)| !empty);
    told.retain(|(.., empty)| !(some && *empty));
    Judged {
        result: merge(check, told, wall_ms),
        shards,
    }
}

fn shard((part, result, empty): &(Part, CheckResult, bool)) -> Shard {
    Shard {
        shard: part.shard,
        status: match empty {
            true => CheckStatus::Passed,
            false => result.status,
        },
        exit_code: result.exit_code,
        duration_ms: result.duration_ms,
        report: result.report,
        empty: *empty,
    }
}

/// Whether a run may say that there was no test for it: it ended well, or by the code that pytest (and unittest after
/// it) keeps for this alone, with the words on the last line. Any other code may stand for a failure, whatever the
/// output says: tests can print words.
fn says_nothing(run: &RunFacts) -> bool {
    let last = |text: &str| {
        let line = text.lines().rev().find(|line| !line.trim().is_empty());
        line.is_some_and(|line| NO_TESTS.iter().any(|words| line.contains(words)))
    };
    let by_code = || run.exit_code == Some(5) && (last(&run.stdout) || last(&run.stderr));
    !run.timed_out && (run.exit_code == Some(0) || by_code())
}

/// Whether nothing of a result speaks of a test that ran.
fn had_nothing(result: &CheckResult) -> bool {
    let failing = result
        .tests
        .iter()
        .filter(|test| test.status == TestStatus::Failed);
    let only_that = |message: &Option<String>| {
        let message = message.as_deref().unwrap_or_default();
        NO_TESTS.iter().any(|words| message.contains(words))
    };
    let mut failing = failing.peekable();
    let named = failing.peek().is_some() && failing.all(|test| only_that(&test.message));
    match result.report {
        Some(counts) => counts.passed + counts.failed == 0 && (counts.errors == 0 || named),
        None => {
            let ended = matches!(result.exit_code, Some(0 | 5));
            let last = result.output.trim().lines().next_back();
            ended && last.is_some_and(|line| NO_TESTS.iter().any(|words| line.contains(words)))
        }
    }
}

fn merge(check: &CheckConfig, told: Vec<(Part, CheckResult, bool)>, wall_ms: u64) -> CheckResult {
    let decisive = decisive(check, &told);
    let mut whole = told[decisive].1.clone();
    whole.command.clone_from(&check.command);
    whole.status = told
        .iter()
        .map(|(_, result, _)| result.status)
        .max_by_key(|status| match status {
            CheckStatus::Passed | CheckStatus::Baseline => 0,
            CheckStatus::Error => 1,
            CheckStatus::Failed => 2,
        })
        .unwrap_or(whole.status);
    whole.duration_ms = wall_ms;
    whole.timed_out = told.iter().any(|(_, result, _)| result.timed_out);
    whole.report = counts(&told);
    whole.output = output(&told);
    whole.observations = observations(&told);
    let notes: Vec<String> = told
        .iter()
        .filter_map(|(part, result, _)| {
            let note = result.note.as_deref()?;
            Some(format!("shard {} of {}: {note}", part.shard, part.of))
        })
        .collect();
    whole.note = (!notes.is_empty()).then(|| notes.join("; "));
    whole.tests = told
        .into_iter()
        .flat_map(|(_, result, _)| result.tests)
        .collect();
    whole
}

/// The index of the shard whose end is the check's: one that failing tests do not explain, so that it is never
/// excused with them, else one that failed, else the first.
fn decisive(check: &CheckConfig, told: &[(Part, CheckResult, bool)]) -> usize {
    let rank = |result: &CheckResult| {
        let tests = result.failing_tests().next().is_some();
        match result.status {
            CheckStatus::Passed | CheckStatus::Baseline => 0,
            _ if tests && explains(check, result.exit_code) => 1,
            _ => 2,
        }
    };
    let ranks = told.iter().map(|(_, result, _)| rank(result));
    let most = ranks.clone().max().unwrap_or(0);
    ranks.into_iter().position(|rank| rank == most).unwrap_or(0)
}

fn counts(told: &[(Part, CheckResult, bool)]) -> Option<Counts> {
    let each: Vec<Counts> = told
        .iter()
        .filter_map(|(_, result, _)| result.report)
        .collect();
    let all = each.len() == told.len();
    each.into_iter()
        .reduce(|a, b| Counts {
            passed: a.passed.saturating_add(b.passed),
            failed: a.failed.saturating_add(b.failed),
            skipped: a.skipped.saturating_add(b.skipped),
            errors: a.errors.saturating_add(b.errors),
            complete: a.complete && b.complete,
        })
        .map(|counts| Counts {
            complete: counts.complete && all,
            ..counts
        })
}

/// What the shards say, once each: all of them may say that a file does not compile.
fn observations(told: &[(Part, CheckResult, bool)]) -> Vec<Observation> {
    let mut all: Vec<Observation> = Vec::new();
    for one in told.iter().flat_map(|(_, result, _)| &result.observations) {
        if all.len() < 2 * MAX_OBSERVATIONS && !all.contains(one) {
            all.push(one.clone());
        }
    }
    all
}

/// The ends of the outputs of those that failed, else of all, as much as is recorded of one.
fn output(told: &[(Part, CheckResult, bool)]) -> String {
    let failed = |result: &CheckResult| !result.status.acceptable();
    let any = told.iter().any(|(_, result, _)| failed(result));
    let shown: Vec<_> = told
        .iter()
        .filter(|(_, result, _)| !any || failed(result))
        .collect();
    let share = RECORDED / shown.len().max(1);
    let parts = shown.iter().map(|(part, result, _)| {
        let own = tail(&result.output, share.saturating_sub(40));
        format!(
            "--- shard {} of {}\n{}\n",
            part.shard,
            part.of,
            own.trim_end()
        )
    });
    parts.collect()
}
