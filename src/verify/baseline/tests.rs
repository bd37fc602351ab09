use super::*;
use crate::verify::judge::tests::{check, judged};

fn excuse(result: CheckResult, base: &CheckResult, named: &[&str]) -> CheckResult {
    let check = check(Category::Test, &result.command);
    super::excuse(result, base, &check, named)
}

/// A pytest run in which these tests fail and one passes.
fn pytest(failing: &[&str]) -> CheckResult {
    pytest_by("python3 -m pytest -q", failing, 1)
}

fn pytest_by(command: &str, failing: &[&str], code: i32) -> CheckResult {
    let mut text = "=== short test summary info ===\n".to_owned();
    for name in failing {
        text.push_str(&format!("FAILED {name} - assert 0\n"));
    }
    text.push_str(&match failing.len() {
        0 => "1 passed in 0.1s\n".to_owned(),
        some => format!("{some} failed, 1 passed in 0.1s\n"),
    });
    judged(
        Category::Test,
        command,
        Some(if failing.is_empty() { 0 } else { code }),
        &text,
        "",
    )
}

#[test]
fn a_failure_that_was_there_before_is_excused() {
    let result = excuse(
        pytest(&["a.py::test_old"]),
        &pytest(&["a.py::test_old", "a.py::test_else"]),
        &["add a flag"],
    );
    assert_eq!(result.status, CheckStatus::Baseline);
    assert_eq!(result.excused, ["a.py::test_old"]);
    assert_eq!(result.failing_tests().count(), 0);
    assert_eq!(result.observations[0].severity, Severity::Minor);
    assert_eq!(
        result.observations[0].message,
        "a.py::test_old: assert 0 (also fails on the base tree)"
    );
}

#[test]
fn a_new_failure_beside_an_old_one_still_fails() {
    let result = excuse(
        pytest(&["a.py::test_old", "a.py::test_new"]),
        &pytest(&["a.py::test_old"]),
        &[],
    );
    assert_eq!(result.status, CheckStatus::Failed);
    let failing: Vec<_> = result
        .failing_tests()
        .map(|test| test.name.as_str())
        .collect();
    assert_eq!(failing, ["a.py::test_new"]);
    let severities: Vec<_> = result.observations.iter().map(|one| one.severity).collect();
    assert_eq!(severities, [Severity::Minor, Severity::Major]);
}

#[test]
fn what_the_goal_names_is_never_excused() {
    let base = pytest(&["tests/a.py::Sums::test_old[1-2]"]);
    for goal in [
        "make test_old pass",
        "fix `Sums`: tests/a.py::Sums",
        "repair a.py",
        "tests/a.py::Sums::test_old[1-2] is red",
    ] {
        let result = excuse(base.clone(), &base, &["", goal]);
        assert_eq!(result.status, CheckStatus::Failed, "{goal}");
        assert!(result.excused.is_empty());
    }
    for goal in ["make test_older pass", "add data.py", "sum faster"] {
        assert_eq!(
            excuse(base.clone(), &base, &[goal]).status,
            CheckStatus::Baseline,
            "{goal}"
        );
    }
}

#[test]
fn without_reports_nothing_is_excused() {
    let red = || judged(Category::Test, "make test", Some(1), "oops", "");
    assert_eq!(excuse(red(), &red(), &[]), red());
    assert_eq!(
        excuse(pytest(&["a.py::t"]), &red(), &[]),
        pytest(&["a.py::t"])
    );
}

#[test]
fn an_exit_code_that_failing_tests_do_not_explain_is_not_excused() {
    let base = pytest(&["a.py::test_old"]);
    let red =
        |command: &str, code| excuse(pytest_by(command, &["a.py::test_old"], code), &base, &[]);
    assert_eq!(red("pytest", 1).status, CheckStatus::Baseline);
    assert_eq!(red("pytest", 2).status, CheckStatus::Failed);
    assert_eq!(red("make test", 1).status, CheckStatus::Failed);
    let hidden = red("pytest && ./e2e.sh", 1);
    assert_eq!(hidden.status, CheckStatus::Failed);
    assert!(
        hidden
            .note
            .is_some_and(|note| note.contains("exit code is not explained"))
    );
}

#[test]
fn binaries_that_did_not_run_are_not_excused() {
    let out = include_str!("../report/fixtures/cargo_fast.out.txt");
    let err = include_str!("../report/fixtures/cargo_fast.err.txt");
    let stopped = judged(Category::Test, "cargo test", Some(101), out, err);
    assert_eq!(
        excuse(stopped.clone(), &stopped, &[]).status,
        CheckStatus::Failed
    );
    let out = include_str!("../report/fixtures/cargo_mixed.out.txt");
    let err = include_str!("../report/fixtures/cargo_mixed.err.txt");
    let whole = judged(
        Category::Test,
        "cargo test --no-fail-fast",
        Some(101),
        out,
        err,
    );
    assert_eq!(
        excuse(whole.clone(), &whole, &[]).status,
        CheckStatus::Baseline
    );
}

#[test]
fn a_doc_test_is_the_same_when_its_line_moves() {
    let doc = |line: u32| {
        let name = format!("src/lib.rs - add (line {line})");
        let text = format!(
            "\nrunning 1 test\ntest {name} ... FAILED\n\nfailures:\n\n---- {name} stdout ----\nerror: x\n\nfailures:\n    {name}\n\ntest result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s\n"
        );
        judged(
            Category::Test,
            "cargo test --no-fail-fast",
            Some(101),
            &text,
            "",
        )
    };
    assert_eq!(excuse(doc(9), &doc(4), &[]).status, CheckStatus::Baseline);
    assert_eq!(
        excuse(doc(9), &doc(4), &["fix the docs of `add`"]).status,
        CheckStatus::Failed
    );
}

#[test]
fn the_same_name_failing_once_more_is_new() {
    let twice = ["a.py::test_x", "a.py::test_x"];
    assert_eq!(
        excuse(pytest(&twice), &pytest(&twice[..1]), &[]).status,
        CheckStatus::Failed
    );
    assert_eq!(
        excuse(pytest(&twice), &pytest(&twice), &[]).status,
        CheckStatus::Baseline
    );
}

#[test]
fn a_script_is_explained_by_its_report_only_if_the_person_names_it_and_it_runs_one_thing() {
    let red = |command| pytest_by(command, &["a.py::test_old"], 1);
    let verdict = |command, report| {
        let check = CheckConfig {
            report,
            ..check(Category::Test, command)
        };
        super::excuse(red(command), &red(command), &check, &[]).status
    };
    use crate::config::ReportFormat;
    assert_eq!(
        verdict("make test", ReportFormat::Pytest),
        CheckStatus::Baseline
    );
    assert_eq!(
        verdict("make test", ReportFormat::Auto),
        CheckStatus::Failed
    );
    assert_eq!(
        verdict("make test; ./e2e", ReportFormat::Pytest),
        CheckStatus::Failed
    );
}

#[test]
fn tests_of_other_runners_are_named_by_their_parts() {
    let named = |name: &str, goal: &str| super::is_named(name, &[goal]);
    for (name, goal) in [
        (
            "t/cart.test.mjs > cart > applies discount",
            "applies discount",
        ),
        ("t/cart.test.mjs > cart > adds", "make t/cart.test.mjs pass"),
        ("TestTable/two_words", "fix TestTable"),
        ("example.org/rep/a TestTable/two_words", "fix TestTable"),
        (
            "example.org/rep/a TestTable/two_words",
            "fix TestTable/two_words",
        ),
        ("example.org/rep/a TestOk", "the tests of example.org/rep/a"),
        ("rep1 tests::deep::eq", "eq fails"),
        ("rep1::it api_bad", "repair api_bad"),
        ("CartTest#test_discount", "test_discount is wrong"),
        ("tests/test_a.py::Cart::test_b[1]", "make test_b pass"),
        ("org.example.CartTest.discount()", "discount must be right"),
        (
            "org.example.CartTest.discount()",
            "org.example.CartTest fails",
        ),
        ("rep1::it.api_bad", "repair rep1::it.api_bad"),
    ] {
        assert!(named(name, goal), "{name}: {goal}");
        assert!(!named(name, "add a flag"), "{name}");
    }
}

const GO: &str = include_str!("../report/fixtures/go_all.out.txt");

/// The run of a check on a package of the fixture, whose end does not matter.
fn go(package: &str, code: i32) -> CheckResult {
    let of = format!("\"Package\":\"example.org/rep/{package}\"");
    let lines = GO.lines().filter(|line| line.contains(&of));
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    judged(Category::Test, "go test ./...", Some(code), &text, "")
}

#[test]
fn the_new_readers_names_excuse_as_well() {
    let result = excuse(go("a", 1), &go("a", 1), &["add a flag"]);
    assert_eq!(result.status, CheckStatus::Baseline);
    assert_eq!(result.excused, ["TestTable", "TestTable/two_words"]);
    let build = excuse(go("a", 2), &go("a", 2), &[]);
    assert_eq!(
        build.status,
        CheckStatus::Failed,
        "2 says more than failing tests"
    );
    let panics = excuse(go("b", 1), &go("b", 1), &[]);
    assert_eq!(
        panics.status,
        CheckStatus::Failed,
        "a panic hides the tests after it"
    );

    let tap = include_str!("../report/fixtures/tap_node.txt");
    let node = || judged(Category::Test, "node --test", Some(1), tap, "");
    assert_eq!(excuse(node(), &node(), &[]).status, CheckStatus::Baseline);
    let named = excuse(node(), &node(), &["make `inner bad` pass"]);
    assert_eq!(named.status, CheckStatus::Failed);
}
