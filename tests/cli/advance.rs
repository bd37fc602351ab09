//! `rgpt advance`: one phase at a time, by hand.

use serde_json::{Value, json};

use crate::sandbox::{Sandbox, events, finish, plan, step, tools, write_file};

fn created() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.script_that_greets();
    let outcome = sandbox.rgpt(&["create", "--goal", "greet the world"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    sandbox
}

/// Does one phase; gives the run afterwards.
fn advance(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let outcome = sandbox.rgpt(&[&["advance", "--run", "1", "--json"], arguments].concat());
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    outcome.summary()
}

#[test]
fn a_run_goes_from_phase_to_phase() {
    let sandbox = created();
    for state in ["planner_completed", "builder_completed", "tester_completed"] {
        let summary = advance(&sandbox, &[]);
        assert_eq!(summary["run"]["state"], state);
        assert_eq!(summary["run"]["stop_reason"], "until");
        assert_eq!(summary["run"]["branch"], Value::Null);
    }
    let summary = advance(&sandbox, &[]);
    assert_eq!(summary["run"]["state"], "done");
    assert_eq!(summary["run"]["verified"], true);
    assert_eq!(
        sandbox.git(&["show", "rgpt/run-1:greeting.txt"]),
        "hello world"
    );
}

#[test]
fn it_reads_as_a_run_that_stops_after_one_phase() {
    let sandbox = created();
    let outcome = sandbox.rgpt(&["advance"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    for said in [
        "planner   completed: 1 step",
        "Stopped as asked: the phase to stop after is completed",
        "rgpt advance --run 1  do the next phase",
    ] {
        assert!(outcome.stdout.contains(said), "{said}: {outcome:#?}");
    }
}

#[test]
fn a_plain_resume_goes_on_to_the_end() {
    let sandbox = created();
    advance(&sandbox, &[]);
    let outcome = sandbox.rgpt(&["resume", "--run", "1", "--json"]);
    assert_eq!(outcome.summary()["run"]["state"], "done", "{outcome:#?}");
}

#[test]
fn a_phase_can_be_done_again() {
    let sandbox = created();
    for _ in 0..3 {
        advance(&sandbox, &[]);
    }
    let summary = advance(&sandbox, &["--phase", "tester"]);
    assert_eq!(summary["run"]["state"], "tester_completed");
    assert_eq!(events(&summary, "tester.completed").len(), 2);
    sandbox.script(&[
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[write_file("greeting.txt", "hello world\n")]),
        finish("greets the world"),
        tools(&[write_file("greeting.txt", "hello again\n")]),
        finish("greets again"),
    ]);
    let summary = advance(&sandbox, &["--phase", "builder_running"]);
    assert_eq!(summary["run"]["state"], "builder_completed");
    assert_eq!(events(&summary, "planner.started").len(), 1);
    let outcome = sandbox.rgpt(&["resume", "--run", "1", "--json"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_eq!(
        sandbox.git(&["show", "rgpt/run-1:greeting.txt"]),
        "hello again"
    );
}

#[test]
fn the_next_phase_can_be_named_and_a_later_one_is_refused() {
    let sandbox = created();
    let ahead = ["advance", "--run", "1", "--phase", "tester"];
    let outcome = sandbox.rgpt(&ahead);
    assert_eq!(outcome.code, 1);
    insta::assert_snapshot!(outcome.stderr, @r"
    error: run 1 comes to the planner first
      hint: do that: rgpt advance --run 1
    ");
    let error = sandbox.rgpt(&[&ahead[..], &["--json"]].concat()).error();
    assert_eq!(error["kind"], "CONFIG_ERROR");
    let summary = advance(&sandbox, &["--phase", "planner"]);
    assert_eq!(summary["run"]["state"], "planner_completed");
    let summary = advance(&sandbox, &["--phase", "builder"]);
    assert_eq!(summary["run"]["state"], "builder_completed");
}

#[test]
fn a_failure_is_healed_on_the_way() {
    let sandbox = created();
    sandbox.script_that_mends();
    advance(&sandbox, &[]);
    advance(&sandbox, &[]);
    let summary = advance(&sandbox, &[]);
    assert_eq!(summary["run"]["state"], "tester_completed");
    assert_eq!(summary["run"]["heal_count"], 1);
}

#[test]
fn a_failed_run_gets_a_new_budget_for_the_phase_that_failed() {
    let sandbox = created();
    sandbox.script(&[
        json!({"agent": "planner", "text": "no plan"}),
        plan(&[step("step-1", &["greeting.txt"])]),
    ]);
    let outcome = sandbox.rgpt(&["advance", "--run", "1", "--max-retries", "0", "--json"]);
    assert_eq!(outcome.code, 2, "{outcome:#?}");
    let summary = advance(&sandbox, &["--max-retries", "3"]);
    assert_eq!(summary["run"]["state"], "planner_completed");
}

#[test]
fn nothing_is_left_of_a_run_that_is_done() {
    let sandbox = created();
    sandbox.rgpt(&["resume", "--run", "1"]);
    let outcome = sandbox.rgpt(&["advance", "--run", "1"]);
    assert_eq!(outcome.code, 1);
    insta::assert_snapshot!(outcome.stderr, @r"
    error: run 1 has reached its goal; there is nothing to go on with
      hint: see what it did: rgpt inspect 1
    ");
    assert_eq!(sandbox.rgpt(&["advance", "7"]).code, 1);
    assert_eq!(sandbox.rgpt(&["advance", "--phase", "cook"]).code, 64);
}
