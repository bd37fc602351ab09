//! The parts under `ERRORS` and `FAILURES`: one for each failure, headed by `____ Class.test[param] ____`.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

use super::super::{MAX_DETAILED, MAX_MESSAGE, Reported, python_place, shorten};
use super::section_title;
use crate::domain::check::TestStatus;

/// What a part says.
#[derive(Clone, Debug, Default)]
pub(super) struct Trace {
    /// Its `E` lines.
    pub(super) message: Option<String>,
    /// `path:line`: the last place in the test's own file, else the last place of all.
    pub(super) location: Option<String>,
}

/// Parts by heading, in their order.
pub(super) struct Traces(HashMap<String, VecDeque<Trace>>);

impl Traces {
    /// The next part for a failing name.
    pub(super) fn take(&mut self, name: &str, error: bool) -> Trace {
        let mut titles = vec![heading_of(name, error)];
        if error {
            titles.extend(around(name));
        }
        titles
            .iter()
            .find_map(|title| self.0.get_mut(title)?.pop_front())
            .unwrap_or_default()
    }
}

/// The title of a part, from `____ title ____`; separators inside a trace are no titles.
pub(super) fn heading(line: &str) -> Option<&str> {
    let inner = line.strip_prefix('_')?.trim_start_matches('_');
    let title = inner
        .strip_prefix(' ')?
        .trim_end_matches('_')
        .strip_suffix(' ')?;
    let real = line.ends_with('_') && title.bytes().any(|byte| byte != b'_' && byte != b' ');
    real.then(|| title.strip_prefix("[doctest] ").unwrap_or(title))
}

/// The title of the part for `path::Class::test[a::b]`: `Class.test[a::b]`; for a path that could not be collected,
/// `ERROR collecting path`.
pub(super) fn heading_of(name: &str, error: bool) -> String {
    match name.split_once("::") {
        Some((_, tail)) => {
            let bracket = tail.find('[').unwrap_or(tail.len());
            format!("{}{}", tail[..bracket].replace("::", "."), &tail[bracket..])
        }
        None if error => format!("ERROR collecting {name}"),
        None => name.to_owned(),
    }
}

/// The titles of the parts for errors in what surrounds a test.
pub(super) fn around(name: &str) -> [String; 2] {
    let test = heading_of(name, false);
    [
        format!("ERROR at setup of {test}"),
        format!("ERROR at teardown of {test}"),
    ]
}

/// The parts for these failing names (and whether each is an error).
pub(super) fn read<'a>(
    body: &[Cow<'_, str>],
    names: impl Iterator<Item = (&'a str, bool)>,
) -> Traces {
    let mut files: HashMap<String, VecDeque<&str>> = HashMap::new();
    for (name, error) in names.take(MAX_DETAILED) {
        let file = name.split("::").next().unwrap_or(name);
        let titles = around(name).into_iter().filter(|_| error);
        for title in titles.chain([heading_of(name, error)]) {
            files.entry(title).or_default().push_back(file);
        }
    }
    let mut traces: HashMap<String, VecDeque<Trace>> = HashMap::new();
    let mut current: Option<(String, Part)> = None;
    let mut finish = |part: Option<(String, Part)>| {
        if let Some((title, part)) = part {
            traces.entry(title).or_default().push_back(part.end());
        }
    };
    for line in parts(body) {
        let file = heading(line)
            .and_then(|title| files.get_mut(title)?.pop_front().map(|file| (title, file)));
        if let Some((title, file)) = file {
            finish(current.take());
            current = Some((title.to_owned(), Part::new(file)));
        } else if let Some((_, part)) = &mut current {
            part.line(line);
        }
    }
    finish(current);
    Traces(traces)
}

/// Failing tests of a report without a summary: from the headings, with the file that their trace names first.
pub(super) fn unlisted(body: &[Cow<'_, str>]) -> Vec<Reported> {
    let only = only_file(body);
    let mut tests = Vec::new();
    let mut title: Option<&str> = None;
    let mut part = Part::new("");
    let mut finish = |title: Option<&str>, part: Part| {
        let Some(title) = title else {
            return;
        };
        let first = part
            .first
            .as_deref()
            .and_then(|place| place.rsplit_once(':'));
        let Some(file) = first
            .map(|(file, _)| file.to_owned())
            .or_else(|| only.clone())
        else {
            return;
        };
        let title = ["ERROR at setup of ", "ERROR at teardown of "]
            .iter()
            .find_map(|prefix| title.strip_prefix(prefix))
            .unwrap_or(title);
        let name = match title.strip_prefix("ERROR collecting ") {
            Some(path) => path.to_owned(),
            None => {
                let bracket = title.find('[').unwrap_or(title.len());
                format!(
                    "{file}::{}{}",
                    title[..bracket].replace('.', "::"),
                    &title[bracket..]
                )
            }
        };
        let mut test = Reported::new(&name, TestStatus::Failed);
        let trace = part.end();
        test.case.message = trace.message;
        test.location = trace.location;
        tests.push(test);
    };
    for line in parts(body) {
        if let Some(found) = heading(line) {
            finish(
                title.replace(found),
                std::mem::replace(&mut part, Part::new("")),
            );
        } else {
            part.line(line);
        }
    }
    finish(title, part);
    tests.truncate(MAX_DETAILED);
    tests
}

/// The file that tests ran in, if progress or traces name but one.
fn only_file(body: &[Cow<'_, str>]) -> Option<String> {
    let mut files = body.iter().filter_map(|line| {
        let path = match place(line) {
            Some((path, _)) => path,
            None => line.split_once(' ')?.0,
        };
        path.ends_with(".py").then_some(path)
    });
    let first = files.next()?;
    files.all(|path| path == first).then(|| first.to_owned())
}

/// The lines from the first `ERRORS` or `FAILURES` on.
fn parts<'a>(body: &'a [Cow<'_, str>]) -> impl Iterator<Item = &'a str> {
    body.iter()
        .map(AsRef::as_ref)
        .skip_while(|line| !matches!(section_title(line), Some("ERRORS" | "FAILURES")))
}

/// A part while it is read.
struct Part<'a> {
    file: &'a str,
    message: String,
    /// The first place of all, the last place in the test's file, and the last place of all.
    first: Option<String>,
    own: Option<String>,
    last: Option<String>,
    /// The place of a syntax error.
    syntax: Option<String>,
    /// Whether captured output has begun, in which nothing is a trace.
    captured: bool,
}

impl<'a> Part<'a> {
    fn new(file: &'a str) -> Self {
        Self {
            file,
            message: String::new(),
            first: None,
            own: None,
            last: None,
            syntax: None,
            captured: false,
        }
    }

    fn line(&mut self, line: &str) {
        if line.starts_with("---") && line.contains(" Captured ") || section_title(line).is_some() {
            self.captured = true;
        }
        if self.captured {
            return;
        }
        if let Some(text) = line
            .strip_prefix("E   ")
            .or_else(|| (line == "E").then_some(""))
        {
            if let Some(place) = python_place(text.trim_start()) {
                self.syntax = Some(place);
            }
            if self.message.len() < MAX_MESSAGE {
                self.message
                    .push_str(text.strip_prefix("    ").unwrap_or(text).trim_end());
                self.message.push('\n');
            }
        } else if let Some((path, place)) = place(line) {
            self.first.get_or_insert_with(|| place.clone());
            if path == self.file {
                self.own = Some(place.clone());
            }
            self.last = Some(place);
        }
    }

    fn end(self) -> Trace {
        let message = shorten(self.message.trim(), MAX_MESSAGE).to_owned();
        Trace {
            message: Some(message).filter(|text| !text.is_empty()),
            location: self.own.or(self.syntax).or(self.last),
        }
    }
}

/// The path and `path:line` of a trace line such as `tests/test_a.py:7: AssertionError`.
fn place(line: &str) -> Option<(&str, String)> {
    let (path, rest) = line.split_once(':')?;
    let (number, after) = rest.split_once(':')?;
    let number: u32 = number.parse().ok()?;
    let real = !path.is_empty()
        && !path.starts_with([' ', '>', 'E'])
        && (after.is_empty() || after.starts_with(' '));
    real.then(|| (path, format!("{path}:{number}")))
}
