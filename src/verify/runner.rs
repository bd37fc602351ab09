//! Which test runner a command line starts, as far as its words tell.

use std::ops::RangeInclusive;

use super::report::{Report, recognise};
use crate::config::{CheckConfig, ReportFormat};
use crate::domain::finding::Category;

/// The command line that is run for a check: the configured one, with one option more where a test check is a plain
/// call of a runner that says too little by itself. `cargo test` gets `--no-fail-fast`: without it, a test that already
/// fails would hide every test binary after its own. `go test` gets `-json`, and `node --test` the TAP reporter: what
/// they print for people does not name every test.
pub fn command_line(check: &CheckConfig) -> String {
    let command = check.command.trim();
    if check.kind != Category::Test || !is_plain(command) {
        return command.to_owned();
    }
    let words: Vec<&str> = command.split_whitespace().collect();
    match option(&words) {
        Some((option, at)) => [&words[..at], &[option], &words[at..]].concat().join(" "),
        None => command.to_owned(),
    }
}

/// Whether a command line is one command, in which a shell would do no more than part the words.
pub(super) fn is_plain(command: &str) -> bool {
    !command.contains([
        '&', '|', ';', '\n', '<', '>', '$', '`', '(', '\'', '"', '#', '\\',
    ])
}

/// The option that a plain call of a runner is missing, and the index of the word before which it goes.
fn option(words: &[&str]) -> Option<(&'static str, usize)> {
    let has = |known: &[&str]| words.iter().any(|word| known.contains(word));
    if starts_cargo_test(words) {
        let end = words.iter().position(|word| *word == "--");
        let all = has(&["--no-fail-fast", "--no-run", "--doc"]);
        return (!all).then_some(("--no-fail-fast", end.unwrap_or(words.len())));
    }
    if let Some(at) = go_test(words) {
        let other = ["-json", "--json", "-c", "-list", "-h", "-help", "--help"];
        return (!has(&other)).then_some(("-json", at + 1));
    }
    let at = node_test(words)?;
    let chosen = words.iter().any(|word| {
        word.starts_with("--test-reporter") || matches!(*word, "--watch" | "--help" | "--version")
    });
    (!chosen).then_some(("--test-reporter=tap", at + 1))
}

/// The test report in what a command printed, as the runner that its words name prints it, else as it tells itself
/// apart. None: there is none beyond doubt.
pub fn read_report(command: &str, stdout: &str, stderr: &str) -> Option<Report> {
    let named = format_of(command);
    let report = recognise(stdout, stderr, named);
    match named {
        ReportFormat::Auto => report,
        _ => report.or_else(|| recognise(stdout, stderr, ReportFormat::Auto)),
    }
}

/// The format of the report of a test command, as far as its words tell.
fn format_of(command: &str) -> ReportFormat {
    let mut formats: Vec<ReportFormat> = segments(command).filter_map(runner).collect();
    formats.dedup();
    match formats.as_slice() {
        [one] => *one,
        _ => ReportFormat::Auto,
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
    if !check.report_files.is_empty() {
        return Reading {
            format: check.report,
            promised: true,
        };
    }
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
    let command = command_line(check);
    let format = format_of(&command);
    // Behind a pipe or a redirection, the report may have gone elsewhere.
    let elsewhere = command.contains(['>', '|']);
    let promised = !elsewhere
        && segments(&command)
            .last()
            .is_some_and(|last| runner(last).is_some());
    Reading { format, promised }
}

/// Whether failing tests alone explain this exit code: it is the one by which the runner that ends the command says
/// so, or the person names the report of a command that runs one thing only.
pub(super) fn explains(check: &CheckConfig, exit_code: Option<i32>) -> bool {
    let named = !check.report_files.is_empty()
        || !matches!(check.report, ReportFormat::Auto | ReportFormat::None);
    let own = segments(&command_line(check))
        .last()
        .and_then(runner)
        .and_then(failing_exit_codes);
    match (exit_code, own) {
        (None, _) => false,
        (Some(code), Some(own)) => own.contains(&code),
        (Some(code), None) => {
            named && segments(&check.command).count() == 1 && (1..126).contains(&code)
        }
    }
}

/// The exit codes by which this runner says that tests failed. It must be the last thing that the command runs: then
/// the code is the runner's own, and all before it has run.
fn failing_exit_codes(runner: ReportFormat) -> Option<RangeInclusive<i32>> {
    use ReportFormat::{
        Bats, CargoTest, Ctest, GoTest, Gtest, Jest, JunitConsole, Minitest, Mocha, Nextest,
        NodeTest, Phpunit, Playwright, Prove, Pytest, Rspec, Surefire, Tap, TestUnit, Unittest,
        Vitest,
    };
    match runner {
        CargoTest => Some(101..=101),
        Nextest => Some(100..=100),
        Ctest => Some(8..=8),
        // As many as failed.
        Mocha => Some(1..=255),
        // Failures, or errors.
        Phpunit => Some(1..=2),
        Pytest | GoTest | Tap | Unittest | Jest | Vitest | NodeTest | Playwright | Rspec
        | Minitest | Gtest | Surefire | JunitConsole | Bats | TestUnit => Some(1..=1),
        // As many as tests failed, or what the last file that died ended with.
        Prove => Some(1..=255),
        _ => None,
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
    if let Some(at) = go_test(&words) {
        let own = words[at..].iter().take_while(|word| **word != "-args");
        let json = own
            .into_iter()
            .any(|word| matches!(*word, "-json" | "--json"));
        return json.then_some(ReportFormat::GoTest);
    }
    if prints_tap(&words) {
        return Some(ReportFormat::Tap);
    }
    if let Some(format) = by_name(&words) {
        return Some(format);
    }
    let is_pytest = |word: &str| matches!(word.rsplit('/').next(), Some("pytest" | "py.test"));
    let runs = words.iter().position(|word| is_pytest(word))?;
    let install = words[..runs]
        .iter()
        .any(|word| matches!(*word, "install" | "add" | "echo"));
    (!install).then_some(ReportFormat::Pytest)
}

/// Whether one command prints TAP, and ends with 1 if a test fails: Node's runner (also through `npm test -- …`),
/// vitest and bats, where told to.
fn prints_tap(words: &[&str]) -> bool {
    let program = |names: &[&str]| {
        words
            .iter()
            .any(|word| names.contains(&word.rsplit('/').next().unwrap_or(word)))
    };
    let reporters = words
        .iter()
        .filter(|word| word.starts_with("--test-reporter") || word.starts_with("--reporter"));
    let one = reporters.count() == 1;
    let told = |word: &str| words.contains(&word);
    (one && told("--test-reporter=tap") && program(&["node", "npm"]))
        || (one && (told("--reporter=tap") || told("--reporter=tap-flat")) && program(&["vitest"]))
        || (told("--tap") && program(&["bats"]))
}

/// The format of a runner that is started by its name, perhaps through a package manager, and prints what it prints
/// for people.
fn by_name(words: &[&str]) -> Option<ReportFormat> {
    let at = launched(words)?;
    let (program, rest) = words[at..].split_first()?;
    let other = [
        "-R",
        "--reporter",
        "--json",
        "--format",
        "-f",
        "--log",
        "--message-format",
    ];
    let own_output = !rest.iter().any(|word| {
        other
            .iter()
            .any(|other| word.split('=').next() == Some(other))
            || word.starts_with("--reporter")
    });
    let format = match program.rsplit('/').next().unwrap_or(program) {
        "jest" => ReportFormat::Jest,
        "vitest"
            if rest
                .first()
                .is_none_or(|word| *word == "run" || word.starts_with('-')) =>
        {
            ReportFormat::Vitest
        }
        "mocha" => ReportFormat::Mocha,
        "rspec" => ReportFormat::Rspec,
        "phpunit" => ReportFormat::Phpunit,
        "ctest" => ReportFormat::Ctest,
        "cargo" if rest.starts_with(&["nextest", "run"]) => ReportFormat::Nextest,
        _ if words[..=at].ends_with(&["-m", "unittest"]) => ReportFormat::Unittest,
        name if name.starts_with("python") && rest.starts_with(&["-m", "unittest"]) => {
            ReportFormat::Unittest
        }
        _ => return None,
    };
    own_output.then_some(format)
}

/// The index of the program that a command starts, behind variables and perhaps a package manager.
pub(super) fn launched(words: &[&str]) -> Option<usize> {
    const LAUNCHERS: [&str; 12] = [
        "npx", "pnpm", "yarn", "bun", "bunx", "exec", "run", "bundle", "php", "uv", "poetry",
        "coverage",
    ];
    let start = after_variables(words);
    let launches = |word: &&&str| LAUNCHERS.contains(*word) || word.starts_with('-');
    let at = start + words[start..].iter().take_while(launches).count();
    (at < words.len()).then_some(at)
}

/// The words after variables that are set for a command.
pub(super) fn after_variables(words: &[&str]) -> usize {
    let set = |word: &&&str| (word.contains('=') && !word.starts_with('-')) || **word == "env";
    words.iter().take_while(set).count()
}

fn is_program(word: Option<&&str>, name: &str) -> bool {
    word.is_some_and(|word| word.rsplit('/').next() == Some(name))
}

/// Whether the words are variables, then `cargo [+toolchain] [options] test`.
pub(super) fn starts_cargo_test(words: &[&str]) -> bool {
    let words = &words[after_variables(words)..];
    is_program(words.first(), "cargo")
        && words[1..]
            .iter()
            .find(|word| !word.starts_with(['+', '-']))
            .is_some_and(|word| matches!(*word, "test" | "t"))
}

/// The index of `test` in variables, then `go [-C folder] test`.
pub(super) fn go_test(words: &[&str]) -> Option<usize> {
    let go = after_variables(words);
    let at = match words.get(go + 1) {
        Some(&"-C") => go + 3,
        _ => go + 1,
    };
    (is_program(words.get(go), "go") && words.get(at) == Some(&"test")).then_some(at)
}

/// The index of `--test` in variables, then `node [options] --test`.
pub(super) fn node_test(words: &[&str]) -> Option<usize> {
    let node = after_variables(words);
    let own = words.get(node + 1..)?;
    let options = own.iter().take_while(|word| word.starts_with('-')).count();
    let at = own[..options].iter().position(|word| *word == "--test")?;
    is_program(words.get(node), "node").then_some(node + 1 + at)
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
    fn a_plain_runner_is_told_to_name_every_test() {
        let line = |command: &str| command_line(&check(Category::Test, command));
        assert_eq!(line("go test ./..."), "go test -json ./...");
        assert_eq!(
            line("CGO_ENABLED=0 go -C app test -race ./... -args -x"),
            "CGO_ENABLED=0 go -C app test -json -race ./... -args -x"
        );
        assert_eq!(line("node --test"), "node --test --test-reporter=tap");
        assert_eq!(
            line("node --import=tsx --test test/*.ts"),
            "node --import=tsx --test --test-reporter=tap test/*.ts"
        );
        for own in [
            "go test -json ./...",
            "go test -list . ./...",
            "go vet ./...",
            "go test ./... | tee log",
            "node --test --test-reporter=spec",
            "node test.js --test",
            "npm test",
        ] {
            assert_eq!(line(own), own);
        }
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
            read("cd app && go test -json ."),
            (ReportFormat::GoTest, true)
        );
        assert_eq!(read("cd app && go test ."), (ReportFormat::Auto, false));
        assert_eq!(read("go test ./..."), (ReportFormat::GoTest, true));
        assert_eq!(read("node --test"), (ReportFormat::Tap, true));
        assert_eq!(
            read("npm test -- --test-reporter=tap"),
            (ReportFormat::Tap, true)
        );
        assert_eq!(
            read("npx vitest run --reporter=tap"),
            (ReportFormat::Tap, true)
        );
        for (command, format) in [
            (
                "python3 -m unittest discover -s tests",
                ReportFormat::Unittest,
            ),
            ("uv run --frozen python -m unittest", ReportFormat::Unittest),
            ("coverage run -m unittest", ReportFormat::Unittest),
            ("npx --no-install jest --ci", ReportFormat::Jest),
            ("pnpm exec vitest run", ReportFormat::Vitest),
            ("./node_modules/.bin/mocha test", ReportFormat::Mocha),
            ("bundle exec rspec", ReportFormat::Rspec),
            ("php vendor/bin/phpunit tests", ReportFormat::Phpunit),
            ("cargo nextest run", ReportFormat::Nextest),
        ] {
            assert_eq!(read(command), (format, true), "{command}");
        }
        for other in [
            "npm install jest",
            "npx mocha --reporter=json",
            "rspec -f json",
            "vitest bench",
        ] {
            assert_eq!(read(other), (ReportFormat::Auto, false), "{other}");
        }
        assert_eq!(read("npm test"), (ReportFormat::Auto, false));
        assert_eq!(
            read("cargo test -- -Z unstable-options --format json"),
            (ReportFormat::Auto, false)
        );
    }

    #[test]
    fn the_exit_code_is_a_runners_own_only_at_the_end_of_the_command() {
        let code = |command: &str| {
            let end = segments(command).last().and_then(runner);
            end.and_then(failing_exit_codes).map(|codes| *codes.start())
        };
        assert_eq!(code("cd app && cargo test"), Some(101));
        assert_eq!(code("python3 -m pytest -q"), Some(1));
        assert_eq!(code("uv run .venv/bin/pytest"), Some(1));
        assert_eq!(code("cargo test && ./e2e.sh"), None);
        assert_eq!(code("cargo test | tee log"), None);
        assert_eq!(code("go test -json ./..."), Some(1));
        assert_eq!(code("bats --tap test"), Some(1));
        assert_eq!(code("cargo nextest run --locked"), Some(100));
        assert_eq!(code("ctest --test-dir build"), Some(8));
        assert_eq!(code("make test"), None);
        assert_eq!(code("pip install pytest"), None);
    }
}
