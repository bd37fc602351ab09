//! The documents that other programs rely on: `inspect --json`, streams, and the executions' own
//! requests and responses.

use std::sync::Arc;

use rgpt::domain::response::response;
use rgpt::domain::{Clock, RunId};
use rgpt::store::{StateDir, Store};
use serde_json::Value;

use crate::sandbox::{Sandbox, events, keys};

/// A repository with a run that was healed, failed a check and reached its goal.
fn with_a_healed_run() -> (Sandbox, Value, Vec<Value>) {
    let sandbox = Sandbox::new();
    sandbox.script_that_mends();
    let outcome = sandbox.rgpt(&["run", "--goal", "greet", "--json"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let stream = outcome.stream();
    (sandbox, outcome.summary(), stream)
}

/// Asserts that an object has at least these keys: keys may be added, never renamed.
fn assert_has(object: &Value, expected: &str) {
    let found = keys(object);
    for key in expected.split_whitespace() {
        assert!(found.contains(&key), "{key} is missing in {found:?}");
    }
}

const DOCUMENT: &str = "run phases plan steps planner_output builder_output tester_output \
    releaser_output checks heals findings executions artifacts interventions events";

const RUN: &str = "id title goal state status phase parent_run_id retry_count max_retries heal_count \
    max_heals last_heal_action quality_score verified stop_reason branch base_commit commit tree \
    created_at updated_at finished_at usage";

const USAGE: &str =
    "model_calls input_tokens cached_input_tokens output_tokens reasoning_tokens cost_usd";

#[test]
fn inspect_and_the_summary_of_a_run_have_the_documented_keys() {
    let (sandbox, summary, _) = with_a_healed_run();
    let inspected = sandbox.inspect();
    for document in [&inspected, &summary] {
        assert_has(document, DOCUMENT);
        assert_has(&document["run"], RUN);
        assert_has(&document["run"]["usage"], USAGE);
        assert_has(
            &document["phases"][0],
            "phase status attempts retries max_retries model duration_ms",
        );
        assert_has(&document["steps"][0], "id status attempts commit");
        assert_has(
            &document["plan"]["steps"][0],
            "id name description dependencies files critical",
        );
        assert_has(
            &document["checks"][0],
            "name kind tree exit_code status duration_ms",
        );
        assert_has(
            &document["heals"][0],
            "runId phase error_type heal_action heal_output verdict",
        );
        assert_has(&document["heals"][0]["heal_output"], "message");
        assert_has(
            &document["findings"][0],
            "id severity category message location resolved",
        );
        assert_has(
            &document["executions"][0],
            "id phase step attempt_number agent model status error_type duration_ms",
        );
        assert_has(&document["events"][0], "seq type at text");
        assert_has(&document["tester_output"], "summary results artifacts");
        assert_has(
            &document["tester_output"]["summary"],
            "passed failed skipped duration",
        );
    }
}

#[test]
fn the_summary_is_what_inspect_says() {
    let (sandbox, mut summary, _) = with_a_healed_run();
    summary.as_object_mut().unwrap().shift_remove("type");
    assert_eq!(summary, sandbox.inspect());
}

#[test]
fn a_stream_is_the_events_in_order_and_then_the_summary() {
    let (_, summary, stream) = with_a_healed_run();
    let (last, streamed) = stream.split_last().unwrap();
    assert_eq!(last["type"], "run.summary");
    let listed = summary["events"].as_array().unwrap();
    assert_eq!(streamed, listed.as_slice(), "events look as in inspect");
    for (event, seq) in listed.iter().zip(1..) {
        assert_eq!(event["seq"], seq, "no gaps");
    }
    let kinds: Vec<&str> = listed
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        (kinds[0], kinds[kinds.len() - 1]),
        ("run.created", "run.done")
    );
}

#[test]
fn times_are_rfc_3339_in_utc() {
    let (_, summary, _) = with_a_healed_run();
    for key in ["created_at", "updated_at", "finished_at"] {
        let text = summary["run"][key].as_str().unwrap();
        assert!(text.ends_with('Z'), "{text}");
        text.parse::<jiff::Timestamp>().unwrap();
    }
}

#[test]
fn a_finding_is_resolved_when_its_check_passes_again() {
    let (_, summary, _) = with_a_healed_run();
    let findings = summary["findings"].as_array().unwrap();
    assert!(!findings.is_empty());
    for finding in findings {
        assert_eq!(finding["resolved"], true, "{finding}");
        assert_eq!(finding["category"], "test");
    }
    assert_eq!(events(&summary, "finding.recorded").len(), findings.len());
}

struct NoTime;

impl Clock for NoTime {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }
}

#[test]
fn every_execution_is_on_the_record_as_request_and_response() {
    let (sandbox, summary, _) = with_a_healed_run();
    let state = StateDir::prepare(&sandbox.folder().join(".rgpt")).unwrap();
    let store = Store::open(&state, Arc::new(NoTime)).unwrap();
    let run = store.load(RunId(1)).unwrap().unwrap();
    let records = store.events(RunId(1)).unwrap();
    let read = |hash| -> Value {
        let content = store.blob(hash).unwrap().unwrap();
        serde_json::from_slice(&content).unwrap()
    };
    let listed = summary["executions"].as_array().unwrap();
    assert_eq!(run.executions.len(), listed.len());
    for execution in &run.executions {
        let request = read(&execution.brief);
        assert_eq!(
            keys(&request),
            ["runId", "phase", "task", "agent", "timestamp", "context"]
        );
        assert_has(&request["context"], "models env");
        assert_eq!(request["runId"], 1);
        assert_eq!(request["phase"], format!("{}_running", execution.phase));
        assert_eq!(request["agent"], format!("{}-agent-v1", execution.agent));
        let mut ends = records.iter().filter_map(response);
        let (_, response) = ends.find(|(id, _)| *id == execution.id).unwrap();
        if response["success"] == true {
            assert_eq!(
                keys(&response),
                [
                    "runId",
                    "phase",
                    "success",
                    "output",
                    "artifacts",
                    "logs",
                    "nextPhase"
                ]
            );
            assert_eq!(response["phase"], format!("{}_completed", execution.phase));
        } else {
            assert_eq!(
                keys(&response),
                [
                    "runId",
                    "phase",
                    "success",
                    "error_type",
                    "error_message",
                    "error_stack"
                ]
            );
            assert!(response["error_type"].as_str().unwrap().ends_with("_ERROR"));
        }
    }
}

#[test]
fn the_record_of_a_run_is_sound() {
    let (sandbox, _, _) = with_a_healed_run();
    let check = sandbox.rgpt(&["db", "check", "--json"]);
    assert_eq!(check.code, 0, "{check:#?}");
    assert_eq!(check.document()["ok"], true);
    let rebuild = sandbox.rgpt(&["db", "rebuild", "--json"]);
    assert_eq!(
        rebuild.document()["rebuild"]["differences"],
        serde_json::json!([])
    );
    let copy = sandbox.outside("copy.db");
    let backup = sandbox.rgpt(&["db", "backup", copy.to_str().unwrap(), "--json"]);
    assert_eq!(backup.code, 0, "{backup:#?}");
    assert!(copy.is_file());
}
