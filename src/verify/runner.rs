//! Which test runner a command line starts, as far as its words tell.

use crate::config::{CheckConfig, ReportFormat};
use crate::domain::finding::Category;

/// The command line that is run for a check: the configured one, with `--no-fail-fast` where a test check is a plain
/// `cargo test`. Without it, a test that already fails would hide every test binary after its own.
pub fn command_line(check: &CheckConfig) -> String {
    let command = check.command.trim();
    let plain = !command.contains([
        '&', '|', ';', '\n', '<', '>', '$', '`', '(', '\'', '"', '#', '\\',
    ]);
    let words: Vec<&str> = command.split_whitespace().collect();
    let all_binaries = words
        .iter()
        .any(|word| matches!(*word, "--no-fail-fast" | "--no-run" | "--doc"));
    if check.kind != Category::Test || !plain || all_binaries || !starts_cargo_test(&words) {
        return command.to_owned();
    }
    match words.iter().position(|word| *word == "--") {
        Some(at) => [&words[..at], &["--no-fail-fast"], &words[at..]]
            .concat()
            .join(" "),
        None => format!("{command} --no-fail-fast"),
    }
}

/// How a check's report is to be read.
pub(super) struct Reading {
    /// The configured format, else the one of the runner that the command's words name.
    pub(super) format: ReportFormat,
    /// Whether the report must be in the command's output, so that its absence is a failure.
    pub(super) promised: bool,
}

/// How the report of a check is to be read.
pub(super) fn reading(check: &CheckConfig) -> Reading {
    if check.report != ReportFormat::Auto {
        let promised = check.report != ReportFormat::None;
        return Reading {
            format: check.report,
            promised,
        };
    }
    if check.kind != Category::Test {
        return Reading {
            format: ReportFormat::Auto,
            promised: false,
        };
    }
    let mut formats: Vec<ReportFormat> = segments(&check.command).filter_map(runner).collect();
    formats.dedup();
    let format = match formats.as_slice() {
        [one] => *one,
        _ => ReportFormat::Auto,
    };
    // Behind a pipe or a redirection, the report may have gone elsewhere.
    let elsewhere = check.command.contains(['>', '|']);
    let promised = !elsewhere
        && segments(&check.command)
            .last()
            .is_some_and(|last| runner(last).is_some());
    Reading { format, promised }
}

/// Whether failing tests alone explain this exit code: it is the one by which the runner that ends the command says
/// so, or the person names the report of a command that runs one thing only.
pub(super) fn explains(check: &CheckConfig, exit_code: Option<i32>) -> bool {
    let named = !matches!(check.report, ReportFormat::Auto | ReportFormat::None);
    match (exit_code, failing_exit_code(&check.command)) {
        (None, _) => false,
        (code, Some(own)) => code == Some(own),
        (Some(code), None) => {
            named && segments(&check.command).count() == 1 && (1..126).contains(&code)
        }
    }
}

/// The exit code by which this runner says that tests failed, if it is the last thing that the command runs: then
/// the code is the runner's own, and all before it has run.
fn failing_exit_code(command: &str) -> Option<i32> {
    match segments(command).last().and_then(runner)? {
        ReportFormat::CargoTest => Some(101),
        ReportFormat::Pytest => Some(1),
        ReportFormat::Auto | ReportFormat::None => None,
    }
}

/// The commands of a command line, as far as separators tell.
fn segments(command: &str) -> impl DoubleEndedIterator<Item = &str> {
    command
        .trim()
        .split(['&', '|', ';', '\n'])
        .filter(|part| !part.trim().is_empty())
}

/// The format of the report that one command prints.
fn runner(command: &str) -> Option<ReportFormat> {
    let words: Vec<&str> = command.split_whitespace().collect();
    let other_output = [
        "--no-run",
        "--list",
        "--collect-only",
        "--co",
        "--help",
        "--version",
        "--format=json",
        "json",
    ];
    if words.iter().any(|word| other_output.contains(word)) {
        return None;
    }
    if starts_cargo_test(&words) {
        return Some(ReportFormat::CargoTest);
    }
    let is_pytest = |word: &str| matches!(word.rsplit('/').next(), Some("pytest" | "py.test"));
    let runs = words.iter().position(|word| is_pytest(word))?;
    let install = words[..runs]
        .iter()
        .any(|word| matches!(*word, "install" | "add" | "echo"));
    (!install).then_some(ReportFormat::Pytest)
}

/// Whether the words are variables, then `cargo [+toolchain] [options] test`.
fn starts_cargo_test(words: &[&str]) -> bool {
    let mut words = words
        .iter()
        .skip_while(|word| word.contains('=') || **word == "env");
    words
        .next()
        .is_some_and(|word| word.rsplit('/').next() == Some("cargo"))
        && words
            .find(|word| !word.starts_with(['+', '-']))
            .is_some_and(|word| matches!(*word, "test" | "t"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::judge::tests::check;

    #[test]
    fn a_plain_cargo_test_runs_every_binary() {
        let line = |command: &str| command_line(&check(Category::Test, command));
        assert_eq!(line("cargo test"), "cargo test --no-fail-fast");
        assert_eq!(
            line("cargo test --locked -- --nocapture"),
            "cargo test --locked --no-fail-fast -- --nocapture"
        );
        assert_eq!(
            line("A=1 cargo +nightly -q t"),
            "A=1 cargo +nightly -q t --no-fail-fast"
        );
        assert_eq!(
            line("cargo test --no-fail-fast"),
            "cargo test --no-fail-fast"
        );
        assert_eq!(line("cargo test && ./e2e"), "cargo test && ./e2e");
        assert_eq!(line("cargo nextest run"), "cargo nextest run");
        assert_eq!(
            command_line(&check(Category::Build, "cargo test --no-run")),
            "cargo test --no-run"
        );
    }

    #[test]
    fn the_words_of_a_command_tell_its_report() {
        let read = |command: &str| {
            let reading = reading(&check(Category::Test, command));
            (reading.format, reading.promised)
        };
        assert_eq!(read("cargo test --locked"), (ReportFormat::CargoTest, true));
        assert_eq!(read("pytest -q | tail -n 3"), (ReportFormat::Pytest, false));
        assert_eq!(read("cargo test && pytest"), (ReportFormat::Auto, true));
        assert_eq!(read("make test"), (ReportFormat::Auto, false));
        assert_eq!(
            read("cargo test -- -Z unstable-options --format json"),
            (ReportFormat::Auto, false)
        );
    }

    #[test]
    fn the_exit_code_is_a_runners_own_only_at_the_end_of_the_command() {
        assert_eq!(failing_exit_code("cd app && cargo test"), Some(101));
        assert_eq!(failing_exit_code("python3 -m pytest -q"), Some(1));
        assert_eq!(failing_exit_code("uv run .venv/bin/pytest"), Some(1));
        assert_eq!(failing_exit_code("cargo test && ./e2e.sh"), None);
        assert_eq!(failing_exit_code("cargo test | tee log"), None);
        assert_eq!(failing_exit_code("make test"), None);
        assert_eq!(failing_exit_code("pip install pytest"), None);
    }
}
