//! `rgpt classify`: what a failure is.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::sandbox::{RGPT, Sandbox};

/// What it says to this on its standard input: exit code, standard output.
fn classify(input: &[u8], arguments: &[&str]) -> (i32, String) {
    let sandbox = Sandbox::bare_machine();
    let mut child = sandbox
        .start(RGPT)
        .arg("classify")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let left = std::fs::read_dir(sandbox.folder()).unwrap().count();
    assert_eq!(left, 0, "nothing is written where it is called");
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
    )
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

const LOG: &str = "   Compiling todo v0.1.0\nerror[E0308]: mismatched types\n --> src/lib.rs:1:21\n  |\n1 | fn n() -> u32 { \"x\" }\n  |           ---   ^^^ expected `u32`, found `&str`\n\nerror: could not compile `todo` (lib) due to 1 previous error\n";

#[test]
fn a_log_is_explained_with_its_root_cause_and_what_to_do() {
    let (code, shown) = classify(
        LOG.as_bytes(),
        &["--exit-code", "101", "--command", "cargo build"],
    );
    assert_eq!(code, 2);
    assert!(
        shown.starts_with("✗ LOGIC_ERROR  ") || shown.starts_with("x LOGIC_ERROR  "),
        "{shown}"
    );
    assert!(
        shown.contains("2  error[E0308]: mismatched types"),
        "{shown}"
    );
    assert!(shown.contains("1     Compiling todo"), "{shown}");
    assert!(
        shown.contains("A run would try: apply_fixes, fix_build"),
        "{shown}"
    );
    let (code, shown) = classify(b"all fine\n", &["--exit-code", "0"]);
    assert_eq!((code, shown.contains("nothing failed")), (0, true));
}

#[test]
fn a_command_is_run_here_and_explained() {
    let sandbox = Sandbox::bare_machine();
    let outcome = sandbox.rgpt(&["classify", "--", "no-such-tool-anywhere", "--x"]);
    assert_eq!(outcome.code, 2, "{outcome:#?}");
    assert!(outcome.stdout.contains("CONFIG_ERROR"), "{outcome:#?}");
    let document = sandbox.rgpt(&["classify", "--json", "--", "exit 0"]);
    assert_eq!(
        (document.code, document.document()["error_type"].as_str()),
        (0, Some("NONE"))
    );
    let killed = sandbox.rgpt(&["classify", "--json", "--", "kill -9 $$"]);
    assert_eq!(
        (killed.code, killed.document()["retryable"].clone()),
        (2, json!(true))
    );
}

#[test]
fn each_case_is_answered_in_its_order_and_a_bad_line_stops_nothing() {
    let cases = [
        json!({"id": "a", "kind": "command", "exit_code": 101, "stderr": LOG}).to_string(),
        "{\"id\": \"b\", \"kind\": \"dream\"}".to_owned(),
        "not json".to_owned(),
        String::new(),
        json!({"id": "c", "kind": "provider_http_error", "http": {"status": 429, "headers": {}, "body": "slow down"}}).to_string(),
        json!({"id": "d", "exit_code": 0}).to_string(),
    ];
    let (code, shown) = classify(cases.join("\n").as_bytes(), &["--jsonl"]);
    let answers = lines(&shown);
    assert_eq!(code, 1);
    let ids: Vec<&Value> = answers.iter().map(|answer| &answer["id"]).collect();
    assert_eq!(
        ids,
        [
            &json!("a"),
            &json!("b"),
            &Value::Null,
            &json!("c"),
            &json!("d")
        ]
    );
    assert_eq!(answers[0]["error_type"], "LOGIC_ERROR");
    assert_eq!(
        answers[0]["root_cause_line"],
        "error[E0308]: mismatched types"
    );
    assert!(
        answers[1]["error"]["message"]
            .as_str()
            .unwrap()
            .contains("dream")
    );
    assert!(
        answers[2]["error"]["message"]
            .as_str()
            .unwrap()
            .contains("not JSON")
    );
    assert_eq!(
        (&answers[3]["error_type"], &answers[3]["retryable"]),
        (&json!("INFRA_ERROR"), &json!(true))
    );
    assert_eq!(
        (&answers[4]["error_type"], &answers[4]["signature"]),
        (&json!("NONE"), &Value::Null)
    );
    for answer in [&answers[0], &answers[3], &answers[4]] {
        for key in [
            "confidence",
            "distribution",
            "failing_tests",
            "counts",
            "root_cause",
        ] {
            assert!(answer.get(key).is_some(), "{key}: {answer}");
        }
    }
}

#[test]
fn the_exit_code_tells_whether_anything_failed() {
    let (code, _) = classify(b"{\"exit_code\": 0}\n", &["--jsonl"]);
    assert_eq!(code, 0);
    let (code, _) = classify(b"{\"exit_code\": 1}\n", &["--jsonl"]);
    assert_eq!(code, 2);
    assert_eq!(classify(b"", &["--jsonl"]), (0, String::new()));
}

#[test]
fn bytes_that_are_no_text_are_answered() {
    let mut input = b"{\"id\": 1, \"exit_code\": 1, \"stdout\": \"\xff\xfe\"}\n".to_vec();
    input.extend((0..=255).collect::<Vec<u8>>());
    let (code, shown) = classify(&input, &["--jsonl"]);
    assert_eq!(code, 1);
    assert_eq!(lines(&shown)[0]["id"], 1);
    let (code, _) = classify(&(0..=255).collect::<Vec<u8>>(), &["--exit-code", "1"]);
    assert_eq!(code, 2);
}

#[test]
fn the_same_failure_elsewhere_has_the_same_signature() {
    let there = LOG.replace("src/lib.rs:1:21", "/tmp/x9/src/lib.rs:7:2");
    let case = |log: &str| json!({"exit_code": 101, "stderr": log}).to_string();
    let (_, shown) = classify(
        format!("{}\n{}", case(LOG), case(&there)).as_bytes(),
        &["--jsonl"],
    );
    let answers = lines(&shown);
    assert_eq!(answers[0]["signature"], answers[1]["signature"]);
}

#[test]
fn how_it_ended_must_be_said() {
    let (code, _) = classify(LOG.as_bytes(), &[]);
    assert_eq!(code, 64);
    let (code, _) = classify(b"", &["--jsonl", "--exit-code", "1"]);
    assert_eq!(code, 64);
}

#[test]
fn weights_are_made_from_labelled_cases_and_used() {
    let sandbox = Sandbox::bare_machine();
    let line = |number: usize| {
        let (text, class) = match number % 2 {
            0 => ("frobnicator is unwell", "INFRA_ERROR"),
            _ => ("gizmo is not as it should be", "CONFIG_ERROR"),
        };
        json!({"toolchain": format!("t{}", number % 6), "exit_code": 1, "stderr": text, "truth": {"error_type": class}}).to_string()
    };
    let cases: Vec<String> = (0..60).map(line).collect();
    sandbox.write("cases.jsonl", &cases.join("\n"));
    let made = sandbox.rgpt(&[
        "classify",
        "--train",
        "cases.jsonl",
        "--output",
        "weights.json",
        "--json",
    ]);
    assert_eq!(made.code, 0, "{made:#?}");
    assert_eq!(made.document()["cases"], 60);
    assert!(
        made.document()["scorer"]["accuracy"].as_f64().unwrap() > 0.9,
        "{made:#?}"
    );
    let used = sandbox.rgpt(&[
        "classify",
        "--scorer",
        "weights.json",
        "--json",
        "--",
        "echo frobnicator is unwell >&2; exit 1",
    ]);
    assert_eq!(used.document()["error_type"], "INFRA_ERROR", "{used:#?}");
    let missing = sandbox.rgpt(&["classify", "--scorer", "cases.jsonl", "--", "false"]);
    assert_eq!(missing.code, 1);
    assert!(
        missing.stderr.contains("rgpt classify --train"),
        "{missing:#?}"
    );
}
