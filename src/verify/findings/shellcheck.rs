//! shellcheck's `-f json` (a list) and `-f json1` (a list under `comments`).

use std::borrow::Cow;

use serde::Deserialize;

use super::{MAX_OBSERVATIONS, Said, place, severity, value};

#[derive(Deserialize)]
struct Comment<'a> {
    #[serde(borrow)]
    file: Cow<'a, str>,
    line: u32,
    #[serde(borrow)]
    level: Cow<'a, str>,
    code: u32,
    #[serde(borrow)]
    message: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    comments: Vec<Comment<'a>>,
}

/// The document that begins a text.
pub(super) fn read(text: &str) -> Option<Vec<Said>> {
    const KEYS: [&str; 3] = ["\"file\"", "\"level\"", "\"endColumn\""];
    let comments = match text.starts_with('{') {
        true => value::<Document<'_>>(text, &["\"comments\""])?.comments,
        false => value(text, &KEYS)?,
    };
    let said = comments.iter().map(|one| {
        let code = format!("SC{}", one.code);
        let place = place(&one.file, Some(one.line));
        Said::new(severity(&one.level), &one.message, Some(&code), place)
    });
    Some(said.take(MAX_OBSERVATIONS + 1).collect())
}
