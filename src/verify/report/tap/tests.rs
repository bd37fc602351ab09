use proptest::prelude::*;

use super::*;
use crate::config::ReportFormat;
use crate::verify::report::recognise;

const NODE: &str = include_str!("../fixtures/tap_node.txt");
const CRASH: &str = include_str!("../fixtures/tap_node_crash.txt");
const VITEST: &str = include_str!("../fixtures/tap_vitest.txt");
const BATS: &str = include_str!("../fixtures/tap_bats.txt");

fn of(text: &str) -> Report {
    recognise(text, "", ReportFormat::Tap).expect("a report")
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

/// Each test that failed as `name: message @ place`.
fn failing(report: &Report) -> Vec<String> {
    report
        .tests
        .iter()
        .filter(|test| test.case.status == TestStatus::Failed)
        .map(|test| {
            let message = test.case.message.as_deref().unwrap_or("-");
            let place = test.location.as_deref().unwrap_or("-");
            format!(
                "{}: {} @ {place}",
                test.case.name,
                message.replace('\n', "|")
            )
        })
        .collect()
}

#[test]
fn node_names_suites_subtests_and_what_failed() {
    let report = of(NODE);
    // As node's own last lines count them; a suite is no test, what is to do is skipped.
    assert_eq!(numbers(&report), (4, 4, 1, true), "{:?}", report.notes);
    assert_eq!(
        failing(&report),
        [
            "cart > discount # hash: Expected values to be strictly equal:||10 !== 9 @ /home/rep/a.test.js:5",
            "throws: Cannot read properties of null (reading 'x') @ /home/rep/a.test.js:9",
            "outer > inner bad: boom|second line @ /home/rep/a.test.js:12",
            "outer: 1 subtest failed @ /home/rep/a.test.js:10",
        ]
    );
}

#[test]
fn a_file_that_dies_is_a_failing_test() {
    let report = of(CRASH);
    assert_eq!(numbers(&report), (1, 2, 0, true));
    assert_eq!(failing(&report).len(), 2);
}

#[test]
fn vitest_puts_subtests_between_braces() {
    let report = of(VITEST);
    assert_eq!(numbers(&report), (1, 3, 1, true), "{:?}", report.notes);
    assert_eq!(
        failing(&report),
        [
            "cart > applies \"discount\" <b>: expected 10 to be 9 // Object.is equality @ /home/rep/t/a.test.mjs:2",
            "throws: Cannot read properties of null (reading 'x') @ /home/rep/t/a.test.mjs:3",
            "t/b.test.mjs: Cannot find module './nothere.mjs' imported from '/home/rep/t/b.test.mjs' @ /home/rep/t/b.test.mjs:1",
        ]
    );
    assert_eq!(report.tests[0].case.duration_ms, Some(0));
}

#[test]
fn a_hash_in_a_name_is_no_directive() {
    let report = of(BATS);
    assert_eq!(numbers(&report), (1, 1, 1, true));
    assert_eq!(failing(&report), ["discount: 10 # percent: - @ -"]);
}

#[test]
fn plans_must_hold() {
    let complete = |text: &str| of(text).counts.complete;
    assert!(complete("1..2\nok 1\nok 2\n"));
    assert!(complete("TAP version 14\nok 1 - a\n1..1\n"));
    assert!(complete("1..0 # SKIP not on this machine\n"));
    for (text, why) in [
        ("ok 1 - a\n", "there is no plan, so tests may be missing"),
        ("1..3\nok 1\nok 2\n", "2 of 3 planned tests ended"),
        ("1..1\nok 1\nok 2\n", "2 of 1 planned tests ended"),
        ("1..1\nok 1\n1..1\n", "there is more than one plan"),
        (
            "1..2\nok 1\nBail out! no database\n",
            "Bail out! no database",
        ),
        (
            "    ok 1 - in\n    1..1\n1..0\n",
            "subtests end without their test",
        ),
        (
            "not ok 1 - a {\n    ok 1 - b\n    1..1\nok 2 - c\n1..2\n",
            "subtests end without their closing brace",
        ),
        (
            "1..1\nok 1\n# tests 2\n# pass 1\n# fail 1\n",
            "its own totals tell of more tests than it lists",
        ),
    ] {
        let report = of(text);
        assert!(!report.counts.complete, "{text}");
        assert!(report.notes.contains(&why.to_owned()), "{:?}", report.notes);
    }
}

#[test]
fn a_suite_that_fails_by_itself_is_a_failing_test() {
    let hook = "# Subtest: s\n    # Subtest: a\n    ok 1 - a\n    1..1\nnot ok 1 - s\n  ---\n  type: 'suite'\n  failureType: 'hookFailed'\n  error: 'hook'\n  ...\n1..1\n";
    let report = of(hook);
    assert_eq!(numbers(&report), (1, 1, 0, true));
    assert_eq!(failing(&report), ["s: hook @ -"]);
}

#[test]
fn reports_after_each_other_are_added_up() {
    let report = of("TAP version 13\n1..1\nok 1 - a\nTAP version 13\n1..1\nnot ok 1 - b\n");
    assert_eq!(numbers(&report), (1, 1, 0, true));
}

#[test]
fn unannounced_it_must_be_all_there_is() {
    let auto = |text: &str| recognise(text, "", ReportFormat::Auto);
    assert!(auto(NODE).is_some());
    assert!(auto(&format!("\n> web@1.0.0 test\n> node --test\n\n{NODE}")).is_some());
    assert!(auto(BATS).is_some());
    let among = auto(&format!("starting\n{NODE}")).expect("there is nothing else");
    assert_eq!(among, of(NODE));
    assert!(auto("1..2\nok 1 - a\nhello\n").is_none(), "half a plan");
    assert!(
        auto("see:\nok 2 - b\n1..1\n").is_none(),
        "not numbered through"
    );
    assert!(auto("TAP version 13\nok 1 - a\n").is_none());
    let torso = auto(&NODE[..NODE.len() / 2]).expect("what has failed is told");
    assert!(torso.counts.failed > 0 && !torso.counts.complete);
    assert!(recognise("hello\nokay\n# tests 3\n", "", ReportFormat::Tap).is_none());
}

#[test]
fn a_value_cannot_end_its_block() {
    let text = "not ok 1 - a\n  ---\n  error: |-\n    first\n    ...\n    ok 2 - b\n  ...\n1..1\n";
    let report = of(text);
    assert_eq!(numbers(&report), (0, 1, 0, true));
    assert_eq!(failing(&report), ["a: first|...|ok 2 - b @ -"]);
    let broken = of("not ok 1 - a\n  ---\n  error: 'x'\nnot ok 2 - b\n1..2\n");
    assert_eq!(numbers(&broken), (0, 2, 0, true));
}

proptest! {
    #[test]
    fn no_text_makes_it_fail(text in any::<String>()) {
        let _ = recognise(&text, "", ReportFormat::Tap);
    }

    #[test]
    fn nothing_like_tap_makes_it_fail(text in "((    ){0,40}(ok|not ok|1\\.\\.[0-9]{1,3}|---|\\.\\.\\.|\\}|# Subtest: x|TAP version 13|  a: \\|)( [0-9]| - x| # SKIP| \\{)?\n){0,60}") {
        let _ = recognise(&text, "", ReportFormat::Tap);
    }

    #[test]
    fn a_report_that_breaks_off_is_never_green(cut in 0..10_000_usize) {
        for whole in [NODE, CRASH, VITEST, BATS] {
            let torso = &whole[..whole.floor_char_boundary(cut % whole.len())];
            if let Some(report) = recognise(torso.trim_end(), "", ReportFormat::Tap) {
                prop_assert!(report.counts.failed > 0 || !report.counts.complete, "{cut}");
            }
        }
    }
}
