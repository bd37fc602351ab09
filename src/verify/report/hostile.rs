//! What holds of every reader, whatever it is given.

use proptest::prelude::*;

use super::{MAX_LINES, from_files, recognise};
use crate::config::ReportFormat::{self, *};

const FORMATS: [ReportFormat; 23] = [
    Auto,
    CargoTest,
    Pytest,
    Junit,
    GoTest,
    Tap,
    Nextest,
    Unittest,
    Jest,
    Vitest,
    Mocha,
    NodeTest,
    Playwright,
    Rspec,
    Minitest,
    Phpunit,
    Ctest,
    Gtest,
    Surefire,
    JunitConsole,
    Bats,
    Prove,
    TestUnit,
];

const FIXTURES: [&str; 38] = [
    include_str!("fixtures/unittest.txt"),
    include_str!("fixtures/nextest.txt"),
    include_str!("fixtures/jest.txt"),
    include_str!("fixtures/jest_verbose.txt"),
    include_str!("fixtures/jest.json"),
    include_str!("fixtures/vitest.out.txt"),
    include_str!("fixtures/vitest.err.txt"),
    include_str!("fixtures/vitest.json"),
    include_str!("fixtures/mocha.txt"),
    include_str!("fixtures/mocha_json.txt"),
    include_str!("fixtures/node_spec.txt"),
    include_str!("fixtures/playwright.json"),
    include_str!("fixtures/rspec.txt"),
    include_str!("fixtures/minitest.txt"),
    include_str!("fixtures/minitest_rails.txt"),
    include_str!("fixtures/test_unit.txt"),
    include_str!("fixtures/phpunit.txt"),
    include_str!("fixtures/phpunit_teamcity.txt"),
    include_str!("fixtures/phpunit_testdox.txt"),
    include_str!("fixtures/ctest.txt"),
    include_str!("fixtures/gtest.txt"),
    include_str!("fixtures/gtest_crash.txt"),
    include_str!("fixtures/gtest.json"),
    include_str!("fixtures/surefire.txt"),
    include_str!("fixtures/junit_console.txt"),
    include_str!("fixtures/junit_jupiter.xml"),
    include_str!("fixtures/bats_pretty.txt"),
    include_str!("fixtures/prove.out.txt"),
    include_str!("fixtures/prove.err.txt"),
    include_str!("fixtures/prove_v.out.txt"),
    include_str!("fixtures/cargo_mixed.out.txt"),
    include_str!("fixtures/libtest.jsonl"),
    include_str!("fixtures/go_all.out.txt"),
    include_str!("fixtures/pytest_default.txt"),
    include_str!("fixtures/pytest_xdistv.txt"),
    include_str!("fixtures/tap_node.txt"),
    include_str!("fixtures/tap_vitest.txt"),
    include_str!("fixtures/tap_bats.txt"),
];

/// Those for machines, which end with what they began; each tells of failures. What people read may be cut where a
/// test has printed a report of its own.
const FILES: [&str; 9] = [
    include_str!("fixtures/jest.json"),
    include_str!("fixtures/vitest.json"),
    include_str!("fixtures/playwright.json"),
    include_str!("fixtures/gtest.json"),
    include_str!("fixtures/junit_jupiter.xml"),
    include_str!("fixtures/junit_pytest.xml"),
    include_str!("fixtures/libtest.jsonl"),
    include_str!("fixtures/go_all.out.txt"),
    include_str!("fixtures/tap_node.txt"),
];

fn read_all(stdout: &str, stderr: &str) {
    for format in FORMATS {
        let _ = recognise(stdout, stderr, format);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_makes_a_reader_fail(stdout in any::<String>(), stderr in any::<String>()) {
        read_all(&stdout, &stderr);
    }

    #[test]
    fn no_bytes_make_a_reader_fail(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let text = String::from_utf8_lossy(&bytes);
        read_all(&text, &text);
    }

    #[test]
    fn no_mixture_of_reports_makes_a_reader_fail(
        picks in prop::collection::vec((0..FIXTURES.len(), any::<prop::sample::Index>(), 0..40_usize), 0..60),
    ) {
        let mut text = String::new();
        for (fixture, line, cut) in picks {
            let lines: Vec<&str> = FIXTURES[fixture].lines().collect();
            for line in lines.iter().skip(line.index(lines.len())).take(3) {
                let cut = line.floor_char_boundary(line.len().saturating_sub(cut % 8));
                text.push_str(if cut % 3 == 0 { &line[..cut] } else { line });
                text.push('\n');
            }
        }
        read_all(&text, "");
        read_all("", &text);
    }

    #[test]
    fn no_half_of_a_file_is_whole_and_green(fixture in 0..FILES.len(), cut in any::<prop::sample::Index>()) {
        let whole = FILES[fixture];
        let half = &whole[..whole.floor_char_boundary(cut.index(whole.trim_end().len()))];
        let file = [("report".to_owned(), half.to_owned())];
        let read = [recognise(half, "", Auto), from_files(&file, Auto)];
        for report in read.into_iter().flatten() {
            let counts = report.counts;
            let green = counts.complete && counts.failed + counts.errors == 0;
            prop_assert!(!green, "{counts:?} of {half:?}");
        }
    }
}

#[test]
fn what_grows_or_nests_without_end_is_no_report_or_half_of_one() {
    let deep_json = format!("{{\"numFailedTestSuites\":{}", "[".repeat(100_000));
    let deep_suites = format!(
        "{{\"config\":{{}},\"suites\":[{}",
        "{\"suites\":[".repeat(100_000)
    );
    let deep_xml = "<testsuite>".repeat(100_000);
    let bomb = format!(
        "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'ha'>{}]><testsuite>&j;</testsuite>",
        "<!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>".repeat(20)
    );
    let deep_tap = (0..20_000).fold(String::new(), |mut text, depth| {
        text.push_str(&" ".repeat((depth % 100) * 4));
        text.push_str("not ok 1 - a {\n");
        text
    });
    for text in [deep_json, deep_suites, deep_xml, bomb, deep_tap] {
        for format in FORMATS {
            if let Some(report) = recognise(&text, "", format) {
                assert!(!report.counts.complete, "{format:?}");
                assert!(!report.notes.is_empty(), "{format:?}");
            }
        }
        let _ = from_files(&[("r".to_owned(), text)], Auto);
    }
}

#[test]
fn of_what_is_too_long_the_end_is_read_and_that_is_said() {
    let mut text = "\n".repeat(MAX_LINES + 10);
    text.push_str("..  [100%]\n2 passed in 0.1s\n");
    let report = recognise(&text, "", Pytest).expect("a report");
    assert_eq!((report.counts.passed, report.counts.complete), (2, false));
    assert!(report.notes[0].starts_with("the output is too long: "));
}
