use proptest::prelude::*;
use serde_json::json;

use super::*;

fn told(case: serde_json::Value) -> Answer {
    let case = Case::read(case.to_string().as_bytes()).expect("a case");
    diagnose(&case, Scorer::built_in())
}

#[test]
fn a_failing_command_is_told_with_its_line_and_what_stands_around_it() {
    let answer = told(json!({
        "id": "c1", "kind": "command", "command": "cargo build", "exit_code": 101,
        "stderr": "   Compiling x v0.1.0\nerror[E0308]: mismatched types\n --> src/lib.rs:1:21\n  |\n",
    }));
    assert_eq!(answer.class(), "LOGIC_ERROR");
    let document = answer.document();
    assert_eq!(
        document["root_cause"]["text"],
        "error[E0308]: mismatched types"
    );
    assert_eq!(document["id"], "c1");
    assert!(answer.signature.is_some());
}

#[test]
fn nothing_failed_is_an_answer_too() {
    let document = told(json!({"id": 1, "exit_code": 0, "stdout": "fine"})).document();
    assert_eq!(document["error_type"], "NONE");
    assert_eq!(document["signature"], serde_json::Value::Null);
    assert_eq!(document["remedies"], json!([]));
}

#[test]
fn each_kind_has_its_judge() {
    for (case, class) in [
        (
            json!({"kind": "llm_response", "request": {"expects": "plan_json"}, "response": {"text": "no", "finish_reason": "stop"}}),
            "LLM_ERROR",
        ),
        (
            json!({"kind": "llm_response", "request": {"expects": "plan_json"}, "response": {"text": "{", "finish_reason": "content_filter"}}),
            "SAFETY_ERROR",
        ),
        (
            json!({"kind": "provider_http_error", "http": {"status": 503, "headers": {"retry-after": "3"}, "body": "busy"}}),
            "INFRA_ERROR",
        ),
        (
            json!({"kind": "plan", "plan": {"goal": "x", "steps": []}}),
            "LOGIC_ERROR",
        ),
        (
            json!({"kind": "action", "action": {"tool": "run_command", "args": {"command": "sudo ls"}}}),
            "SAFETY_ERROR",
        ),
        (
            json!({"kind": "test_report", "exit_code": 1, "stdout": "1..1\nnot ok 1 adds\n"}),
            "ASSERTION_ERROR",
        ),
    ] {
        assert_eq!(told(case.clone()).class(), class, "{case}");
    }
}

/// Values that cases are made of, in any place.
fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|it| json!(it)),
        any::<i64>().prop_map(|it| json!(it)),
        "[ -~\n\u{1b}é]{0,40}".prop_map(|it| json!(it)),
        "(src/a.py|\\.\\./x|rm -rf /|<<<<<<< SEARCH\n|@@ -1 \\+1 @@\n|--- a/x\n\\+\\+\\+ b/x\n|data: \\{|\\{\"steps\": \\[)".prop_map(|it| json!(it)),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|it| json!(it)),
            prop::collection::btree_map(
                "(id|action|path|command|depends_on|steps|goal|tool|args|text|finish_reason|expects|status|body|headers|name|arguments|schema|type|content)",
                inner,
                0..6
            )
            .prop_map(|it| json!(it)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn any_line_is_a_case_or_says_why_not(line in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(case) = Case::read(&line) {
            let _ = diagnose(&case, Scorer::built_in()).document();
        }
    }

    #[test]
    fn any_case_of_any_kind_has_an_answer(
        kind in prop::sample::select(vec!["command", "test_report", "llm_response", "provider_http_error", "plan", "action"]),
        expects in prop::sample::select(vec!["plan_json", "edit_blocks", "unified_diff", "tool_call", "text", ""]),
        text in value(), plan in value(), args in value(), schema in value(), calls in value(), status in 0_u16..1000,
        out in "[ -~\n\u{1b}é]{0,300}", policy in value(),
    ) {
        let words = text.as_str().map_or_else(|| text.to_string(), str::to_owned);
        let case = json!({
            "id": "x", "kind": kind, "stdout": out, "stderr": words, "exit_code": status,
            "request": {"expects": expects, "schema": schema, "tools": ["read_file", plan]},
            "response": {"text": words, "finish_reason": "stop", "tool_calls": [{"name": "write_file", "arguments": calls}]},
            "http": {"status": status, "headers": {"retry-after": out}, "body": words},
            "plan": plan, "action": {"tool": "run_command", "args": args},
            "context": {"project_files": ["src/a.py"], "file_contents": {"src/a.py": "x\n"}},
            "policy": {"workspace": "/w", "network": "deny", "allow_commands": [policy.to_string()], "protected_paths": [".env"], "deny_patterns": [words]},
        });
        let answer = told(case);
        let document = answer.document();
        prop_assert!(document["confidence"].as_f64().is_some_and(|it| (0.0..=1.0).contains(&it)));
        prop_assert!(document["error_type"].is_string());
    }

    #[test]
    fn any_output_of_any_command_has_an_answer(out in prop::collection::vec(any::<u8>(), 0..2000), code in any::<Option<i32>>()) {
        let text = String::from_utf8_lossy(&out).into_owned();
        let answer = told(json!({"kind": "command", "exit_code": code, "stdout": text, "stderr": text}));
        prop_assert!(answer.diagnosis.confidence <= 1.0);
    }
}
