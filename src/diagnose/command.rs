//! Commands and their test reports.

use crate::config::ReportFormat;
use crate::domain::check::{Counts, TestCase, TestStatus};
use crate::domain::finding::Category;
use crate::heal::classify::{
    Around, Candidate, CommandFacts, Scorer, candidates, scorer::Example, scorer::HARD,
    scorer::features,
};
use crate::verify::read_report;
use crate::verify::report::{Report, from_files};

use super::case::{Case, Kind};
use super::verdict::Verdict;

/// What the readers of reports make of a case.
struct Reading {
    tests: Vec<TestCase>,
    counts: Option<Counts>,
    history: Vec<bool>,
}

/// What a command is.
pub(super) fn judge(case: &Case, scorer: &Scorer) -> Verdict {
    let reading = Reading::of(case);
    let facts = reading.facts(case);
    let candidates = candidates(&facts);
    let weighed = scorer.weigh(&facts, &candidates);
    let mut verdict = Verdict::new(weighed.diagnosis, weighed.rule);
    verdict.weighed = weighed.weighed;
    verdict.failing_tests = names(&reading.tests);
    verdict.counts = reading.counts;
    verdict
}

/// What the scorer is to learn from a case whose class is known; none where nothing failed, or no
/// rule holds that anything did.
pub(super) fn example(
    case: &Case,
    class: crate::domain::failure::ErrorType,
    group: &str,
) -> Option<Example> {
    if !matches!(case.kind, Kind::Command | Kind::TestReport) {
        return None;
    }
    let reading = Reading::of(case);
    let facts = reading.facts(case);
    let candidates: Vec<Candidate> = candidates(&facts);
    let first = candidates.first()?;
    Some(Example {
        features: features(&facts, &candidates),
        class,
        group: group.to_owned(),
        rule: (first.error_type?, first.confidence >= HARD),
    })
}

impl Reading {
    fn of(case: &Case) -> Self {
        let report = report(case);
        let history = case.history.iter().filter(|attempt| !attempt.tree_changed);
        Self {
            history: history
                .map(|attempt| attempt.exit_code == Some(0))
                .collect(),
            counts: report.as_ref().map(|report| report.counts),
            tests: report.map_or_else(Vec::new, |report| {
                report.tests.into_iter().map(|test| test.case).collect()
            }),
        }
    }

    fn facts<'a>(&'a self, case: &'a Case) -> CommandFacts<'a> {
        let context = &case.context;
        CommandFacts {
            kind: if case.kind == Kind::TestReport {
                Category::Test
            } else {
                Category::Custom
            },
            command: &case.command,
            exit_code: case.exit_code,
            signal: case.signal.as_deref(),
            timed_out: case.timed_out,
            stdout: &case.stdout,
            stderr: &case.stderr,
            tests: &self.tests,
            counts: self.counts,
            around: Around {
                project_files: &context.project_files,
                changed_files: &context.changed_files,
                declared_deps: &context.declared_deps,
                generated_by_model: &context.generated_by_model,
                history: &self.history,
            },
        }
    }
}

/// The report in the files that a case brings, else in what the command printed.
fn report(case: &Case) -> Option<Report> {
    let files: Vec<(String, String)> = case
        .reports
        .values()
        .filter_map(|file| Some((file.path.clone(), file.content.clone()?)))
        .collect();
    let of_files = || from_files(&files, ReportFormat::Auto);
    read_report(&case.command, &case.stdout, &case.stderr).or_else(of_files)
}

fn names(tests: &[TestCase]) -> Vec<String> {
    let failed = tests
        .iter()
        .filter(|test| test.status == TestStatus::Failed);
    failed.map(|test| test.name.clone()).collect()
}
