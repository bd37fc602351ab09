//! `read_file`: numbered lines, a page at a time.

use std::fmt::Write as _;

use crate::workspace::edit::arguments::Arguments;
use crate::workspace::edit::{Held, ToolError};

/// The most lines of an answer.
const MAX_LINES: usize = 2000;

/// The most bytes of an answer.
const MAX_BYTES: usize = 64 * 1024;

/// The most characters of a line.
const MAX_LINE: usize = 2000;

pub(super) fn read_file(held: &Held, arguments: &Arguments<'_>) -> Result<String, ToolError> {
    let path = arguments.path()?;
    let start = arguments.optional_number("start_line")?.unwrap_or(1).max(1);
    let end = arguments.optional_number("end_line")?.unwrap_or(u64::MAX);
    if end < start {
        return Err(ToolError::Mistake(format!(
            "end_line {end} is before start_line {start}"
        )));
    }
    let Some(content) = held.read(&path)? else {
        return Err(ToolError::Mistake(format!(
            "{path} does not exist; use list_files to see what does"
        )));
    };
    if content.is_empty() {
        return Ok(format!("{path} is empty"));
    }
    if is_binary(&content) {
        return Ok(format!(
            "{path} is a binary file of {} bytes",
            content.len()
        ));
    }
    let text = String::from_utf8_lossy(&content);
    let index = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    page(&path, &text, index(start), index(end))
}

/// Whether people would not read it: it has a NUL byte near its start.
pub(super) fn is_binary(content: &[u8]) -> bool {
    content.iter().take(8192).any(|&byte| byte == 0)
}

/// The lines `start..=end` of `text`, as far as they fit, with a notice of what is left.
fn page(path: &str, text: &str, start: usize, end: usize) -> Result<String, ToolError> {
    let total = text.lines().count();
    if start > total {
        return Err(ToolError::Mistake(format!("{path} has only {total} lines")));
    }
    let mut answer = String::new();
    let mut last = start;
    for (index, line) in text.lines().enumerate().skip(start - 1).take(MAX_LINES) {
        let number = index + 1;
        if number > end || answer.len() > MAX_BYTES {
            break;
        }
        last = number;
        let _ = write!(answer, "{number:>5}| ");
        match line.char_indices().nth(MAX_LINE) {
            Some((cut, _)) => {
                let _ = writeln!(
                    answer,
                    "{}[... {} bytes more]",
                    &line[..cut],
                    line.len() - cut
                );
            }
            None => {
                answer.push_str(line);
                answer.push('\n');
            }
        }
    }
    if last < total.min(end) {
        let next = last + 1;
        let _ = writeln!(
            answer,
            "[{path} has {total} lines; to read on, call read_file with start_line {next}]"
        );
    }
    Ok(answer)
}
