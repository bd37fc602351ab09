//! mypy's `--output json`: one object a line. Its text is that of other linters.

use std::borrow::Cow;

use serde::Deserialize;

use super::{MAX_OBSERVATIONS, Said, place, severity};

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    file: Cow<'a, str>,
    line: i64,
    #[serde(borrow)]
    message: Cow<'a, str>,
    #[serde(borrow)]
    code: Option<Cow<'a, str>>,
    #[serde(borrow)]
    severity: Cow<'a, str>,
}

/// What the lines that begin a text say; none if the first is no such object.
pub(super) fn events(text: &str) -> Option<Vec<Said>> {
    let mut found = Vec::new();
    for line in text.lines().take(MAX_OBSERVATIONS + 1) {
        let Ok(event) = serde_json::from_str::<Event<'_>>(line) else {
            break;
        };
        let place = place(&event.file, u32::try_from(event.line).ok());
        let code = event.code.as_deref();
        found.push(Said::new(
            severity(&event.severity),
            &event.message,
            code,
            place,
        ));
    }
    (!found.is_empty()).then_some(found)
}
