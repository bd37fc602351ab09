//! The text that Maven's surefire prints: a line with numbers for each class, behind it a line for each test of it
//! that failed, and the numbers of the module.
//!
//! What tests print stands in between, so a module's numbers count if they are the sum of its classes'; if none are
//! (classes that passed are not named with `-q`, tests are run again), the last ones.

use std::collections::HashSet;

use super::found::{Found, Lines, failed, message_of};
use super::{MAX_NAMED, Report};

/// Runs, failures, errors, skipped.
type Numbers = [u32; 4];

/// How many lines of a failure are its message and trace.
const FAILURE_WITHIN: usize = 40;

pub(super) fn read(lines: &Lines<'_>) -> Option<Found> {
    let mut sum = Numbers::default();
    let mut modules: Vec<(usize, Numbers)> = Vec::new();
    let mut last = None;
    let mut class = "";
    let mut failures: Vec<(usize, String)> = Vec::new();
    let mut known = HashSet::new();
    for (at, line) in lines.iter().enumerate() {
        let line = without_level(line);
        match numbers(line) {
            Some((own, Rest::Class(name))) => {
                class = name;
                sum = add(sum, own);
            }
            Some((own, Rest::Module)) => {
                last = Some((at, own));
                if own == sum && own != Numbers::default() {
                    modules.push((at, own));
                    sum = Numbers::default();
                }
            }
            None => {
                if let Some(name) = failure(line, class)
                    && failures.len() < MAX_NAMED
                    && known.insert(name.clone())
                {
                    failures.push((at, name));
                }
            }
        }
    }
    if modules.is_empty() {
        modules.extend(last);
    }
    let end = modules.last()?.0 + 1;
    let [run, failed_tests, errors, skipped] = modules
        .iter()
        .fold(Numbers::default(), |sum, (_, own)| add(sum, *own));
    let mut report = Report::default();
    report.counts.failed = failed_tests;
    report.counts.errors = errors;
    report.counts.skipped = skipped;
    report.counts.passed = run
        .saturating_sub(failed_tests)
        .saturating_sub(errors)
        .saturating_sub(skipped);
    failures.truncate(failed_tests.saturating_add(errors) as usize);
    for (index, (at, name)) in failures.iter().enumerate() {
        let body = &lines[at + 1..lines.len().min(at + 1 + FAILURE_WITHIN)];
        let end = body.iter().position(|line| line.trim().is_empty());
        let body = &body[..end.unwrap_or(body.len())];
        let trace = body.iter().position(|line| line.starts_with("\tat "));
        let message = message_of(index, &body[..trace.unwrap_or(body.len())]);
        let own = name.rsplit_once('.').map_or("", |(class, _)| class);
        let place = body.iter().find_map(|line| place(line, own));
        report.name(failed(name, message, place));
    }
    Some(Found::complete(report, 0, end))
}

fn add(a: Numbers, b: Numbers) -> Numbers {
    std::array::from_fn(|index| a[index].saturating_add(b[index]))
}

/// A line without `[ERROR] ` and the like before it.
fn without_level(line: &str) -> &str {
    ["[ERROR] ", "[INFO] ", "[WARNING] "]
        .iter()
        .find_map(|level| line.strip_prefix(level))
        .unwrap_or(line)
}

/// What stands behind numbers.
enum Rest<'a> {
    /// The class that they are of.
    Class(&'a str),
    Module,
}

/// Reads `Tests run: 3, Failures: 1, Errors: 0, Skipped: 0`, behind which the time and the class may stand.
fn numbers(line: &str) -> Option<(Numbers, Rest<'_>)> {
    let mut rest = line.trim_end();
    let mut numbers = Numbers::default();
    let words = ["Tests run: ", "Failures: ", "Errors: ", "Skipped: "];
    for (number, word) in numbers.iter_mut().zip(words) {
        let text = rest.strip_prefix(word)?;
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        *number = text[..digits].parse().ok()?;
        rest = text[digits..].trim_start_matches([',', ' ']);
    }
    if rest.is_empty() || rest.starts_with("Flakes: ") {
        return Some((numbers, Rest::Module));
    }
    rest.starts_with("Time elapsed: ").then_some(())?;
    let class = rest
        .rsplit_once("- in ")
        .or_else(|| rest.rsplit_once("-- in "))
        .map_or("", |(_, class)| class.trim());
    Some((numbers, Rest::Class(class)))
}

/// `Class.method` of `method(Class)  Time elapsed: 0.1 s  <<< FAILURE!`, of `Class.method -- Time elapsed: …`, and of
/// `method  Time elapsed: …` behind its class.
fn failure(line: &str, class: &str) -> Option<String> {
    let line = line.trim_end();
    let line = line
        .strip_suffix("<<< FAILURE!")
        .or_else(|| line.strip_suffix("<<< ERROR!"))?;
    let (name, _) = line.rsplit_once("Time elapsed: ")?;
    let name = name.trim_end();
    if let Some(name) = name.strip_suffix(" --") {
        return Some(name.to_owned());
    }
    if let Some((method, owner)) = name
        .strip_suffix(')')
        .and_then(|name| name.rsplit_once('('))
    {
        return Some(match owner {
            "" => format!("{class}.{method}()"),
            owner => format!("{owner}.{method}"),
        });
    }
    (!name.is_empty() && name != class).then(|| format!("{class}.{name}"))
}

/// `File.java:4` of a line of the trace in a class.
fn place(line: &str, class: &str) -> Option<String> {
    let line = line.trim_start().strip_prefix("at ")?;
    let (function, place) = line.strip_suffix(')')?.rsplit_once('(')?;
    let function = function.rsplit('/').next().unwrap_or(function);
    (!class.is_empty() && function.starts_with(class) && place.contains(':'))
        .then(|| place.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::told::{failing, first_failure, numbers, told};
    use crate::config::ReportFormat::Surefire;

    #[test]
    fn modules_are_added_up_and_what_tests_print_is_not() {
        let text = include_str!("fixtures/surefire.txt");
        let report = told(text, "", Surefire);
        assert_eq!(numbers(&report), (2, 1, 1, 1, true));
        assert_eq!(
            failing(&report),
            ["org.example.CartTest.discount", "org.example.CartTest.nil"]
        );
        assert_eq!(
            first_failure(&report),
            (
                "java.lang.AssertionError: expected:<9> but was:<10>",
                "CartTest.java:9"
            )
        );
    }

    #[test]
    fn newer_versions_word_it_otherwise() {
        let name = |line| super::failure(line, "org.example.CartTest");
        let new = "org.example.CartTest.discount -- Time elapsed: 0.01 s <<< FAILURE!";
        assert_eq!(name(new).as_deref(), Some("org.example.CartTest.discount"));
        let bare = "discount  Time elapsed: 0.01 s  <<< ERROR!";
        assert_eq!(name(bare).as_deref(), Some("org.example.CartTest.discount"));
        assert_eq!(name("Tests run: 2, Time elapsed: 1 s"), None);
    }
}
