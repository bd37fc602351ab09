//! Going round in circles: told once, then the run stands still.

use serde_json::{Value, json};

use crate::sandbox::{Sandbox, finish, plan, step, tools, write_file};

/// A builder that looks at the same file again and again.
fn looks(times: u32) -> Value {
    let look = json!({"name": "read_file", "arguments": {"path": "greeting.txt"}});
    json!({"agent": "builder", "times": times, "tools": [look]})
}

#[test]
fn a_model_that_goes_on_in_circles_stops_the_run_which_can_be_resumed() {
    let sandbox = Sandbox::new();
    sandbox.script(&[
        plan(&[step("step-1", &["greeting.txt"])]),
        looks(5),
        tools(&[write_file("greeting.txt", "hello world\n")]),
        finish("greets the world"),
    ]);
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 3, "{summary:#}");
    assert_eq!(summary["run"]["stop_reason"], "stuck");
    assert_eq!(summary["run"]["state"], "builder_error");
    assert_eq!(summary["run"]["usage"]["model_calls"], 6);
    let message = summary["stop"]["message"].as_str().unwrap();
    assert!(
        message.contains("read_file {\"path\":\"greeting.txt\"} was called 5 times in a row"),
        "{message}"
    );
    let shown = sandbox.rgpt(&["inspect", "1"]).stdout;
    let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("stopped (stuck)"), "{shown}");
    assert!(
        words.contains("the builder goes round in circles: read_file"),
        "{shown}"
    );
    assert!(
        words.contains("rgpt switch-model --run 1 --agent builder"),
        "{shown}"
    );
    assert!(words.contains("rgpt resume --run 1"), "{shown}");
    assert!(words.contains("rgpt inspect 1 --failures"), "{shown}");
    let replayed = sandbox.rgpt(&["replay", "1", "--offline", "--json"]);
    assert_eq!(
        replayed.summary()["run"]["stop_reason"],
        "stuck",
        "{replayed:#?}"
    );

    let outcome = sandbox.rgpt(&["resume", "1", "--json"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let summary = outcome.summary();
    assert_eq!(summary["run"]["state"], "done");
    assert_eq!(summary["heals"][0]["error_type"], "LLM_ERROR");
    assert_eq!(summary["heals"][0]["origin"], "model");
    assert_eq!(summary["heals"][0]["verdict"], "kept");
    let replayed = sandbox.rgpt(&["replay", "1", "--offline", "--json"]);
    assert_eq!(replayed.code, 0, "{replayed:#?}");
}

#[test]
fn a_model_that_listens_goes_on() {
    let sandbox = Sandbox::new();
    sandbox.script(&[
        plan(&[step("step-1", &["greeting.txt"])]),
        looks(4),
        json!({"agent": "builder", "contains": "You are going round in circles",
               "tools": [write_file("greeting.txt", "hello world\n")]}),
        finish("greets the world"),
    ]);
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    let replayed = sandbox.rgpt(&["replay", "1", "--offline", "--json"]);
    assert_eq!(replayed.code, 0, "{replayed:#?}");
}

#[test]
fn repairs_that_bring_no_news_end_with_a_stop() {
    let sandbox = Sandbox::new();
    let mut replies = vec![
        plan(&[step("step-1", &["greeting.txt"])]),
        plan(&[
            step("step-1", &["greeting.txt"]),
            step("step-2", &["greeting.txt"]),
        ]),
    ];
    for attempt in 1..20 {
        // Something changes each time, and the check says the same each time.
        let text = format!("bad world\n{attempt}\n");
        replies.push(tools(&[write_file("greeting.txt", &text)]));
        replies.push(finish("greets"));
    }
    sandbox.script(&replies);
    let (code, summary) = sandbox.run(&["--max-retries", "20"]);
    assert_eq!(code, 3, "{summary:#}");
    assert_eq!(summary["run"]["stop_reason"], "stuck");
    let message = summary["stop"]["message"].as_str().unwrap();
    assert!(message.starts_with("3 repairs in a row ("), "{message}");
    let action = summary["stop"]["action_required"].as_str().unwrap();
    assert!(action.contains("rgpt inspect 1 --failures"), "{action}");
    let told = summary["heals"].as_array().unwrap().iter().filter(|heal| {
        let reason = heal["reason"].as_str().unwrap();
        reason.contains("the last repairs brought nothing new")
    });
    assert_eq!(told.count(), 1);
}
