//! What is told of a case.

use serde_json::{Map, Value, json};

use crate::domain::check::Counts;
use crate::domain::failure::{Failure, Origin};
use crate::domain::id::Digest;
use crate::heal::classify::Diagnosis;
use crate::heal::remedy;
use crate::heal::signature::signature;

use super::case::{Case, Kind};
use super::verdict::Verdict;

/// Lines that are shown before and after a root cause.
const AROUND: usize = 2;

/// What a case is, and what it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The case's name.
    pub id: Value,
    /// What it is.
    pub diagnosis: Diagnosis,
    /// The rule that decides, as `network.refused`.
    pub rule: String,
    /// Whether the scorer decided among what rules said.
    pub weighed: bool,
    /// What failed, in words; empty where the root cause says it.
    pub message: String,
    /// Recognises the same failure again; none if nothing failed.
    pub signature: Option<Digest>,
    /// The tests that failed.
    pub failing_tests: Vec<String>,
    /// What the report counts; none without a report.
    pub counts: Option<Counts>,
    /// The root cause with the lines around it, each with its number.
    pub excerpt: Vec<(usize, String)>,
}

impl Answer {
    pub(super) fn of(case: &Case, verdict: Verdict) -> Self {
        let mut diagnosis = verdict.diagnosis;
        let excerpt = excerpt(case, &mut diagnosis);
        let line = diagnosis.root_cause.as_ref().map(|line| line.text.clone());
        let signature = diagnosis.error_type.map(|class| {
            let told = line.as_deref().unwrap_or(&verdict.message);
            signature(
                class,
                diagnosis.cause,
                &verdict.rule,
                &verdict.failing_tests,
                told,
            )
        });
        Self {
            id: case.id.clone(),
            excerpt,
            rule: verdict.rule,
            weighed: verdict.weighed,
            message: verdict.message,
            signature,
            failing_tests: verdict.failing_tests,
            counts: verdict.counts,
            diagnosis,
        }
    }

    /// The class, `NONE` if nothing failed.
    pub fn class(&self) -> &'static str {
        self.diagnosis
            .error_type
            .map_or("NONE", |class| class.as_str())
    }

    /// The repairs that a run would try, cheapest first.
    pub fn remedies(&self) -> Vec<String> {
        let (Some(error_type), Some(signature)) = (self.diagnosis.error_type, &self.signature)
        else {
            return Vec::new();
        };
        let failure = Failure {
            error_type,
            distribution: Some(self.diagnosis.distribution),
            retryable: self.diagnosis.retryable,
            origin: self.diagnosis.origin,
            signature: signature.clone(),
            message: String::new(),
            root_cause: None,
            evidence: String::new(),
            failing_tests: Vec::new(),
            retry_after_ms: None,
            action_required: None,
            damage: None,
            cause: self.diagnosis.cause,
        };
        let actions = remedy::actions(&failure);
        actions
            .into_iter()
            .map(|action| action.as_str().to_owned())
            .collect()
    }

    /// The answer as `classify --json` prints it.
    pub fn document(&self) -> Value {
        let diagnosis = &self.diagnosis;
        let line = diagnosis.root_cause.as_ref();
        json!({
            "id": self.id,
            "error_type": self.class(),
            "confidence": rounded(diagnosis.confidence),
            "distribution": self.distribution(),
            "retryable": diagnosis.retryable,
            "signature": self.signature,
            "root_cause": line.map(|line| json!({"line": line.line, "text": line.text})),
            "root_cause_line": line.map(|line| line.text.as_str()),
            "failing_tests": self.failing_tests,
            "counts": self.counts.map(|counts| json!({
                "passed": counts.passed, "failed": counts.failed, "skipped": counts.skipped, "errors": counts.errors,
            })),
            "cause": diagnosis.error_type.map(|_| diagnosis.cause),
            "origin": diagnosis.error_type.map(|_| diagnosis.origin),
            "rule": self.rule,
            "decided_by": if self.weighed { "scorer" } else { "rule" },
            "message": self.message,
            "action_required": self.action_required(),
            "remedies": self.remedies(),
        })
    }

    /// What a person must do, if a person must.
    pub fn action_required(&self) -> Option<&str> {
        let asked = self.diagnosis.action_required.as_deref();
        asked.filter(|_| self.diagnosis.origin == Origin::Human)
    }

    /// How likely each class is, `NONE` among them.
    fn distribution(&self) -> Map<String, Value> {
        let confidence = self.diagnosis.confidence.clamp(0.0, 1.0);
        let (nothing, something) = match self.diagnosis.error_type {
            None => (confidence, 1.0 - confidence),
            Some(_) => (0.0, 1.0),
        };
        let mut told = Map::new();
        if nothing > 0.0 {
            told.insert("NONE".to_owned(), json!(rounded(nothing)));
        }
        for (class, share) in self.diagnosis.distribution.ranked() {
            let share = rounded(share * something);
            if share > 0.0 {
                told.insert(class.as_str().to_owned(), json!(share));
            }
        }
        told
    }
}

fn rounded(share: f64) -> f64 {
    (share * 10_000.0).round() / 10_000.0
}

/// The root cause in the stream that holds it, with the lines around it; its number is set right.
fn excerpt(case: &Case, diagnosis: &mut Diagnosis) -> Vec<(usize, String)> {
    const LONGEST: usize = 300;
    let Some(cause) = &mut diagnosis.root_cause else {
        return Vec::new();
    };
    let short = |line: &str| line[..line.floor_char_boundary(LONGEST)].to_owned();
    let is_output = matches!(case.kind, Kind::Command | Kind::TestReport);
    let streams = [case.stderr.as_str(), case.stdout.as_str()].into_iter();
    let streams: Vec<&str> = streams.filter(|_| is_output).collect();
    let is_there = |stream: &&&str| {
        let line = stream.lines().nth(cause.line.saturating_sub(1));
        line.is_some_and(|line| line.contains(&cause.text))
    };
    let place = match streams.iter().find(is_there) {
        Some(stream) => Some((*stream, cause.line)),
        None => streams.iter().find_map(|stream| {
            let at = stream.lines().position(|line| line.contains(&cause.text))?;
            Some((*stream, at + 1))
        }),
    };
    let Some((stream, line)) = place else {
        return vec![(cause.line, short(&cause.text))];
    };
    cause.line = line;
    let from = line.saturating_sub(AROUND + 1);
    let near = stream.lines().skip(from).take(line + AROUND - from);
    near.enumerate()
        .map(|(at, text)| (from + at + 1, short(text)))
        .collect()
}
