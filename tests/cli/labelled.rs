//! The set of labelled failures in `tests/failures`, through the real verb: what it got right it gets right.
//!
//! Weights are made from the same cases, so these floors keep what was reached; how good it is on
//! cases it has not seen is what `rgpt classify --train` prints.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::process::Stdio;

use flate2::read::GzDecoder;
use regex::Regex;
use serde_json::Value;

use crate::sandbox::{RGPT, Sandbox};

/// What is not to be seen by whoever judges.
const LABELS: [&str; 5] = ["truth", "tags", "note", "toolchain", "tool"];

fn cases() -> Vec<Value> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/failures");
    let mut cases = Vec::new();
    for name in ["a", "b", "c"] {
        let file = std::fs::File::open(format!("{folder}/{name}.jsonl.gz")).unwrap();
        let mut text = String::new();
        GzDecoder::new(file).read_to_string(&mut text).unwrap();
        cases.extend(
            text.lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap()),
        );
    }
    cases
}

fn answers(cases: &[Value]) -> Vec<Value> {
    let sandbox = Sandbox::bare_machine();
    let mut child = sandbox
        .start(RGPT)
        .args(["classify", "--jsonl"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = String::new();
    for case in cases {
        let mut case = case.clone();
        for label in LABELS {
            case.as_object_mut().unwrap().remove(label);
        }
        lines += &format!("{case}\n");
    }
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Right ones of all.
#[derive(Default)]
struct Share(usize, usize);

impl Share {
    fn add(&mut self, right: bool) {
        self.0 += usize::from(right);
        self.1 += 1;
    }

    #[expect(clippy::cast_precision_loss, reason = "there are few cases")]
    fn get(&self) -> f64 {
        self.0 as f64 / self.1.max(1) as f64
    }
}

fn names(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    names.sort_unstable();
    names
}

/// The values that count as right: the label and its alternatives.
fn accepted<'a>(truth: &'a Value, key: &str) -> Vec<&'a Value> {
    let others = truth
        .get(format!("{key}_accepted"))
        .and_then(Value::as_array);
    truth
        .get(key)
        .into_iter()
        .chain(others.into_iter().flatten())
        .collect()
}

/// Whether every number that a label gives was told.
fn counts_as(right: &Value, told: &Value) -> bool {
    right.as_object().is_some_and(|right| {
        let mut numbers = right.iter();
        numbers.all(|(key, number)| number.is_null() || told.get(key) == Some(number))
    })
}

/// The mean over classes of the harmonic mean of precision and recall; of each class: how often it
/// was there, how often it was said, how often both.
#[expect(clippy::cast_precision_loss, reason = "there are few cases")]
fn macro_f1(classes: &BTreeMap<&str, [usize; 3]>) -> f64 {
    let f1 = |[there, told, hits]: &[usize; 3]| 2.0 * *hits as f64 / (there + told).max(1) as f64;
    classes.values().map(f1).sum::<f64>() / classes.len() as f64
}

/// Whether a class counts as right.
fn accepts(truth: &Value, said: &str) -> bool {
    let accepted = truth["accepted"].as_array().unwrap();
    accepted.iter().any(|class| class == said)
}

#[test]
fn labelled_failures_are_named_as_before() {
    let cases = cases();
    let answers = answers(&cases);
    assert_eq!(answers.len(), cases.len());
    let mut classes: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    let [mut cause, mut tests, mut counts, mut again] = [(); 4].map(|()| Share::default());
    for (case, answer) in cases.iter().zip(&answers) {
        assert_eq!(case["id"], answer["id"]);
        let truth = &case["truth"];
        let said = answer["error_type"].as_str().unwrap();
        let right = accepts(truth, said);
        let best = truth["error_type"].as_str().unwrap();
        let meant = if right { said } else { best };
        classes.entry(meant).or_default()[0] += 1;
        classes.entry(said).or_default()[1] += 1;
        classes.entry(said).or_default()[2] += usize::from(right);
        if truth["retryable_firm"] == true {
            again.add(truth["retryable"] == answer["retryable"]);
        }
        if let (Some(pattern), "captured") = (
            truth["root_cause_line_regex"].as_str(),
            truth["root_cause_in"].as_str().unwrap_or("captured"),
        ) {
            let line = answer["root_cause_line"].as_str();
            cause.add(
                line.is_some_and(|line| Regex::new(pattern).is_ok_and(|it| it.is_match(line))),
            );
        }
        if truth.get("failing_tests").is_some() {
            let told = names(&answer["failing_tests"]);
            tests.add(
                accepted(truth, "failing_tests")
                    .into_iter()
                    .any(|right| names(right) == told),
            );
        }
        if truth.get("counts").is_some() {
            let right = accepted(truth, "counts");
            counts.add(
                right
                    .into_iter()
                    .any(|right| counts_as(right, &answer["counts"])),
            );
        }
    }
    let macro_f1 = macro_f1(&classes);
    for (what, share, floor) in [
        ("macro-F1", macro_f1, 0.97),
        ("root cause", cause.get(), 0.88),
        ("failing tests", tests.get(), 0.90),
        ("counts", counts.get(), 0.92),
        ("retryable", again.get(), 0.97),
    ] {
        assert!(
            share >= floor,
            "{what} is {share:.4}, and was at least {floor}"
        );
    }
}
