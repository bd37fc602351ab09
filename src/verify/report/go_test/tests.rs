use proptest::prelude::*;

use super::*;
use crate::config::ReportFormat;
use crate::verify::report::recognise;
use crate::verify::report::told::{failing, numbers};

const ALL: &str = include_str!("../fixtures/go_all.out.txt");
const ALL_STDERR: &str = include_str!("../fixtures/go_all.err.txt");
const GREEN: &str = include_str!("../fixtures/go_green.txt");

fn of(stdout: &str, stderr: &str) -> Report {
    recognise(stdout, stderr, ReportFormat::Auto).expect("a report")
}

/// The events of one package, as the fixture has them.
fn package(name: &str) -> String {
    let of = format!("\"Package\":\"example.org/rep/{name}\"");
    let lines = ALL.lines().filter(|line| line.contains(&of));
    lines.map(|line| format!("{line}\n")).collect()
}

fn message<'r>(report: &'r Report, name: &str) -> (&'r str, &'r str) {
    let test = report.tests.iter().find(|test| test.case.name == name);
    let test = test.expect("named");
    (
        test.case.message.as_deref().unwrap_or("-"),
        test.location.as_deref().unwrap_or("-"),
    )
}

#[test]
fn one_package_goes_without_saying() {
    let report = of(&package("a"), "");
    assert_eq!(numbers(&report), (2, 2, 1, 0, true));
    assert_eq!(failing(&report), ["TestTable", "TestTable/two_words"]);
    assert_eq!(
        message(&report, "TestTable/two_words"),
        ("a_test.go:15: n=2", "-")
    );
    assert_eq!(message(&report, "TestTable").0, "-");
}

#[test]
fn several_packages_are_added_up_and_stand_before_their_tests() {
    let report = of(ALL, ALL_STDERR);
    assert_eq!(
        failing(&report),
        [
            "example.org/rep/a TestTable",
            "example.org/rep/a TestTable/two_words",
            "example.org/rep/b TestPanics",
            "example.org/rep/c",
            "example.org/rep/e",
            "example.org/rep/f TestBlocks",
            "example.org/rep/g ExampleHello",
        ]
    );
    assert_eq!(numbers(&report), (6, 5, 1, 2, false));
    assert_eq!(
        report.notes,
        [
            "the package example.org/rep/b crashed before all its tests ran",
            "the package example.org/rep/c does not build",
            "the package example.org/rep/f crashed before all its tests ran",
        ]
    );
}

#[test]
fn green_cached_and_empty_packages_are_complete() {
    assert_eq!(numbers(&of(GREEN, "")), (1, 0, 0, 0, true));
    let cached = GREEN.replace("0.006s", "(cached)");
    assert_eq!(numbers(&of(&cached, "")), (1, 0, 0, 0, true));
    let none = "{\"Action\":\"skip\",\"Package\":\"a/d\",\"Elapsed\":0}\n";
    assert_eq!(numbers(&of(none, "")), (0, 0, 0, 0, true));
}

#[test]
fn a_panic_has_its_place_and_hides_the_tests_after_it() {
    let report = of(&package("b"), "");
    assert_eq!(numbers(&report), (1, 1, 0, 0, false));
    let (text, place) = message(&report, "TestPanics");
    assert!(text.starts_with("panic: assignment to entry in nil map [recovered]\n"));
    assert_eq!(place, "/home/rep/b/b_test.go:9");
}

#[test]
fn a_package_that_does_not_build_says_what_the_compiler_says() {
    let old = "FAIL\texample.org/rep/c [build failed]\n";
    let new = "{\"ImportPath\":\"example.org/rep/c [example.org/rep/c.test]\",\"Action\":\"build-output\",\"Output\":\"# example.org/rep/c [example.org/rep/c.test]\\n\"}\n\
        {\"ImportPath\":\"example.org/rep/c [example.org/rep/c.test]\",\"Action\":\"build-output\",\"Output\":\"c/c_test.go:5:28: undefined: undefinedFn\\n\"}\n\
        {\"ImportPath\":\"example.org/rep/c [example.org/rep/c.test]\",\"Action\":\"build-fail\"}\n\
        {\"Action\":\"start\",\"Package\":\"example.org/rep/c\"}\n\
        {\"Action\":\"output\",\"Package\":\"example.org/rep/c\",\"Output\":\"FAIL\\texample.org/rep/c [build failed]\\n\"}\n\
        {\"Action\":\"fail\",\"Package\":\"example.org/rep/c\",\"Elapsed\":0,\"FailedBuild\":\"example.org/rep/c [example.org/rep/c.test]\"}\n";
    for (stdout, stderr) in [(old, ALL_STDERR), (new, "")] {
        let report = recognise(stdout, stderr, ReportFormat::GoTest).expect("a report");
        assert_eq!(numbers(&report), (0, 0, 0, 1, false));
        assert_eq!(
            message(&report, "example.org/rep/c"),
            ("c/c_test.go:5:28: undefined: undefinedFn", "c/c_test.go:5")
        );
    }
}

#[test]
fn a_package_that_fails_without_a_failing_test_is_an_error_of_its_own() {
    let report = of(&package("e"), "");
    assert_eq!(numbers(&report), (1, 0, 0, 1, true));
    assert_eq!(message(&report, "example.org/rep/e").0, "cleanup failed");
}

#[test]
fn a_test_that_runs_out_of_time_fails() {
    let report = of(&package("f"), "");
    assert_eq!(numbers(&report), (1, 1, 0, 0, false));
    let (text, place) = message(&report, "TestBlocks");
    assert!(
        text.starts_with("panic: test timed out after 3s\n"),
        "{text}"
    );
    assert_eq!(place, "/home/rep/f/f_test.go:10");
}

#[test]
fn what_a_test_prints_is_no_event() {
    let report = of(&package("g"), "");
    let passed: Vec<&str> = report
        .tests
        .iter()
        .filter(|test| test.case.status == TestStatus::Passed)
        .map(|test| test.case.name.as_str())
        .collect();
    assert_eq!(passed, ["TestPrints"]);
    let green = package("g")
        .lines()
        .filter(|line| !line.contains("ExampleHello"))
        .map(|line| {
            let last = line.contains("\"Action\":\"fail\"") && !line.contains("\"Test\"");
            let line = if last {
                line.replace("fail", "pass")
            } else {
                line.to_owned()
            };
            line + "\n"
        })
        .collect::<String>();
    let report = of(&green, "");
    assert_eq!(numbers(&report), (1, 0, 0, 0, true), "{:?}", report.notes);
}

#[test]
fn a_failing_test_counts_even_if_its_package_passes() {
    let masked = package("a").replace(
        "\"Action\":\"fail\",\"Package\":\"example.org/rep/a\",\"Elapsed\"",
        "\"Action\":\"pass\",\"Package\":\"example.org/rep/a\",\"Elapsed\"",
    );
    assert_eq!(numbers(&of(&masked, "")).1, 2);
}

#[test]
fn every_run_of_a_test_counts() {
    let one = package("a");
    let (tests, end) = one.split_at(one.find("FAIL\\texample").expect("its end"));
    let cut = tests.rfind('\n').map_or(0, |at| at + 1);
    let tests = &tests[..cut];
    let twice = format!("{tests}{tests}{}", &one[cut..]);
    assert!(!end.is_empty());
    assert_eq!(numbers(&of(&twice, "")), (4, 4, 2, 0, true));
}

#[test]
fn people_read_what_go_would_have_printed() {
    let text = plain(&package("e"));
    assert_eq!(
        text.lines().collect::<Vec<_>>()[..5],
        [
            "=== RUN   TestE",
            "--- PASS: TestE (0.00s)",
            "PASS",
            "cleanup failed",
            "FAIL\texample.org/rep/e\t0.028s"
        ]
    );
    assert_eq!(plain("make: go test\n"), "make: go test\n");
}

#[test]
fn other_json_is_no_report() {
    for text in [
        "",
        "{}\n",
        "{\"Action\":\"run\"}\n",
        "[1]\n",
        "{\"Action\":3}\n",
    ] {
        assert_eq!(recognise(text, "", ReportFormat::GoTest), None, "{text}");
    }
    assert_eq!(
        recognise(
            "{\"Action\":\"run\",\"Package\":\"p\",\"Test\":\"T\"}\n",
            "",
            ReportFormat::Auto
        ),
        None,
        "unannounced, it must be finished"
    );
}

proptest! {
    #[test]
    fn no_text_makes_it_fail(text in any::<String>()) {
        let _ = recognise(&text, &text, ReportFormat::GoTest);
    }

    #[test]
    fn no_order_of_events_makes_it_fail(picks in proptest::collection::vec(0..119_usize, 0..200)) {
        let lines: Vec<&str> = ALL.lines().collect();
        let text: String = picks.iter().map(|at| format!("{}\n", lines[at % lines.len()])).collect();
        let _ = recognise(&text, ALL_STDERR, ReportFormat::GoTest);
    }

    #[test]
    fn a_package_that_breaks_off_is_never_green(cut in 0..10_000_usize) {
        for name in ["a", "b", "e", "f", "g"] {
            let whole = package(name);
            let torso = &whole[..whole.floor_char_boundary(cut % whole.len())];
            if let Some(report) = recognise(torso.trim_end(), "", ReportFormat::GoTest) {
                let red = report.counts.failed + report.counts.errors > 0;
                prop_assert!(red || !report.counts.complete, "{name} {cut}");
            }
        }
    }
}
