//! Runs that stop before they end: why, with exit code 3, and how they go on.

use std::time::Instant;

use serde_json::{Value, json};

use crate::sandbox::{Sandbox, events, finish, plan, step, tools, write_file};

/// Asserts that a run stopped for this reason, and that nothing was handed over.
fn assert_stopped(sandbox: &Sandbox, (code, summary): &(i32, Value), reason: &str) {
    assert_eq!(*code, 3, "{summary:#}");
    assert_eq!(summary["run"]["stop_reason"], reason);
    assert_eq!(summary["run"]["status"], "stopped");
    assert_eq!(summary["run"]["branch"], Value::Null);
    assert_eq!(sandbox.git(&["branch", "--list", "rgpt/*"]), "");
    let recoverable = sandbox
        .rgpt(&["list", "--recoverable", "--json"])
        .document();
    assert_eq!(recoverable["runs"][0]["id"], 1, "{recoverable:#}");
}

/// Goes on with the run, to its end.
fn assert_resumes(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let outcome = sandbox.rgpt(&[&["resume", "--run", "1", "--json"], arguments].concat());
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let summary = outcome.summary();
    assert_eq!(summary["run"]["state"], "done");
    assert_eq!(summary["run"]["stop_reason"], Value::Null);
    assert_eq!(events(&summary, "run.resumed").len(), 1);
    summary
}

#[test]
fn until_a_phase_is_reached_as_asked_and_a_resume_goes_on_to_the_end() {
    for phase in ["planner", "builder_running", "tester"] {
        let sandbox = Sandbox::new();
        sandbox.script_that_greets();
        let (code, summary) = sandbox.run(&["--until", phase]);
        assert_eq!(code, 0, "{summary:#}");
        assert_eq!(summary["run"]["stop_reason"], "until");
        assert_eq!(summary["run"]["branch"], Value::Null);
        let name = phase.trim_end_matches("_running");
        assert_eq!(summary["run"]["state"], format!("{name}_completed"));
        assert_resumes(&sandbox, &[]);
    }
}

#[test]
fn money_is_reserved_before_it_is_spent() {
    let sandbox = Sandbox::new();
    sandbox.script_that_greets();
    let ended = sandbox.run(&["--budget-usd", "0"]);
    assert_stopped(&sandbox, &ended, "budget_usd");
    assert_eq!(ended.1["run"]["usage"]["model_calls"], 0);
    assert_eq!(ended.1["run"]["usage"]["cost_usd"], 0.0);
    assert_resumes(&sandbox, &["--budget-usd", "5"]);
}

#[test]
fn tokens_are_reserved_before_they_are_spent() {
    let sandbox = Sandbox::new();
    sandbox.script_that_greets();
    sandbox.person_config(&format!(
        "{}budget: {{tokens: 100}}\n",
        sandbox.model_config()
    ));
    let ended = sandbox.run(&[]);
    assert_stopped(&sandbox, &ended, "budget_tokens");
    assert_eq!(ended.1["run"]["usage"]["model_calls"], 0);
    let why = events(&ended.1, "run.stopped").join("");
    assert!(why.contains("tokens"), "{why}");
}

#[test]
fn a_check_is_ended_when_the_time_of_the_run_is() {
    let sandbox = Sandbox::new();
    sandbox.write("check.sh", "sleep 300\n");
    sandbox.commit("a slow check");
    sandbox.script_that_greets();
    let begun = Instant::now();
    let ended = sandbox.run(&["--timeout", "1s"]);
    // A bound on a promise, not a measurement: the check alone would take 300 s.
    assert!(begun.elapsed().as_secs() < 60);
    assert_stopped(&sandbox, &ended, "wall_time");
    assert_eq!(sandbox.processes(), [""; 0]);
}

#[test]
fn more_time_lets_a_run_go_on() {
    let sandbox = Sandbox::new();
    let flag = sandbox.outside("flag");
    let wait = format!("test -e '{}' || sleep 300\n", flag.display());
    sandbox.write("check.sh", &wait);
    sandbox.commit("a check that is slow at first");
    sandbox.script_that_greets();
    let ended = sandbox.run(&["--timeout", "1s"]);
    assert_stopped(&sandbox, &ended, "wall_time");
    std::fs::write(flag, "").unwrap();
    assert_resumes(&sandbox, &["--timeout", "1h"]);
}

#[test]
fn a_model_that_is_slow_is_not_waited_for_beyond_the_time_of_the_run() {
    let sandbox = Sandbox::new();
    sandbox.script(&[json!({"agent": "planner", "delay_ms": 300_000, "text": "hm"})]);
    let begun = Instant::now();
    let ended = sandbox.run(&["--timeout", "1s"]);
    assert!(begun.elapsed().as_secs() < 60);
    assert_stopped(&sandbox, &ended, "wall_time");
}

#[test]
fn a_provider_that_asks_for_patience_gets_it() {
    let sandbox = Sandbox::new();
    let slow_down = json!({"agent": "planner", "times": 2,
        "error": {"status": 429, "retry_after": 0.05, "message": "slow down"}});
    sandbox.script(&[
        slow_down,
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[write_file("greeting.txt", "hello world\n")]),
        finish("greets"),
    ]);
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    assert_eq!(
        summary["run"]["heal_count"], 0,
        "no heal: a retry on the wire"
    );
    assert_eq!(summary["executions"][0]["status"], "completed");
}

#[test]
fn a_provider_that_wants_a_long_rest_parks_the_run() {
    let sandbox = Sandbox::new();
    let exhausted = json!({"agent": "planner",
        "error": {"status": 429, "retry_after": 86_400, "message": "quota exceeded"}});
    sandbox.script(&[
        exhausted,
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[write_file("greeting.txt", "hello world\n")]),
        finish("greets"),
    ]);
    let begun = Instant::now();
    let ended = sandbox.run(&[]);
    assert!(begun.elapsed().as_secs() < 60);
    assert_stopped(&sandbox, &ended, "rate_limited");
    let why = events(&ended.1, "run.stopped").join("");
    assert!(why.contains("quota exceeded"), "{why}");
    assert_resumes(&sandbox, &[]);
}

#[test]
fn a_script_that_is_exhausted_waits_for_a_person_and_says_for_what() {
    let sandbox = Sandbox::new();
    sandbox.script(&[plan(&[step("step-1", &["greeting.txt"])])]);
    let ended = sandbox.run(&[]);
    assert_stopped(&sandbox, &ended, "awaiting_human");
    assert_eq!(ended.1["run"]["state"], "awaiting_human");
    let why = events(&ended.1, "run.stopped").join("");
    assert!(why.contains("builder"), "names the agent: {why}");
    assert!(why.contains("add a reply to the script"), "{why}");

    sandbox.script_that_greets();
    assert_resumes(&sandbox, &[]);
}

#[test]
fn a_run_goes_on_from_an_earlier_phase_when_asked() {
    let sandbox = Sandbox::new();
    sandbox.script(&[
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[write_file("greeting.txt", "hello world\n")]),
        finish("greets"),
        tools(&[write_file("greeting.txt", "hello moon\n")]),
        finish("greets the moon"),
    ]);
    let (code, _) = sandbox.run(&["--until", "tester"]);
    assert_eq!(code, 0);
    assert_resumes(&sandbox, &["--phase", "builder"]);
    assert_eq!(
        sandbox.git(&["show", "rgpt/run-1:greeting.txt"]),
        "hello moon"
    );
}

#[test]
fn a_run_that_waited_until_no_retry_was_left_asks_again_when_it_is_resumed() {
    let sandbox = Sandbox::new();
    sandbox.script(&[
        json!({"agent": "planner", "error": {"status": 503, "message": "busy"}}),
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[write_file("greeting.txt", "hello world\n")]),
        finish("greets"),
    ]);
    let (code, summary) = sandbox.run(&["--max-retries", "0"]);
    assert_eq!(
        (code, &summary["run"]["stop_reason"]),
        (3, &json!("rate_limited"))
    );
    let resumed = sandbox.rgpt(&["resume", "--run", "1"]);
    assert_eq!(resumed.code, 0, "{resumed:#?}");
}
