//! golangci-lint's JSON: a list under `Issues`.

use std::borrow::Cow;

use serde::Deserialize;

use super::{MAX_OBSERVATIONS, Said, place, severity, value};
use crate::domain::finding::Severity;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document<'a> {
    #[serde(borrow, default)]
    issues: Option<Vec<Issue<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Issue<'a> {
    #[serde(borrow)]
    from_linter: Cow<'a, str>,
    #[serde(borrow)]
    text: Cow<'a, str>,
    #[serde(borrow, default)]
    severity: Cow<'a, str>,
    #[serde(borrow)]
    pos: Place<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Place<'a> {
    #[serde(borrow)]
    filename: Cow<'a, str>,
    line: u32,
}

/// The document that begins a text.
pub(super) fn read(text: &str) -> Option<Vec<Said>> {
    let document: Document<'_> = value(text, &["\"Issues\""])?;
    let issues = document.issues.unwrap_or_default();
    let said = issues.iter().map(|one| {
        let severity = match one.severity.as_ref() {
            // Most configurations name none, and every issue fails the linter.
            "" => Severity::Major,
            word => severity(word),
        };
        let place = place(&one.pos.filename, Some(one.pos.line));
        Said::new(severity, &one.text, Some(&one.from_linter), place)
    });
    Some(said.take(MAX_OBSERVATIONS + 1).collect())
}
