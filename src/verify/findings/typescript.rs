//! TypeScript's compiler.

use super::{MAX_OBSERVATIONS, Said, lines, may_hold};
use crate::domain::finding::Severity;

/// `path(line,column): error TS2307: message`, and with `--pretty` `path:line:column - error TS2307: message`.
pub(super) fn errors(text: &str) -> Vec<Said> {
    let mut found = Vec::new();
    if !may_hold(text, &["error TS"]) {
        return found;
    }
    for line in lines(text) {
        let plain = || {
            let (place, message) = line.split_once(": error TS")?;
            let (path, at) = place.strip_suffix(')')?.rsplit_once('(')?;
            Some((path, at.split(',').next()?, message))
        };
        let pretty = || {
            let (place, message) = line.split_once(" - error TS")?;
            let (place, _column) = place.rsplit_once(':')?;
            let (path, number) = place.rsplit_once(':')?;
            Some((path, number, message))
        };
        if let Some((path, number, message)) = plain().or_else(pretty)
            && let Ok(number) = number.parse::<u32>()
        {
            let place = Some(format!("{path}:{number}"));
            let message = format!("TS{message}");
            found.push(Said::new(Severity::Major, &message, None, place));
        }
        if found.len() > MAX_OBSERVATIONS {
            break;
        }
    }
    found
}
