//! One repair by hand.

use serde_json::{Value, json};

use crate::sandbox::{Sandbox, events, finish, plan, step, tools, write_file};

/// A run that failed on its check, and a model that has more to say.
fn failed(rest: &[Value]) -> Sandbox {
    let sandbox = Sandbox::new();
    let mut replies = vec![
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[write_file("greeting.txt", "bad world\n")]),
        finish("greets"),
    ];
    replies.extend_from_slice(rest);
    sandbox.script(&replies);
    let (code, summary) = sandbox.run(&["--max-retries", "0"]);
    assert_eq!(code, 2, "{summary:#}");
    sandbox
}

#[test]
fn a_repair_that_helps_is_kept_and_the_run_stands_still_again() {
    let sandbox = failed(&[
        tools(&[write_file("greeting.txt", "good world\n")]),
        finish("greets better"),
    ]);
    let outcome = sandbox.rgpt(&["heal", "--run", "1", "--json"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let summary = outcome.summary();
    assert_eq!(summary["run"]["state"], "tester_completed");
    assert_eq!(summary["run"]["stop_reason"], "until");
    assert_eq!(summary["heals"].as_array().unwrap().len(), 1);
    assert_eq!(summary["heals"][0]["verdict"], "kept");
    let outcome = sandbox.rgpt(&["resume", "1", "--json"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_eq!(outcome.summary()["run"]["state"], "done");
    let outcome = sandbox.rgpt(&["replay", "1", "--offline", "--json"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
}

#[test]
fn a_repair_that_does_not_help_is_taken_back_and_the_next_one_may_be_named() {
    let sandbox = failed(&[
        tools(&[write_file("greeting.txt", "bad moon\n")]),
        finish("greets no better"),
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[write_file("greeting.txt", "good world\n")]),
        finish("greets better"),
    ]);
    let before = sandbox.inspect()["run"]["tree"].clone();
    let outcome = sandbox.rgpt(&["heal", "1", "--json"]);
    assert_eq!(outcome.code, 2, "{outcome:#?}");
    let summary = outcome.summary();
    assert_eq!(summary["heals"][0]["verdict"], "restored");
    assert_eq!(summary["run"]["tree"], before);
    assert_eq!(summary["run"]["state"], "tester_error");
    let outcome = sandbox.rgpt(&["replay", "1", "--offline", "--json"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_eq!(outcome.summary()["run"]["state"], "tester_error");
    let outcome = sandbox.rgpt(&["heal", "1", "--action", "replan", "--json"]);
    let summary = outcome.summary();
    assert_eq!(events(&summary, "heal.started").len(), 2);
    assert_eq!(summary["run"]["last_heal_action"], "replan");
}

#[test]
fn a_person_is_told_that_a_repair_was_taken_back() {
    let sandbox = failed(&[
        tools(&[write_file("greeting.txt", "bad moon\n")]),
        finish("greets no better"),
    ]);
    let outcome = sandbox.rgpt(&["heal", "1"]);
    assert_eq!(outcome.code, 2, "{outcome:#?}");
    let said = &outcome.stdout;
    assert!(said.contains("✗ Stopped: the repair by hand"), "{said}");
    assert!(!said.contains("as asked"), "{said}");
    assert!(said.contains("rgpt heal --run 1"), "{said}");
}

#[test]
fn what_is_no_repair_of_the_failure_is_refused_with_those_that_are() {
    let sandbox = failed(&[]);
    let outcome = sandbox.rgpt(&["heal", "1", "--action", "repair_json", "--json"]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    let error = outcome.stream().pop().unwrap();
    assert_eq!(error["type"], "error");
    assert!(
        error["error"]["message"]
            .as_str()
            .unwrap()
            .starts_with("repair_json is no repair")
    );
    assert!(
        error["error"]["hints"][0]
            .as_str()
            .unwrap()
            .contains("replan")
    );
    let outcome = sandbox.rgpt(&["heal", "1", "--action", "pray"]);
    assert_eq!(outcome.code, 64, "{outcome:#?}");
    assert!(
        outcome.stderr.contains("there is no repair \"pray\""),
        "{}",
        outcome.stderr
    );
    assert_eq!(sandbox.inspect()["run"]["state"], "failed");
}

#[test]
fn a_run_without_a_failure_has_nothing_to_repair() {
    let sandbox = Sandbox::new();
    sandbox.script(&[json!({"agent": "planner", "text": "unused"})]);
    sandbox.script_that_greets();
    let (code, _) = sandbox.run(&[]);
    assert_eq!(code, 0);
    let outcome = sandbox.rgpt(&["heal", "1"]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    assert!(
        outcome
            .stderr
            .contains("does not stand on a failure: it is done")
    );
}
