//! pylint's `json` (a list) and `json2` (a list under `messages`).

use std::borrow::Cow;

use serde::Deserialize;

use super::{MAX_OBSERVATIONS, Said, place, severity, value};

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    path: Cow<'a, str>,
    line: Option<u32>,
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    #[serde(borrow)]
    message: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
}

/// The document that begins a text.
pub(super) fn read(text: &str) -> Option<Vec<Said>> {
    let messages = match text.starts_with('{') {
        true => value::<Document<'_>>(text, &["\"messages\"", "\"messageId\""])?.messages,
        false => value(text, &["\"symbol\"", "\"message-id\""])?,
    };
    let said = messages.iter().map(|one| {
        let place = place(&one.path, one.line);
        Said::new(severity(&one.kind), &one.message, Some(&one.symbol), place)
    });
    Some(said.take(MAX_OBSERVATIONS + 1).collect())
}
