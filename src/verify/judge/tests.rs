use std::time::Duration;

use super::*;
use crate::config::ReportFormat;
use crate::workspace::written::Written;

/// A check as configurations give it.
pub(in crate::verify) fn check(kind: Category, command: &str) -> CheckConfig {
    CheckConfig {
        timeout: Duration::from_secs(60),
        ..CheckConfig::new(kind, command)
    }
}

/// The result of a check named after its kind, which took 7 ms.
pub(in crate::verify) fn judged(
    kind: Category,
    command: &str,
    exit_code: Option<i32>,
    stdout: &str,
    stderr: &str,
) -> CheckResult {
    let run = RunFacts {
        exit_code,
        duration_ms: 7,
        stdout: stdout.to_owned(),
        stderr: stderr.to_owned(),
        ..RunFacts::default()
    };
    judge(
        kind.as_str(),
        &check(kind, command),
        CheckScope::Final,
        TreeId::from("t"),
        run,
    )
}

fn told(result: &CheckResult) -> Vec<String> {
    result
        .observations
        .iter()
        .map(|one| {
            let place = one.location.as_deref().unwrap_or("-");
            format!(
                "{} {} {} @ {place}",
                one.severity, one.category, one.message
            )
        })
        .collect()
}

const GREEN: &str = include_str!("../report/fixtures/cargo_child.out.txt");

#[test]
fn exit_code_and_report_that_agree_pass() {
    let result = judged(Category::Test, "cargo test", Some(0), GREEN, "");
    assert_eq!(result.status, CheckStatus::Passed);
    assert_eq!(result.tests.len(), 2);
    assert!(result.observations.is_empty() && result.note.is_none());
}

#[test]
fn each_failing_test_is_a_finding_with_its_place() {
    let stdout = include_str!("../report/fixtures/cargo_fast.out.txt");
    let result = judged(Category::Test, "cargo test", Some(101), stdout, "");
    assert_eq!(result.status, CheckStatus::Failed);
    assert_eq!(
        told(&result),
        [
            "major test tests::adds_wrong: assertion `left == right` failed: sum of 1 and 2, left: 3, right: 4 @ src/lib.rs:26",
            "major test tests::errs: Error: \"broken\" @ tests::errs",
            "major test tests::nested: inner run failed, second line @ src/lib.rs:33",
            "major test tests::refuses_else: panic did not contain expected string, panic message: \"xyz\", expected substring: \"abc\" @ src/lib.rs:31",
            "major test tests::refuses_not: test did not panic as expected @ src/lib.rs:30",
            "major test tests::unwraps: called `Option::unwrap()` on a `None` value @ src/lib.rs:27",
        ]
    );
}

#[test]
fn a_masked_exit_code_does_not_hide_failing_tests() {
    let stdout = include_str!("../report/fixtures/pytest_default.txt");
    let result = judged(Category::Test, "pytest || true", Some(0), stdout, "");
    assert_eq!(result.status, CheckStatus::Failed);
    assert!(
        result
            .note
            .is_some_and(|note| note.contains("although its report tells of failing tests"))
    );
}

#[test]
fn no_exit_code_makes_a_red_report_of_any_runner_green() {
    for stdout in [
        include_str!("../report/fixtures/jest.json"),
        include_str!("../report/fixtures/vitest.json"),
        include_str!("../report/fixtures/mocha_json.txt"),
        include_str!("../report/fixtures/gtest.json"),
        include_str!("../report/fixtures/libtest.jsonl"),
        include_str!("../report/fixtures/bats_pretty.txt"),
        include_str!("../report/fixtures/tap_bats.txt"),
        include_str!("../report/fixtures/prove_v.out.txt"),
        include_str!("../report/fixtures/junit_console.txt"),
        include_str!("../report/fixtures/test_unit.txt"),
        include_str!("../report/fixtures/phpunit_testdox.txt"),
        include_str!("../report/fixtures/phpunit_teamcity.txt"),
        include_str!("../report/fixtures/surefire.txt"),
    ] {
        for (command, code) in [("make test", 0), ("make test || true", 0), ("make test", 1)] {
            let result = judged(Category::Test, command, Some(code), stdout, "");
            assert_eq!(result.status, CheckStatus::Failed, "{stdout}");
            let tests = result.observations.iter();
            assert!(tests.filter(|one| one.category == Category::Test).count() > 0);
        }
    }
}

#[test]
fn a_bad_exit_code_is_not_hidden_by_green_tests() {
    let stdout = "..   [100%]\nFAIL Required test coverage of 90% not reached. Total coverage: 40.00%\n2 passed in 0.86s\n";
    let result = judged(
        Category::Test,
        "pytest -q --cov=lib --cov-fail-under=90",
        Some(1),
        stdout,
        "",
    );
    assert_eq!(result.status, CheckStatus::Failed);
    assert_eq!(
        told(&result),
        [
            "major test no test fails, but coverage is below its threshold: FAIL Required test coverage of 90% not reached. Total coverage: 40.00% @ -"
        ]
    );
    let result = judged(
        Category::Test,
        "pytest -q",
        Some(1),
        "..   [100%]\n2 passed in 0.86s\n",
        "ERROR: the database cannot be dropped\n",
    );
    assert_eq!(
        told(&result),
        [
            "major test no test fails, but the command ends with exit code 1: ERROR: the database cannot be dropped @ -"
        ]
    );
}

#[test]
fn each_coverage_tool_has_its_own_words() {
    for line in [
        "Jest: \"global\" coverage threshold for lines (90%) not met: 50%",
        "ERROR: Coverage for lines (50%) does not meet global threshold (90%)",
        "Coverage failure: total of 40 is less than fail-under=90",
        "Line coverage (50.00%) is below the expected minimum coverage (90.00%).",
        "# Error: 50.00% line coverage does not meet threshold of 90%.",
        "[ERROR] Rule violated for bundle app: lines covered ratio is 0.50, but expected minimum is 0.80",
    ] {
        let stdout = format!("..   [100%]\n2 passed in 0.86s\n{line}\n");
        let result = judged(Category::Test, "pytest -q", Some(1), &stdout, "");
        let note = result.note.unwrap_or_default();
        assert!(note.starts_with("no test fails, but coverage is"), "{note}");
    }
}

#[test]
fn a_crash_after_green_tests_is_a_finding_of_its_own() {
    let green = "..   [100%]\n2 passed in 0.86s\n";
    for code in [139, 134] {
        let result = judged(Category::Test, "pytest -q", Some(code), green, "");
        assert_eq!(result.status, CheckStatus::Failed);
        let note = result.note.unwrap_or_default();
        assert!(
            note.starts_with("no test fails, but the program crashes when they are done (SIG"),
            "{note}"
        );
    }
    let killed = judged(Category::Test, "pytest -q", Some(137), green, "");
    assert_eq!(killed.status, CheckStatus::Error);
}

#[test]
fn a_crash_in_a_test_is_that_tests_failure() {
    let stdout = include_str!("../report/fixtures/gtest_crash.txt");
    let result = judged(Category::Test, "./t", Some(139), stdout, "");
    assert_eq!(result.status, CheckStatus::Failed);
    assert!(
        told(&result)
            .iter()
            .any(|line| line.starts_with("major test Cart.Vat: "))
    );
}

#[test]
fn a_report_that_breaks_off_proves_nothing() {
    let stdout = include_str!("../report/fixtures/cargo_exit0.out.txt");
    let stderr = include_str!("../report/fixtures/cargo_exit0.err.txt");
    let result = judged(Category::Test, "cargo test", Some(0), stdout, stderr);
    assert_eq!(result.status, CheckStatus::Failed);
    assert_eq!(
        told(&result),
        [
            "major test the command ends with exit code 0, but its report breaks off: a test binary ended after 1 of 3 tests @ -"
        ]
    );
    for text in [
        include_str!("../report/fixtures/pytest_exit.txt"),
        include_str!("../report/fixtures/pytest_exitv.txt"),
    ] {
        let result = judged(Category::Test, "python3 -m pytest", Some(0), text, "");
        assert_eq!(result.status, CheckStatus::Failed, "{text}");
    }
}

#[test]
fn a_runner_that_prints_no_report_proves_nothing() {
    let result = judged(Category::Test, "cargo test", Some(0), "", "");
    assert_eq!(result.status, CheckStatus::Failed);
    let unknown = judged(Category::Test, "make test", Some(0), "all good", "");
    assert_eq!(
        unknown.status,
        CheckStatus::Passed,
        "the exit code alone counts where no runner is known"
    );
    let mut trusted = check(Category::Test, "cargo test");
    trusted.report = ReportFormat::None;
    let run = RunFacts {
        exit_code: Some(0),
        ..RunFacts::default()
    };
    let result = judge("test", &trusted, CheckScope::Final, TreeId::from("t"), run);
    assert_eq!(result.status, CheckStatus::Passed);
    assert_eq!(
        judged(Category::Build, "cargo test --no-run", Some(0), "", "").status,
        CheckStatus::Passed
    );
}

#[test]
fn no_tests_at_all_are_worth_a_word() {
    let stdout = include_str!("../report/fixtures/cargo_zero.out.txt");
    let result = judged(Category::Test, "cargo test", Some(0), stdout, "");
    assert_eq!(
        (result.status, told(&result)),
        (
            CheckStatus::Passed,
            vec!["minor test no tests ran @ -".to_owned()]
        )
    );
    let result = judged(
        Category::Test,
        "pytest",
        Some(5),
        include_str!("../report/fixtures/pytest_none.txt"),
        "",
    );
    assert_eq!(
        (result.status, told(&result)),
        (
            CheckStatus::Failed,
            vec!["major test no tests ran @ -".to_owned()]
        )
    );
}

#[test]
fn a_linters_document_is_read_from_output_or_files() {
    let eslint = r#"[{"filePath":"/tree/a.js","messages":[{"ruleId":"no-undef","severity":1,"message":"'foo' is not defined.","line":2}]}]"#;
    let result = judged(Category::Lint, "eslint -f json .", Some(0), eslint, "");
    assert_eq!(result.status, CheckStatus::Passed);
    assert_eq!(
        told(&result),
        ["medium lint 'foo' is not defined. (no-undef) @ /tree/a.js:2"]
    );
    let mut scan = check(Category::Security, "scan --sarif out.sarif");
    scan.report = ReportFormat::Sarif;
    scan.report_files = vec!["out.sarif".to_owned()];
    let run = |files: &[(&str, &str)]| RunFacts {
        exit_code: Some(0),
        folder: "/tree".to_owned(),
        written: Written {
            files: files
                .iter()
                .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
                .collect(),
            ..Written::default()
        },
        ..RunFacts::default()
    };
    let sarif = r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":[{"ruleId":"r","level":"error","message":{"text":"key in source"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"src/k.py"},"region":{"startLine":3}}}]}]}]}"#;
    let judge = |run| judge("scan", &scan, CheckScope::Final, TreeId::from("t"), run);
    let found = judge(run(&[("out.sarif", sarif)]));
    assert_eq!(
        found.status,
        CheckStatus::Passed,
        "the limits judge what is found"
    );
    assert_eq!(
        told(&found),
        ["major security key in source (r) @ src/k.py:3"]
    );
    let empty = judge(run(&[("out.sarif", "{}")]));
    assert_eq!(empty.status, CheckStatus::Failed);
    assert_eq!(judge(run(&[])).status, CheckStatus::Failed);
}

#[test]
fn tests_that_do_not_compile_are_build_findings() {
    let stderr = include_str!("../report/fixtures/cargo_compile.err.txt");
    let result = judged(Category::Test, "cargo test", Some(101), "", stderr);
    assert_eq!(result.status, CheckStatus::Failed);
    assert!(result.report.is_none());
    assert_eq!(result.observations.len(), 2);
    assert!(
        result
            .observations
            .iter()
            .all(|one| one.category == Category::Build)
    );
}

#[test]
fn what_could_not_be_carried_out_is_an_error() {
    let missing = judged(
        Category::Lint,
        "ruff check .",
        Some(127),
        "",
        "sh: 1: ruff: not found\n",
    );
    assert_eq!(missing.status, CheckStatus::Error);
    assert_eq!(
        told(&missing),
        ["major lint the command was not found: sh: 1: ruff: not found @ -"]
    );
    assert_eq!(
        judged(Category::Test, "./t", Some(139), "", "")
            .note
            .as_deref(),
        Some("killed by SIGSEGV")
    );
    let run = RunFacts {
        timed_out: true,
        signal: Some("SIGKILL".to_owned()),
        ..RunFacts::default()
    };
    let result = judge(
        "test",
        &check(Category::Test, "x"),
        CheckScope::Base,
        TreeId::from("t"),
        run,
    );
    assert_eq!(result.status, CheckStatus::Error);
    assert_eq!(
        result.note.as_deref(),
        Some("killed at its time limit of 60 s")
    );
}

#[test]
fn a_failure_without_a_word_still_has_a_finding() {
    let result = judged(Category::Custom, "./check.sh", Some(3), "", "");
    assert_eq!(
        told(&result),
        ["major custom `./check.sh` ends with exit code 3: no output @ -"]
    );
    let result = judged(
        Category::Build,
        "make",
        Some(2),
        "",
        "make: *** No rule to make target 'x'.  Stop.\n",
    );
    assert_eq!(
        told(&result),
        [
            "major build `make` ends with exit code 2: make: *** No rule to make target 'x'.  Stop. @ -"
        ]
    );
}

#[test]
fn a_binary_that_dies_names_the_test_where_it_can() {
    let result = judged(
        Category::Test,
        "cargo test --no-fail-fast",
        Some(101),
        include_str!("../report/fixtures/cargo_overflow.out.txt"),
        include_str!("../report/fixtures/cargo_overflow.err.txt"),
    );
    assert_eq!(
        told(&result),
        [
            "major test tests::overflows: thread 'tests::overflows' (13993) has overflowed its stack @ tests::overflows"
        ]
    );
    assert_eq!(
        result.note.as_deref(),
        Some("a test binary ended (signal: 6, SIGABRT: process abort signal) after 1 of 2 tests")
    );
}

#[test]
fn a_pipe_that_cuts_the_report_does_not_hide_its_numbers() {
    let result = judged(
        Category::Test,
        "pytest -q 2>&1 | tail -n 3",
        Some(0),
        "  - y\n  + x\n1 failed in 0.91s\n",
        "",
    );
    assert_eq!(result.status, CheckStatus::Failed);
}

#[test]
fn places_are_relative_to_the_project() {
    let mut backend = check(Category::Test, "cargo test");
    backend.cwd = "backend".to_owned();
    let place = |stderr: &str| {
        let run = RunFacts {
            exit_code: Some(101),
            stderr: stderr.to_owned(),
            folder: "/tree/backend".to_owned(),
            ..RunFacts::default()
        };
        let result = judge("test", &backend, CheckScope::Step, TreeId::from("t"), run);
        result.observations[0].location.clone()
    };
    assert_eq!(
        place("error: x\n --> src/a.rs:1:2\n").as_deref(),
        Some("backend/src/a.rs:1")
    );
    assert_eq!(
        place("error: x\n --> /tree/backend/src/a.rs:1:2\n").as_deref(),
        Some("backend/src/a.rs:1")
    );
    assert_eq!(
        place("error: x\n --> /usr/lib/a.rs:1:2\n").as_deref(),
        Some("/usr/lib/a.rs:1")
    );
}

#[test]
fn a_test_file_that_does_not_parse_is_one_finding() {
    let result = judged(
        Category::Test,
        "pytest",
        Some(2),
        include_str!("../report/fixtures/pytest_collect.txt"),
        "",
    );
    assert_eq!(
        told(&result),
        [
            "major test test_bad.py: ModuleNotFoundError: No module named 'nothere' @ test_bad.py:1",
            "major build SyntaxError: invalid syntax @ /src/sample/test_syn.py:1",
        ]
    );
}

/// The result of a check whose report stands in files.
fn with_files(exit_code: i32, written: Written) -> CheckResult {
    let check = CheckConfig {
        report_files: vec!["out/*.xml".to_owned()],
        ..check(Category::Test, "make test")
    };
    let run = RunFacts {
        exit_code: Some(exit_code),
        written,
        stdout: "running 1 test\ntest a ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n".to_owned(),
        ..RunFacts::default()
    };
    judge("test", &check, CheckScope::Final, TreeId::from("t"), run)
}

fn file(text: &str) -> Written {
    Written {
        files: vec![("out/a.xml".to_owned(), text.to_owned())],
        ..Written::default()
    }
}

#[test]
fn a_report_in_files_is_all_that_counts() {
    let red = "<testsuite><testcase name='a'><failure message='no'/></testcase></testsuite>";
    let result = with_files(0, file(red));
    assert_eq!(result.status, CheckStatus::Failed);
    assert_eq!(result.tests.len(), 1, "what is printed is not read");
    let green = "<testsuite><testcase name='a'/></testsuite>";
    assert_eq!(with_files(0, file(green)).status, CheckStatus::Passed);
    assert_eq!(with_files(1, file(green)).status, CheckStatus::Failed);
    assert_eq!(
        with_files(0, file(&green[..30])).status,
        CheckStatus::Failed
    );
    let torn = Written {
        missing: Some("there are too many".to_owned()),
        ..file(green)
    };
    assert_eq!(with_files(0, torn).status, CheckStatus::Failed);
}

#[test]
fn files_that_are_not_there_prove_nothing() {
    let note = |written| {
        let result = with_files(0, written);
        assert_eq!(result.status, CheckStatus::Failed);
        result.note.expect("a note")
    };
    let stale = Written {
        stale: 2,
        ..Written::default()
    };
    insta::assert_snapshot!(note(Written::default()), @"the command ends with exit code 0, but no file matches `report_files: [out/*.xml]`");
    insta::assert_snapshot!(note(stale), @"the command ends with exit code 0, but it wrote none of the files that match `report_files: [out/*.xml]`: they were there before");
    insta::assert_snapshot!(note(file("none")), @"the command ends with exit code 0, but the files that match `report_files: [out/*.xml]` hold no test report");
}

#[test]
fn output_that_was_cut_is_no_whole_report() {
    let run = RunFacts {
        exit_code: Some(0),
        stdout: GREEN.to_owned(),
        cut: true,
        ..RunFacts::default()
    };
    let check = check(Category::Test, "cargo test");
    let result = judge("test", &check, CheckScope::Final, TreeId::from("t"), run);
    assert_eq!(result.status, CheckStatus::Failed);
}

#[test]
fn go_tests_that_do_not_build_are_one_finding_with_a_place() {
    let result = judged(
        Category::Test,
        "go test ./...",
        Some(2),
        "FAIL\texample.org/rep/c [build failed]\n",
        include_str!("../report/fixtures/go_all.err.txt"),
    );
    assert_eq!(
        told(&result),
        ["major build undefined: undefinedFn @ c/c_test.go:5"]
    );
}

#[test]
fn what_is_recorded_of_gos_events_is_what_they_print() {
    let stdout = include_str!("../report/fixtures/go_green.txt");
    let result = judged(Category::Test, "go test ./...", Some(0), stdout, "");
    assert_eq!(result.status, CheckStatus::Passed);
    assert!(
        result
            .output
            .starts_with("?   \texample.org/rep/d\t[no test files]\n=== RUN   TestOk\n")
    );
}

#[test]
fn runners_whose_report_is_missing_prove_nothing() {
    for command in [
        "go test ./...",
        "node --test",
        "npm test -- --test-reporter=tap",
    ] {
        let result = judged(Category::Test, command, Some(0), "", "");
        assert_eq!(result.status, CheckStatus::Failed, "{command}");
    }
    let script = judged(Category::Test, "npm test", Some(0), "", "");
    assert_eq!(script.status, CheckStatus::Passed);
}
