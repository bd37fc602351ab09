//! `rgpt create`: a run is made and waits, as it was asked for.

use serde_json::Value;

use crate::sandbox::{Sandbox, events};

const GOAL: [&str; 3] = ["create", "--goal", "greet the world"];

#[test]
fn a_run_is_made_and_nothing_is_done() {
    let sandbox = Sandbox::new();
    let before = sandbox.fingerprint();
    let outcome = sandbox.rgpt(&GOAL);
    insta::assert_snapshot!(outcome.stdout, @r"
    Run 1 is made; nothing has been done yet.

    Next
      rgpt resume --run 1   carry it out
      rgpt advance --run 1  carry out its first phase
    ");
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    let inspected = sandbox.inspect();
    assert_eq!(inspected["run"]["state"], "pending");
    assert_eq!(inspected["run"]["usage"]["model_calls"], 0);
    before.assert_only_added_below(&sandbox.fingerprint(), ".rgpt");
}

#[test]
fn as_json_it_is_the_run_as_inspect_shows_it() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.rgpt(&[&GOAL[..], &["--title", "Hello", "--json"]].concat());
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let document = outcome.document();
    assert_eq!(document["run"]["id"], 1);
    assert_eq!(document["run"]["title"], "Hello");
    assert_eq!(document["run"], sandbox.inspect()["run"]);
}

#[test]
fn it_is_carried_out_within_the_limits_that_it_was_made_with() {
    let sandbox = Sandbox::new();
    sandbox.script_that_greets();
    let limits = ["--budget-usd", "1.5", "--max-retries", "1"];
    sandbox.rgpt(&[&GOAL[..], &limits[..]].concat());
    let outcome = sandbox.rgpt(&["resume", "--run", "1", "--json"]);
    let summary = outcome.summary();
    assert_eq!(
        (outcome.code, &summary["run"]["state"]),
        (0, &"done".into()),
        "{summary:#}"
    );
    assert_eq!(summary["run"]["max_retries"], 1);
}

#[test]
fn it_stops_where_it_was_made_to_stop_the_first_time_only() {
    let sandbox = Sandbox::new();
    sandbox.script_that_greets();
    sandbox.rgpt(&[&GOAL[..], &["--until", "builder"]].concat());
    let resume = || sandbox.rgpt(&["resume", "--json"]).summary()["run"].take();
    let first = resume();
    assert_eq!(first["state"], "builder_completed");
    assert_eq!(first["stop_reason"], "until");
    assert_eq!(resume()["state"], "done");
}

#[test]
fn what_a_run_refuses_is_refused_here_and_leaves_nothing() {
    let sandbox = Sandbox::new();
    let before = sandbox.fingerprint();
    for (code, arguments) in [
        (64, &["create"][..]),
        (64, &["create", "--goal", " "]),
        (
            64,
            &["create", "--goal", "x", "--model", "builder=scripted"],
        ),
        (1, &["create", "--goal", "x", "--base", "nowhere"]),
        (1, &["create", "--goal-file", "nowhere.txt"]),
    ] {
        let outcome = sandbox.rgpt(arguments);
        assert_eq!(outcome.code, code, "{outcome:#?}");
        let json = sandbox.rgpt(&[arguments, &["--json"]].concat());
        assert!(json.error()["message"].is_string(), "{json:#?}");
    }
    before.assert_same(&sandbox.fingerprint());
}

#[test]
fn a_run_that_was_made_can_be_given_up() {
    let sandbox = Sandbox::new();
    sandbox.rgpt(&GOAL);
    assert_eq!(sandbox.rgpt(&["cancel", "1"]).code, 0);
    let inspected: Value = sandbox.inspect();
    assert_eq!(inspected["run"]["state"], "cancelled");
    assert_eq!(events(&inspected, "planner.started").len(), 0);
}
