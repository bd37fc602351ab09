//! cargo-audit's `--json`: vulnerabilities in dependencies, and warnings about them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Said, value};
use crate::domain::finding::Severity;

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    vulnerabilities: Vulnerabilities<'a>,
    #[serde(borrow, default)]
    warnings: BTreeMap<String, Vec<Entry<'a>>>,
}

#[derive(Deserialize)]
struct Vulnerabilities<'a> {
    #[serde(borrow)]
    list: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    package: Package<'a>,
    #[serde(borrow, default)]
    advisory: Option<Advisory<'a>>,
}

#[derive(Deserialize)]
struct Package<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    version: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Advisory<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    title: Cow<'a, str>,
}

/// The document that begins a text.
pub(super) fn read(text: &str) -> Option<Vec<Said>> {
    let document: Document<'_> = value(text, &["\"database\"", "\"lockfile\""])?;
    let list = document.vulnerabilities.list.iter();
    let vulnerable = list.map(|one| said(Severity::Major, one, "vulnerable"));
    let warnings = document.warnings.iter().flat_map(|(kind, entries)| {
        entries
            .iter()
            .map(move |one| said(Severity::Medium, one, kind))
    });
    Some(vulnerable.chain(warnings).collect())
}

fn said(severity: Severity, entry: &Entry<'_>, kind: &str) -> Said {
    let Package { name, version } = &entry.package;
    let (title, id) = match &entry.advisory {
        Some(advisory) => (advisory.title.as_ref(), Some(advisory.id.as_ref())),
        None => (kind, None),
    };
    let message = format!("{name} {version}: {title}");
    Said::new(severity, &message, id, None)
}
