//! The text that JUnit's console launcher prints: the tree of tests, a part for each failure, the numbers.
//!
//! The parts name class and method as Java does, whatever a test calls itself; the numbers tell containers (a class,
//! its set-up) from tests.

use super::Report;
use super::found::{Found, Lines, failed, last, message_of, numbered};

/// How many lines the numbers take.
const NUMBERS: usize = 12;

pub(super) fn read(lines: &Lines<'_>) -> Option<Found> {
    let (at, _) = last(lines, |_, line| {
        line.starts_with("Test run finished after ").then_some(())
    })?;
    let mut report = Report::default();
    let counts = &mut report.counts;
    let mut end = None;
    for (offset, line) in lines[at + 1..].iter().take(NUMBERS).enumerate() {
        let Some((number, word)) = boxed(line) else {
            break;
        };
        match word {
            "containers failed" => counts.errors = number,
            "tests skipped" | "tests aborted" => {
                counts.skipped = counts.skipped.saturating_add(number);
            }
            "tests successful" => counts.passed = number,
            "tests failed" => {
                counts.failed = number;
                end = Some(at + 2 + offset);
            }
            _ => {}
        }
    }
    let end = end?;
    let told = counts.failed.saturating_add(counts.errors);
    let begin = lines[..at]
        .iter()
        .rposition(|line| failures(line) == Some(told))
        .filter(|_| told > 0);
    if let Some(begin) = begin {
        name(&lines[begin + 1..at], &mut report);
    }
    if report.tests.is_empty() && told > 0 {
        name_by_ids(&lines[..at], &mut report);
    }
    report.tests.truncate(told as usize);
    Some(Found::complete(report, 0, end))
}

/// The number and the words in `[         2 tests failed          ]`.
fn boxed(line: &str) -> Option<(u32, &str)> {
    numbered(line.trim_end().strip_prefix('[')?.strip_suffix(']')?)
}

/// The number in `Failures (2):`.
fn failures(line: &str) -> Option<u32> {
    line.trim_end()
        .strip_prefix("Failures (")?
        .strip_suffix("):")?
        .parse()
        .ok()
}

/// Names the parts: a title behind two spaces, its source behind four.
fn name(lines: &Lines<'_>, report: &mut Report) {
    let heads: Vec<(usize, &str)> = lines
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| {
            indent(&pair[0]) == 2 && indent(&pair[1]) == 4 && pair[1].contains("Source [")
        })
        .map(|(at, pair)| (at, pair[0].trim()))
        .collect();
    for (index, (at, title)) in heads.iter().enumerate() {
        let until = heads.get(index + 1).map_or(lines.len(), |next| next.0);
        let body = &lines[at + 2..until];
        let trace = body
            .iter()
            .position(|line| indent(line) > 4 && line.contains(".java:"));
        let message = message_of(index, &body[..trace.unwrap_or(body.len())]);
        let message = message.map(|text| text.trim_start_matches("=> ").to_owned());
        let source = &lines[at + 1];
        let class = field(source, "className").unwrap_or(title);
        let place = body.iter().find_map(|line| place(line, class));
        report.name(failed(&full_name(title, source, class), message, place));
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The text in `className = 'CartTest'`.
fn field<'a>(source: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = source.split_once(name)?;
    Some(rest.strip_prefix(" = '")?.split_once('\'')?.0)
}

/// `CartTest.even(int)[1]`: the method with its parameters' simple names, and which of its invocations it is.
fn full_name(title: &str, source: &str, class: &str) -> String {
    let Some(method) = field(source, "methodName") else {
        return class.to_owned();
    };
    let types: Vec<&str> = field(source, "methodParameterTypes")
        .unwrap_or_default()
        .split(", ")
        .map(|path| path.rsplit(['.', '$']).next().unwrap_or(path))
        .collect();
    let invocation = title.rsplit(':').find_map(|part| {
        let number = match part.strip_prefix("repetition ") {
            Some(rest) => rest.split_once(" of ")?.0,
            None => part.strip_prefix('[')?.split_once(']')?.0,
        };
        number.parse::<u32>().ok()
    });
    match invocation {
        Some(number) => format!("{class}.{method}({})[{number}]", types.join(", ")),
        None => format!("{class}.{method}({})", types.join(", ")),
    }
}

/// Names what `--details=flat` and `verbose` tell of as it comes: by its unique id, with an exception behind it or a
/// failed status.
fn name_by_ids(lines: &Lines<'_>, report: &mut Report) {
    let mut open: Option<&str> = None;
    for line in lines {
        let text = line.trim_start_matches(['│', ' ']);
        if let Some(id) = text.strip_prefix("uniqueId: ") {
            open = Some(id.trim_end());
        } else if let Some(rest) = text.strip_prefix("Finished:    ") {
            let id = rest.find(" ([engine:").map(|at| &rest[at + 2..]);
            open = id.and_then(|id| id.trim_end().strip_suffix(')'));
        } else if text.starts_with("=> Exception: ") || text.trim_end() == "status: ✘ FAILED" {
            let message = text.strip_prefix("=> Exception: ").map(str::to_owned);
            // An assumption that does not hold skips its test.
            let aborted = message
                .as_ref()
                .is_some_and(|text| text.contains("TestAborted"));
            if let Some(name) = open.take().and_then(name_of_id).filter(|_| !aborted) {
                report.name(failed(&name, message, None));
            }
        }
    }
}

/// The name in `[engine:junit-jupiter]/[class:CartTest]/[test-template:even(int)]/[test-template-invocation:#1]`.
fn name_of_id(id: &str) -> Option<String> {
    let mut name = String::new();
    for segment in id.split("]/[") {
        let (kind, value) = segment.trim_matches(['[', ']']).split_once(':')?;
        match kind {
            "class" => name.push_str(value),
            "nested-class" => {
                name.push('$');
                name.push_str(value);
            }
            "method" | "test-template" | "test-factory" => {
                let (method, types) = value.strip_suffix(')')?.split_once('(')?;
                let simple = |path: &str| path.rsplit(['.', '$']).next().map(str::to_owned);
                let types: Vec<String> = types.split(", ").filter_map(simple).collect();
                name.push_str(&format!(".{method}({})", types.join(", ")));
            }
            "test-template-invocation" | "dynamic-test" => {
                name.push_str(&format!("[{}]", value.trim_start_matches('#')));
            }
            _ => {}
        }
    }
    (!name.is_empty()).then_some(name)
}

/// `CartTest.java:6` of `       CartTest.discount(CartTest.java:6)`.
fn place(line: &str, class: &str) -> Option<String> {
    let (function, place) = line.trim().strip_suffix(')')?.rsplit_once('(')?;
    let (_, number) = place.rsplit_once(':')?;
    number.parse::<u32>().ok()?;
    let own = function
        .strip_prefix(class)
        .is_some_and(|rest| rest.starts_with(['.', '$']));
    own.then(|| place.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::told::{failing, first_failure, numbers, told};
    use crate::config::ReportFormat::JunitConsole;

    #[test]
    fn the_parts_name_class_and_method() {
        let report = told(include_str!("fixtures/junit_console.txt"), "", JunitConsole);
        assert_eq!(numbers(&report), (4, 6, 2, 1, true));
        assert_eq!(
            failing(&report),
            [
                "BeforeTest",
                "CartTest.npe()",
                "CartTest.even(int)[1]",
                "CartTest.again(RepetitionInfo)[2]",
                "CartTest.discount()",
                "CartTest.display()",
                "CartTest$Inner.deep()",
            ]
        );
        assert_eq!(
            super::name_of_id("[engine:junit-jupiter]/[class:a.B]/[nested-class:C]/[test-template:d(int, java.lang.String)]/[test-template-invocation:#2]").as_deref(),
            Some("a.B$C.d(int, String)[2]")
        );
        assert_eq!(
            first_failure(&report),
            ("java.lang.IllegalStateException: db", "BeforeTest.java:2")
        );
    }
}
