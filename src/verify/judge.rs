//! One check's run -> its verdict and what it says about the tree.

use std::borrow::Cow;

use crate::config::{CheckConfig, ReportFormat};
use crate::domain::check::{CheckResult, CheckScope, CheckStatus, TestStatus};
use crate::domain::finding::{Category, Observation, Severity};
use crate::domain::id::TreeId;

use super::facts::{self, RunFacts};
use super::findings::{self, MAX_OBSERVATIONS, Said, one_line};
use super::report::{Report, Reported, from_files, lines, readable, recognise};
use super::runner::{self, Reading};

/// Judges a check's run. Exit code and report must agree: a failing test fails the check whatever the exit code, a
/// bad exit code fails it whatever the report, and a report that breaks off proves nothing.
pub fn judge(
    name: &str,
    check: &CheckConfig,
    scope: CheckScope,
    tree: TreeId,
    mut run: RunFacts,
) -> CheckResult {
    let reading = runner::reading(check);
    let said = said(check, &reading, &run);
    let report = report(check, &reading, &run);
    if let Cow::Owned(text) = readable(&run.stdout, reading.format) {
        run.output = facts::capped(&text, &run.stderr);
        run.stdout = text;
    }
    let promised = reading.promised && said.is_none();
    let verdict = Verdict::of(check, promised, &run, report.as_ref());
    let mut observations = observe(check, &run, report.as_ref(), said, verdict.status);
    observations.extend(verdict.finding.clone().map(|message| Observation {
        severity: verdict.severity,
        category: check.kind,
        message,
        location: None,
    }));
    if observations.is_empty() && !verdict.status.acceptable() {
        observations.push(last_resort(check, &run));
    }
    let mut notes: Vec<String> = verdict.finding.into_iter().collect();
    if let Some(report) = &report {
        notes.extend(report.notes.iter().cloned());
    }
    CheckResult {
        name: name.to_owned(),
        kind: check.kind,
        scope,
        tree,
        command: check.command.clone(),
        exit_code: run.exit_code,
        status: verdict.status,
        duration_ms: run.duration_ms,
        timed_out: run.timed_out,
        signal: run.signal,
        report: report.as_ref().map(|report| report.counts),
        tests: report.map_or_else(Vec::new, |report| {
            report.tests.into_iter().map(|test| test.case).collect()
        }),
        excused: Vec::new(),
        flaky: Vec::new(),
        reruns: 0,
        observations,
        note: (!notes.is_empty()).then(|| notes.join("; ")),
        output: run.output,
        full_output: run.full_output,
    }
}

/// What a document of a compiler or linter says, in the check's files if it has any, else in its output. A test check
/// has a report of tests.
fn said(check: &CheckConfig, reading: &Reading, run: &RunFacts) -> Option<Vec<Said>> {
    let format = reading.format;
    let wanted = findings::is_format(format)
        || (format == ReportFormat::Auto && check.kind != Category::Test);
    if !wanted {
        return None;
    }
    let files: Vec<&str> = run
        .written
        .files
        .iter()
        .map(|(_, text)| text.as_str())
        .collect();
    match check.report_files.is_empty() {
        true => findings::documents(&[&run.stdout, &run.stderr], format),
        false => findings::documents(&files, format),
    }
}

/// The report that the check is to be judged by: in its files if it has any, else in its output.
fn report(check: &CheckConfig, reading: &Reading, run: &RunFacts) -> Option<Report> {
    let missing = |why: &str, mut report: Report| {
        report.counts.complete = false;
        report.notes.push(why.to_owned());
        report
    };
    if !check.report_files.is_empty() {
        let report = from_files(&run.written.files, reading.format)?;
        return Some(match &run.written.missing {
            Some(why) => missing(why, report),
            None => report,
        });
    }
    let report = recognise(&run.stdout, &run.stderr, reading.format)?;
    Some(match run.cut {
        true => missing("the output is longer than what is kept of it", report),
        false => report,
    })
}

/// A status and, where neither a test nor a compiler line tells why, a finding that does.
struct Verdict {
    status: CheckStatus,
    finding: Option<String>,
    severity: Severity,
}

impl Verdict {
    fn new(status: CheckStatus, finding: Option<String>) -> Self {
        let severity = if status.acceptable() {
            Severity::Minor
        } else {
            Severity::Major
        };
        Self {
            status,
            finding,
            severity,
        }
    }

    fn of(check: &CheckConfig, promised: bool, run: &RunFacts, report: Option<&Report>) -> Self {
        let crash = signal(run).filter(|signal| CRASHES.contains(signal));
        let told = crash.is_some() && report.is_some_and(|report| ran(report) > 0);
        if let Some(reason) = not_carried_out(check, run).filter(|_| !told) {
            return Self::new(CheckStatus::Error, Some(reason));
        }
        let red = report.is_some_and(|report| report.counts.failed + report.counts.errors > 0);
        let complete = report.is_none_or(|report| report.counts.complete);
        match run.exit_code {
            Some(0) => Self::of_success(check, promised.then_some(run), report, red, complete),
            code => {
                let code = code.map_or_else(
                    || "no exit code".to_owned(),
                    |code| format!("exit code {code}"),
                );
                let finding = match report {
                    Some(report) if !red && complete && ran(report) == 0 => {
                        Some("no tests ran".to_owned())
                    }
                    Some(_) if !red && complete => Some(after_green(run, crash, &code)),
                    Some(report) if !red => report.notes.first().cloned(),
                    _ => None,
                };
                Self::new(CheckStatus::Failed, finding)
            }
        }
    }

    fn of_success(
        check: &CheckConfig,
        promised: Option<&RunFacts>,
        report: Option<&Report>,
        red: bool,
        complete: bool,
    ) -> Self {
        match report {
            Some(_) if red => Self::new(
                CheckStatus::Failed,
                Some(
                    "the command ends with exit code 0 although its report tells of failing tests"
                        .to_owned(),
                ),
            ),
            Some(report) if !complete => Self::new(
                CheckStatus::Failed,
                Some(format!(
                    "the command ends with exit code 0, but its report breaks off: {}",
                    report.notes.join("; ")
                )),
            ),
            Some(report) if check.kind == Category::Test && ran(report) == 0 => {
                Self::new(CheckStatus::Passed, Some("no tests ran".to_owned()))
            }
            None => match promised {
                Some(run) => Self::new(CheckStatus::Failed, Some(no_report(check, run))),
                None => Self::new(CheckStatus::Passed, None),
            },
            Some(_) => Self::new(CheckStatus::Passed, None),
        }
    }
}

/// Why a command fails of which every test passes.
fn after_green(run: &RunFacts, crash: Option<&str>, code: &str) -> String {
    if let Some(signal) = crash {
        return format!("no test fails, but the program crashes when they are done ({signal})");
    }
    match unmet_coverage(run) {
        Some(line) => format!("no test fails, but coverage is below its threshold: {line}"),
        None => format!(
            "no test fails, but the command ends with {code}: {}",
            reason(run)
        ),
    }
}

/// The line by which a coverage tool says that too little is covered.
fn unmet_coverage(run: &RunFacts) -> Option<String> {
    const WORDS: [&str; 8] = [
        "threshold",
        "not reached",
        "not met",
        "less than",
        "below",
        "minimum",
        "fail-under",
        "fail_under",
    ];
    let says = |line: &str| {
        let line = line.to_ascii_lowercase();
        (line.contains("coverage") || line.contains("covered"))
            && WORDS.iter().any(|word| line.contains(word))
            && line.contains(|char: char| char.is_ascii_digit())
    };
    lines(&run.stdout)
        .chain(lines(&run.stderr))
        .filter(|line| line.len() < MAX_REASON)
        .filter(|line| says(line))
        .last()
        .map(|line| one_line(line.trim()))
}

/// Why a command that went well proves nothing.
fn no_report(check: &CheckConfig, run: &RunFacts) -> String {
    let wanted = check.report_files.join(", ");
    let (files, stale) = (run.written.files.len(), run.written.stale);
    let what = match check.kind {
        Category::Test => "test report",
        _ => "report",
    };
    let where_not = if check.report_files.is_empty() {
        format!("there is no {what} in its output (with `report: none` the exit code alone counts)")
    } else if let Some(why) = &run.written.missing {
        format!("its report cannot be read: {why}")
    } else if files > 0 {
        format!("the files that match `report_files: [{wanted}]` hold no {what}")
    } else if stale > 0 {
        format!(
            "it wrote none of the files that match `report_files: [{wanted}]`: they were there before"
        )
    } else {
        format!("no file matches `report_files: [{wanted}]`")
    };
    format!("the command ends with exit code 0, but {where_not}")
}

fn ran(report: &Report) -> u32 {
    let counts = report.counts;
    counts
        .passed
        .saturating_add(counts.failed)
        .saturating_add(counts.errors)
}

/// The longest line that can be a reason.
const MAX_REASON: usize = 1000;
/// The signals by which programs die of their own faults.
const CRASHES: [&str; 5] = ["SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL"];

/// The signal that ended the command, or of which its exit code tells.
fn signal(run: &RunFacts) -> Option<&str> {
    let own = run.signal.as_deref().filter(|_| !run.timed_out);
    own.or_else(|| signal_of(run.exit_code?))
}

/// Why the check itself could not be carried out, if so.
fn not_carried_out(check: &CheckConfig, run: &RunFacts) -> Option<String> {
    if run.timed_out {
        return Some(format!(
            "killed at its time limit of {} s",
            check.timeout.as_secs()
        ));
    }
    if let Some(signal) = &run.signal {
        return Some(format!("killed by {signal}"));
    }
    match run.exit_code? {
        126 => Some(format!("the command cannot be executed: {}", reason(run))),
        127 => Some(format!("the command was not found: {}", reason(run))),
        code => Some(format!("killed by {}", signal_of(code)?)),
    }
}

/// The signal that a shell's exit code of 128 + n tells of.
fn signal_of(code: i32) -> Option<&'static str> {
    Some(match code.checked_sub(128)? {
        2 => "SIGINT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        _ => return None,
    })
}

/// The line of the output that most likely says why: the last one that is marked as an error, else the last one.
fn reason(run: &RunFacts) -> String {
    let mut marked = None;
    let mut last = None;
    for line in lines(&run.stdout).chain(lines(&run.stderr)) {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let mark = ["error", "ERROR", "FAIL", "fatal", "Error"];
        if mark.iter().any(|mark| line.starts_with(mark)) || line.contains(": error: ") {
            marked = Some(one_line(line));
        }
        last = Some(one_line(line));
    }
    marked.or(last).unwrap_or_else(|| "no output".to_owned())
}

fn observe(
    check: &CheckConfig,
    run: &RunFacts,
    report: Option<&Report>,
    said: Option<Vec<Said>>,
    status: CheckStatus,
) -> Vec<Observation> {
    let failed = !status.acceptable();
    let mut found: Vec<Observation> = report
        .into_iter()
        .flat_map(|report| &report.tests)
        .filter(|test| test.case.status == TestStatus::Failed)
        .take(MAX_OBSERVATIONS)
        .map(failing_test)
        .collect();
    let is_said = said.is_some();
    let category = match check.kind {
        Category::Test => Category::Build,
        own => own,
    };
    found.extend(said.into_iter().flatten().map(|one| one.observed(category)));
    if is_said {
        // Its lines for people say the same.
    } else if failed && check.kind != Category::Lint {
        let errors = findings::compile_errors(&run.stdout, &run.stderr);
        // A test file that does not parse is one finding, not two.
        found.retain(|one| errors.iter().all(|error| error.location != one.location));
        found.extend(errors);
    } else if check.kind == Category::Lint {
        found.extend(findings::lints(&run.stdout, &run.stderr, failed));
    }
    for one in &mut found {
        one.location = one
            .location
            .take()
            .map(|place| in_project(place, check, run));
    }
    found
}

/// A place relative to the project's folder, wherever the tree lies and whichever folder the command ran in.
fn in_project(place: String, check: &CheckConfig, run: &RunFacts) -> String {
    let is_line = place
        .rsplit_once(':')
        .is_some_and(|(_, line)| line.parse::<u32>().is_ok());
    if !is_line {
        return place;
    }
    let inside = match place.strip_prefix(run.folder.trim_end_matches('/')) {
        Some(rest) if !run.folder.is_empty() && rest.starts_with('/') => &rest[1..],
        _ => place.strip_prefix("./").unwrap_or(&place),
    };
    let cwd = check.cwd.trim_start_matches("./").trim_matches('/');
    if inside.starts_with('/') || cwd.is_empty() || cwd == "." {
        inside.to_owned()
    } else {
        format!("{cwd}/{inside}")
    }
}

/// What a failing test says about the tree.
fn failing_test(test: &Reported) -> Observation {
    Observation {
        severity: Severity::Major,
        category: Category::Test,
        message: test_message(&test.case.name, test.case.message.as_deref()),
        location: test
            .location
            .clone()
            .or_else(|| Some(test.case.name.clone())),
    }
}

/// The message of a failing test's observation; the test's name comes first, so that it can be found again.
pub(super) fn test_message(name: &str, message: Option<&str>) -> String {
    match message.map(one_line).filter(|text| !text.is_empty()) {
        Some(message) => format!("{name}: {message}"),
        None => format!("{name}: fails"),
    }
}

fn last_resort(check: &CheckConfig, run: &RunFacts) -> Observation {
    let code = run.exit_code.map_or_else(
        || "no exit code".to_owned(),
        |code| format!("exit code {code}"),
    );
    Observation {
        severity: Severity::Major,
        category: check.kind,
        message: format!(
            "`{}` ends with {code}: {}",
            one_line(&check.command),
            reason(run)
        ),
        location: None,
    }
}

#[cfg(test)]
pub(super) mod tests;
