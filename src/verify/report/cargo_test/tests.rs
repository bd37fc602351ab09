use proptest::prelude::*;

use super::*;
use crate::config::ReportFormat;
use crate::verify::report::recognise;
use crate::verify::report::told::failing;

macro_rules! fixture {
    ($name:literal) => {
        (
            include_str!(concat!("../fixtures/cargo_", $name, ".out.txt")),
            include_str!(concat!("../fixtures/cargo_", $name, ".err.txt")),
        )
    };
}

fn of((stdout, stderr): (&str, &str)) -> Report {
    recognise(stdout, stderr, ReportFormat::Auto).expect("a report")
}

fn numbers(report: &Report) -> (u32, u32, u32, bool) {
    let counts = report.counts;
    (
        counts.passed,
        counts.failed,
        counts.skipped,
        counts.complete,
    )
}

const MIXED: [&str; 8] = [
    "adds",
    "src/lib.rs - add (line 8)",
    "tests::adds_wrong",
    "tests::errs",
    "tests::nested",
    "tests::refuses_else",
    "tests::refuses_not",
    "tests::unwraps",
];

#[test]
fn all_binaries_and_doc_tests_are_added_up() {
    for fixture in [fixture!("mixed"), fixture!("quiet"), fixture!("nocap")] {
        let report = of(fixture);
        assert_eq!(numbers(&report), (7, 8, 2, true));
        let mut names = failing(&report);
        names.sort_unstable();
        assert_eq!(names, MIXED);
    }
}

#[test]
fn what_a_test_prints_never_counts() {
    let report = of(fixture!("child"));
    assert_eq!(numbers(&report), (2, 0, 0, true));
    let names: Vec<&str> = report
        .tests
        .iter()
        .map(|test| test.case.name.as_str())
        .collect();
    assert_eq!(names, ["fine", "runs_another"]);
}

#[test]
fn failing_tests_have_their_panic_and_its_place() {
    let report = of(fixture!("mixed"));
    let test = |name: &str| {
        let test = report
            .tests
            .iter()
            .find(|test| test.case.name == name && test.case.status == TestStatus::Failed)
            .expect("named");
        (
            test.case.message.as_deref().unwrap_or("-"),
            test.location.as_deref().unwrap_or("-"),
        )
    };
    assert_eq!(
        test("tests::adds_wrong"),
        (
            "assertion `left == right` failed: sum of 1 and 2\n  left: 3\n right: 4",
            "src/lib.rs:26"
        )
    );
    assert_eq!(
        test("tests::nested"),
        ("inner run failed\nsecond line", "src/lib.rs:33")
    );
    assert_eq!(test("tests::errs"), ("Error: \"broken\"", "-"));
    assert_eq!(
        test("tests::refuses_not"),
        ("test did not panic as expected", "src/lib.rs:30")
    );
    assert_eq!(
        test("adds"),
        ("assertion failed: sample::add(1, 1) == 3", "tests/it.rs:1")
    );
    assert_eq!(
        test("src/lib.rs - add (line 8)"),
        (
            "assertion `left == right` failed\n  left: 3\n right: 4",
            "src/lib.rs:8"
        )
    );
}

#[test]
fn stopping_at_the_first_failing_binary_is_said() {
    let report = of(fixture!("fast"));
    assert_eq!(numbers(&report), (2, 6, 1, false));
    assert!(report.notes[0].contains("--no-fail-fast"));
}

#[test]
fn a_binary_that_dies_leaves_an_incomplete_report() {
    let report = of(fixture!("abort"));
    assert_eq!(numbers(&report), (3, 0, 0, false));
    assert_eq!(
        report.notes,
        ["a test binary ended (signal: 6, SIGABRT: process abort signal) after 2 of 3 tests"]
    );
    let one_at_a_time = of(fixture!("abort1"));
    assert_eq!(numbers(&one_at_a_time), (1, 1, 0, false));
    assert_eq!(failing(&one_at_a_time), ["b_aborts"]);
    assert_eq!(failing(&of(fixture!("overflow"))), ["tests::overflows"]);
    assert_eq!(numbers(&of(fixture!("exit0"))), (1, 0, 0, false));
}

#[test]
fn a_compile_error_is_no_report() {
    let stderr = include_str!("../fixtures/cargo_compile.err.txt");
    assert_eq!(recognise("", stderr, ReportFormat::CargoTest), None);
}

#[test]
fn no_tests_are_a_report_of_nothing() {
    assert_eq!(numbers(&of(fixture!("zero"))), (0, 0, 0, true));
}

#[test]
fn a_failing_test_may_print_a_result_that_adds_up() {
    let text = "\nrunning 2 tests\ntest a ... ok\ntest b ... FAILED\n\nfailures:\n\n---- b stdout ----\ntest result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\nrunning 9 tests\nfailures:\n    a\n\nthread 'b' panicked at src/lib.rs:1:2:\nboom\n\n\nfailures:\n    b\n\ntest result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
    let report = recognise(text, "", ReportFormat::CargoTest).expect("a report");
    assert_eq!(numbers(&report), (1, 1, 0, true));
    assert_eq!(failing(&report), ["b"]);
}

#[test]
fn only_the_end_of_a_report_gives_numbers_but_is_not_whole() {
    let text = "test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
    let report = recognise(text, "", ReportFormat::CargoTest).expect("a report");
    assert_eq!(numbers(&report), (3, 1, 0, false));
    assert_eq!(recognise(text, "", ReportFormat::Auto), None);
}

#[test]
fn the_panic_form_of_old_compilers_is_known() {
    let old = "thread 'tests::a' panicked at 'assertion failed: x', src/lib.rs:10:9\nnote: run with `RUST_BACKTRACE=1`\n";
    assert_eq!(
        failure::read(old, "tests::a"),
        (
            Some("assertion failed: x".to_owned()),
            Some("src/lib.rs:10".to_owned())
        )
    );
}

/// Lines that matter to the reader, in any order.
fn any_line() -> impl Strategy<Value = String> {
    prop_oneof![
        (0_u32..4).prop_map(|n| format!("running {n} tests")),
        (0_u32..4, 0_u32..4).prop_map(|(p, f)| format!(
            "test result: {}. {p} passed; {f} failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            if f == 0 { "ok" } else { "FAILED" }
        )),
        Just("failures:".to_owned()),
        "[a-c]".prop_map(|n| format!("    {n}")),
        "[a-c]".prop_map(|n| format!("---- {n} stdout ----")),
        ("[a-c]", "(ok|FAILED|ignored|)").prop_map(|(n, r)| format!("test {n} ... {r}")),
        Just("test result: ok. 4294967295 passed; 0 failed; 0 ignored; 4294967295 measured; 0 filtered out; finished in 0.00s".to_owned()),
        Just("thread 'a' panicked at src/é.rs:1:2:".to_owned()),
        ".{0,40}",
    ]
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_fail(lines in prop::collection::vec(any_line(), 0..60), stderr in ".{0,200}") {
        let _ = recognise(&lines.join("\n"), &stderr, ReportFormat::CargoTest);
    }

    #[test]
    fn half_a_report_is_never_whole(cut in 0_usize..3000) {
        let (stdout, stderr) = fixture!("mixed");
        let half = &stdout[..stdout.floor_char_boundary(cut)];
        let first_end = stdout.find("test result: FAILED. 2 passed").expect("a result");
        // A cut between two binaries is a whole report of fewer of them; only the exit code tells.
        let last = half.rfind("\nrunning ").map_or("", |at| &half[at..]);
        let between = last.contains("test result: ") || !last[1.min(last.len())..].contains('\n');
        if let Some(report) = recognise(half, stderr, ReportFormat::CargoTest) {
            prop_assert!((between && cut > first_end) || !report.counts.complete);
        }
    }

    #[test]
    fn noise_of_a_passing_test_changes_no_number(noise in prop::collection::vec(any_line(), 0..12)) {
        let inner: String = noise.iter().filter(|line| !line.starts_with("running ") && !line.contains("... ")).map(|line| format!("{line}\n")).collect();
        let text = format!("\nrunning 5 tests\n{inner}test v ... ok\ntest w ... ok\ntest x ... ok\ntest y ... ok\ntest z ... ok\n\ntest result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\n");
        let report = recognise(&text, "", ReportFormat::CargoTest).expect("a report");
        prop_assert_eq!(numbers(&report), (5, 0, 0, true));
    }
}
