use proptest::prelude::*;

use super::*;
use crate::config::ReportFormat;
use crate::verify::report::recognise;
use crate::verify::report::told::numbers;

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../fixtures/pytest_", $name, ".txt"))
    };
}

fn of(text: &str) -> Report {
    recognise(text, "", ReportFormat::Auto).expect("a report")
}

fn failing(report: &Report) -> Vec<&str> {
    let mut names: Vec<&str> = report
        .tests
        .iter()
        .filter(|test| test.case.status == TestStatus::Failed)
        .map(|test| test.case.name.as_str())
        .collect();
    names.sort_unstable();
    names
}

const MIXED: [&str; 10] = [
    "sub/test_mix2.py::test_sq",
    "test_mix.py::TestGroup::test_in",
    "test_mix.py::U::test_u",
    "test_mix.py::test_err",
    "test_mix.py::test_late",
    "test_mix.py::test_param[1.5]",
    "test_mix.py::test_param[a - b]",
    "test_mix.py::test_param[a::b]",
    "test_mix.py::test_param[x y]",
    "test_mix.py::test_sq[3-8]",
];

#[test]
fn numbers_and_names_are_the_same_in_every_form() {
    for text in [
        fixture!("default"),
        fixture!("qci"),
        fixture!("v"),
        fixture!("qq"),
        fixture!("rN"),
        fixture!("rA"),
        fixture!("tbline"),
        fixture!("tbno"),
        fixture!("s"),
        fixture!("color"),
        fixture!("xdistv"),
    ] {
        let report = of(text);
        assert_eq!(numbers(&report), (4, 8, 1, 2, true), "{text}");
        assert_eq!(failing(&report), MIXED, "{text}");
    }
}

#[test]
fn failing_tests_have_their_message_and_place() {
    let report = of(fixture!("default"));
    let test = |name: &str| {
        let test = report
            .tests
            .iter()
            .find(|test| test.case.name == name)
            .expect("named");
        (
            test.case.message.as_deref().unwrap_or("-"),
            test.location.as_deref().unwrap_or("-"),
        )
    };
    assert_eq!(
        test("sub/test_mix2.py::test_sq"),
        ("assert 1 == 2", "sub/test_mix2.py:1")
    );
    assert_eq!(
        test("test_mix.py::test_sq[3-8]"),
        ("assert (3 * 3) == 8", "test_mix.py:3")
    );
    assert_eq!(
        test("test_mix.py::test_err"),
        ("RuntimeError: fixture", "test_mix.py:17")
    );
    assert_eq!(
        test("test_mix.py::test_late"),
        ("RuntimeError: late", "test_mix.py:22")
    );
    assert_eq!(
        test("test_mix.py::test_param[a - b]"),
        (
            "AssertionError: assert 'a - b' == 'none'\n\n  - none\n  + a - b",
            "test_mix.py:5"
        )
    );
}

#[test]
fn the_verbose_list_names_passing_tests() {
    for text in [fixture!("v"), fixture!("xdistv")] {
        let report = of(text);
        let mut passed: Vec<&str> = report
            .tests
            .iter()
            .filter(|test| test.case.status == TestStatus::Passed)
            .map(|test| test.case.name.as_str())
            .collect();
        passed.sort_unstable();
        // `test_late` passed, but its teardown failed.
        assert_eq!(
            passed,
            [
                "sub/test_mix2.py::test_fine",
                "test_mix.py::test_sq[1-1]",
                "test_mix.py::test_sq[2-4]"
            ]
        );
    }
}

#[test]
fn files_that_cannot_be_collected_are_named() {
    let report = of(fixture!("collect"));
    assert_eq!(numbers(&report), (0, 0, 0, 2, false));
    assert_eq!(failing(&report), ["test_bad.py", "test_syn.py"]);
    assert_eq!(
        report.tests[0].case.message.as_deref(),
        Some("ModuleNotFoundError: No module named 'nothere'")
    );
    assert_eq!(report.tests[0].location.as_deref(), Some("test_bad.py:1"));
    assert_eq!(numbers(&of(fixture!("continue"))), (1, 0, 0, 2, true));
}

#[test]
fn runs_that_stop_early_are_not_whole() {
    let report = of(fixture!("x"));
    assert_eq!(numbers(&report), (0, 1, 0, 0, false));
    assert_eq!(
        report.notes,
        ["pytest did not run everything: stopping after 1 failures"]
    );
    assert_eq!(
        numbers(&recognise(fixture!("exitv"), "", ReportFormat::Pytest).expect("a torso")),
        (1, 0, 0, 0, false)
    );
    assert_eq!(recognise(fixture!("exit"), "", ReportFormat::Pytest), None);
}

#[test]
fn fewer_tests_than_collected_are_not_whole() {
    let text = "=== test session starts ===\ncollected 3 items\n\ntest_e.py .\n===== 1 passed in 0.01s =====\n";
    assert_eq!(numbers(&of(text)), (1, 0, 0, 0, false));
}

#[test]
fn green_runs_are_read_in_every_form() {
    for text in [fixture!("green"), fixture!("greenq"), fixture!("greenqq")] {
        assert_eq!(numbers(&of(text)), (2, 0, 0, 0, true), "{text}");
    }
}

#[test]
fn no_tests_are_a_report_of_nothing() {
    for text in [fixture!("none"), fixture!("k")] {
        assert_eq!(numbers(&of(text)), (0, 0, 0, 0, true), "{text}");
    }
}

#[test]
fn subtests_name_their_test() {
    let report = of(fixture!("subtests"));
    assert_eq!(numbers(&report), (1, 5, 0, 0, true));
    assert_eq!(
        failing(&report),
        [
            "test_s.py::T::test_a",
            "test_s.py::T::test_a",
            "test_s.py::test_b",
            "test_s.py::test_b",
            "test_s.py::test_b"
        ]
    );
}

#[test]
fn a_printed_line_of_counts_decides_nothing() {
    let text = "===== 99 passed in 0.01s =====\nF\n=== FAILURES ===\n__ test_a __\nE   assert 0\n\na.py:1: AssertionError\n== short test summary info ==\nFAILED a.py::test_a - assert 0\n1 failed in 0.1s\n";
    assert_eq!(numbers(&of(text)), (0, 1, 0, 0, true));
}

#[test]
fn output_of_other_programs_is_not_taken_for_a_report() {
    for text in [
        "",
        "3 errors in 5s",
        "2 failed in 1.0s\n",
        "built 3 items in 0.2s\n",
        "1 passed in 0.1s\n",
    ] {
        assert_eq!(recognise(text, "", ReportFormat::Auto), None, "{text}");
    }
}

fn any_line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("=== FAILURES ===".to_owned()),
        Just("=== short test summary info ===".to_owned()),
        Just("________ test_a[é - ] ________".to_owned()),
        "(FAILED|ERROR|SUBFAILED\\[) [a-c:\\[\\] -]{0,20}",
        "[0-9]{1,12} (passed|failed|errors|x), [0-9] skipped in [0-9.]{1,4}s",
        "[.FEsx]{1,8} *\\[[ 0-9]{1,4}%\\]",
        "[a-c:]{0,6} (PASSED|FAILED) \\[ 10%\\]",
        "\\[gw0\\] \\[ 10%\\] [A-Z]{4,6} a::b",
        ".{0,40}",
        "E   .{0,10}",
        "[a-c.]{0,3}:[0-9]{0,11}:.{0,3}",
        "!!!! .{0,5} !!!!",
        "collected [0-9]{1,11} items / [0-9] deselected",
    ]
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_fail(lines in prop::collection::vec(any_line(), 0..60)) {
        let text = lines.join("\n");
        let _ = recognise(&text, "", ReportFormat::Pytest);
        let _ = recognise(&text, "", ReportFormat::Auto);
    }

    #[test]
    fn half_a_report_is_never_whole(cut in 0_usize..5000) {
        let text = fixture!("v");
        let end = text.rfind("\n====").expect("the counts");
        let half = &text[..text.floor_char_boundary(cut.min(end))];
        if let Some(report) = recognise(half, "", ReportFormat::Pytest) {
            prop_assert!(!report.counts.complete);
        }
    }
}
