use serde_json::json;

use super::*;
use crate::domain::check::{CheckResult, CheckScope, CheckStatus, TestCase, TestStatus};
use crate::domain::failure::Damage;
use crate::domain::finding::{Category, Observation, Severity};
use crate::domain::message::FinishReason;
use crate::domain::tape::{ModelFailure, ModelFailureKind};

fn check(kind: Category, code: i32, output: &str) -> CheckResult {
    CheckResult {
        name: kind.as_str().into(),
        kind,
        scope: CheckScope::Final,
        tree: "t".into(),
        command: "cargo test".into(),
        exit_code: Some(code),
        status: CheckStatus::Failed,
        duration_ms: 5,
        timed_out: false,
        signal: None,
        report: None,
        tests: Vec::new(),
        excused: Vec::new(),
        flaky: Vec::new(),
        reruns: 0,
        observations: Vec::new(),
        note: None,
        output: output.into(),
        full_output: None,
    }
}

fn of(results: &[CheckResult]) -> Failure {
    from_checks(results, Damage::default())
}

/// A failing test run whose report names these tests with these messages.
fn tests(messages: &[(&str, &str)]) -> CheckResult {
    let mut result = check(Category::Test, 101, "");
    result.tests = messages
        .iter()
        .map(|(name, message)| TestCase {
            name: (*name).into(),
            status: TestStatus::Failed,
            duration_ms: None,
            message: Some((*message).into()),
        })
        .collect();
    result
}

fn class(result: CheckResult) -> (ErrorType, Cause) {
    let failure = of(&[result]);
    (failure.error_type, failure.cause)
}

const ASSERT: &str = "thread 'adds' (7) panicked at src/list.rs:6:25:\nassertion `left == right` failed\n  left: -1\n right: 5";
const UNWRAP: &str =
    "thread 'x' panicked at src/lib.rs:1:51:\ncalled `Option::unwrap()` on a `None` value";
const REFUSED: &str = "thread 'x' panicked at tests/db.rs:9:5:\ncalled `Result::unwrap()` on an `Err` value: Os { code: 111, kind: ConnectionRefused, message: \"Connection refused\" }";

#[test]
fn a_failing_assertion_is_told_with_its_test_its_line_and_its_values() {
    let failure = of(&[tests(&[("adds", ASSERT)])]);
    assert_eq!(
        (failure.error_type, failure.cause),
        (ErrorType::Assertion, Cause::Tests)
    );
    assert_eq!(failure.failing_tests, ["adds"]);
    assert_eq!(
        failure.root_cause.as_deref(),
        Some("assertion `left == right` failed")
    );
    assert!(failure.evidence.contains("right: 5"));
    assert!(!failure.retryable);
    assert_eq!(
        failure.message,
        "check \"test\" failed with exit code 101, test adds: assertion `left == right` failed"
    );
}

#[test]
fn a_report_is_no_crash_as_long_as_an_assertion_failed() {
    assert_eq!(
        class(tests(&[("x", UNWRAP)])),
        (ErrorType::Runtime, Cause::Crash)
    );
    assert_eq!(
        class(tests(&[("adds", ASSERT), ("x", UNWRAP)])),
        (ErrorType::Assertion, Cause::Tests)
    );
    assert_eq!(
        class(tests(&[("x", UNWRAP), ("adds", ASSERT)])),
        (ErrorType::Assertion, Cause::Tests)
    );
}

#[test]
fn a_refused_connection_is_the_root_of_the_crashes_beside_it() {
    let failure = of(&[tests(&[("x", UNWRAP), ("y", REFUSED)])]);
    assert_eq!(
        (failure.error_type, failure.retryable),
        (ErrorType::Infra, true)
    );
    assert_eq!(failure.origin, Origin::Infra);
}

#[test]
fn words_in_compared_values_decide_nothing() {
    let compared = "thread 'x' panicked at src/a.rs:1:1:\nassertion `left == right` failed\n  left: \"Connection refused\"\n right: \"timed out\"";
    assert_eq!(class(tests(&[("x", compared)])).0, ErrorType::Assertion);
    let shown = "thread 'maps' (369) panicked at src/lib.rs:2:101:\nexpected NotFound, got \"No such file or directory (os error 2)\"";
    assert_eq!(class(tests(&[("x", shown)])).0, ErrorType::Assertion);
    let logged = "log.error('ReadTimeout')\n>       assert attempts == 3\nE       assert 2 == 3\n\nt.py:8: AssertionError\nERROR    http:t.py:6 requests.exceptions.ReadTimeout: timed out";
    assert_eq!(class(tests(&[("x", logged)])).0, ErrorType::Assertion);
    assert_eq!(
        class(check(Category::Test, 1, logged)).0,
        ErrorType::Assertion
    );
}

#[test]
fn a_missing_variable_is_named_in_what_a_person_must_do() {
    for message in [
        "thread 'x' panicked at src/a.rs:1:1:\nDATABASE_URL: NotPresent",
        "    url = os.environ['DATABASE_URL']\nE   KeyError: 'DATABASE_URL'",
        "E   RuntimeError: environment variable DATABASE_URL is not set",
    ] {
        let failure = of(&[tests(&[("x", message)])]);
        assert_eq!(
            (failure.error_type, failure.cause),
            (ErrorType::Config, Cause::Missing),
            "{message}"
        );
        assert_eq!(failure.origin, Origin::Human);
        assert!(
            failure
                .action_required
                .is_some_and(|action| action.contains("DATABASE_URL"))
        );
    }
    let ordinary = "    return users['USER_ID']\nE   KeyError: 'USER_ID'";
    assert_eq!(
        class(tests(&[("x", ordinary)])),
        (ErrorType::Runtime, Cause::Crash)
    );
}

#[test]
fn code_that_does_not_compile_is_told_from_the_compilers_first_error() {
    let output = "   Compiling todo v0.1.0 (/tmp/x/todo)\nerror[E0308]: mismatched types\n --> src/lib.rs:1:21\n  |\n1 | fn n() -> u32 { \"Connection refused\" }\nerror: could not compile `todo` (lib) due to 1 previous error\n";
    for kind in [Category::Build, Category::Test, Category::Lint] {
        let failure = of(&[check(kind, 101, output)]);
        assert_eq!(
            (failure.error_type, failure.cause),
            (ErrorType::Logic, Cause::Build)
        );
        assert_eq!(
            failure.root_cause.as_deref(),
            Some("error[E0308]: mismatched types")
        );
        assert!(!failure.evidence.contains("Compiling"));
        assert!(failure.evidence.contains("src/lib.rs:1:21"));
    }
    let python = "E     File \"a.py\", line 1\nE   SyntaxError: invalid syntax";
    assert_eq!(
        class(check(Category::Test, 2, python)),
        (ErrorType::Logic, Cause::Build)
    );
}

#[test]
fn limits_and_signals_come_from_outside_or_are_crashes() {
    let mut killed = check(Category::Test, 0, "E   assert 1 == 2");
    killed.exit_code = None;
    killed.timed_out = true;
    let failure = of(&[killed]);
    assert_eq!(
        (failure.error_type, failure.cause, failure.retryable),
        (ErrorType::Infra, Cause::TimeLimit, true)
    );
    assert_eq!(class(check(Category::Test, 137, "")).0, ErrorType::Infra);
    assert_eq!(
        class(check(Category::Test, 139, "Segmentation fault")),
        (ErrorType::Runtime, Cause::Crash)
    );
    assert_eq!(class(check(Category::Test, 159, "")).0, ErrorType::Safety);
}

#[test]
fn a_missing_tool_is_to_be_installed_and_a_missing_script_is_the_plans_fault() {
    let failure = of(&[check(Category::Lint, 127, "sh: 1: eslint: not found")]);
    assert_eq!(
        (failure.error_type, failure.cause),
        (ErrorType::Config, Cause::Missing)
    );
    assert!(
        failure
            .action_required
            .is_some_and(|action| action.starts_with("install eslint,"))
    );
    let script = check(Category::Test, 127, "sh: 1: ./scripts/test.sh: not found");
    assert_eq!(class(script), (ErrorType::Logic, Cause::Missing));
    assert_eq!(
        class(check(Category::Test, 126, "sh: 1: ./t: Permission denied")).0,
        ErrorType::Config
    );
}

#[test]
fn machine_and_dependencies_are_no_fault_of_the_change() {
    for (output, class_of) in [
        (
            "error: failed to write: No space left on device (os error 28)",
            ErrorType::Infra,
        ),
        (
            "curl: (6) Could not resolve host: x.example",
            ErrorType::Infra,
        ),
        (
            "ModuleNotFoundError: No module named 'redis'",
            ErrorType::Config,
        ),
        (
            "error: no matching package named `serde_jsonx` found",
            ErrorType::Config,
        ),
    ] {
        assert_eq!(
            class(check(Category::Build, 1, output)).0,
            class_of,
            "{output}"
        );
    }
}

#[test]
fn a_linters_words_are_lint() {
    let output = "error: this loop never actually loops\n --> src/a.rs:3:5\n";
    assert_eq!(
        class(check(Category::Lint, 101, output)),
        (ErrorType::Assertion, Cause::Lint)
    );
}

#[test]
fn the_first_check_in_order_counts_unless_the_environment_failed_before_it() {
    let lint = || check(Category::Lint, 1, "a.py:1:1: F401 unused");
    let build = || check(Category::Build, 101, "error[E0425]: cannot find value");
    let disk = || check(Category::Lint, 1, "error: No space left on device");
    assert_eq!(of(&[lint(), build()]).cause, Cause::Build);
    assert_eq!(of(&[disk(), build()]).cause, Cause::Environment);
    assert_eq!(of(&[build(), disk()]).cause, Cause::Build);
    assert!(
        of(&[lint(), build()])
            .evidence
            .contains("\"lint\" does not pass either")
    );
}

#[test]
fn checks_that_pass_with_too_many_findings_are_told_by_their_findings() {
    let mut result = check(Category::Lint, 0, "");
    result.status = CheckStatus::Passed;
    result.observations = vec![Observation {
        severity: Severity::Major,
        category: Category::Lint,
        message: "unused".into(),
        location: Some("a.rs:3".into()),
    }];
    let failure = from_checks(
        &[result],
        Damage {
            findings: 1,
            ..Damage::default()
        },
    );
    assert_eq!(
        (failure.error_type, failure.cause),
        (ErrorType::Assertion, Cause::Lint)
    );
    assert_eq!(failure.root_cause.as_deref(), Some("major a.rs:3: unused"));
}

#[test]
fn the_same_failing_test_elsewhere_has_the_same_signature() {
    let there = ASSERT
        .replace("(7)", "(99)")
        .replace(":6:25", ":8:25")
        .replace("src/", "/tmp/.tmpX/src/");
    assert_eq!(
        of(&[tests(&[("adds", ASSERT)])]).signature,
        of(&[tests(&[("adds", &there)])]).signature
    );
    assert_ne!(
        of(&[tests(&[("adds", ASSERT)])]).signature,
        of(&[tests(&[("other", ASSERT)])]).signature
    );
}

#[test]
fn evidence_is_capped() {
    let long = "x\n".repeat(100_000);
    let failure = of(&[tests(&[
        ("a", &long),
        ("b", &long),
        ("c", &long),
        ("d", &long),
        ("e", &long),
    ])]);
    assert!(failure.evidence.len() < 9_000);
    assert!(of(&[check(Category::Custom, 1, &long)]).evidence.len() < 9_000);
}

#[test]
fn model_failures_have_the_class_of_their_kind() {
    use ModelFailureKind as K;
    for (kind, class, retryable) in [
        (K::RateLimited, ErrorType::Infra, true),
        (K::Network, ErrorType::Infra, true),
        (K::Truncated, ErrorType::Infra, true),
        (K::Malformed, ErrorType::Infra, true),
        (K::QuotaExhausted, ErrorType::Config, false),
        (K::Permission, ErrorType::Config, false),
        (K::Authentication, ErrorType::Config, false),
        (K::UnknownModel, ErrorType::Config, false),
        (K::ScriptExhausted, ErrorType::Config, false),
        (K::ContextTooLong, ErrorType::Logic, false),
        (K::BadRequest, ErrorType::Logic, false),
        (K::ContentRefused, ErrorType::Safety, false),
    ] {
        let failure = from_model(&ModelFailure {
            retry_after_ms: Some(7),
            ..ModelFailure::new(kind, "no")
        });
        assert_eq!(
            (failure.error_type, failure.retryable),
            (class, retryable),
            "{kind:?}"
        );
        assert_eq!(failure.retry_after_ms, Some(7));
        assert_eq!(
            failure.action_required.is_some(),
            class == ErrorType::Config || kind == K::Network
        );
    }
}

fn unusable(text: &str, finish: FinishReason) -> (AnswerError, Failure) {
    let error = serde_json::from_str::<serde_json::Value>(text).map_or_else(
        |error| error.to_string(),
        |_| "missing field `steps`".into(),
    );
    let error = AnswerError::of_text(text.into(), finish, error, Some(json!({"type": "object"})));
    let failure = from_answer(&error);
    (error, failure)
}

#[test]
fn answers_are_unusable_in_their_own_ways() {
    use AnswerProblem as P;
    for (text, finish, problem, cause) in [
        ("", FinishReason::Stop, P::Empty, Cause::UnusableAnswer),
        (
            "{\"steps\": [",
            FinishReason::Stop,
            P::Truncated,
            Cause::UnusableAnswer,
        ),
        (
            "{\"steps\": []}",
            FinishReason::Length,
            P::Truncated,
            Cause::UnusableAnswer,
        ),
        (
            "Sure: {\"steps\": [],}",
            FinishReason::Stop,
            P::NotJson,
            Cause::RepairableAnswer,
        ),
        (
            "I would plan first.",
            FinishReason::Stop,
            P::NotJson,
            Cause::UnusableAnswer,
        ),
        (
            "{}",
            FinishReason::Stop,
            P::WrongSchema,
            Cause::UnusableAnswer,
        ),
        (
            "I will not.",
            FinishReason::Refusal,
            P::Refusal,
            Cause::Refusal,
        ),
    ] {
        let (error, failure) = unusable(text, finish);
        assert_eq!((error.problem, failure.cause), (problem, cause), "{text}");
        let refused = problem == P::Refusal;
        let error_type = if refused {
            ErrorType::Safety
        } else {
            ErrorType::Llm
        };
        assert_eq!(failure.error_type, error_type);
        assert_eq!(failure.retryable, !refused);
    }
}

#[test]
fn an_unusable_answers_evidence_has_the_exact_error_the_place_and_the_schema() {
    let (_, failure) = unusable("{\n \"steps\": [1 2]\n}", FinishReason::Stop);
    assert!(
        failure.message.contains("line 2 column 14"),
        "{}",
        failure.message
    );
    assert!(
        failure.evidence.contains("[1 2⟪here⟫]"),
        "{}",
        failure.evidence
    );
    assert!(failure.evidence.contains("\"type\": \"object\""));
}

#[test]
fn plans_blocks_denials_and_idleness_have_their_causes() {
    let plan = from_plan(&PlanError::NoSteps);
    assert_eq!(
        (plan.error_type, plan.cause),
        (ErrorType::Logic, Cause::Plan)
    );
    assert_eq!(plan.message, "the plan has no steps");
    let step = blocked("needs src/main.rs", &["src/main.rs".into()]);
    assert_eq!(
        (step.error_type, step.cause),
        (ErrorType::Logic, Cause::Blocked)
    );
    assert!(
        step.evidence
            .contains("outside the step's scope: src/main.rs")
    );
    let denial = |hard| Denial {
        rule: "protected-path".into(),
        message: "no".into(),
        hard,
    };
    assert!(policy(&denial(false)).retryable && !policy(&denial(true)).retryable);
    assert_eq!(policy(&denial(true)).error_type, ErrorType::Safety);
    assert_eq!(no_change().cause, Cause::NoChange);
}

proptest::proptest! {
    #[test]
    fn any_output_has_a_candidate(
        stdout in "(?s)([ -~]|\n|\r|\u{1b}|é|✗|\t|\"|\\\\){0,400}",
        stderr in "(?s)(.|\n){0,200}",
        words in "(Error: |E   |panic: |error: |--- FAIL: |thread 'x' panicked at a:1:1:\n|Caused by:\n  |KeyError: '){0,6}",
        code in proptest::option::of(-1_i32..260),
        command in "[ -~]{0,60}",
    ) {
        let said = format!("{words}{stderr}");
        let facts = CommandFacts {
            kind: Category::Custom,
            command: &command,
            exit_code: code,
            signal: None,
            timed_out: false,
            stdout: &stdout,
            stderr: &said,
            tests: &[],
            counts: None,
            around: Around::default(),
        };
        let found = candidates(&facts);
        proptest::prop_assert!(!found.is_empty());
        proptest::prop_assert!(found.iter().all(|found| (0.0..=1.0).contains(&found.confidence)));
    }
}

#[test]
fn a_refusal_in_words_is_an_answer_that_cannot_be_used_and_comes_again() {
    let (_, failure) = unusable("I'm sorry, but I can't help with that.", FinishReason::Stop);
    assert_eq!(
        (failure.error_type, failure.retryable),
        (ErrorType::Llm, false)
    );
    let (_, filtered) = unusable("I will not.", FinishReason::Refusal);
    assert_eq!(filtered.error_type, ErrorType::Safety);
}
