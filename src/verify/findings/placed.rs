//! Linters that print a line for each finding: `path:line:column: message`. ruff's form for people, too.

use super::{MAX_OBSERVATIONS, Said, lines, place_without_column};
use crate::domain::finding::Severity;

/// `path:line:column: message`, and ruff's `CODE message` with `--> path:line:column` after it. What has no level of its
/// own is of the given one.
pub(super) fn lines_of(text: &str, level: Severity) -> Vec<Said> {
    let mut found = Vec::new();
    let mut before = String::new();
    for line in lines(text) {
        let ruff = line.trim_start().strip_prefix("--> ");
        let one = match ruff {
            Some(place) if is_coded(&before) => Some((before.clone(), place_without_column(place))),
            Some(_) => None,
            None => placed_line(&line)
                .or_else(|| raw(&line))
                .map(|(message, place)| (message, Some(place))),
        };
        if let Some((message, location)) = one {
            let level = level_of(&message).unwrap_or(level);
            found.push(Said::new(level, &message, None, location));
        }
        if found.len() > MAX_OBSERVATIONS {
            break;
        }
        before = line.into_owned();
    }
    found
}

/// The level that a message begins with: a word, or the letter of pylint's and RuboCop's.
fn level_of(message: &str) -> Option<Severity> {
    let (word, _) = message.split_once([':', ' '])?;
    let letter = word.strip_suffix(|c: char| c.is_ascii_digit()).is_some() && word.len() == 5;
    match word {
        "error" | "fatal" | "E" | "F" => Some(Severity::Major),
        "warning" | "W" => Some(Severity::Medium),
        "note" | "info" | "style" | "help" | "C" | "R" | "I" => Some(Severity::Minor),
        // pylint's codes have four digits, those of others three.
        _ if letter => match word.as_bytes().first()? {
            b'E' | b'F' => Some(Severity::Major),
            b'W' => Some(Severity::Medium),
            b'C' | b'R' | b'I' => Some(Severity::Minor),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a line begins with a rule's code, as in `F401 [*] …`.
fn is_coded(line: &str) -> bool {
    let code = line.split(' ').next().unwrap_or_default();
    code.starts_with(|c: char| c.is_ascii_uppercase())
        && code.ends_with(|c: char| c.is_ascii_digit())
        && code
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// The message and `path:line` of `path:line:column: message`. A path has a dot, a slash or a well-known name: a time of
/// day has not.
pub(super) fn placed_line(line: &str) -> Option<(String, String)> {
    let (place, message) = line.split_once(": ")?;
    let real = !place.contains(' ') && !message.is_empty();
    let (path, number) = place.split_once(':')?;
    let number = number.split(':').next()?;
    let number: u32 = number.parse().ok()?;
    let path = path.strip_prefix("./").unwrap_or(path);
    let is_path = path.contains(['.', '/']) || path.ends_with("akefile");
    (real && is_path && !path.is_empty()).then(|| (message.to_owned(), format!("{path}:{number}")))
}

/// PHPStan's `--error-format=raw`: `/home/rep/src/A.php:12:message`.
fn raw(line: &str) -> Option<(String, String)> {
    let at = line.find(".php:")? + ".php".len();
    let (path, rest) = line.split_at(at);
    let (number, message) = rest.strip_prefix(':')?.split_once(':')?;
    let number: u32 = number.parse().ok()?;
    let real = !path.contains(' ') && !message.trim().is_empty();
    real.then(|| (message.trim().to_owned(), format!("{path}:{number}")))
}
