//! Python's own word on code that it cannot read.

use super::{MAX_OBSERVATIONS, Said, lines, may_hold, python_place};
use crate::domain::finding::Severity;

/// Python's `File "path", line N`, then within a few lines `SyntaxError: message`.
pub(super) fn syntax(text: &str) -> Vec<Said> {
    const REACH: usize = 4;
    let mut found = Vec::new();
    if !may_hold(text, &["SyntaxError: ", "IndentationError: ", "TabError: "]) {
        return found;
    }
    let mut place: Option<(String, usize)> = None;
    for (at, line) in lines(text).enumerate() {
        let line = line.strip_prefix("E ").unwrap_or(&line);
        let line = line.trim_start_matches(['*', ' ']);
        if let Some(found_place) = python_place(line) {
            place = Some((found_place, at));
        } else if ["SyntaxError: ", "IndentationError: ", "TabError: "]
            .iter()
            .any(|kind| line.starts_with(kind))
            && let Some((location, _)) = place.take_if(|(_, from)| at - *from <= REACH)
        {
            found.push(Said::new(Severity::Major, line, None, Some(location)));
        }
        if found.len() > MAX_OBSERVATIONS {
            break;
        }
    }
    found
}
