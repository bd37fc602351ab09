//! PHPStan's `--error-format=json`: messages by file, and errors of its own.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use super::{MAX_OBSERVATIONS, Said, place, value};
use crate::domain::finding::Severity;

#[derive(Deserialize)]
struct Document<'a> {
    /// An empty list where there is no file.
    #[serde(borrow)]
    files: Files<'a>,
    #[serde(borrow, default)]
    errors: Vec<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Files<'a> {
    #[serde(borrow)]
    Some(BTreeMap<String, File<'a>>),
    None([u8; 0]),
}

#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    message: Cow<'a, str>,
    line: Option<u32>,
    #[serde(borrow, default)]
    identifier: Option<Cow<'a, str>>,
}

/// The document that begins a text.
pub(super) fn read(text: &str) -> Option<Vec<Said>> {
    let document: Document<'_> = value(text, &["\"totals\"", "\"file_errors\""])?;
    let own = document
        .errors
        .iter()
        .map(|error| Said::new(Severity::Major, error, None, None));
    let mut found: Vec<Said> = own.take(MAX_OBSERVATIONS).collect();
    if let Files::Some(files) = &document.files {
        let said = files.iter().flat_map(|(path, file)| {
            file.messages.iter().map(move |one| {
                let place = place(path, one.line);
                Said::new(
                    Severity::Major,
                    &one.message,
                    one.identifier.as_deref(),
                    place,
                )
            })
        });
        found.extend(said.take(MAX_OBSERVATIONS + 1));
    }
    Some(found)
}
