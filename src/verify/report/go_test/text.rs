//! The text that `go test` prints without `-json`: the ends of tests, then a line for the package.
//!
//! With `-v` every test says when it begins, and only what has begun can end. Without it, only failing tests are named
//! and nobody counts the others, so such a report is never complete.

use std::collections::{BTreeSet, HashMap};

use super::super::found::{Found, Lines, failed, message_of, without_time};
use super::super::{MAX_NAMED, Report, Reported};
use crate::domain::check::TestStatus;

pub(in super::super) fn read(lines: &Lines<'_>) -> Option<Found> {
    let mut packages: Vec<(&str, Package<'_>)> = Vec::new();
    let mut open = Package::default();
    let mut end = 0;
    for (at, line) in lines.iter().enumerate() {
        match verdict(line) {
            Some((verdict, name)) => {
                let mut package = std::mem::take(&mut open);
                package.verdict = verdict;
                packages.push((name, package));
                end = at + 1;
            }
            None => open.line(at, line),
        }
    }
    let ran = |verdicts: &[Verdict]| {
        let of = |(_, package): &&(&str, Package<'_>)| verdicts.contains(&package.verdict);
        let names: BTreeSet<&str> = packages.iter().filter(of).map(|(name, _)| *name).collect();
        names.len()
    };
    let tested = ran(&[Verdict::Passed, Verdict::Failed]);
    // Of packages that do not build, the compiler tells more.
    if tested == 0 {
        return None;
    }
    let several = tested + ran(&[Verdict::NotBuilt]) > 1;
    let mut report = Report::default();
    report.counts.complete = true;
    for (name, package) in packages {
        package.add(name, several, lines, &mut report);
    }
    Some(Found {
        report,
        begin: 0,
        end,
    })
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Verdict {
    #[default]
    NoTests,
    Passed,
    Failed,
    NotBuilt,
}

/// The verdict and the package in `FAIL<tab>example.org/a<tab>0.005s`.
fn verdict(line: &str) -> Option<(Verdict, &str)> {
    let (word, rest) = line.split_once('\t')?;
    match word {
        "FAIL" => {
            if let Some((name, why)) = rest.split_once(" [") {
                let not_built = matches!(why.trim_end(), "build failed]" | "setup failed]");
                return not_built.then_some((Verdict::NotBuilt, name));
            }
            let (name, time) = rest.split_once('\t')?;
            is_time(time).then_some((Verdict::Failed, name))
        }
        "ok  " => {
            let (name, time) = rest.split_once('\t')?;
            let time = time.split('\t').next().unwrap_or(time).trim_end();
            (is_time(time) || time == "(cached)").then_some((Verdict::Passed, name))
        }
        "?   " => {
            let (name, why) = rest.split_once('\t')?;
            (why.trim_end() == "[no test files]").then_some((Verdict::NoTests, name))
        }
        _ => None,
    }
}

fn is_time(text: &str) -> bool {
    let seconds = text.trim_end().strip_suffix('s');
    seconds.is_some_and(|seconds| seconds.parse::<f64>().is_ok())
}

#[derive(Default)]
struct Package<'a> {
    verdict: Verdict,
    /// Every test in its order: name, end, line.
    tests: Vec<(&'a str, Option<TestStatus>, usize)>,
    known: HashMap<&'a str, usize>,
    /// Whether tests say when they begin.
    verbose: bool,
    /// Whether a panic says that the time was up, and whether a list of tests follows.
    timed_out: bool,
    listing: bool,
    /// The function of the line before the last, for traces.
    functions: [&'a str; 2],
}

impl<'a> Package<'a> {
    fn line(&mut self, at: usize, line: &'a str) {
        if let Some(name) = line.strip_prefix("=== RUN   ") {
            self.verbose = true;
            self.begin(name.trim_end(), None, at);
        } else if let Some((status, name)) = ended(line) {
            self.end(name, status, at);
        } else if line.starts_with("panic: test timed out after ") {
            self.timed_out = true;
        } else if self.timed_out {
            self.trace(line, at);
        }
    }

    fn begin(&mut self, name: &'a str, end: Option<TestStatus>, at: usize) {
        self.known.insert(name, self.tests.len());
        self.tests.push((name, end, at));
    }

    fn end(&mut self, name: &'a str, status: TestStatus, at: usize) {
        match self.known.get(name) {
            Some(index) => {
                let test = &mut self.tests[*index];
                if test.1 != Some(TestStatus::Failed) {
                    (test.1, test.2) = (Some(status), at);
                }
            }
            None if !self.verbose => self.begin(name, Some(status), at),
            None => {}
        }
    }

    /// A line behind `panic: test timed out`: the list of running tests, or a trace in which a test is what the
    /// runner called.
    fn trace(&mut self, line: &'a str, at: usize) {
        if line == "running tests:" {
            self.listing = true;
        } else if self.listing {
            match line.strip_prefix('\t') {
                Some(name) => self.end_running(without_time(name), at),
                None => (self.listing, self.timed_out) = (false, false),
            }
        } else {
            if line.starts_with("testing.tRunner(") {
                let function = self.functions[0];
                let name = function.rsplit('/').next().unwrap_or(function);
                let name = name.split_once('.').map_or("", |(_, name)| name);
                let name = name.split('(').next().unwrap_or_default();
                let test = ["Test", "Fuzz", "Example"];
                if test.iter().any(|word| name.starts_with(word)) && !name.contains('.') {
                    self.end_running(name, at);
                }
            }
            self.functions = [self.functions[1], line];
        }
    }

    fn end_running(&mut self, name: &'a str, at: usize) {
        let verbose = std::mem::take(&mut self.verbose);
        self.end(name, TestStatus::Failed, at);
        self.verbose = verbose;
    }

    fn add(self, package: &str, several: bool, lines: &Lines<'_>, report: &mut Report) {
        let green = self.verdict == Verdict::Passed;
        let mut failures = 0_u32;
        for (name, end, at) in self.tests {
            // A test of a package that failed and never ended is what ended it.
            let Some(status) = end.or((!green).then_some(TestStatus::Failed)) else {
                continue;
            };
            let count = match status {
                TestStatus::Passed => &mut report.counts.passed,
                TestStatus::Skipped => &mut report.counts.skipped,
                TestStatus::Failed => {
                    failures += 1;
                    &mut report.counts.failed
                }
            };
            *count = count.saturating_add(1);
            let name = match several {
                true => format!("{package} {name}"),
                false => name.to_owned(),
            };
            if status != TestStatus::Failed {
                report.name(Reported::new(&name, status));
            } else if report.tests.len() < MAX_NAMED {
                let said = said(&lines[at + 1..]);
                let message = message_of(report.tests.len(), said);
                report.name(failed(&name, message, place(said)));
            }
        }
        let not_built = self.verdict == Verdict::NotBuilt;
        if not_built || (self.verdict == Verdict::Failed && failures == 0) {
            report.counts.errors = report.counts.errors.saturating_add(1);
            let why = match not_built {
                true => "the package does not build",
                false => "the package failed, but none of its tests did",
            };
            report.name(failed(package, Some(why.to_owned()), None));
        }
        report.counts.complete &= self.verbose && !not_built || self.verdict == Verdict::NoTests;
    }
}

/// The status and the name in `    --- FAIL: TestTable/two_words (0.00s)`.
fn ended(line: &str) -> Option<(TestStatus, &str)> {
    let rest = line.trim_start_matches(' ').strip_prefix("--- ")?;
    let (word, rest) = rest.split_once(": ")?;
    let name = without_time(rest);
    let status = match word {
        "PASS" => TestStatus::Passed,
        "FAIL" => TestStatus::Failed,
        "SKIP" => TestStatus::Skipped,
        _ => return None,
    };
    (name.len() < rest.len()).then_some((status, name))
}

/// What stands behind a test's end, up to the next.
fn said<'l, 'a>(lines: &'l Lines<'a>) -> &'l Lines<'a> {
    const MOST: usize = 50;
    let end = lines.iter().take(MOST).position(|line| {
        ended(line).is_some() || line.starts_with("=== ") || line.starts_with("FAIL")
    });
    &lines[..end.unwrap_or(lines.len().min(MOST))]
}

/// The place in `    a_test.go:11: n=2`.
fn place(said: &Lines<'_>) -> Option<String> {
    said.iter().find_map(|line| {
        let (place, _) = line.trim_start().split_once(": ")?;
        let (path, number) = place.rsplit_once(':')?;
        number.parse::<u32>().ok()?;
        (path.ends_with(".go") && !path.contains(' ')).then(|| place.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use crate::config::ReportFormat::GoTest;
    use crate::verify::report::told::{failing, first_failure, numbers, told};

    const VERBOSE: &str = "=== RUN   TestOk\n--- PASS: TestOk (0.00s)\n=== RUN   TestTable\n=== RUN   TestTable/one\n=== RUN   TestTable/two_words\n--- FAIL: TestTable (0.00s)\n    --- PASS: TestTable/one (0.00s)\n    --- FAIL: TestTable/two_words (0.00s)\n        a_test.go:11: n=2\n=== RUN   TestSkip\n--- SKIP: TestSkip (0.00s)\nFAIL\nFAIL\texample.org/a\t0.005s\n=== RUN   TestB\n--- FAIL: TestFake (0.00s)\n--- PASS: TestB (0.00s)\nPASS\nok  \texample.org/b\t0.002s\n?   \texample.org/c\t[no test files]\nFAIL\n";

    #[test]
    fn only_what_has_begun_can_end() {
        let report = told(VERBOSE, "", GoTest);
        assert_eq!(numbers(&report), (3, 2, 1, 0, true));
        assert_eq!(
            failing(&report),
            [
                "example.org/a TestTable",
                "example.org/a TestTable/two_words"
            ]
        );
    }

    #[test]
    fn without_v_nobody_counts_what_passed() {
        let text = "--- FAIL: TestCommutes (0.00s)\n    svc_test.go:10: failed on -127\nFAIL\nFAIL\texample.org/svc\t0.003s\nFAIL\n";
        let report = told(text, "", GoTest);
        assert_eq!(numbers(&report), (0, 1, 0, 0, false));
        assert_eq!(failing(&report), ["TestCommutes"]);
        assert_eq!(
            first_failure(&report),
            ("svc_test.go:10: failed on -127", "svc_test.go:10")
        );
    }

    #[test]
    fn a_test_whose_time_is_up_is_in_the_list_or_the_trace() {
        let list = "panic: test timed out after 2s\nrunning tests:\n\tTestBlock (2s)\n\ngoroutine 19 [running]:\nFAIL\tex.org/svc\t2.007s\nFAIL\n";
        assert_eq!(failing(&told(list, "", GoTest)), ["TestBlock"]);
        let trace = "panic: test timed out after 2s\n\ngoroutine 4 [select]:\nex.org/svc.TestBlock(0x0?)\n\t/svc/svc_test.go:8 +0x7e\ntesting.tRunner(0xc0, 0x53)\n\t/go/testing.go:1446 +0x10b\nFAIL\tex.org/svc\t2.007s\nFAIL\n";
        assert_eq!(failing(&told(trace, "", GoTest)), ["TestBlock"]);
    }
}
