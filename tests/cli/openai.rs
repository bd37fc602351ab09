//! Runs that a model behind the chat completions protocol drives, streaming and not.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rgpt::domain::message::{Message, ModelAnswer, ModelRequest, ToolCall};
use serde_json::{Value, json};

use crate::sandbox::{Outcome, RGPT, Sandbox, events};
use crate::wire::fake::{End, Fake, Reply, Seen, chat};
use crate::wire::{self, Wire, course, greeting, replies};

pub(crate) const KEY: &str = "sk-canary-Ab3dEf6hIj9kLmNoPqRs";

/// How chat completions are spoken.
pub(crate) const CHAT: Wire = Wire {
    rules: chat::RULES,
    request,
    answer,
};

pub(crate) fn server_with(
    replies: &[Value],
    first: impl Fn(usize, &Seen) -> Option<Reply> + Send + 'static,
) -> Fake {
    wire::server(CHAT, replies, first)
}

fn answer(seen: &Seen, answer: &ModelAnswer) -> Reply {
    chat::answer(seen, &answer.text, &wire::calls(answer))
}

/// What the body of a request asks.
fn request(body: &Value) -> ModelRequest {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (system, messages) = body["messages"].as_array().unwrap().split_first().unwrap();
    let call = |call: &Value| ToolCall {
        id: text(&call["id"]),
        name: text(&call["function"]["name"]),
        arguments: serde_json::from_str(&text(&call["function"]["arguments"])).unwrap(),
    };
    let message = |message: &Value| match message["role"].as_str().unwrap() {
        "user" => Message::User {
            text: text(&message["content"]),
        },
        "tool" => Message::Tool {
            call_id: text(&message["tool_call_id"]),
            name: "tool".to_owned(),
            text: text(&message["content"]),
            is_error: false,
        },
        _ => Message::Assistant {
            text: text(&message["content"]),
            tool_calls: message["tool_calls"]
                .as_array()
                .into_iter()
                .flatten()
                .map(call)
                .collect(),
            native: None,
        },
    };
    wire::asked(
        &text(&system["content"]),
        messages.iter().map(message).collect(),
    )
}

/// A machine whose only model is at this server.
pub(crate) fn sandbox_with(server: &Fake, stream: bool) -> Sandbox {
    wire::sandbox(server, "openai", "m-1", KEY, stream)
}

#[test]
fn a_run_ends_like_the_scripted_one_streaming_and_not() {
    let scripted = Sandbox::new();
    scripted.script(&replies());
    let (code, expected) = scripted.run(&[]);
    assert_eq!(code, 0, "{expected:#}");
    for stream in [true, false] {
        let server = server_with(&replies(), |_, _| None);
        let mut sandbox = sandbox_with(&server, stream);
        let (code, summary) = sandbox.run(&[]);
        assert_eq!(code, 0, "{summary:#}");
        assert_eq!(course(&summary), course(&expected));
        assert_eq!(summary["run"]["usage"]["cached_input_tokens"], 700);
        let seen = server.seen();
        assert_eq!(seen.len(), 7);
        assert!(
            seen.iter()
                .all(|seen| seen.body.get("stream").is_some() == stream)
        );
        let bearer = format!("authorization: bearer {KEY}").to_lowercase();
        assert!(
            seen.iter()
                .all(|seen| seen.head.to_lowercase().contains(&bearer))
        );
        wire::assert_nowhere(&sandbox, KEY);
        wire::assert_replays(&mut sandbox, &server, &summary);
    }
}

#[test]
fn a_server_that_asks_for_patience_gets_it() {
    let server = server_with(&greeting(), |number, _| {
        let slow_down = chat::error(429, "rate_limit_exceeded", "slow down");
        (number < 2).then(|| slow_down.header("retry-after-ms", "20"))
    });
    let sandbox = sandbox_with(&server, true);
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    assert_eq!(
        summary["run"]["heal_count"], 0,
        "a retry on the wire is no heal"
    );
    assert_eq!(summary["run"]["usage"]["model_calls"], 5);
    assert_eq!(server.seen().len(), 5);
}

#[test]
fn of_an_answer_that_breaks_off_nothing_counts() {
    let server = server_with(&greeting(), |number, seen| {
        let evil = (
            "write_file",
            json!({"path": "greeting.txt", "content": "half"}).to_string(),
        );
        // All but the end of it.
        (number == 1).then(|| {
            chat::answer(seen, "so", &[evil])
                .shortened(10)
                .ending(End::Cut)
        })
    });
    let sandbox = sandbox_with(&server, true);
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    assert_eq!(
        sandbox.git(&["show", "rgpt/run-1:greeting.txt"]),
        "hello world"
    );
    assert_eq!(summary["run"]["heal_count"], 0);
    let spent = summary["run"]["usage"]["output_tokens"].as_u64().unwrap();
    assert!(
        spent > 3 * 30,
        "what was reserved for it may have been used: {spent}"
    );
    let models = sandbox.rgpt(&["models", "--json"]).document();
    let record = &models["models"][0]["record"];
    assert_eq!(
        (&record["calls"], &record["failures"]),
        (&json!(4), &json!(1))
    );
    assert_eq!(record["health"], 0.75);
    assert_eq!(record["last_failure"]["kind"], "truncated");
}

#[test]
fn a_wrong_key_waits_for_a_person_and_is_nowhere_to_be_seen() {
    let echo = format!("Incorrect API key provided: {KEY}");
    let refused = Arc::new(Mutex::new(true));
    let wrong = refused.clone();
    let server = server_with(&greeting(), move |_, _| {
        wrong
            .lock()
            .unwrap()
            .then(|| chat::error(401, "invalid_api_key", &echo))
    });
    let sandbox = sandbox_with(&server, true);
    let outcome = sandbox.rgpt(&["run", "--goal", "greet the world", "-vv"]);
    assert_eq!(outcome.code, 3, "{outcome:#?}");
    assert_eq!(server.seen().len(), 1, "a wrong key is not tried again");
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    for words in [
        "status 401",
        "Incorrect API key provided: [key]",
        "export LAB_KEY=",
        "rgpt resume",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains(KEY), "{said}");
    let inspected = sandbox.inspect();
    assert_eq!(inspected["run"]["state"], "awaiting_human");
    assert!(!inspected.to_string().contains(KEY));
    let models = sandbox.rgpt(&["models"]);
    assert!(
        models.stdout.contains("m last failed in run 1"),
        "{models:#?}"
    );
    wire::assert_nowhere(&sandbox, KEY);
    *refused.lock().unwrap() = false;
    let resumed = sandbox.rgpt(&["resume", "--json"]);
    assert_eq!(resumed.code, 0, "{resumed:#?}");
    assert_eq!(events(&resumed.summary(), "run.resumed").len(), 1);
}

#[test]
fn a_call_under_way_ends_at_once_when_a_person_interrupts() {
    let server = server_with(&greeting(), |number, seen| {
        let silent = chat::answer(seen, "", &[])
            .shortened(1)
            .ending(End::Hanging);
        (number == 0).then_some(silent)
    });
    let sandbox = sandbox_with(&server, true);
    let mut command = sandbox.start(RGPT);
    let child = command
        .args(["run", "--goal", "greet", "--json"])
        .stdout(Stdio::piped());
    let child = child.spawn().unwrap();
    while server.seen().is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let outcome = Outcome::of(child.wait_with_output().unwrap());
    assert_eq!(outcome.code, 3, "{outcome:#?}");
    assert_eq!(outcome.summary()["run"]["stop_reason"], "interrupted");
    // The server notices, or this never ends.
    while server.left() == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(
        sandbox.rgpt(&["resume", "--json"]).summary()["run"]["state"],
        "done"
    );
}

#[test]
fn a_key_that_is_not_set_is_said_before_anything_is_made() {
    let server = server_with(&[], |_, _| None);
    let mut sandbox = sandbox_with(&server, true);
    sandbox.set("LAB_KEY", " ");
    let outcome = sandbox.rgpt(&["run", "--goal", "greet", "--json"]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    assert_eq!(outcome.error()["hints"][0], "export LAB_KEY=…");
    let doctor = sandbox.rgpt(&["doctor", "--json"]).document();
    let row = |name: &str| {
        let rows = doctor["checks"].as_array().unwrap();
        rows.iter()
            .find(|row| row["name"] == name)
            .cloned()
            .unwrap()
    };
    assert_eq!(row("keys")["detail"], "not set: LAB_KEY");
    assert_eq!(row("models")["status"], "fail");
    assert!(server.seen().is_empty());
}
