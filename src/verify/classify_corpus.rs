//! Measures the classifier of commands on labelled cases: one JSON object a line, in the files that `RGPT_CORPUS`
//! names (`:` between). Not a test of a promise: it prints, and holds nothing. `RGPT_BLIND` hides the cases,
//! `RGPT_HALF=even|odd` takes half of them by number.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use super::report::{Report, from_files, recognise};
use crate::config::ReportFormat;
use crate::domain::check::TestCase;
use crate::domain::finding::Category;
use crate::heal::classify::{Around, Candidate, CommandFacts, candidates};

#[test]
#[ignore = "a measurement; names its corpus by RGPT_CORPUS"]
fn classify_corpus() {
    let paths = setting("RGPT_CORPUS").expect("RGPT_CORPUS names files");
    let half = setting("RGPT_HALF");
    let mut tally = Tally::default();
    for path in paths.split(':') {
        let corpus = std::fs::read_to_string(path).expect("readable");
        let cases = corpus
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        for case in cases.filter(|case| matches!(text(case, "kind"), "command" | "test_report")) {
            let number = text(&case, "id").rsplit('-').next().unwrap_or_default();
            let is_even = number.ends_with(['0', '2', '4', '6', '8']);
            let counts = match half.as_deref() {
                Some("even") => is_even,
                Some("odd") => !is_even,
                _ => true,
            };
            if counts {
                tally.add(&case, &first_candidate(&case));
            }
        }
    }
    tally.print();
}

#[expect(clippy::disallowed_methods, reason = "a measurement, not a run")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap_or_default()
}

fn strings(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}

fn report_of(case: &Value) -> Option<Report> {
    let reports = case["reports"].as_object().into_iter().flatten();
    let files: Vec<(String, String)> = reports
        .filter_map(|(_, report)| {
            let content = report["content"].as_str()?;
            Some((text(report, "path").to_owned(), content.to_owned()))
        })
        .collect();
    let written = from_files(&files, ReportFormat::Auto);
    let said = || {
        recognise(
            text(case, "stdout"),
            text(case, "stderr"),
            ReportFormat::Auto,
        )
    };
    written.or_else(said)
}

fn first_candidate(case: &Value) -> Candidate {
    let report = report_of(case);
    let reported = report.iter().flat_map(|report| &report.tests);
    let tests: Vec<TestCase> = reported.map(|test| test.case.clone()).collect();
    let context = |key: &str| strings(&case["context"][key]);
    let project = context("project_files");
    let changed = context("changed_files");
    let declared = context("declared_deps");
    let generated = context("generated_by_model");
    let attempts = case["history"].as_array().into_iter().flatten();
    let history: Vec<bool> = attempts.map(|attempt| attempt["exit_code"] == 0).collect();
    let code = case["exit_code"].as_i64();
    let facts = CommandFacts {
        kind: Category::Custom,
        command: text(case, "command"),
        exit_code: code.and_then(|code| i32::try_from(code).ok()),
        signal: case["signal"].as_str(),
        timed_out: case["timed_out"] == true,
        stdout: text(case, "stdout"),
        stderr: text(case, "stderr"),
        tests: &tests,
        counts: report.as_ref().map(|report| report.counts),
        around: Around {
            project_files: &project,
            changed_files: &changed,
            declared_deps: &declared,
            generated_by_model: &generated,
            history: &history,
        },
    };
    candidates(&facts).swap_remove(0)
}

#[derive(Default)]
struct Tally {
    confusion: BTreeMap<(String, String), usize>,
    lenient: usize,
    lines: [usize; 2],
    again: [usize; 2],
    signatures: BTreeMap<String, Vec<String>>,
}

impl Tally {
    fn add(&mut self, case: &Value, got: &Candidate) {
        let truth = &case["truth"];
        let class = got.error_type.map_or("NONE", |class| class.as_str());
        let want = text(truth, "error_type");
        let is_accepted = strings(&truth["accepted"])
            .iter()
            .any(|known| known == class);
        self.lenient += usize::from(is_accepted);
        *self
            .confusion
            .entry((want.to_owned(), class.to_owned()))
            .or_default() += 1;
        let line = got
            .root_cause
            .as_ref()
            .map_or("", |cause| cause.text.as_str());
        let wanted = truth["root_cause_line_regex"]
            .as_str()
            .filter(|_| truth["root_cause_in"] != "full")
            .and_then(|wanted| Regex::new(wanted).ok());
        let is_hit = wanted.as_ref().is_none_or(|wanted| wanted.is_match(line));
        if wanted.is_some() {
            self.lines[0] += usize::from(is_hit);
            self.lines[1] += 1;
        }
        let is_firm = truth["retryable_firm"] == true;
        let is_right = !is_firm || truth["retryable"] == got.retryable;
        if is_firm {
            self.again[0] += usize::from(is_right);
            self.again[1] += 1;
        }
        let form = crate::heal::signature::normal_form(line);
        let same = self
            .signatures
            .entry(format!("{class} {form}"))
            .or_default();
        same.push(text(case, "id").to_owned());
        if (class != want || !is_hit || !is_right) && setting("RGPT_BLIND").is_none() {
            println!(
                "{} {want} -> {class}{} [{}]{}{} {line:?}\n    $ {}",
                text(case, "id"),
                if is_accepted { "" } else { " BAD" },
                got.rule,
                if is_right { "" } else { " RETRY" },
                if is_hit { "" } else { " MISS" },
                text(case, "command"),
            );
        }
    }

    fn print(&self) {
        let count = |pick: &dyn Fn(&(String, String)) -> bool| -> usize {
            let chosen = self.confusion.iter().filter(|(key, _)| pick(key));
            chosen.map(|(_, count)| *count).sum()
        };
        let (all, exact) = (count(&|_| true), count(&|(want, got)| want == got));
        println!("all {all}, exact {exact}, lenient {}", self.lenient);
        println!("root cause {}/{}", self.lines[0], self.lines[1]);
        println!("retryable {}/{}", self.again[0], self.again[1]);
        let mut classes: Vec<&String> = self.confusion.keys().map(|(want, _)| want).collect();
        classes.dedup();
        let mut sum = 0.0;
        for class in &classes {
            let right = count(&|(want, got)| want == got && want == *class);
            let both = count(&|(want, _)| want == *class) + count(&|(_, got)| got == *class);
            #[expect(clippy::cast_precision_loss, reason = "small counts")]
            let f1 = 2.0 * right as f64 / both.max(1) as f64;
            println!("  {class:16} f1 {f1:.3}");
            sum += f1;
        }
        #[expect(clippy::cast_precision_loss, reason = "small counts")]
        let macro_f1 = sum / classes.len().max(1) as f64;
        println!("macro-F1 {macro_f1:.3}");
        for ((want, got), count) in self.confusion.iter().filter(|((want, got), _)| want != got) {
            println!("  {want} -> {got} {count}");
        }
        if setting("RGPT_SIGNATURES").is_some() {
            for (form, ids) in self.signatures.iter().filter(|(_, ids)| ids.len() > 1) {
                println!("same: {ids:?} {form}");
            }
        }
    }
}
