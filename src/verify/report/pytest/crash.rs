//! The test that was running when pytest itself died.

use std::borrow::Cow;

/// Its name: from the line that `-v` began and never ended, else from the trace of Python's faulthandler.
pub(super) fn running(stdout: &[Cow<'_, str>], stderr: &[Cow<'_, str>]) -> Option<String> {
    let last = stdout.iter().rev().find(|line| !line.trim().is_empty());
    let traced = stdout.iter().any(|line| line.contains(FATAL));
    let begun = stdout
        .iter()
        .rev()
        .find(|line| line.contains(FATAL) || Some(*line) == last)
        .and_then(|line| begun(line));
    begun.map(str::to_owned).or_else(|| {
        let trace = if traced { stdout } else { stderr };
        in_trace(trace, stdout)
    })
}

/// What Python says when a signal ends it.
const FATAL: &str = "Fatal Python error: ";
/// Where pytest calls a test's function.
const CALLS: [&str; 2] = ["in pytest_pyfunc_call", "in _callTestMethod"];

/// The name in `test_a.py::test_b[x y] ` and in `test_a.py::test_b Fatal Python error: …`.
fn begun(line: &str) -> Option<&str> {
    let line = match line.find(FATAL) {
        Some(at) => &line[..at],
        None => line,
    };
    let (path, test) = line.split_once("::")?;
    let name = line.strip_suffix(' ')?.trim_end();
    let words = [
        "PASSED", "FAILED", "ERROR", "SKIPPED", "XFAIL", "XPASS", "RERUN",
    ];
    let ended = words.iter().any(|word| name.ends_with(word));
    (path.ends_with(".py") && !path.contains(' ') && !test.trim().is_empty() && !ended)
        .then_some(name)
}

/// The function that pytest has called, in the file whose progress was shown last.
fn in_trace(trace: &[Cow<'_, str>], stdout: &[Cow<'_, str>]) -> Option<String> {
    let from = trace.iter().position(|line| line.contains(FATAL))?;
    let frames: Vec<&str> = trace[from..].iter().map(|line| line.trim()).collect();
    let called = frames
        .iter()
        .position(|frame| CALLS.iter().any(|call| frame.ends_with(call)))?;
    let frame = frames.get(called.checked_sub(1)?)?;
    let (path, rest) = frame.strip_prefix("File \"")?.split_once("\", line ")?;
    let (_, function) = rest.split_once(" in ")?;
    let file = stdout.iter().rev().find_map(|line| {
        let (file, _) = line.split_once(' ')?;
        (file.ends_with(".py") && is_end_of(path, file)).then_some(file)
    })?;
    Some(format!("{file}::{function}"))
}

/// Whether a path ends with another one.
fn is_end_of(path: &str, end: &str) -> bool {
    path.strip_suffix(end)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}
