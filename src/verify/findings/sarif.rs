//! SARIF 2.1.0 (OASIS), which linters and most security tools can write: runs, their rules, their results.
//!
//! A result's level is its own, else its rule's, else a warning; where a rule tells how severe a weakness is
//! (`security-severity`, 0 to 10, as GitHub reads it), that counts. What is suppressed, gone or passed is no finding.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;

use super::{MAX_OBSERVATIONS, Said, place, value};
use crate::domain::finding::Severity;

/// From which score on a weakness is major, and medium.
const MAJOR_FROM: f64 = 7.0;
const MEDIUM_FROM: f64 = 4.0;

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    runs: Vec<Run<'a>>,
}

#[derive(Deserialize)]
struct Run<'a> {
    #[serde(borrow)]
    tool: Tool<'a>,
    #[serde(borrow, default)]
    results: Option<Vec<SarifResult<'a>>>,
}

#[derive(Deserialize)]
struct Tool<'a> {
    #[serde(borrow)]
    driver: Driver<'a>,
    #[serde(borrow, default)]
    extensions: Vec<Driver<'a>>,
}

#[derive(Deserialize)]
struct Driver<'a> {
    #[serde(borrow, default)]
    rules: Vec<Rule<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    default_configuration: Option<Configuration<'a>>,
    #[serde(borrow, default)]
    short_description: Option<Text<'a>>,
    #[serde(borrow, default)]
    properties: Option<Properties<'a>>,
}

#[derive(Deserialize)]
struct Configuration<'a> {
    #[serde(borrow, default)]
    level: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Properties<'a> {
    #[serde(rename = "security-severity", borrow, default)]
    score: Option<Score<'a>>,
}

/// A number, or the text of one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Score<'a> {
    Number(f64),
    #[serde(borrow)]
    Text(Cow<'a, str>),
}

impl Score<'_> {
    fn severity(&self) -> Option<Severity> {
        let score = match self {
            Self::Number(number) => *number,
            Self::Text(text) => text.trim().parse().ok()?,
        };
        Some(match score {
            _ if score >= MAJOR_FROM => Severity::Major,
            _ if score >= MEDIUM_FROM => Severity::Medium,
            _ => Severity::Minor,
        })
    }
}

#[derive(Deserialize)]
struct Text<'a> {
    #[serde(borrow, default)]
    text: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult<'a> {
    #[serde(borrow, default)]
    rule_id: Option<Cow<'a, str>>,
    rule_index: Option<i64>,
    #[serde(borrow, default)]
    level: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    baseline_state: Option<Cow<'a, str>>,
    #[serde(borrow)]
    message: Text<'a>,
    #[serde(borrow, default)]
    locations: Vec<Location<'a>>,
    #[serde(borrow, default)]
    suppressions: Option<Vec<Suppression<'a>>>,
}

#[derive(Deserialize)]
struct Suppression<'a> {
    #[serde(borrow, default)]
    status: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Location<'a> {
    #[serde(borrow, default)]
    physical_location: Option<Physical<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Physical<'a> {
    #[serde(borrow, default)]
    artifact_location: Option<Artifact<'a>>,
    region: Option<Region>,
}

#[derive(Deserialize)]
struct Artifact<'a> {
    #[serde(borrow, default)]
    uri: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: Option<u32>,
}

/// The document that begins a text.
pub(super) fn read(text: &str) -> Option<Vec<Said>> {
    // The rules of a tool may stand before all that tells the format.
    let document: Document<'_> =
        value(text, &["\"version\""]).or_else(|| value(text, &["\"runs\""]))?;
    let mut found = Vec::new();
    for run in &document.runs {
        let drivers = std::iter::once(&run.tool.driver).chain(&run.tool.extensions);
        let rules: HashMap<&str, &Rule<'_>> = drivers
            .flat_map(|driver| &driver.rules)
            .map(|rule| (rule.id.as_ref(), rule))
            .collect();
        let results = run.results.iter().flatten().filter(|one| is_open(one));
        for result in results {
            let own = &run.tool.driver.rules;
            let by_index = || own.get(usize::try_from(result.rule_index?).ok()?);
            let rule = result
                .rule_id
                .as_deref()
                .and_then(|id| rules.get(id).copied());
            found.push(said(result, rule.or_else(by_index)));
            if found.len() > MAX_OBSERVATIONS {
                return Some(found);
            }
        }
    }
    Some(found)
}

fn is_open(result: &SarifResult<'_>) -> bool {
    let passed = matches!(
        result.kind.as_deref(),
        Some("pass" | "notApplicable" | "informational")
    );
    let gone = result.baseline_state.as_deref() == Some("absent");
    let suppressed = result.suppressions.as_ref().is_some_and(|all| {
        let holds =
            |one: &Suppression<'_>| matches!(one.status.as_deref(), None | Some("accepted"));
        all.iter().any(holds)
    });
    !passed && !gone && !suppressed
}

fn said(result: &SarifResult<'_>, rule: Option<&Rule<'_>>) -> Said {
    let score = rule.and_then(|rule| rule.properties.as_ref()?.score.as_ref()?.severity());
    let default = rule.and_then(|rule| rule.default_configuration.as_ref()?.level.as_deref());
    let level = result.level.as_deref().or(default);
    let severity = score.unwrap_or(match level {
        Some("error") => Severity::Major,
        Some("note" | "none") => Severity::Minor,
        _ => Severity::Medium,
    });
    let description = rule.and_then(|rule| rule.short_description.as_ref()?.text.as_deref());
    let message = result
        .message
        .text
        .as_deref()
        .or(description)
        .unwrap_or_default();
    let code = result
        .rule_id
        .as_deref()
        .or(rule.map(|rule| rule.id.as_ref()));
    let physical = result
        .locations
        .iter()
        .find_map(|one| one.physical_location.as_ref());
    let location = physical.and_then(|physical| {
        let uri = physical.artifact_location.as_ref()?.uri.as_deref()?;
        let line = physical
            .region
            .as_ref()
            .and_then(|region| region.start_line);
        place(&path(uri), line)
    });
    let message = if message.is_empty() {
        code.unwrap_or("a finding")
    } else {
        message
    };
    Said::new(severity, message, code, location)
}

/// The path of a URI: without `file://`, and with what is escaped as it is.
fn path(uri: &str) -> String {
    let text = uri.strip_prefix("file://").unwrap_or(uri);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%')
            .then(|| std::str::from_utf8(after.get(..2)?).ok())
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
