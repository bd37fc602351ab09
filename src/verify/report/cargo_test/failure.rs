//! What a failing Rust test says: its panic, its error, or why its panic was not the expected one.

/// The message and the `path:line` in what test `name` printed.
pub(super) fn read(text: &str, name: &str) -> (Option<String>, Option<String>) {
    let lines: Vec<&str> = text.lines().collect();
    if let Some(note) = lines
        .iter()
        .find_map(|line| line.strip_prefix("note: test did not panic as expected"))
    {
        let location = note.strip_prefix(" at ").and_then(without_column);
        return (Some("test did not panic as expected".to_owned()), location);
    }
    // Tests may catch panics of their own; the last one is what failed.
    let panic = lines
        .iter()
        .rposition(|line| line.starts_with("thread '") && line.contains(" panicked at "));
    let (mut message, mut location) = match panic {
        Some(at) => panic_message(&lines[at..]),
        None => (plain_message(&lines), compiler_location(&lines)),
    };
    let expected = lines
        .iter()
        .position(|line| *line == "note: panic did not contain expected string");
    if let Some(at) = expected {
        message = Some(
            lines[at..]
                .iter()
                .take(3)
                .map(|line| line.trim_start_matches("note: ").trim())
                .collect::<Vec<_>>()
                .join("\n"),
        );
    }
    if let Some(doc) = doc_test_location(name) {
        // A doc test is compiled as a file of its own, so its panic names a line that nobody has.
        location = Some(doc);
    }
    (message.filter(|text| !text.is_empty()), location)
}

/// The message after `thread 'x' panicked at path:line:column:`, or in the form before Rust 1.73,
/// `panicked at 'message', path:line:column`.
fn panic_message(lines: &[&str]) -> (Option<String>, Option<String>) {
    let Some((_, place)) = lines
        .first()
        .and_then(|line| line.split_once(" panicked at "))
    else {
        return (None, None);
    };
    if let Some((message, place)) = place
        .strip_prefix('\'')
        .and_then(|rest| rest.rsplit_once("', "))
    {
        return (Some(message.to_owned()), without_column(place));
    }
    let message: Vec<&str> = lines[1..]
        .iter()
        .copied()
        .take_while(|line| !line.starts_with("note: ") && !line.starts_with("stack backtrace:"))
        .map(str::trim_end)
        .collect();
    let text = message.join("\n");
    (
        Some(text.trim_end().to_owned()),
        without_column(place.trim_end_matches(':')),
    )
}

/// What a test without a panic printed: the error it returned, or all of it.
fn plain_message(lines: &[&str]) -> Option<String> {
    let line = lines
        .iter()
        .rev()
        .find(|line| line.starts_with("Error: "))
        .or_else(|| lines.iter().find(|line| line.starts_with("error")));
    match line {
        Some(line) => Some((*line).to_owned()),
        None => Some(lines.join("\n").trim().to_owned()),
    }
}

fn compiler_location(lines: &[&str]) -> Option<String> {
    lines
        .iter()
        .find_map(|line| line.trim_start().strip_prefix("--> "))
        .and_then(without_column)
}

/// `src/lib.rs:4` from `src/lib.rs - add (line 4)`.
fn doc_test_location(name: &str) -> Option<String> {
    let (path, rest) = name.split_once(" - ")?;
    let line = rest.strip_suffix(')')?.rsplit_once("(line ")?.1;
    line.parse::<u32>()
        .ok()
        .map(|line| format!("{path}:{line}"))
}

/// `path:line` from `path:line:column`.
fn without_column(place: &str) -> Option<String> {
    let (rest, column) = place.trim().rsplit_once(':')?;
    let (path, line) = rest.rsplit_once(':')?;
    let numbers = column.parse::<u32>().is_ok() && line.parse::<u32>().is_ok();
    (numbers && !path.is_empty()).then(|| format!("{path}:{line}"))
}
