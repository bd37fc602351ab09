//! `switch-model`: another model is asked, from the next call on.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::sandbox::{
    Outcome, RGPT, Sandbox, events, finish, plan, step, tools, write, write_file,
};

/// A second model, with words of its own, beside the one of the sandbox.
fn with_a_second(replies: &[Value]) -> Sandbox {
    let sandbox = Sandbox::new();
    let other = sandbox.outside("other.yaml");
    write(&other, &json!({"replies": replies}).to_string());
    let script = sandbox.outside("script.yaml");
    sandbox.person_config(&format!(
        "providers:\n  dry: {{kind: scripted, script: {script:?}}}\n  \
           other: {{kind: scripted, script: {other:?}}}\n  keyed: {{kind: openai, api_key_env: LAB_KEY}}\n\
         models:\n  first: {{provider: dry, model: dry}}\n  second: {{provider: other, model: dry}}\n  \
           locked: {{provider: keyed, model: x}}\n\
         phases:\n  planner: {{models: [first]}}\n  builder: {{models: [first]}}\n"
    ));
    sandbox
}

fn calls(sandbox: &Sandbox) -> Vec<(String, String)> {
    let why = sandbox
        .rgpt(&["models", "why", "--run", "1", "--json"])
        .document();
    let executions = why["executions"].as_array().unwrap();
    let of = |execution: &Value| {
        let agent = execution["agent"].as_str().unwrap().to_owned();
        let calls = execution["calls"].as_array().unwrap().clone();
        calls
            .into_iter()
            .map(move |call| (agent.clone(), call["model"].as_str().unwrap().to_owned()))
    };
    executions.iter().flat_map(of).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected
        .iter()
        .map(|(agent, model)| ((*agent).to_owned(), (*model).to_owned()))
        .collect()
}

#[test]
fn a_run_that_is_not_driven_asks_the_model_once_it_goes_on() {
    let sandbox = with_a_second(&[plan(&[step("step-1", &["greeting.txt"])])]);
    sandbox.script(&[
        tools(&[write_file("greeting.txt", "hello world\n")]),
        finish("greets"),
    ]);
    assert_eq!(sandbox.rgpt(&["create", "--goal", "greet"]).code, 0);
    let asked = sandbox.rgpt(&[
        "switch-model",
        "--run",
        "1",
        "--phase",
        "planner_running",
        "--model",
        "second",
        "--json",
    ]);
    assert_eq!(asked.code, 0, "{asked:#?}");
    assert_eq!(
        asked.document(),
        json!({"run": {"id": 1, "state": "pending", "driven": false},
               "intervention": {"id": 1, "kind": "switch_model", "agent": "planner",
                                "model": "second", "status": "open"}})
    );
    let resumed = sandbox.rgpt(&["resume", "1", "--json"]);
    assert_eq!(resumed.code, 0, "{resumed:#?}");
    assert_eq!(
        calls(&sandbox),
        pairs(&[
            ("planner", "second"),
            ("builder", "first"),
            ("builder", "first")
        ])
    );
    let document = sandbox.inspect();
    assert_eq!(
        events(&document, "run.updated"),
        ["from now on the planner asks second"]
    );
    let asked = &document["interventions"][0];
    assert_eq!(
        (&asked["status"], &asked["switch"]["model"]),
        (&json!("done"), &json!("second"))
    );
    let shown = sandbox.rgpt(&["inspect", "1"]).stdout;
    assert!(shown.contains("the planner is to ask second"), "{shown}");
    let why = sandbox.rgpt(&["models", "why", "1"]).stdout;
    assert!(
        why.contains("switched: a person named second for this run"),
        "{why}"
    );
    let replayed = sandbox.rgpt(&["replay", "1", "--offline", "--json"]);
    assert_eq!(replayed.code, 0, "{replayed:#?}");
    assert_eq!(sandbox.rgpt(&["db", "check"]).code, 0);
}

#[test]
fn a_run_that_is_at_work_asks_the_model_from_its_next_call_on() {
    let sandbox = with_a_second(&[finish("greets")]);
    let mut slow = tools(&[write_file("greeting.txt", "hello world\n")]);
    slow["delay_ms"] = json!(4_000);
    sandbox.script(&[plan(&[step("step-1", &["greeting.txt"])]), slow]);
    let mut run = sandbox.start(RGPT);
    let run = run
        .args(["run", "--goal", "greet", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = run.spawn().unwrap();
    let begun = Instant::now();
    loop {
        let outcome = sandbox.rgpt(&["inspect", "latest", "--json"]);
        if outcome.code == 0 && outcome.document()["run"]["state"] == "builder_running" {
            break;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "the builder never began"
        );
    }
    let asked = sandbox.rgpt(&[
        "switch-model",
        "1",
        "--agent",
        "builder",
        "--model",
        "second",
    ]);
    assert_eq!(asked.code, 0, "{asked:#?}");
    assert_eq!(
        asked.stdout,
        "Run 1 is at work; its builder asks second from the next call on.\n"
    );
    let ended = Outcome::of(child.wait_with_output().unwrap());
    assert_eq!(ended.code, 0, "{ended:#?}");
    assert_eq!(
        calls(&sandbox),
        pairs(&[
            ("planner", "first"),
            ("builder", "first"),
            ("builder", "second")
        ])
    );
    let why = sandbox.rgpt(&["models", "why", "1", "--json"]).document();
    assert_eq!(why["executions"][1]["calls"][1]["switched"], true);
    let replayed = sandbox.rgpt(&["replay", "1", "--offline", "--json"]);
    assert_eq!(replayed.code, 0, "{replayed:#?}");
}

#[test]
fn a_model_that_cannot_be_asked_is_refused_and_nothing_is_recorded() {
    let sandbox = with_a_second(&[]);
    assert_eq!(sandbox.rgpt(&["create", "--goal", "greet"]).code, 0);
    let switch = |model: &str| {
        let outcome = sandbox.rgpt(&[
            "switch-model",
            "1",
            "--phase",
            "builder",
            "--model",
            model,
            "--json",
        ]);
        assert_eq!(outcome.code, 1, "{outcome:#?}");
        outcome.error()["message"].as_str().unwrap().to_owned()
    };
    let unknown = switch("third");
    assert!(
        unknown.contains("configured are: first, locked, second"),
        "{unknown}"
    );
    let locked = switch("locked");
    assert!(locked.contains("set LAB_KEY"), "{locked}");
    assert_eq!(sandbox.inspect()["interventions"], json!([]));
}

#[test]
fn a_run_that_is_done_or_follows_a_record_asks_nobody() {
    let sandbox = with_a_second(&[]);
    sandbox.script_that_greets();
    assert_eq!(sandbox.run(&[]).0, 0);
    assert_eq!(
        sandbox
            .rgpt(&["replay", "1", "--offline", "--until", "planner"])
            .code,
        0
    );
    for (run, words) in [
        ("1", "it asks no model any more"),
        ("2", "only follows the record of run 1"),
    ] {
        let outcome = sandbox.rgpt(&[
            "switch-model",
            run,
            "--phase",
            "builder",
            "--model",
            "second",
        ]);
        assert_eq!(outcome.code, 1, "{outcome:#?}");
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
}

#[test]
fn a_phase_or_an_agent_must_be_named_and_only_one_of_them() {
    let sandbox = Sandbox::new();
    for arguments in [
        &["switch-model", "1", "--model", "scripted"][..],
        &[
            "switch-model",
            "1",
            "--phase",
            "builder",
            "--agent",
            "builder",
            "--model",
            "scripted",
        ],
        &["switch-model", "1", "--phase", "builder"],
        &[
            "switch-model",
            "1",
            "--agent",
            "nobody",
            "--model",
            "scripted",
        ],
    ] {
        let outcome = sandbox.rgpt(arguments);
        assert_eq!(outcome.code, 64, "{outcome:#?}");
    }
    let none = sandbox.rgpt(&[
        "switch-model",
        "--run",
        "1",
        "--phase",
        "builder",
        "--model",
        "x",
    ]);
    assert_eq!(none.code, 1);
    assert!(none.stderr.contains("there is no run 1"), "{}", none.stderr);
}
