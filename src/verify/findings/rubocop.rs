//! RuboCop's `--format json`: files and their offenses.

use std::borrow::Cow;

use serde::Deserialize;

use super::{MAX_OBSERVATIONS, Said, place, severity, value};

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    files: Vec<File<'a>>,
}

#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    path: Cow<'a, str>,
    #[serde(borrow)]
    offenses: Vec<Offense<'a>>,
}

#[derive(Deserialize)]
struct Offense<'a> {
    #[serde(borrow)]
    severity: Cow<'a, str>,
    #[serde(borrow)]
    message: Cow<'a, str>,
    #[serde(borrow)]
    cop_name: Cow<'a, str>,
    location: Place,
}

#[derive(Deserialize)]
struct Place {
    line: u32,
}

/// The document that begins a text.
pub(super) fn read(text: &str) -> Option<Vec<Said>> {
    let document: Document<'_> = value(text, &["\"files\"", "\"offenses\""])?;
    let said = document.files.iter().flat_map(|file| {
        file.offenses.iter().map(|one| {
            let place = place(&file.path, Some(one.location.line));
            Said::new(
                severity(&one.severity),
                &one.message,
                Some(&one.cop_name),
                place,
            )
        })
    });
    Some(said.take(MAX_OBSERVATIONS + 1).collect())
}
