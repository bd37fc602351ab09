//! One `<testcase>`.

use quick_xml::events::BytesStart;

use super::super::{MAX_MESSAGE, Reported, is_script, lines, shorten, whole_milliseconds};
use super::attribute;
use crate::domain::check::TestStatus;

/// Class names that say nothing, because the runner gives them to every test.
const EMPTY_CLASSES: [&str; 2] = ["", "test"];

/// How a runner names tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Style {
    /// By class.
    #[default]
    Common,
    /// By binary, as nextest does everywhere.
    Nextest,
    /// By the dotted path of module and class, which pytest has made of `path::Class`.
    Pytest,
    /// By module, as libtest does; files hold doc tests.
    Libtest,
    /// By the titles of suites, as mocha joins them.
    Titles,
}

impl Style {
    /// The style of the runner whose suite has this name.
    pub(super) fn of(suite: &str) -> Option<Self> {
        match suite {
            "nextest-run" => Some(Self::Nextest),
            "pytest" | "pytest tests" => Some(Self::Pytest),
            "Mocha Tests" => Some(Self::Titles),
            "test" => Some(Self::Libtest),
            _ => None,
        }
    }
}

/// A test case while it is read.
pub(super) struct Case {
    pub(super) depth: usize,
    name: String,
    /// The file that it lies in, where its name leaves that out.
    file: Option<String>,
    /// The titles of its suites, joined.
    pub(super) suites: Option<String>,
    location: Option<String>,
    duration_ms: Option<u64>,
    failure: bool,
    error: bool,
    skipped: bool,
    /// Skipped because it is still to be done; it may fail, and counts as nothing.
    pub(super) todo: bool,
    /// What the first failure or error says, in its attribute and in its text.
    message: Option<(String, String)>,
    /// The depth of the element whose text is the message, while it is open.
    reading: Option<usize>,
}

impl Case {
    pub(super) fn new(tag: &BytesStart<'_>, above: &str, depth: usize, style: Style) -> Self {
        let name = |key| attribute(tag, key).unwrap_or_default().trim().to_owned();
        let (own, class) = (name("name"), name("classname"));
        let state = attribute(tag, "status").unwrap_or_default();
        let place = attribute(tag, "file");
        let in_file = is_file_of_tests(&class).then(|| class.clone());
        let suites = (style == Style::Titles).then(|| class.clone());
        let name = match (&in_file, style) {
            (Some(_), _) => own,
            (None, Style::Nextest) => format!("{class} {own}"),
            (None, Style::Pytest) => pytest_name(&own, &class),
            (None, Style::Libtest) => match class.as_str() {
                "unit" | "integration" | "crate" | "" => own,
                file if file.ends_with(".rs") => format!("{file} - {own}"),
                module => format!("{module}::{own}"),
            },
            (None, Style::Titles) => own,
            (None, Style::Common)
                if place.as_deref().is_some_and(|path| path.ends_with(".php")) =>
            {
                format!("{}::{own}", attribute(tag, "class").unwrap_or(class))
            }
            (None, Style::Common) => full_name(&own, &class, above),
        };
        let line = attribute(tag, "line").and_then(|line| line.trim().parse::<u32>().ok());
        Self {
            depth,
            name,
            file: in_file,
            suites,
            location: place.zip(line).map(|(file, line)| format!("{file}:{line}")),
            duration_ms: attribute(tag, "time").and_then(|time| milliseconds(&time)),
            failure: false,
            error: false,
            skipped: matches!(state.as_str(), "notrun" | "disabled" | "skipped"),
            todo: false,
            message: None,
            reading: None,
        }
    }

    /// An element inside.
    pub(super) fn begin(&mut self, name: &str, tag: &BytesStart<'_>, depth: usize) {
        if depth != self.depth + 1 {
            return;
        }
        match name {
            "failure" => self.failure = true,
            "error" => self.error = true,
            "skipped" => {
                self.skipped = true;
                self.todo |= attribute(tag, "type").is_some_and(|kind| kind == "todo");
                return;
            }
            _ => return,
        }
        if self.message.is_none() {
            let message = attribute(tag, "message").unwrap_or_default();
            self.message = Some((message, String::new()));
            self.reading = Some(depth);
        }
    }

    pub(super) fn text(&mut self, text: &str, depth: usize) {
        if self.reading == Some(depth)
            && let Some((_, told)) = &mut self.message
            && told.len() < MAX_MESSAGE
        {
            told.push_str(shorten(text, MAX_MESSAGE));
        }
    }

    /// The element at `depth` ends.
    pub(super) fn end(&mut self, depth: usize) {
        self.reading.take_if(|reading| *reading == depth);
    }

    /// Whether it tells of a failure, allowed or not.
    pub(super) fn has_failed(&self) -> bool {
        self.failure || self.error
    }

    pub(super) fn status(&self) -> TestStatus {
        match (self.has_failed(), self.skipped) {
            (true, _) if !self.todo => TestStatus::Failed,
            (_, true) => TestStatus::Skipped,
            _ => TestStatus::Passed,
        }
    }

    pub(super) fn only_error(&self) -> bool {
        self.error && !self.failure
    }

    pub(super) fn reported(self) -> Reported {
        let status = self.status();
        let mut test = Reported::new(&self.name, status);
        test.file = self.file;
        test.case.duration_ms = self.duration_ms;
        if status == TestStatus::Failed {
            test.case.message = self
                .message
                .and_then(|(short, long)| message(&short, &long));
            test.location = self.location;
        }
        test
    }
}

/// The name under which a test is known everywhere: `class.name`, or the names of its suites before it.
fn full_name(own: &str, class: &str, above: &str) -> String {
    if class == own || own.starts_with(&format!("{class}.")) {
        return own.to_owned();
    }
    if EMPTY_CLASSES.contains(&class) {
        return below(above, own);
    }
    // Titles of suites, as mocha writes them.
    if class.contains(' ') {
        return below(class, own);
    }
    format!("{class}.{own}")
}

/// Whether a class is the path of a file whose tests are known by their own names.
fn is_file_of_tests(class: &str) -> bool {
    is_script(class) || class.ends_with(".bats")
}

/// `tests/test_a.py::Cart::test_b` of the class `tests.test_a.Cart`: where words begin with capitals, classes do. What
/// could not be collected has no class.
fn pytest_name(own: &str, class: &str) -> String {
    let (module, test) = match class {
        "" => (own, None),
        class => (class, Some(own)),
    };
    let parts: Vec<&str> = module.split('.').collect();
    let capital = |part: &&str| part.starts_with(|c: char| c.is_uppercase());
    let classes = parts.iter().position(capital).unwrap_or(parts.len());
    let file = format!("{}.py", parts[..classes.max(1)].join("/"));
    let inner = parts[classes.max(1)..].iter().copied().chain(test);
    std::iter::once(file.as_str())
        .chain(inner)
        .collect::<Vec<_>>()
        .join("::")
}

/// A name after those of the suites it lies in.
pub(super) fn below(above: &str, own: &str) -> String {
    match (above.is_empty(), own.is_empty()) {
        (true, _) => own.to_owned(),
        (_, true) => above.to_owned(),
        _ => format!("{above} > {own}"),
    }
}

/// The text, after the attribute unless that begins it.
fn message(short: &str, long: &str) -> Option<String> {
    let clean = |text: &str| lines(text).collect::<Vec<_>>().join("\n").trim().to_owned();
    let (short, long) = (clean(short), clean(long));
    let whole = match long.contains(short.as_str()) {
        true => long,
        false => format!("{short}\n{long}"),
    };
    let whole = shorten(whole.trim(), MAX_MESSAGE);
    (!whole.is_empty()).then(|| whole.to_owned())
}

fn milliseconds(seconds: &str) -> Option<u64> {
    let seconds: f64 = seconds.trim().replace(',', "").parse().ok()?;
    whole_milliseconds(seconds * 1000.0)
}
