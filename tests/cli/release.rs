//! What is handed over: the commits of the one new branch.

use serde_json::{Value, json};

use crate::sandbox::{Sandbox, finish, plan, step, tools, write_file};

fn script_of_two_steps(sandbox: &Sandbox) {
    sandbox.script(&[
        plan(&[
            step("step-1", &["greeting.txt"]),
            step("step-2", &["docs/notes.txt"]),
        ]),
        tools(&[write_file("greeting.txt", "hello world\n")]),
        finish("greets"),
        tools(&[write_file("docs/notes.txt", "it greets\n")]),
        finish("tells of it"),
    ]);
}

/// A repository whose configuration has this `release`.
fn released(release: &str) -> (Sandbox, Value) {
    let sandbox = Sandbox::new();
    let config = sandbox.read("orchestrator.yaml");
    sandbox.write(
        "orchestrator.yaml",
        &format!("{config}release: {release}\n"),
    );
    sandbox.commit("how to release");
    script_of_two_steps(&sandbox);
    let (code, summary) = sandbox.run(&["--title", "Greet"]);
    assert_eq!(code, 0, "{summary:#}");
    (sandbox, summary)
}

fn subjects(sandbox: &Sandbox) -> String {
    sandbox.git(&["log", "--reverse", "--format=%s", "main..rgpt/run-1"])
}

#[test]
fn all_steps_are_one_commit() {
    let (sandbox, _) = released("{commits: one}");
    assert_eq!(subjects(&sandbox), "Greet");
}

#[test]
fn each_step_is_a_commit_where_that_is_wanted() {
    let (sandbox, summary) = released("{commits: per_step}");
    assert_eq!(subjects(&sandbox), "carry out step-1\ncarry out step-2");
    let tip = sandbox.git(&["rev-parse", "rgpt/run-1"]);
    assert_eq!(summary["run"]["commit"], tip);
    assert_eq!(summary["steps"][1]["commit"], tip);
}

#[test]
fn the_message_follows_the_template() {
    let (sandbox, _) = released(r#"{commit_template: "feat: {title}\n\nWhy: {goal}\nRun: {run}"}"#);
    assert_eq!(
        sandbox.git(&["log", "-1", "--format=%B", "rgpt/run-1"]),
        "feat: Greet\n\nWhy: greet the world\nRun: 1"
    );
}

#[test]
fn a_commit_is_by_the_person_at_the_time_of_the_run() {
    let (sandbox, summary) = released("{commits: one}");
    let format = "--format=%an <%ae>|%cn <%ce>|%aI|%cI";
    let line = sandbox.git(&[
        "-c",
        "log.showSignature=false",
        "log",
        "-1",
        format,
        "rgpt/run-1",
    ]);
    let parts: Vec<&str> = line.split('|').collect();
    assert_eq!(parts[..2], ["Ada <ada@example.org>"; 2]);
    assert_eq!(parts[2], parts[3]);
    let created: jiff::Timestamp = summary["run"]["created_at"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let authored: jiff::Timestamp = parts[2].parse().unwrap();
    assert_eq!(authored.as_second(), created.as_second());
}

#[test]
fn without_an_identity_a_commit_is_by_rgpt() {
    let sandbox = Sandbox::new();
    std::fs::remove_file(sandbox.outside("home/.gitconfig")).unwrap();
    sandbox.script_that_greets();
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    assert_eq!(
        sandbox.git(&["log", "-1", "--format=%an <%ae>", "rgpt/run-1"]),
        "rgpt <rgpt@localhost>"
    );
}

#[test]
fn a_branch_name_that_is_taken_is_skipped() {
    let sandbox = Sandbox::new();
    sandbox.git(&["branch", "rgpt/run-1"]);
    sandbox.git(&["branch", "rgpt/run-2/mine"]);
    sandbox.script_that_greets();
    let before = sandbox.fingerprint();
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    assert_eq!(summary["run"]["id"], 3);
    assert_eq!(summary["run"]["branch"], "rgpt/run-3");
    before.assert_only_branches_added(&sandbox.fingerprint());
}

#[test]
fn a_releaser_with_a_model_writes_the_notes_and_a_tester_with_one_reads_the_log() {
    let sandbox = Sandbox::new();
    sandbox.person_config(&format!(
        "{}  tester: {{models: [scripted]}}\n  releaser: {{models: [scripted]}}\n",
        sandbox.model_config()
    ));
    sandbox.script(&[
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[write_file("greeting.txt", "bad world\n")]),
        finish("greets"),
        json!({"agent": "tester", "text": "The check does not like the word in line 1."}),
        json!({"agent": "builder", "contains": "does not like the word",
            "tools": [write_file("greeting.txt", "good world\n")]}),
        finish("greets better"),
        json!({"agent": "releaser", "text": "The world is greeted politely."}),
    ]);
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    let message = sandbox.git(&["log", "-1", "--format=%B", "rgpt/run-1"]);
    assert!(message.contains("greeted politely"), "{message}");
    let asked: Vec<&Value> = summary["executions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|execution| execution["usage"]["model_calls"] != 0)
        .map(|execution| &execution["agent"])
        .collect();
    assert_eq!(
        asked,
        ["planner", "builder", "tester", "builder", "releaser"]
    );
}

#[test]
fn two_runs_have_a_branch_each() {
    let sandbox = Sandbox::new();
    sandbox.script_that_greets();
    assert_eq!(sandbox.run(&[]).0, 0);
    sandbox.script_that_greets();
    let (code, summary) = sandbox.run(&["--base", "main~0"]);
    assert_eq!(code, 0, "{summary:#}");
    assert_eq!(summary["run"]["branch"], "rgpt/run-2");
}
