//! What a run comes to: reached, not reached, or unverified.

use serde_json::{Value, json};

use crate::sandbox::{Sandbox, events, finish, plan, run_command, step, tools, write_file};

#[test]
fn a_goal_that_is_reached_is_one_commit_on_a_new_branch() {
    let sandbox = Sandbox::new();
    sandbox.script_that_greets();
    let before = sandbox.fingerprint();
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    before.assert_only_branches_added(&sandbox.fingerprint());

    let run = &summary["run"];
    assert_eq!(run["state"], "done");
    assert_eq!(run["status"], "success");
    assert_eq!(run["verified"], true);
    assert_eq!(run["stop_reason"], Value::Null);
    assert_eq!(run["branch"], "rgpt/run-1");
    let branch = |format: &str| sandbox.git(&["log", "-1", format, "rgpt/run-1"]);
    assert_eq!(run["commit"], branch("--format=%H"));
    assert_eq!(run["tree"], branch("--format=%T"));
    assert_eq!(run["base_commit"], branch("--format=%P"));
    assert_eq!(run["base_commit"], sandbox.git(&["rev-parse", "main"]));
    assert_eq!(
        sandbox.git(&["show", "rgpt/run-1:greeting.txt"]),
        "hello world"
    );
    assert_eq!(sandbox.git(&["stash", "list"]), "");
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
    assert_eq!(sandbox.processes(), [""; 0]);
}

#[test]
fn the_checks_run_on_exactly_the_tree_that_is_handed_over() {
    let sandbox = Sandbox::new();
    sandbox.script_that_greets();
    let (_, summary) = sandbox.run(&[]);
    let checks = summary["checks"].as_array().unwrap();
    let proof = checks
        .iter()
        .find(|check| check["scope"] == "final")
        .unwrap();
    assert_eq!(proof["status"], "passed");
    assert_eq!(proof["tree"], summary["run"]["tree"]);
}

#[test]
fn a_model_that_only_says_it_is_done_has_not_reached_the_goal() {
    let sandbox = Sandbox::new();
    sandbox.script(&[
        plan(&[step("step-1", &["greeting.txt"])]),
        json!({"agent": "builder", "times": 0, "text": "Everything is done and all tests pass!"}),
        json!({"agent": "planner", "times": 0, "json": {"steps": [step("step-1", &["greeting.txt"])]}}),
    ]);
    let before = sandbox.fingerprint();
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 2, "{summary:#}");
    assert_eq!(summary["run"]["status"], "failed");
    assert_eq!(summary["run"]["verified"], false);
    assert_eq!(summary["run"]["branch"], Value::Null);
    let why = events(&summary, "run.failed").join("");
    assert!(why.contains("chang"), "{why}");
    before.assert_only_branches_added(&sandbox.fingerprint());
    assert_eq!(sandbox.git(&["branch", "--list", "rgpt/*"]), "");
}

#[test]
fn a_failing_check_is_healed_and_the_heal_is_on_the_record() {
    let sandbox = Sandbox::new();
    sandbox.script_that_mends();
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    assert_eq!(summary["run"]["heal_count"], 1);
    let heal = &summary["heals"][0];
    assert_eq!(heal["runId"], 1);
    assert_eq!(heal["phase"], "tester_running");
    assert_eq!(heal["verdict"], "kept");
    assert_eq!(summary["run"]["last_heal_action"], heal["heal_action"]);
    assert_eq!(
        sandbox.git(&["show", "rgpt/run-1:greeting.txt"]),
        "good world"
    );
}

#[test]
fn a_run_without_retries_fails_and_a_resume_grants_new_ones() {
    let sandbox = Sandbox::new();
    sandbox.script_that_mends();
    let (code, summary) = sandbox.run(&["--max-retries", "0"]);
    assert_eq!(code, 2, "{summary:#}");
    assert_eq!(summary["run"]["state"], "failed");
    assert_eq!(summary["run"]["max_retries"], 0);
    assert_eq!(summary["run"]["branch"], Value::Null);
    let why = events(&summary, "run.failed").join("");
    assert!(why.contains("max_retries"), "{why}");

    let outcome = sandbox.rgpt(&["resume", "1", "--max-retries", "2", "--json"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let summary = outcome.summary();
    assert_eq!(summary["run"]["state"], "done");
    assert_eq!(summary["run"]["max_retries"], 2);
    let resumed = events(&summary, "run.resumed").join("");
    assert!(resumed.contains("budget"), "says so: {resumed}");
}

#[test]
fn a_step_that_the_goal_does_not_need_may_stay_broken() {
    for critical in [true, false] {
        let sandbox = Sandbox::new();
        sandbox.person_config(&format!(
            "{}execution: {{on_step_failure: continue}}\n",
            sandbox.model_config()
        ));
        let mut extra = step("step-1", &["docs/**"]);
        extra["critical"] = json!(critical);
        let mut dependant = step("step-2", &["docs/**"]);
        dependant["critical"] = json!(false);
        dependant["dependencies"] = json!(["step-1"]);
        sandbox.script(&[
            plan(&[extra, dependant, step("step-3", &["greeting.txt"])]),
            tools(&[json!({"name": "finish", "arguments": {"summary": "", "blocked": "there is no ink"}})]),
            tools(&[write_file("greeting.txt", "hello world\n")]),
            finish("greets"),
        ]);
        let (code, summary) = sandbox.run(&["--max-retries", "0"]);
        let statuses: Vec<&Value> = summary["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| &step["status"])
            .collect();
        assert_eq!(statuses, ["failed", "skipped", "completed"], "{summary:#}");
        assert_eq!(code, if critical { 2 } else { 0 }, "{summary:#}");
    }
}

#[test]
fn a_run_without_checks_says_unverified_everywhere() {
    let sandbox = Sandbox::new();
    sandbox.git(&["rm", "-q", "orchestrator.yaml"]);
    sandbox.commit("no checks");
    sandbox.script_that_greets();
    let (code, summary) = sandbox.run(&["--unverified"]);
    assert_eq!(code, 0, "{summary:#}");
    assert_eq!(summary["run"]["verified"], false);
    let done = events(&summary, "run.done").join("");
    assert!(done.contains("unverified"), "{done}");
    let list = sandbox.rgpt(&["list", "--json"]).document();
    assert_eq!(list["runs"][0]["verified"], false);
    let message = sandbox.git(&["log", "-1", "--format=%B", "rgpt/run-1"]);
    assert!(message.contains("nverified"), "{message}");
}

#[test]
fn a_waiver_does_not_excuse_a_check_that_fails() {
    let sandbox = Sandbox::new();
    sandbox.script(&[
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[write_file("greeting.txt", "bad world\n")]),
        finish("greets"),
    ]);
    let (code, summary) = sandbox.run(&["--unverified", "--max-retries", "0"]);
    assert_eq!(code, 2, "{summary:#}");
}

#[test]
fn a_model_without_native_tools_writes_its_calls_as_fenced_json() {
    let sandbox = Sandbox::new();
    let config = sandbox.model_config();
    sandbox.person_config(&config.replace("model: dry,", "model: dry, tools: false,"));
    let call = |name: &str, arguments: Value| {
        format!(
            "```json\n{}\n```\n",
            json!({"tool": name, "arguments": arguments})
        )
    };
    let look = call("read_file", json!({"path": "greeting.txt"}));
    let edit = call(
        "edit_file",
        json!({"path": "greeting.txt", "old_text": "hello", "new_text": "hello world"}),
    );
    let done = call("finish", json!({"summary": "greets"}));
    sandbox.script(&[
        json!({"agent": "planner", "text": format!("My plan:\n```json\n{}\n```", json!({"steps": [step("step-1", &["greeting.txt"])]}))}),
        json!({"agent": "builder", "text": format!("First I look.\n{look}")}),
        json!({"agent": "builder", "contains": "hello", "text": format!("Then I edit.\n{edit}\nAnd that is all.\n{done}")}),
    ]);
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    assert_eq!(
        sandbox.git(&["show", "rgpt/run-1:greeting.txt"]),
        "hello world"
    );
}

#[test]
fn every_tool_does_its_work() {
    let sandbox = Sandbox::new();
    let patch = "--- a/greeting.txt\n+++ b/greeting.txt\n@@ -1 +1 @@\n-hello\n+hello world\n";
    sandbox.script(&[
        plan(&[step("step-1", &[])]),
        tools(&[
            json!({"name": "list_files", "arguments": {}}),
            json!({"name": "search_code", "arguments": {"query": "hello"}}),
            json!({"name": "read_file", "arguments": {"path": "docs/notes.txt"}}),
            json!({"name": "apply_patch", "arguments": {"patch": patch}}),
            json!({"name": "delete_file", "arguments": {"path": "docs/notes.txt"}}),
            write_file("docs/more.txt", "more\n"),
            run_command("tr a-z A-Z < greeting.txt > docs/loud.txt; exit 3"),
        ]),
        json!({"agent": "builder", "contains": "exit code 3", "tools": [{"name": "finish", "arguments": {"summary": "did it all"}}]}),
    ]);
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    let changed = sandbox.git(&["diff", "--name-status", "main", "rgpt/run-1"]);
    assert_eq!(
        changed,
        "A\tdocs/loud.txt\nA\tdocs/more.txt\nD\tdocs/notes.txt\nM\tgreeting.txt"
    );
}

#[test]
fn a_phase_uses_the_model_that_is_named_for_this_run() {
    let sandbox = Sandbox::new();
    sandbox.script_that_greets();
    let config = sandbox.model_config();
    sandbox.person_config(&config.replace(
        "\nphases:",
        "\n  other: {provider: dry, model: dry}\nphases:",
    ));
    let (code, summary) = sandbox.run(&["--model", "builder=other"]);
    assert_eq!(code, 0, "{summary:#}");
    let model = |phase: &str| {
        let phases = summary["phases"].as_array().unwrap();
        let found = phases.iter().find(|entry| entry["phase"] == phase);
        found.unwrap()["model"].clone()
    };
    assert_eq!(model("planner"), "scripted");
    assert_eq!(model("builder"), "other");
}

/// Runs a goal with an edit outside the step's scope, and tells what was refused.
fn edit_outside_the_scope(mode: &str, arguments: &[&str]) -> (i32, usize) {
    let sandbox = Sandbox::new();
    sandbox.person_config(&format!(
        "{}policy: {{mode: {mode}}}\n",
        sandbox.model_config()
    ));
    sandbox.script(&[
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[
            write_file("greeting.txt", "hello world\n"),
            write_file("docs/notes.txt", "greets\n"),
        ]),
        finish("greets"),
    ]);
    let (code, summary) = sandbox.run(arguments);
    let refused = events(&summary, "gate.denied").len();
    let changed = sandbox.git(&["diff", "--name-only", "main", "rgpt/run-1"]);
    assert_eq!(
        refused == 0,
        changed.contains("docs/notes.txt"),
        "{changed}"
    );
    (code, refused)
}

#[test]
fn an_edit_outside_the_scope_is_refused_asked_or_allowed_as_the_policy_says() {
    assert_eq!(edit_outside_the_scope("enforce", &[]), (0, 1));
    assert_eq!(edit_outside_the_scope("enforce", &["--yes"]), (0, 1));
    assert_eq!(edit_outside_the_scope("ask", &[]), (0, 1));
    assert_eq!(edit_outside_the_scope("ask", &["--yes"]), (0, 0));
    assert_eq!(edit_outside_the_scope("off", &[]), (0, 0));
}
