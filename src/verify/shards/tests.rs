use std::fs;
use std::path::Path;

use super::*;
use crate::domain::check::{CheckScope, CheckStatus};
use crate::domain::finding::Category;
use crate::domain::id::TreeId;
use crate::verify::RunFacts;

fn check(command: &str) -> CheckConfig {
    CheckConfig::new(Category::Test, command)
}

/// The lines of two shards, or why there are none.
fn cut(command: &str) -> Vec<String> {
    cut_in(command, Path::new("/nowhere"))
}

fn cut_in(command: &str, folder: &Path) -> Vec<String> {
    match parts(&check(command), 2, folder) {
        Ok(parts) => parts.into_iter().map(|part| part.line).collect(),
        Err(error) => vec![error.to_string()],
    }
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

#[test]
fn a_command_says_itself_which_part_runs() {
    assert_eq!(
        cut("sh suite.sh {shard}/{shards} > log"),
        ["sh suite.sh 1/2 > log", "sh suite.sh 2/2 > log"]
    );
    let told = parts(&check("./suite --part $RGPT_SHARD"), 3, Path::new("/")).unwrap();
    assert_eq!(told[1].line, "./suite --part $RGPT_SHARD");
    let env = [("RGPT_SHARD", "2"), ("RGPT_SHARDS", "3")];
    assert_eq!(
        told[1].env,
        env.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    assert_eq!(whole(&check("suite {shard} {shards}")).line, "suite 1 1");
}

#[test]
fn runners_have_their_own_ways() {
    for (command, second) in [
        (
            "cargo nextest run --locked -- a",
            "cargo nextest run --locked --partition=count:2/2 -- a",
        ),
        (
            "npx playwright test",
            "npx playwright test --shard=2/2 --output=test-results/shard-2",
        ),
        (
            "pnpm exec playwright test --output=out",
            "pnpm exec playwright test --output=out --shard=2/2",
        ),
        (
            "npx --no-install jest --ci",
            "npx --no-install jest --ci --shard=2/2 --passWithNoTests",
        ),
        (
            "npx vitest run",
            "npx vitest run --shard=2/2 --passWithNoTests",
        ),
        ("ctest --test-dir build", "ctest --test-dir build -I 2,,2"),
        (
            "node --test test/a.js",
            "node --test --test-shard=2/2 --test-reporter=tap test/a.js",
        ),
        (
            "CGO_ENABLED=0 go -C app test -tags e2e -run X ./...",
            "all=$(CGO_ENABLED=0 go -C app list -tags e2e ./...) || exit; own=$(printf '%s\\n' $all | awk 'NR % 2 == 0'); \
             if [ -z \"$own\" ]; then echo 'rgpt: no tests in this shard'; \
             else CGO_ENABLED=0 go -C app test -json -tags e2e -run X $own ; fi",
        ),
    ] {
        assert_eq!(cut(command).last().unwrap(), second);
    }
    let mut gtest = check("build/all_tests");
    gtest.report = ReportFormat::Gtest;
    let lines = parts(&gtest, 2, Path::new("/")).unwrap();
    assert_eq!(
        lines[1].line,
        "GTEST_TOTAL_SHARDS=2 GTEST_SHARD_INDEX=1 build/all_tests"
    );
}

#[test]
fn what_cannot_be_cut_surely_is_not_cut() {
    let told = [
        "cargo test",
        "npm test",
        "cd app && npx jest",
        "npx jest --shard=1/4",
        "npx jest --coverage",
        "go test ./a ./b",
        "python3 -m unittest",
    ]
    .map(|command| cut(command).concat());
    insta::assert_snapshot!(told.join("\n"), @r"
    `cargo test` cannot be cut into shards: cargo test has no way; cargo nextest run has one
    `npm test` cannot be cut into shards: no way of cutting it is known
    `cd app && npx jest` cannot be cut into shards: it is more than a plain call of one runner
    `npx jest --shard=1/4` cannot be cut into shards: it chooses a part already, with --shard
    `npx jest --coverage` cannot be cut into shards: --coverage needs all tests in one run
    `go test ./a ./b` cannot be cut into shards: its packages are no pattern such as ./...
    `python3 -m unittest` cannot be cut into shards: no way of cutting it is known
    ");
}

#[test]
fn shards_do_not_write_over_each_others_report() {
    let mut check = check("npx playwright test");
    check.report_files = vec!["out/junit.xml".to_owned()];
    let error = parts(&check, 2, Path::new("/")).unwrap_err();
    assert!(error.to_string().contains("put {shard} into"), "{error}");
    check.command = "sh suite.sh {shard}".to_owned();
    check.report_files = vec!["out/junit-{shard}.xml".to_owned()];
    let parts = parts(&check, 2, Path::new("/")).unwrap();
    assert_eq!(parts[1].report_files, ["out/junit-2.xml"]);
}

#[test]
fn pytests_files_are_dealt_out() {
    let dir = folder(&[
        (
            "pyproject.toml",
            "[tool.pytest.ini_options]\naddopts = \"-q\"\ntestpaths = [\"tests\"]\n",
        ),
        ("tests/test_a.py", ""),
        ("tests/unit/b_test.py", ""),
        ("tests/test_ c.py", ""),
        ("tests/helpers.py", ""),
        ("tests/build/test_d.py", ""),
        ("other/test_e.py", ""),
    ]);
    assert_eq!(
        cut_in("uv run python -m pytest -k fast", dir.path()),
        [
            "uv run python -m pytest -k fast 'tests/test_ c.py' tests/unit/b_test.py",
            "uv run python -m pytest -k fast tests/test_a.py",
        ]
    );
    assert_eq!(
        cut_in("pytest tests/unit", dir.path()),
        ["pytest tests/unit/b_test.py"]
    );
    let bare = folder(&[("test_a.py", ""), ("sub/test_b.py", "")]);
    assert_eq!(
        cut_in("pytest", bare.path()),
        [
            "pytest --rootdir=. sub/test_b.py",
            "pytest --rootdir=. test_a.py"
        ]
    );
}

#[test]
fn what_makes_pytests_files_unsure_is_said() {
    let why = |files: &[(&str, &str)], command: &str| {
        let dir = folder(&[files, &[("test_a.py", "")]].concat());
        cut_in(command, dir.path()).concat()
    };
    let settings = why(
        &[("pytest.ini", "[pytest]\npython_files = check_*.py\n")],
        "pytest",
    );
    let hook = why(
        &[("conftest.py", "def pytest_collect_file(): ...\n")],
        "pytest",
    );
    let lines = why(&[("pytest.ini", "[pytest]\ntestpaths =\n  a\n")], "pytest");
    let single = why(&[], "pytest test_a.py::test_x");
    let whole = why(&[], "pytest --cov=lib");
    insta::assert_snapshot!([settings, hook, lines, single, whole].join("\n"), @r"
    `pytest` cannot be cut into shards: pytest.ini says python_files, so which files hold tests is not sure
    `pytest` cannot be cut into shards: conftest.py has pytest_collect_file, so which files hold tests is not sure
    `pytest` cannot be cut into shards: the testpaths of pytest.ini are not on one line
    `pytest test_a.py::test_x` cannot be cut into shards: it chooses single tests
    `pytest --cov=lib` cannot be cut into shards: --cov needs all tests in one run
    ");
}

#[test]
fn rspecs_files_are_dealt_out() {
    let dir = folder(&[
        ("spec/a_spec.rb", ""),
        ("spec/b/c_spec.rb", ""),
        ("spec/spec_helper.rb", ""),
    ]);
    assert_eq!(
        cut_in("bundle exec rspec", dir.path()),
        [
            "bundle exec rspec spec/a_spec.rb",
            "bundle exec rspec spec/b/c_spec.rb"
        ]
    );
}

/// The shards of a command, judged: exit code and standard output of each.
fn judged(command: &str, ends: &[(Option<i32>, &str)]) -> Judged {
    let check = CheckConfig {
        report: if command.starts_with("pytest") {
            ReportFormat::Pytest
        } else {
            ReportFormat::Auto
        },
        ..check(command)
    };
    let of = u32::try_from(ends.len()).unwrap();
    let runs = (1..).zip(ends).map(|(shard, (exit_code, stdout))| {
        let facts = RunFacts {
            exit_code: *exit_code,
            signal: exit_code.is_none().then(|| "SIGKILL".to_owned()),
            duration_ms: 5 + u64::from(shard),
            stdout: (*stdout).to_owned(),
            output: (*stdout).to_owned(),
            ..RunFacts::default()
        };
        (part(&check, command, shard, of), facts)
    });
    judge_parts(
        "test",
        &check,
        CheckScope::Final,
        &TreeId::from("t"),
        runs.collect(),
    )
}

const GREEN: &str = "..   [100%]\n2 passed in 0.01s\n";
const RED: &str = "F.\n=== FAILURES ===\n=== short test summary info ===\nFAILED b.py::test_b - assert 0\n1 failed, 1 passed in 0.1s\n";
const NONE: &str = "\nno tests ran in 0.01s\n";

#[test]
fn the_numbers_of_all_shards_are_summed() {
    let judged = judged(
        "pytest",
        &[(Some(0), GREEN), (Some(1), RED), (Some(0), GREEN)],
    );
    let counts = judged.result.report.unwrap();
    assert_eq!(
        (counts.passed, counts.failed, counts.complete),
        (5, 1, true)
    );
    assert_eq!(
        (judged.result.status, judged.result.exit_code),
        (CheckStatus::Failed, Some(1))
    );
    assert_eq!(judged.result.duration_ms, 8);
    assert_eq!(judged.result.tests.len(), 1);
    assert!(judged.result.output.starts_with("--- shard 2 of 3\nF.\n"));
    assert_eq!(judged.shards.len(), 3);
}

#[test]
fn a_shard_without_tests_is_no_failure_if_another_has_some() {
    let some = judged("pytest", &[(Some(0), GREEN), (Some(5), NONE)]);
    assert_eq!(some.result.status, CheckStatus::Passed);
    assert_eq!(some.result.exit_code, Some(0));
    assert!(some.shards[1].empty);
    let none = judged("pytest", &[(Some(5), NONE), (Some(5), NONE)]);
    assert_eq!(none.result.status, CheckStatus::Failed);
}

#[test]
fn a_shard_that_dies_is_a_failure() {
    let died = judged("pytest", &[(Some(0), GREEN), (None, "")]);
    assert_eq!(died.result.status, CheckStatus::Error);
    assert_eq!(
        died.result.note.as_deref(),
        Some("shard 2 of 2: killed by SIGKILL")
    );
    assert!(!died.result.report.unwrap().complete);
    let both = judged("pytest", &[(Some(1), RED), (None, "")]);
    assert_eq!(
        (both.result.status, both.result.exit_code),
        (CheckStatus::Failed, None)
    );
}
