use super::*;
use crate::verify::excuse;
use crate::verify::judge::tests::{check, judged};

const RED: &str =
    "=== short test summary info ===\nFAILED a.py::test_a - assert 0\n1 failed, 1 passed in 0.1s\n";

fn limits() -> FindingLimits {
    FindingLimits::default()
}

#[test]
fn nothing_that_ran_is_no_evidence() {
    assert!(!assess(&[], &limits()).acceptable);
}

#[test]
fn a_failing_test_counts_as_test_check_and_finding() {
    let build = judged(Category::Build, "make", Some(0), "", "");
    let red = judged(Category::Test, "pytest", Some(1), RED, "");
    let assessment = assess(&[build, red], &limits());
    assert!(!assessment.acceptable);
    assert_eq!(
        assessment.damage,
        Damage {
            failing_tests: 1,
            failing_checks: 1,
            findings: 1,
            ..Damage::default()
        }
    );
    assert_eq!(
        assessment.reasons,
        [
            "check `test` failed: 1 test fails",
            "1 major finding, at most 0 allowed (findings.max_major)"
        ]
    );
}

#[test]
fn an_excused_test_does_no_damage() {
    let red = judged(Category::Test, "pytest", Some(1), RED, "");
    let assessment = assess(
        &[excuse(
            red.clone(),
            &red,
            &check(Category::Test, &red.command),
            &[],
        )],
        &limits(),
    );
    assert!(assessment.acceptable, "{:?}", assessment.reasons);
    assert_eq!(assessment.damage, Damage::default());
    assert_eq!(
        assessment.severities,
        Severities {
            minor: 1,
            ..Severities::default()
        }
    );
}

#[test]
fn tests_that_cannot_be_compiled_or_collected_are_a_broken_build() {
    let stderr = include_str!("../report/fixtures/cargo_compile.err.txt");
    let compile = judged(Category::Test, "cargo test", Some(101), "", stderr);
    assert_eq!(assess(&[compile], &limits()).damage.broken_builds, 1);
    let collect = judged(
        Category::Test,
        "pytest",
        Some(2),
        include_str!("../report/fixtures/pytest_collect.txt"),
        "",
    );
    assert_eq!(assess(&[collect], &limits()).damage.broken_builds, 1);
}

#[test]
fn warnings_count_against_their_limit() {
    let stderr = include_str!("../report/fixtures/cargo_clippy.err.txt");
    let lint = judged(Category::Lint, "cargo clippy", Some(0), "", stderr);
    assert!(assess(std::slice::from_ref(&lint), &limits()).acceptable);
    let strict = FindingLimits {
        max_major: 0,
        max_medium: 2,
    };
    let assessment = assess(&[lint], &strict);
    assert_eq!(
        assessment.reasons,
        ["3 medium findings, at most 2 allowed (findings.max_medium)"]
    );
    assert_eq!(assessment.damage.findings, 1);
}
