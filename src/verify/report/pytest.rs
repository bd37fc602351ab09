//! The text that pytest prints: progress, then `ERRORS` and `FAILURES` with a headed part for each, then the
//! `short test summary info`, then one line of counts at the very end.
//!
//! The counts come from the last line alone, the failing names from the summary, their messages from the parts whose
//! heading fits a failing name. Everything else may be a test's output.

mod counts;
mod crash;
mod traces;

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use counts::Summary;

use super::{MAX_MESSAGE, MAX_NAMED, Report, Reported, lines, shorten};
use crate::domain::check::TestStatus;

/// How many lines an exit handler may print after the counts.
const TRAILING_LINES: usize = 20;

/// Reads a report; none if there are neither counts at the end nor the marks of a finished `-qq` run.
pub(super) fn read(stdout: &str, stderr: &str) -> Option<Report> {
    let lines: Vec<Cow<'_, str>> = lines(stdout).collect();
    read_lines(&lines, stderr)
}

/// As [`read`], where standard output has been taken apart.
pub(super) fn read_lines(lines: &[Cow<'_, str>], stderr: &str) -> Option<Report> {
    let (end, summary) = match last_counts(lines) {
        Some(found) => found,
        None => return torso(lines, stderr),
    };
    let mut report = Report {
        counts: summary.counts(),
        ..Report::default()
    };
    report.counts.complete = true;
    let body = &lines[..end];
    let entries = entries(body, &summary);
    name_tests(&mut report, body, &entries, &summary);
    check_whole(&mut report, body, &summary);
    Some(report)
}

/// Whether output that was not announced as pytest's is pytest's: its own banner, or counts with a time at the end
/// of what looks like its progress.
pub(super) fn is_certain(lines: &[Cow<'_, str>], report: &Report) -> bool {
    lines.iter().any(|line| {
        section_title(line).is_some()
            || counts::is_progress_end(line)
            || line.starts_with("collected ")
    }) || report
        .tests
        .iter()
        .any(|test| test.case.name.contains("::"))
}

/// The lines from the start of the session, where it is told, to the counts.
pub(super) fn span(lines: &[Cow<'_, str>]) -> Range<usize> {
    let begin = lines
        .iter()
        .position(|line| section_title(line) == Some("test session starts"));
    let end = last_counts(lines).map_or(lines.len(), |(end, _)| end + 1);
    begin.unwrap_or(0)..end
}

/// The counts that stand at the end, and their line's index.
fn last_counts(lines: &[Cow<'_, str>]) -> Option<(usize, Summary)> {
    lines
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, line)| !line.trim().is_empty())
        .take(TRAILING_LINES)
        .find_map(|(at, line)| Some((at, Summary::parse(line)?)))
}

/// A report without counts: finished under `-qq`, or broken off.
fn torso(lines: &[Cow<'_, str>], stderr: &str) -> Option<Report> {
    let session = lines
        .iter()
        .any(|line| section_title(line) == Some("test session starts"));
    let summary = counts::progress(lines);
    let finished = summary.is_some_and(|(_, finished)| finished);
    if !session && !finished {
        return None;
    }
    let summary = summary.map(|(summary, _)| summary).unwrap_or_default();
    let mut report = Report {
        counts: summary.counts(),
        ..Report::default()
    };
    let entries = entries(lines, &summary);
    name_tests(&mut report, lines, &entries, &summary);
    report.counts.complete = finished;
    if !finished {
        let stderr: Vec<Cow<'_, str>> = super::lines(stderr).collect();
        if let Some(name) = crash::running(lines, &stderr) {
            let mut test = Reported::new(&name, TestStatus::Failed);
            test.case.message = Some("pytest ended while this test ran".to_owned());
            report.tests.push(test);
        }
        let named = |status| {
            let own = report
                .tests
                .iter()
                .filter(|test| test.case.status == status);
            u32::try_from(own.count()).unwrap_or(u32::MAX)
        };
        let (failed, passed) = (named(TestStatus::Failed), named(TestStatus::Passed));
        report.counts.failed = report.counts.failed.max(failed);
        report.counts.passed = report.counts.passed.max(passed);
        report
            .notes
            .push("pytest ended without its summary".to_owned());
    }
    Some(report)
}

/// A line of the short summary that tells of a failure.
struct Entry<'a> {
    /// `path::Class::test[param]`, or a path that could not be collected.
    name: &'a str,
    /// The start of its message.
    message: Option<&'a str>,
    /// Whether it is an `ERROR`.
    error: bool,
}

impl<'a> Entry<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (word, rest) = line.split_once(' ')?;
        let (error, rest) = match word {
            "FAILED" => (false, rest),
            "ERROR" => (true, rest),
            _ if word.starts_with("SUBFAILED") => (false, after_subtest(line)?),
            _ => return None,
        };
        let (name, message) = split_message(rest);
        let looks_like_a_test = name.contains("::") || error;
        (looks_like_a_test && !name.is_empty()).then_some(Self {
            name,
            message,
            error,
        })
    }
}

/// The rest after `SUBFAILED[message] (i=1) `, whose description may hold spaces.
fn after_subtest(line: &str) -> Option<&str> {
    let at = line.find("::")?;
    let start = line[..at]
        .rfind([' ', ')', ']'])
        .map_or(0, |found| found + 1);
    Some(&line[start..])
}

/// Splits at the ` - ` before the message; one inside the brackets of a parameter belongs to the name.
fn split_message(text: &str) -> (&str, Option<&str>) {
    let dash = text.find(" - ");
    let cut = match (text.find('['), dash) {
        (Some(bracket), Some(first)) if bracket < first => match text.find("] - ") {
            Some(end) => Some(end + 1),
            None if text.ends_with(']') => None,
            None => dash,
        },
        _ => dash,
    };
    match cut {
        Some(at) => (&text[..at], Some(&text[at + 3..])),
        None => (text.trim_end(), None),
    }
}

/// The failures that the short summary names, as many as the counts allow.
fn entries<'a>(body: &'a [Cow<'_, str>], summary: &Summary) -> Vec<Entry<'a>> {
    let Some(start) = body
        .iter()
        .rposition(|line| section_title(line) == Some("short test summary info"))
    else {
        return Vec::new();
    };
    let mut entries: Vec<Entry<'_>> = body[start + 1..]
        .iter()
        .filter_map(|line| Entry::parse(line))
        .take(MAX_NAMED)
        .collect();
    let told = u64::from(summary.failed) + u64::from(summary.errors);
    if entries.len() as u64 > told {
        // Messages of several lines can hold lines that look like entries; those have no part of their own.
        let headed: HashSet<&str> = body[..start]
            .iter()
            .filter_map(|line| traces::heading(line))
            .collect();
        if !headed.is_empty() {
            entries.retain(|entry| {
                headed.contains(traces::heading_of(entry.name, entry.error).as_str())
                    || traces::around(entry.name)
                        .iter()
                        .any(|title| headed.contains(title.as_str()))
            });
        }
        entries.truncate(usize::try_from(told).unwrap_or(usize::MAX));
    }
    entries
}

/// Fills in the tests with names: failing ones from the summary (or, without one, from the headings), others from
/// the list that `-v` prints.
fn name_tests(
    report: &mut Report,
    body: &[Cow<'_, str>],
    entries: &[Entry<'_>],
    summary: &Summary,
) {
    let names = entries.iter().map(|entry| (entry.name, entry.error));
    let mut traces = traces::read(body, names);
    let mut failing = HashSet::new();
    for entry in entries {
        let mut test = Reported::new(entry.name, TestStatus::Failed);
        let trace = traces.take(entry.name, entry.error);
        let message = trace.message.or_else(|| entry.message.map(str::to_owned));
        test.case.message = message.map(|text| shorten(&text, MAX_MESSAGE).to_owned());
        test.location = trace.location;
        failing.insert(entry.name);
        report.tests.push(test);
    }
    if entries.is_empty() && summary.failed + summary.errors > 0 {
        report.tests.extend(traces::unlisted(body));
    }
    let mut others = verbose(body);
    others.retain(|test| !failing.contains(test.case.name.as_str()));
    if entries.is_empty() && report.tests.is_empty() {
        report.tests = others;
    } else {
        others.retain(|test| test.case.status != TestStatus::Failed);
        report.tests.extend(others);
    }
    report.tests.truncate(MAX_NAMED);
}

/// The list that `-v` prints, also in the form of xdist.
fn verbose(body: &[Cow<'_, str>]) -> Vec<Reported> {
    body.iter()
        .take_while(|line| !matches!(section_title(line), Some("ERRORS" | "FAILURES")))
        .filter_map(|line| verbose_line(line))
        .take(MAX_NAMED)
        .collect()
}

fn verbose_line(line: &str) -> Option<Reported> {
    let status = |word: &str| match word {
        "PASSED" => Some(TestStatus::Passed),
        "SKIPPED" => Some(TestStatus::Skipped),
        "FAILED" | "ERROR" => Some(TestStatus::Failed),
        _ => None,
    };
    if line.starts_with("[gw") {
        let rest = line.split_once("] ")?.1.trim_start();
        let rest = rest
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("] "))
            .map_or(rest, |(_, rest)| rest);
        let (word, name) = rest.split_once(' ')?;
        return Some(Reported::new(name.trim(), status(word)?)).filter(|_| name.contains("::"));
    }
    let line = line.trim_end();
    let line = match line.rfind(" [") {
        Some(at) if line.ends_with("%]") => line[..at].trim_end(),
        _ => line,
    };
    let line = match line.rfind(" (") {
        Some(at) if line.ends_with(')') => &line[..at],
        _ => line,
    };
    let (name, word) = line.rsplit_once(' ')?;
    Some(Reported::new(name, status(word)?)).filter(|_| name.contains("::"))
}

/// Marks the report as incomplete where pytest says that it stopped, or where fewer tests ended than it collected.
fn check_whole(report: &mut Report, body: &[Cow<'_, str>], summary: &Summary) {
    let stopped = body.iter().rev().take(TRAILING_LINES).find_map(|line| {
        let inner = line.trim_matches('!').trim();
        (line.starts_with("!!") && line.ends_with("!!")).then(|| inner.to_owned())
    });
    if let Some(why) = stopped {
        report.counts.complete = false;
        report
            .notes
            .push(format!("pytest did not run everything: {why}"));
        return;
    }
    let collected = body.iter().find_map(|line| counts::collected(line));
    if let Some(collected) = collected
        && summary.ended() < collected
    {
        report.counts.complete = false;
        report.notes.push(format!(
            "{} of {collected} collected tests ended",
            summary.ended()
        ));
    }
}

/// The title in `===== title =====`.
fn section_title(line: &str) -> Option<&str> {
    let inner = line.strip_prefix('=')?.trim_matches('=');
    let title = inner.strip_prefix(' ')?.strip_suffix(' ')?;
    (line.ends_with('=') && !title.is_empty()).then_some(title)
}

#[cfg(test)]
mod tests;
