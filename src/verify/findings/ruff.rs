//! ruff's `--output-format json`: a list of violations.

use std::borrow::Cow;

use serde::Deserialize;

use super::{MAX_OBSERVATIONS, Said, place, value};
use crate::domain::finding::Severity;

#[derive(Deserialize)]
struct Violation<'a> {
    /// None for what cannot be parsed.
    #[serde(borrow)]
    code: Option<Cow<'a, str>>,
    #[serde(borrow)]
    message: Cow<'a, str>,
    #[serde(borrow)]
    filename: Cow<'a, str>,
    location: Option<Place>,
}

#[derive(Deserialize)]
struct Place {
    row: u32,
}

/// The document that begins a text.
pub(super) fn read(text: &str) -> Option<Vec<Said>> {
    let violations: Vec<Violation<'_>> = value(text, &["\"filename\"", "\"code\"", "\"row\""])?;
    let said = violations.iter().map(|one| {
        let place = place(&one.filename, one.location.as_ref().map(|at| at.row));
        Said::new(Severity::Major, &one.message, one.code.as_deref(), place)
    });
    Some(said.take(MAX_OBSERVATIONS + 1).collect())
}
