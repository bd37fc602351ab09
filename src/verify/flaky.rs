//! Flaky or real: a test counts as flaky only on positive evidence.
//!
//! A failure is real unless shown otherwise. What shows it: the test fails on the tree before the change too, or has
//! a record of it, *and* it passes now and then on the tree that is judged, *and* it does not fail more often there
//! than before (Fisher's exact test). A failure never seen before the change is never excused, however seldom it is.

use crate::config::CheckConfig;
use crate::domain::check::{CheckResult, CheckStatus, FlakyTest, TestStatus};

use super::baseline::{conclude, identity, is_named, soften};

/// How often a failing test is run again on the tree that is judged, at most.
pub const RERUNS: u32 = 5;
/// How often on the base tree, where it has passed in between.
pub const BASE_RERUNS: u32 = 10;
/// After so many failures in a row it fails always, as far as it matters.
const ALWAYS: u32 = 3;
/// Rates that differ this surely are not the same.
const SIGNIFICANT: f64 = 0.05;

/// A failing test and how often it was seen to fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// What was seen; the runs that made it a suspect are in it.
    pub seen: FlakyTest,
    /// Whether it has a record of failing now and then.
    pub known: bool,
}

/// The failing tests of a check that may be flaky: there is a base tree to compare with, or they have a record, and
/// neither the goal nor a criterion names them. Without a report, or where the check fails in other ways, there is none.
pub fn suspects(
    result: &CheckResult,
    base: Option<&CheckResult>,
    known: &[String],
    named: &[&str],
) -> Vec<Suspect> {
    if result.status != CheckStatus::Failed || result.report.is_none() {
        return Vec::new();
    }
    let on_base = |name: &str| {
        let tests = base.into_iter().flat_map(|base| &base.tests);
        tests
            .filter(|test| identity(&test.name) == identity(name))
            .map(|test| test.status)
            .find(|status| *status != TestStatus::Skipped)
    };
    let failing = result
        .failing_tests()
        .filter(|test| !is_named(&test.name, named));
    failing
        .filter_map(|test| {
            let known = known.contains(&identity(&test.name));
            let before = on_base(&test.name);
            (base.is_some() || known).then(|| Suspect {
                seen: FlakyTest {
                    name: test.name.clone(),
                    runs: 1,
                    failures: 1,
                    base_runs: u32::from(before.is_some()),
                    base_failures: u32::from(before == Some(TestStatus::Failed)),
                },
                known,
            })
        })
        .collect()
}

impl Suspect {
    /// Takes in another run on the tree that is judged; a test that does not show up was not run.
    pub fn see(&mut self, run: &CheckResult) {
        if let Some(failed) = failed(run, &self.seen.name) {
            self.seen.runs += 1;
            self.seen.failures += u32::from(failed);
        }
    }

    /// Takes in another run on the base tree.
    pub fn see_base(&mut self, run: &CheckResult) {
        if let Some(failed) = failed(run, &self.seen.name) {
            self.seen.base_runs += 1;
            self.seen.base_failures += u32::from(failed);
        }
    }

    /// Whether it passed on the tree that is judged at all.
    pub fn has_passed(&self) -> bool {
        self.seen.failures < self.seen.runs
    }

    /// Whether another run on the tree that is judged may tell more: once it has passed, how often it fails.
    pub fn is_open(&self) -> bool {
        self.has_passed() || self.seen.failures <= ALWAYS
    }

    /// Whether it is shown to be flaky.
    pub fn is_flaky(&self) -> bool {
        let seen = &self.seen;
        let evidence = seen.base_failures > 0 || self.known;
        let more_often = u64::from(seen.failures) * u64::from(seen.base_runs)
            > u64::from(seen.base_failures) * u64::from(seen.runs);
        let differs = more_often
            && seen.base_runs > 0
            && fisher(seen.failures, seen.runs, seen.base_failures, seen.base_runs) < SIGNIFICANT;
        self.has_passed() && evidence && !differs
    }
}

/// Whether a test failed in a run; none if it did not run.
fn failed(run: &CheckResult, name: &str) -> Option<bool> {
    let statuses = run
        .tests
        .iter()
        .filter(|test| identity(&test.name) == identity(name));
    let mut seen = None;
    for test in statuses {
        match test.status {
            TestStatus::Failed => return Some(true),
            TestStatus::Passed => seen = Some(false),
            TestStatus::Skipped => {}
        }
    }
    seen
}

/// How likely it is by chance alone that of `a` failures in `n` runs and `b` in `m` so many or more are among the
/// first: Fisher's exact test, one-sided (Fisher, "Statistical Methods for Research Workers", 1934).
fn fisher(a: u32, n: u32, b: u32, m: u32) -> f64 {
    let all = a + b;
    let total = choose(n + m, all);
    let most = all.min(n);
    (a..=most)
        .map(|k| choose(n, k) * choose(m, all - k))
        .sum::<f64>()
        / total
}

/// The number of ways to choose `k` of `n`; 0 if there is none.
fn choose(n: u32, k: u32) -> f64 {
    if k > n {
        return 0.0;
    }
    (0..k).fold(1.0, |ways, i| ways * f64::from(n - i) / f64::from(i + 1))
}

/// Excuses the tests that are shown to be flaky. If these and the excused ones explain the whole failure, the status
/// becomes [`Baseline`](CheckStatus::Baseline).
pub fn excuse_flaky(
    mut result: CheckResult,
    flaky: Vec<FlakyTest>,
    check: &CheckConfig,
) -> CheckResult {
    if flaky.is_empty() {
        return result;
    }
    let names: Vec<String> = flaky.iter().map(|test| test.name.clone()).collect();
    soften(&mut result, &names, "flaky");
    let told: Vec<String> = flaky.iter().map(in_words).collect();
    let told = format!("flaky: {}", told.join("; "));
    result.note = Some(match result.note.take() {
        Some(before) => format!("{before}; {told}"),
        None => told,
    });
    result.flaky = flaky;
    conclude(
        result,
        check,
        "every failing test is flaky or fails on the base tree",
    )
}

fn in_words(test: &FlakyTest) -> String {
    let base = match test.base_runs {
        0 => "it has a record".to_owned(),
        runs => format!("{} of {runs} on the base tree", test.base_failures),
    };
    format!(
        "{} failed {} of {} runs, {base}",
        test.name, test.failures, test.runs
    )
}

#[cfg(test)]
mod tests;
