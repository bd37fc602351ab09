//! Measures the readers on recorded runs whose truth is known.
//!
//! `RGPT_CORPUS=/path/cases.jsonl cargo test --lib corpus -- --ignored --nocapture` prints every case that is read
//! otherwise than it is labelled, and how many are read exactly. A case is one JSON object a line: `command`,
//! `stdout`, `stderr`, perhaps `reports` (`{format: {content}}`) and `truth` with `counts` and `failing_tests`,
//! each perhaps with other right answers beside it (`…_accepted`).

use serde_json::Value;

use super::{Report, ReportFormat, from_files, told};
use crate::verify::read_report;

#[derive(Default)]
struct Score {
    right: usize,
    all: usize,
}

impl Score {
    fn add(&mut self, right: bool) {
        self.right += usize::from(right);
        self.all += 1;
    }
}

#[test]
#[ignore = "measures on the file that RGPT_CORPUS names"]
#[expect(
    clippy::disallowed_methods,
    reason = "a measurement that a person starts with a path"
)]
fn names_and_counts_of_a_corpus() {
    let path = std::env::var("RGPT_CORPUS").expect("RGPT_CORPUS names a file of cases");
    let text = std::fs::read_to_string(&path).unwrap();
    let (mut counts, mut names) = (Score::default(), Score::default());
    for line in text.split('\n').filter(|line| !line.trim().is_empty()) {
        let case: Value = serde_json::from_str(line).unwrap();
        let read = compare(&case, report_of(&case).as_ref());
        read.0.into_iter().for_each(|right| counts.add(right));
        read.1.into_iter().for_each(|right| names.add(right));
    }
    for (what, score) in [("counts", counts), ("names", names)] {
        println!("{what}: {} of {}", score.right, score.all);
    }
}

/// The report of a case: in its output, else (or where that does not name all that failed) in its files.
fn report_of(case: &Value) -> Option<Report> {
    let text = |key: &str| case[key].as_str().unwrap_or_default();
    let output = read_report(text("command"), text("stdout"), text("stderr"));
    let names_all = |report: &Report| {
        told::failing(report).len() as u64
            >= u64::from(report.counts.failed) + u64::from(report.counts.errors)
    };
    let reports = case["reports"]
        .as_object()
        .into_iter()
        .flat_map(|map| map.values());
    let files: Vec<(String, String)> = reports
        .filter_map(|report| {
            let content = report["content"].as_str()?;
            let path = report["path"].as_str().unwrap_or_default();
            Some((path.to_owned(), content.to_owned()))
        })
        .collect();
    match output {
        Some(report) if names_all(&report) => Some(report),
        other => from_files(&files, ReportFormat::Auto).or(other),
    }
}

/// Whether counts and names are as labelled; none where there is no label. Prints what differs.
fn compare(case: &Value, report: Option<&Report>) -> (Option<bool>, Option<bool>) {
    let truth = &case["truth"];
    let told = report.map(told::failing).unwrap_or_default();
    let mut told: Vec<&str> = told;
    told.sort_unstable();
    let counts = right(&truth["counts"], &truth["counts_accepted"], |wanted| {
        has_counts(wanted, report)
    });
    let names = right(
        &truth["failing_tests"],
        &truth["failing_tests_accepted"],
        |wanted| names_of(wanted) == told,
    );
    if counts == Some(false) {
        let own = report.map(|report| report.counts);
        println!(
            "{} `{}`: {own:?} instead of {}",
            case["id"], case["command"], truth["counts"]
        );
    }
    if names == Some(false) {
        println!(
            "{} `{}`: {told:?} instead of {}",
            case["id"], case["command"], truth["failing_tests"]
        );
    }
    (counts, names)
}

/// Whether the best answer or another right one is told; none if there is no answer.
fn right(best: &Value, others: &Value, told: impl Fn(&Value) -> bool) -> Option<bool> {
    (!best.is_null()).then(|| {
        told(best)
            || others
                .as_array()
                .is_some_and(|others| others.iter().any(&told))
    })
}

fn names_of(wanted: &Value) -> Vec<&str> {
    let wanted = wanted.as_array().into_iter().flatten();
    let mut names: Vec<&str> = wanted.filter_map(Value::as_str).collect();
    names.sort_unstable();
    names
}

/// Whether a report has the wanted numbers; where there is a number but no report, it has not.
fn has_counts(wanted: &Value, report: Option<&Report>) -> bool {
    let own = |word: &str| {
        let counts = report?.counts;
        Some(match word {
            "passed" => counts.passed,
            "failed" => counts.failed,
            "skipped" => counts.skipped,
            _ => counts.errors,
        })
    };
    let wanted = wanted.as_object().into_iter().flatten();
    wanted
        .filter_map(|(word, number)| Some((word, number.as_u64()?)))
        .all(|(word, number)| own(word).map(u64::from) == Some(number))
}
