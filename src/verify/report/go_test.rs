//! The events of `go test -json`: one JSON object a line, each about a test or its package.
//!
//! A package's last event is its verdict; what its tests say is held against it. Before Go 1.20, what a test prints
//! can look like another test's end, so an end counts only for a test that has begun; and an end behind unfinished
//! output is no event at all. A package that crashed did not run everything, even if each test in it has an end.

mod package;
pub(super) mod text;

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;

use self::package::{End, Package};
use super::{MAX_MESSAGE, Report, Reported, lines, shorten};
use crate::domain::check::TestStatus;

/// One line.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event<'a> {
    #[serde(borrow)]
    action: Cow<'a, str>,
    #[serde(borrow)]
    package: Option<Cow<'a, str>>,
    #[serde(borrow)]
    test: Option<Cow<'a, str>>,
    #[serde(borrow)]
    output: Option<Cow<'a, str>>,
    /// In seconds.
    elapsed: Option<f64>,
    #[serde(borrow)]
    import_path: Option<Cow<'a, str>>,
    #[serde(borrow)]
    failed_build: Option<Cow<'a, str>>,
}

impl<'a> Event<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let line = line.trim();
        line.starts_with('{')
            .then(|| serde_json::from_str(line).ok())
            .flatten()
    }
}

/// Reads the events in `stdout`, else the text that there is without `-json`; none if there are neither, nor packages
/// that do not build.
pub(super) fn read(stdout: &str, stderr: &str) -> Option<Report> {
    let mut reader = Reader::default();
    for line in stdout.lines() {
        match Event::parse(line) {
            Some(event) => {
                reader.events = true;
                reader.event(&event);
            }
            None => reader.text(line),
        }
    }
    if !reader.events {
        let lines: Vec<Cow<'_, str>> = lines(stdout).collect();
        if let Some(found) = text::read(&lines) {
            return Some(found.report);
        }
    }
    if reader.packages.is_empty() {
        return None;
    }
    for line in lines(stderr) {
        reader.compiler_line(&line);
    }
    Some(reader.report())
}

/// Whether output that was not announced as Go's is Go's: a package has its verdict.
pub(super) fn is_certain(stdout: &str) -> bool {
    stdout.contains("\"Package\":")
        && stdout.lines().filter_map(Event::parse).any(|event| {
            event.package.is_some() && event.test.is_none() && End::of(&event.action).is_some()
        })
}

/// Whether a line is an event.
pub(super) fn is_event(line: &str) -> bool {
    Event::parse(line).is_some()
}

/// What the same command would print without `-json`.
pub(super) fn plain(stdout: &str) -> String {
    let mut text = String::new();
    for line in stdout.lines() {
        match Event::parse(line) {
            Some(event) => text.push_str(event.output.as_deref().unwrap_or_default()),
            None => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text
}

#[derive(Default)]
struct Reader {
    /// Whether there is any event.
    events: bool,
    packages: Vec<(String, Package)>,
    known: HashMap<String, usize>,
    /// What the compiler says, by the package as it names it: `path [path.test]`.
    builds: HashMap<String, String>,
    /// The package that the compiler speaks of now.
    building: Option<String>,
}

impl Reader {
    fn package(&mut self, name: &str) -> &mut Package {
        let at = match self.known.get(name) {
            Some(at) => *at,
            None => {
                self.packages.push((name.to_owned(), Package::default()));
                self.known.insert(name.to_owned(), self.packages.len() - 1);
                self.packages.len() - 1
            }
        };
        &mut self.packages[at].1
    }

    fn event(&mut self, event: &Event<'_>) {
        if let (Some(path), Some(output)) = (&event.import_path, &event.output) {
            self.compiler_said(path, output);
        }
        let Some(name) = event.package.as_deref() else {
            return;
        };
        let package = self.package(name);
        match (event.action.as_ref(), event.test.as_deref()) {
            ("run", Some(test)) => package.run(test),
            ("output", test) => package.output(test, event.output.as_deref().unwrap_or_default()),
            (action, test) => match (End::of(action), test) {
                (Some(end), Some(test)) => package.end_test(test, end, event.elapsed),
                (Some(end), None) => {
                    package.end = Some(end);
                    package.build |= event.failed_build.is_some();
                }
                (None, _) => {}
            },
        }
    }

    /// A line that is no event: before Go 1.24, `FAIL path [build failed]`.
    fn text(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("FAIL\t") else {
            return;
        };
        if let Some((name, why)) = rest.trim_end().split_once(" [")
            && matches!(why, "build failed]" | "setup failed]")
        {
            let package = self.package(name);
            package.end = Some(End::Fail);
            package.build = true;
        }
    }

    /// Before Go 1.24 the compiler's lines stand on stderr, each package's after `# path [path.test]`.
    fn compiler_line(&mut self, line: &str) {
        if let Some(path) = line.strip_prefix("# ") {
            self.building = Some(path.to_owned());
        } else if let Some(path) = self.building.take() {
            self.compiler_said(&path, &format!("{line}\n"));
            self.building = Some(path);
        }
    }

    fn compiler_said(&mut self, path: &str, output: &str) {
        let path = path.split(' ').next().unwrap_or(path);
        if !self.builds.contains_key(path) {
            self.builds.insert(path.to_owned(), String::new());
        }
        let Some(said) = self.builds.get_mut(path) else {
            return;
        };
        if said.len() < MAX_MESSAGE && !output.starts_with("# ") {
            said.push_str(output);
        }
    }

    fn report(self) -> Report {
        let mut report = Report::default();
        report.counts.complete = true;
        let ran = self
            .packages
            .iter()
            .filter(|(_, package)| package.has_tests());
        let several = ran.count() > 1;
        for (name, package) in self.packages {
            let said = self.builds.get(&name).map(String::as_str);
            if let Some(note) = package.incomplete(&name) {
                report.counts.complete = false;
                report.note(&note);
            }
            let fault = package.fault(said);
            package.add(several.then_some(name.as_str()), &mut report);
            if let Some((message, location)) = fault {
                report.counts.errors = report.counts.errors.saturating_add(1);
                let mut test = Reported::new(&name, TestStatus::Failed);
                test.case.message = Some(shorten(message.trim(), MAX_MESSAGE).to_owned())
                    .filter(|text| !text.is_empty());
                test.location = location;
                report.name(test);
            }
        }
        report
    }
}

#[cfg(test)]
mod tests;
