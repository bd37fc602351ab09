//! Running only some of a check's tests, where its runner can.

use crate::config::CheckConfig;

use super::baseline::identity;
use super::runner;

/// The most tests that are named on a command line.
const MOST: usize = 50;

/// The same check for these tests alone, if it is a plain call of a runner that can select them by name; else none,
/// and the whole check must run.
pub fn only(check: &CheckConfig, tests: &[&str]) -> Option<CheckConfig> {
    if tests.is_empty() || tests.len() > MOST || !check.report_files.is_empty() {
        return None;
    }
    let command = runner::command_line(check);
    if !runner::is_plain(&command) {
        return None;
    }
    let words: Vec<&str> = command.split_whitespace().collect();
    let command = cargo_test(&words, tests)
        .or_else(|| pytest(&words, tests))
        .or_else(|| unittest(&words, tests))
        .or_else(|| go_test(&words, tests))?;
    Some(CheckConfig {
        command,
        ..check.clone()
    })
}

fn cargo_test(words: &[&str], tests: &[&str]) -> Option<String> {
    let doc_test = |name: &&str| identity(name) != **name || name.contains(" - ");
    if !runner::starts_cargo_test(words) || tests.iter().any(doc_test) {
        return None;
    }
    let separator = if words.contains(&"--") { "" } else { " --" };
    let tests = quoted(tests)?;
    Some(format!("{}{separator} --exact {tests}", words.join(" ")))
}

/// Only where no word can be a path or a name already.
fn pytest(words: &[&str], tests: &[&str]) -> Option<String> {
    let at = words
        .iter()
        .position(|word| matches!(word.rsplit('/').next(), Some("pytest" | "py.test")))?;
    let alone = words[at + 1..].iter().all(|word| word.starts_with('-'));
    let tests = quoted(tests)?;
    alone.then(|| format!("{} {tests}", words.join(" ")))
}

fn unittest(words: &[&str], tests: &[&str]) -> Option<String> {
    let [python, "-m", "unittest", rest @ ..] = words else {
        return None;
    };
    let alone = rest.iter().all(|word| word.starts_with('-'));
    let name = python.rsplit('/').next().unwrap_or(python);
    let tests = quoted(tests)?;
    (alone && name.starts_with("python")).then(|| format!("{} {tests}", words.join(" ")))
}

fn go_test(words: &[&str], tests: &[&str]) -> Option<String> {
    let at = runner::go_test(words)?;
    if words
        .iter()
        .any(|word| word.starts_with("-run") || word.starts_with("--run"))
    {
        return None;
    }
    let mut names: Vec<&str> = tests
        .iter()
        .filter_map(|name| name.rsplit(' ').next()?.split('/').next())
        .collect();
    names.sort_unstable();
    names.dedup();
    let known = |name: &&str| name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let pattern = names.iter().all(known).then(|| names.join("|"))?;
    let (before, after) = words.split_at(at + 1);
    Some(format!(
        "{} -run '^({pattern})$' {}",
        before.join(" "),
        after.join(" ")
    ))
}

/// The names as words of a shell; none if one cannot be said there.
fn quoted(tests: &[&str]) -> Option<String> {
    let sayable = |name: &&str| !name.contains(['\'', '\n', '\0']) && !name.starts_with('-');
    let all = tests.iter().all(sayable);
    let words: Vec<String> = tests.iter().map(|name| format!("'{name}'")).collect();
    all.then(|| words.join(" "))
}

#[cfg(test)]
mod tests {
    use crate::domain::finding::Category;
    use crate::verify::judge::tests::check;

    fn only(command: &str, tests: &[&str]) -> Option<String> {
        super::only(&check(Category::Test, command), tests).map(|check| check.command)
    }

    #[test]
    fn a_runner_that_selects_by_name_is_asked_for_these_tests_alone() {
        for (command, tests, selected) in [
            (
                "cargo test --locked",
                &["a::adds", "b::it's"] as &[&str],
                None,
            ),
            (
                "cargo test --locked",
                &["a::adds", "b"],
                Some("cargo test --locked --no-fail-fast -- --exact 'a::adds' 'b'"),
            ),
            (
                "cargo test -- --test-threads=1",
                &["a"],
                Some("cargo test --no-fail-fast -- --test-threads=1 --exact 'a'"),
            ),
            ("cargo test", &["src/lib.rs - add (line 3)"], None),
            (
                "python3 -m pytest -q",
                &["t/a.py::T::test_x[1 2]"],
                Some("python3 -m pytest -q 't/a.py::T::test_x[1 2]'"),
            ),
            ("pytest -q tests", &["a.py::t"], None),
            (
                "python3 -m unittest -v",
                &["m.T.test"],
                Some("python3 -m unittest -v 'm.T.test'"),
            ),
            ("python3 -m unittest discover -s t", &["m.T.test"], None),
            (
                "go test ./...",
                &["x/a TestB/sub", "x/a TestA"],
                Some("go test -run '^(TestA|TestB)$' -json ./..."),
            ),
            ("npm test", &["a"], None),
            ("cargo test && ./more", &["a"], None),
        ] {
            assert_eq!(only(command, tests).as_deref(), selected, "{command}");
        }
    }
}
