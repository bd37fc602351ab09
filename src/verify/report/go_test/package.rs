//! What the events say of one package.

use std::collections::HashMap;

use super::super::{MAX_MESSAGE, Report, Reported, lines, whole_milliseconds};
use crate::domain::check::TestStatus;

/// The most bytes of output that are kept of a test or package, from its end.
const MAX_OUTPUT: usize = 4 * MAX_MESSAGE;

/// How a test or a package ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Pass,
    Fail,
    Skip,
}

impl End {
    pub(super) fn of(action: &str) -> Option<Self> {
        match action {
            "pass" | "bench" => Some(Self::Pass),
            "fail" => Some(Self::Fail),
            "skip" => Some(Self::Skip),
            _ => None,
        }
    }
}

#[derive(Default)]
pub(super) struct Package {
    /// Its verdict, once it came.
    pub(super) end: Option<End>,
    /// Whether it, or what it needs, does not build.
    pub(super) build: bool,
    tests: Vec<Test>,
    /// The latest run of each test.
    latest: HashMap<String, usize>,
    /// Tests that failed without having begun.
    strays: Vec<String>,
    /// What it printed outside of tests.
    output: String,
    /// Whether its tests came to their end: it said `PASS` or `FAIL` of them together.
    finished: bool,
    panicked: bool,
    /// Whether a panic ended it.
    crashed: bool,
}

struct Test {
    name: String,
    end: Option<End>,
    /// In seconds.
    elapsed: Option<f64>,
    output: String,
}

impl Package {
    pub(super) fn run(&mut self, test: &str) {
        self.latest.insert(test.to_owned(), self.tests.len());
        self.tests.push(Test {
            name: test.to_owned(),
            end: None,
            elapsed: None,
            output: String::new(),
        });
    }

    pub(super) fn output(&mut self, test: Option<&str>, output: &str) {
        match output.trim_end() {
            "PASS" | "FAIL" if test.is_none() => (self.finished, self.crashed) = (true, false),
            line if line.starts_with("panic: ") || line.starts_with("fatal error: ") => {
                self.panicked = true;
            }
            line if self.panicked && line.starts_with("goroutine ") && line.ends_with("]:") => {
                (self.finished, self.crashed) = (false, true);
            }
            _ => {}
        }
        if let Some((name, end)) = late_end(output)
            && self.is_open(name)
        {
            self.end_test(name, end, None);
        }
        let kept = match test.and_then(|test| self.latest.get(test)) {
            Some(at) => &mut self.tests[*at].output,
            None => &mut self.output,
        };
        kept.push_str(output);
        if kept.len() > 2 * MAX_OUTPUT {
            *kept = kept.split_off(kept.ceil_char_boundary(kept.len() - MAX_OUTPUT));
        }
    }

    fn is_open(&self, test: &str) -> bool {
        self.latest
            .get(test)
            .is_some_and(|at| self.tests[*at].end.is_none())
    }

    /// A test's end. What failed once stays failed until it begins anew.
    pub(super) fn end_test(&mut self, test: &str, end: End, elapsed: Option<f64>) {
        match self.latest.get(test) {
            Some(at) => {
                let test = &mut self.tests[*at];
                if test.end != Some(End::Fail) {
                    test.end = Some(end);
                    test.elapsed = elapsed;
                }
                if test.end != Some(End::Fail) {
                    test.output = String::new();
                }
            }
            None if end == End::Fail => self.strays.push(test.to_owned()),
            None => {}
        }
    }

    /// Why not everything in it has run, if so.
    pub(super) fn incomplete(&self, name: &str) -> Option<String> {
        match self.end {
            _ if self.build => Some(format!("the package {name} does not build")),
            None => Some(format!("the report ends before the package {name} does")),
            Some(End::Fail) if self.crashed => Some(format!(
                "the package {name} crashed before all its tests ran"
            )),
            Some(End::Fail) if !self.finished => {
                Some(format!("the package {name} ended before all its tests did"))
            }
            Some(_) => None,
        }
    }

    /// The message and place of a failure that is no test's: it does not build, or fails although no test does.
    pub(super) fn fault(&self, compiler: Option<&str>) -> Option<(String, Option<String>)> {
        if self.build {
            let said = compiler.unwrap_or("the package does not build");
            return Some((said.to_owned(), lines(said).find_map(|line| place(&line))));
        }
        let told = self.has_failing_test() || !self.strays.is_empty();
        (self.end == Some(End::Fail) && !told).then(|| (without_frame(&self.output), None))
    }

    fn has_failing_test(&self) -> bool {
        self.tests
            .iter()
            .any(|test| self.status(test) == TestStatus::Failed)
    }

    fn status(&self, test: &Test) -> TestStatus {
        match test.end {
            Some(End::Pass) => TestStatus::Passed,
            Some(End::Skip) => TestStatus::Skipped,
            Some(End::Fail) => TestStatus::Failed,
            // Its end was lost in what it printed.
            None if matches!(self.end, Some(End::Pass | End::Skip)) => TestStatus::Passed,
            None => TestStatus::Failed,
        }
    }

    /// Whether it has tests, as far as is known: one that does not build may have some.
    pub(super) fn has_tests(&self) -> bool {
        !(self.end == Some(End::Skip) && self.tests.is_empty())
    }

    /// Adds its tests to a report, under names that begin with the `package`'s if one is given.
    pub(super) fn add(self, package: Option<&str>, report: &mut Report) {
        let full = |test: &str| match package {
            Some(package) => format!("{package} {test}"),
            None => test.to_owned(),
        };
        let told = self.has_failing_test();
        for test in &self.tests {
            let status = self.status(test);
            let counts = &mut report.counts;
            let count = match status {
                TestStatus::Passed => &mut counts.passed,
                TestStatus::Failed => &mut counts.failed,
                TestStatus::Skipped => &mut counts.skipped,
            };
            *count = count.saturating_add(1);
            let mut reported = Reported::new(&full(&test.name), status);
            reported.case.duration_ms = test
                .elapsed
                .and_then(|seconds| whole_milliseconds(seconds * 1000.0));
            if status == TestStatus::Failed {
                let message = without_frame(&test.output);
                reported.location = frame(&message);
                reported.case.message = match (message.is_empty(), test.end) {
                    (false, _) => Some(message),
                    (true, None) => Some("the package ended while this test ran".to_owned()),
                    (true, Some(_)) => None,
                };
            }
            report.name(reported);
        }
        // A test that has not begun is one that a test has made up, unless nothing else tells why the package failed.
        if self.end == Some(End::Fail) && !told {
            for stray in &self.strays {
                report.counts.failed = report.counts.failed.saturating_add(1);
                report.name(Reported::new(&full(stray), TestStatus::Failed));
            }
        }
    }
}

/// The test and the end in `output--- PASS: TestName (0.00s)`: output without a line break swallows the event.
fn late_end(output: &str) -> Option<(&str, End)> {
    let line = output.trim_end();
    let at = line.rfind("--- ").filter(|at| *at > 0)?;
    let (word, rest) = line[at + 4..].split_once(": ")?;
    let (name, time) = rest.rsplit_once(" (")?;
    let end = match word {
        "PASS" => End::Pass,
        "FAIL" => End::Fail,
        "SKIP" => End::Skip,
        _ => return None,
    };
    time.ends_with("s)").then_some((name, end))
}

/// What was printed, without the lines that the runner puts around it; its end, if it is too long.
fn without_frame(output: &str) -> String {
    let kept: Vec<_> = lines(output)
        .filter(|line| {
            let start = line.trim_start();
            let frame = ["=== RUN", "=== PAUSE", "=== CONT", "=== NAME", "--- FAIL: "];
            !frame.iter().any(|word| start.starts_with(word))
                && !line.starts_with("FAIL\t")
                && !matches!(line.as_ref(), "FAIL" | "PASS")
        })
        .collect();
    let text = kept.join("\n");
    let text = text.trim();
    match text.find("panic: ") {
        Some(at) if text.len() > MAX_MESSAGE => super::shorten(&text[at..], MAX_MESSAGE).to_owned(),
        _ => text[text.ceil_char_boundary(text.len().saturating_sub(MAX_MESSAGE))..].to_owned(),
    }
}

/// `path:line` of the first line of a trace, `\t/path/file.go:9 +0x2e`, that is neither Go's own nor a dependency's.
fn frame(message: &str) -> Option<String> {
    let places = || {
        message.lines().filter_map(|line| {
            let place = line.strip_prefix('\t')?.split(' ').next()?;
            let (path, number) = place.rsplit_once(':')?;
            let is_line = path.ends_with(".go") && number.parse::<u32>().is_ok();
            (is_line && path.starts_with('/')).then_some(place)
        })
    };
    // Every test is called from there, so where Go lies is known.
    let home = places().find_map(|place| {
        place
            .split_once("testing/testing.go:")
            .map(|(home, _)| home)
    });
    places()
        .find(|place| {
            let own = home.is_some_and(|home| place.starts_with(home));
            !own && !place.contains("/pkg/mod/") && !place.contains("/vendor/")
        })
        .map(str::to_owned)
}

/// `path:line` from the compiler's `path:line:column: message`.
fn place(line: &str) -> Option<String> {
    let line = line.strip_prefix("vet: ").unwrap_or(line);
    let mut parts = line.splitn(3, ':');
    let (path, number) = (parts.next()?, parts.next()?);
    let number: u32 = number.parse().ok()?;
    let path = path.trim_start_matches("./");
    path.ends_with(".go").then(|| format!("{path}:{number}"))
}
