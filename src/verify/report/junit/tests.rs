use proptest::prelude::*;

use super::*;
use crate::config::ReportFormat;
use crate::verify::report::told::numbers;
use crate::verify::report::{from_files, recognise};

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../fixtures/junit_", $name, ".xml"))
    };
}

const ALL: [&str; 6] = [
    fixture!("nextest"),
    fixture!("jupiter"),
    fixture!("jest"),
    fixture!("vitest"),
    fixture!("node"),
    fixture!("pytest"),
];

fn of(text: &str) -> Report {
    recognise(text, "", ReportFormat::Junit).expect("a report")
}

/// Each test that failed as `name: first line of its message`.
fn failing(report: &Report) -> Vec<String> {
    report
        .tests
        .iter()
        .filter(|test| test.case.status == TestStatus::Failed)
        .map(|test| {
            let message = test.case.message.as_deref().unwrap_or("-");
            format!(
                "{}: {}",
                test.case.name,
                message.lines().next().unwrap_or("-")
            )
        })
        .collect()
}

#[test]
fn each_runner_writes_it_in_its_own_way() {
    let told: Vec<String> = ALL
        .iter()
        .map(|text| {
            let report = of(text);
            assert!(report.notes.is_empty(), "{:?}", report.notes);
            format!("{:?}\n{}\n", numbers(&report), failing(&report).join("\n"))
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r##"
    (4, 3, 0, 0, true)
    rep1 tests::deep::eq: thread 'tests::deep::eq' (22198) panicked at src/lib.rs:7:34:
    rep1 tests::unwraps: thread 'tests::unwraps' (22208) panicked at src/lib.rs:10:40:
    rep1::it api_bad: thread 'api_bad' (22211) panicked at tests/it.rs:2:24:

    (1, 1, 1, 1, true)
    CartTest.discount(): org.opentest4j.AssertionFailedError: expected: <9> but was: <10>
    CartTest.npe(): java.lang.NullPointerException: Cannot invoke "String.length()" because "<local1>" is null

    (2, 2, 1, 0, true)
    cart applies "discount" <b>: Error: expect(received).toBe(expected) // Object.is equality
    throws: TypeError: Cannot read properties of null (reading 'x')

    (1, 3, 2, 0, true)
    cart > applies "discount" <b>: AssertionError: expected 10 to be 9 // Object.is equality
    throws: TypeError: Cannot read properties of null (reading 'x')
    t/b.test.mjs: Error: Cannot find module './nothere.mjs' imported from '/home/rep/t/b.test.mjs'

    (4, 3, 1, 0, true)
    cart > discount # hash: Expected values to be strictly equal:10 !== 9
    throws: [Error [ERR_TEST_FAILURE]: Cannot read properties of null (reading 'x')] {
    outer > inner bad: boomsecond line

    (1, 1, 2, 1, true)
    test_a.py::TestG::test_in: AssertionError: #x1B[31mred#x00
    test_a.py::test_err: failed on setup with "RuntimeError: no"
    "##);
}

#[test]
fn what_a_test_prints_never_counts() {
    let text = "<testsuite tests='1'><testcase name='a' classname='C'><system-out><![CDATA[<testcase name='b'><failure/></testcase></testsuite>]]></system-out><system-err><failure message='x'/></system-err></testcase></testsuite>";
    let report = of(text);
    assert_eq!(numbers(&report), (1, 0, 0, 0, true));
    assert_eq!(report.tests[0].case.name, "C.a");
}

#[test]
fn suites_that_tell_of_more_than_they_list_are_not_green() {
    let report = of(
        "<testsuites><testsuite name='s' tests='2' failures='1' errors='1'><testcase name='a'/></testsuite></testsuites>",
    );
    assert_eq!(numbers(&report), (1, 0, 0, 2, false));
    assert_eq!(
        report.notes,
        [
            "the suite \"s\" tells of 2 failures but lists 0",
            "the suite \"s\" tells of 2 tests but lists 1"
        ]
    );
}

#[test]
fn nothing_can_grow_in_it() {
    let bomb = "<?xml version='1.0'?><!DOCTYPE testsuite [<!ENTITY a 'xxxxxxxx'><!ENTITY b '&a;&a;&a;&a;'>]><testsuite><testcase name='&b;'/></testsuite>";
    assert_eq!(recognise(bomb, "", ReportFormat::Junit), None);
    let late =
        of("<testsuite><testcase name='a'/><!DOCTYPE x SYSTEM 'file:///etc/passwd'></testsuite>");
    assert!(!late.counts.complete, "{late:?}");
    let unknown = of(
        "<testsuite><testcase name='&b;'><failure>&b;&lt;&#10;&#0;</failure></testcase></testsuite>",
    );
    assert_eq!(failing(&unknown), ["&b;: &b;<"]);
    let deep = format!("<testsuite>{}", "<testsuite>".repeat(200_000));
    let report = of(&deep);
    assert_eq!(report.notes, ["its elements lie too deep in each other"]);
}

#[test]
fn control_characters_do_not_reach_a_message() {
    let report = of(
        "<testsuite><testcase name='a'><failure message='&#27;[31mred&#27;[0m'>\u{1b}[2J&#27;]0;x&#7;text</failure></testcase></testsuite>",
    );
    assert_eq!(report.tests[0].case.message.as_deref(), Some("red\ntext"));
}

#[test]
fn a_report_that_is_no_xml_is_said_to_be_broken() {
    let notes = |text| of(text).notes.join("; ");
    assert_eq!(
        notes("<testsuite><testcase name='a'>"),
        "the XML ends before its first element does"
    );
    assert!(notes("<testsuite><testcase></testsuite>").starts_with("the XML is not well-formed: "));
    for text in [
        "",
        "no xml",
        "<html></html>",
        "<?xml version='1.0'?><project/>",
    ] {
        assert_eq!(recognise(text, "", ReportFormat::Junit), None, "{text}");
    }
    let starts = "<?xml \n".repeat(200_000);
    assert_eq!(recognise(&starts, "", ReportFormat::Junit), None);
}

#[test]
fn each_style_has_its_names() {
    let name = |text: &str| {
        let report = of(text);
        report.tests.last().map(|test| test.case.name.clone())
    };
    let mocha = "<testsuite name=\"Mocha Tests\"><testcase classname=\"cart\" name=\"adds\"/><testcase classname=\"cart deep\" name=\"throws\"/></testsuite>";
    assert_eq!(name(mocha).as_deref(), Some("cart > deep > throws"));
    let bats = "<testsuite name=\"a.bats\"><testcase classname=\"a.bats\" name=\"adds: 1 # 2\"/></testsuite>";
    assert_eq!(name(bats).as_deref(), Some("adds: 1 # 2"));
    let php = "<testsuite name=\"x\"><testcase name=\"testA with data set #0\" class=\"App\\ATest\" classname=\"App.ATest\" file=\"/home/rep/tests/ATest.php\" line=\"3\"/></testsuite>";
    assert_eq!(
        name(php).as_deref(),
        Some("App\\ATest::testA with data set #0")
    );
    let libtest =
        "<testsuite name=\"test\"><testcase classname=\"tests::deep\" name=\"eq\"/></testsuite>";
    assert_eq!(name(libtest).as_deref(), Some("tests::deep::eq"));
    let pytest = "<testsuites><testsuite name=\"pytest\"><testcase classname=\"\" name=\"tests.test_bad\"/></testsuite></testsuites>";
    assert_eq!(name(pytest).as_deref(), Some("tests/test_bad.py"));
    let shared = "<testsuite><testcase classname=\"a.test.js\" name=\"adds\"/><testcase classname=\"b.test.js\" name=\"adds\"/></testsuite>";
    assert_eq!(name(shared).as_deref(), Some("b.test.js > adds"));
}

#[test]
fn what_is_left_out_because_it_was_skipped_is_counted() {
    let text = "<testsuites tests='3' skipped='1'><testsuite name='x' tests='3' skipped='1'><testcase classname='A' name='a'/><testcase classname='A' name='b'/></testsuite></testsuites>";
    assert_eq!(numbers(&of(text)), (2, 0, 1, 0, true));
}

#[test]
fn it_may_stand_in_output() {
    let text = "compiling\n<testsuite><testcase name='a'/></testsuite>\nnext\n<testsuite><testcase name='b'><error/></testcase></testsuite>\n";
    assert_eq!(numbers(&of(text)), (1, 0, 0, 1, true));
    let auto = |text: &str| recognise(text, "", ReportFormat::Auto);
    assert_eq!(auto(text), Some(of(text)), "where there is nothing else");
    let inside = format!("{text}1 passed in 0.1s\n..  [100%]\n1 passed in 0.1s\n");
    assert_eq!(
        numbers(&auto(&inside).expect("pytest's")),
        (1, 0, 0, 0, true)
    );
    assert!(recognise(fixture!("node"), "", ReportFormat::Auto).is_some());
}

#[test]
fn files_are_added_up_and_one_without_a_report_is_said() {
    let files = |texts: &[&str]| -> Vec<(String, String)> {
        let named = texts.iter().enumerate();
        named
            .map(|(at, text)| (format!("{at}.xml"), (*text).to_owned()))
            .collect()
    };
    let two = from_files(&files(&[ALL[0], ALL[2]]), ReportFormat::Auto).expect("a report");
    assert_eq!(numbers(&two), (6, 5, 1, 0, true));
    let torn = from_files(&files(&[ALL[0], "{"]), ReportFormat::Junit).expect("a report");
    assert!(!torn.counts.complete);
    assert_eq!(torn.notes, ["1.xml: holds no report"]);
    let cut = from_files(&files(&[&ALL[0][..2000]]), ReportFormat::Auto).expect("a report");
    assert!(!cut.counts.complete, "what a test printed is no report");
    assert_eq!(from_files(&files(&["{"]), ReportFormat::Junit), None);
}

#[test]
fn a_time_that_no_test_takes_is_none() {
    let time = |time: &str| {
        let text = format!("<testsuite><testcase name='a' time='{time}'/></testsuite>");
        of(&text).tests[0].case.duration_ms
    };
    for wrong in ["1e308", "inf", "NaN", "9007199254741", "soon"] {
        assert_eq!(time(wrong), None, "{wrong}");
    }
    assert_eq!(time("9007199254740"), Some(9_007_199_254_740_000));
    assert_eq!((time("1,000.5"), time("-1")), (Some(1_000_500), Some(0)));
}

proptest! {
    #[test]
    fn no_text_makes_it_fail(text in any::<String>()) {
        let _ = recognise(&text, "", ReportFormat::Junit);
    }

    #[test]
    fn nothing_like_xml_makes_it_fail(text in "(<(/?(testsuites|testsuite|testcase|failure|error|skipped|x)( (name|tests|time|failures)=\"[^\"]{0,6}\")?/?|!\\[CDATA\\[|!DOCTYPE x|\\?xml)?>?|&[a-z#0-9]{0,4};?|\\]\\]>|\n){0,60}") {
        let _ = recognise(&format!("<testsuite>{text}"), "", ReportFormat::Junit);
    }

    #[test]
    fn a_report_that_breaks_off_is_never_green(cut in 0..20_000_usize) {
        for whole in ALL {
            let end = whole.trim_end().len() - 1;
            let torso = &whole[..whole.floor_char_boundary(cut % end)];
            if let Some(report) = recognise(torso, "", ReportFormat::Junit) {
                prop_assert!(!report.counts.complete, "{cut}");
            }
        }
    }
}
