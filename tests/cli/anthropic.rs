//! Runs that a model behind Anthropic's own protocol drives, streaming and not.

use std::sync::{Arc, Mutex};

use rgpt::domain::message::{Message, ModelAnswer, ModelRequest, ToolCall};
use serde_json::{Value, json};

use crate::sandbox::{Sandbox, events};
use crate::wire::fake::{End, Fake, Reply, Seen, anthropic};
use crate::wire::{self, Wire, course, greeting, replies};

const KEY: &str = "sk-ant-api03-Canary-b3dEf6hIj9kLmNoPqRsTuVwXyZ";

/// How it is spoken.
const ANTHROPIC: Wire = Wire {
    rules: anthropic::RULES,
    request,
    answer,
};

fn answer(seen: &Seen, answer: &ModelAnswer) -> Reply {
    anthropic::answer(seen, &answer.text, &wire::calls(answer))
}

/// What the body of a request asks.
fn request(body: &Value) -> ModelRequest {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut messages = Vec::new();
    for turn in body["messages"].as_array().unwrap() {
        let blocks = turn["content"].as_array().unwrap().iter();
        let of = |kind: &str| -> Vec<&Value> {
            let blocks = blocks.clone();
            blocks.filter(|block| block["type"] == kind).collect()
        };
        let words: String = of("text")
            .into_iter()
            .map(|block| text(&block["text"]))
            .collect();
        if turn["role"] == "assistant" {
            let call = |call: &Value| ToolCall {
                id: text(&call["id"]),
                name: text(&call["name"]),
                arguments: call["input"].clone(),
            };
            messages.push(Message::Assistant {
                text: words,
                tool_calls: of("tool_use").into_iter().map(call).collect(),
                native: None,
            });
            continue;
        }
        let result = |result: &Value| Message::Tool {
            call_id: text(&result["tool_use_id"]),
            name: "tool".to_owned(),
            text: text(&result["content"]),
            is_error: result["is_error"] == true,
        };
        messages.extend(of("tool_result").into_iter().map(result));
        if !words.is_empty() {
            messages.push(Message::User { text: words });
        }
    }
    wire::asked(body["system"][0]["text"].as_str().unwrap(), messages)
}

/// A machine whose only model is this one at this server, and is to think.
fn sandbox_with(server: &Fake, model: &str, stream: bool) -> Sandbox {
    let mut sandbox = wire::sandbox(server, "anthropic", model, KEY, stream);
    sandbox.set("RGPT_PHASES__BUILDER__EFFORT", "medium");
    sandbox
}

#[test]
fn a_run_ends_like_the_scripted_one_and_replays_without_the_server() {
    let scripted = Sandbox::new();
    scripted.script(&replies());
    let (code, expected) = scripted.run(&[]);
    assert_eq!(code, 0, "{expected:#}");
    for (model, stream) in [("claude-sonnet-4-6", true), ("claude-sonnet-4-5", false)] {
        let server = wire::server(ANTHROPIC, &replies(), |_, _| None);
        let mut sandbox = sandbox_with(&server, model, stream);
        let (code, summary) = sandbox.run(&[]);
        assert_eq!(code, 0, "{summary:#}");
        assert_eq!(course(&summary), course(&expected));
        let usage = &summary["run"]["usage"];
        let seen = server.seen();
        assert_eq!(seen.len(), 7);
        let is = |name: &str| {
            seen.iter()
                .filter(|seen| seen.body.get(name).is_some())
                .count()
        };
        assert_eq!((is("stream") > 0, is("thinking")), (stream, 7));
        assert_eq!(usage["cached_input_tokens"], 7 * 90);
        assert_eq!(usage["reasoning_tokens"], 7 * 12);
        let key = format!("\r\nx-api-key: {KEY}\r\n");
        assert!(seen.iter().all(|seen| seen.head.contains(&key)));
        let carried = seen[4].body["messages"].to_string();
        assert!(carried.contains("signature"), "{carried}");
        wire::assert_nowhere(&sandbox, KEY);

        sandbox.set("LAB_KEY", "");
        let replayed = sandbox.rgpt(&["replay", "--run", "1", "--offline", "--json"]);
        assert_eq!(replayed.code, 0, "{replayed:#?}");
        let replayed = replayed.summary();
        assert_eq!(replayed["replay"]["result"], "equal", "{replayed:#}");
        assert_eq!(replayed["run"]["tree"], summary["run"]["tree"]);
        assert_eq!(server.seen().len(), 7, "nobody is asked");
    }
}

#[test]
fn a_server_that_is_overloaded_is_asked_again() {
    let server = wire::server(ANTHROPIC, &greeting(), |number, seen| match number {
        0 => {
            let limited = anthropic::error(429, "rate_limit_error", "slow down");
            Some(limited.header("retry-after", "0.02"))
        }
        1 => Some(
            anthropic::error(529, "overloaded_error", "Overloaded").header("retry-after", "0.02"),
        ),
        // The beginning of an answer that then breaks off.
        3 => {
            let path = json!({"path": "greeting.txt", "content": "half"}).to_string();
            let reply = anthropic::answer(seen, "so", &[("write_file", path)]);
            Some(reply.shortened(8).ending(End::Cut))
        }
        _ => None,
    });
    let sandbox = sandbox_with(&server, "claude-opus-5-5", true);
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    assert_eq!(
        summary["run"]["heal_count"], 1,
        "an outage is a repair's affair where no retry is saved up"
    );
    assert_eq!(server.seen().len(), 6);
    assert_eq!(
        sandbox.git(&["show", "rgpt/run-1:greeting.txt"]),
        "hello world"
    );
}

#[test]
fn a_wrong_key_waits_for_a_person_and_is_nowhere_to_be_seen() {
    let refused = Arc::new(Mutex::new(true));
    let wrong = refused.clone();
    let server = wire::server(ANTHROPIC, &greeting(), move |_, _| {
        let words = format!("invalid x-api-key {KEY}");
        let refused = *wrong.lock().unwrap();
        refused.then(|| anthropic::error(401, "authentication_error", &words))
    });
    let sandbox = sandbox_with(&server, "claude-sonnet-4-6", true);
    let outcome = sandbox.rgpt(&["run", "--goal", "greet the world", "-vv"]);
    assert_eq!(outcome.code, 3, "{outcome:#?}");
    assert_eq!(server.seen().len(), 1, "a wrong key is not tried again");
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    for words in [
        "status 401",
        "invalid x-api-key [key]",
        "export LAB_KEY=",
        "rgpt resume",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains(KEY), "{said}");
    wire::assert_nowhere(&sandbox, KEY);
    *refused.lock().unwrap() = false;
    let resumed = sandbox.rgpt(&["resume", "--json"]);
    assert_eq!(resumed.code, 0, "{resumed:#?}");
    assert_eq!(events(&resumed.summary(), "run.resumed").len(), 1);
}

#[test]
fn a_key_is_enough_the_models_and_what_they_take_come_from_the_catalogue() {
    let server = wire::server(ANTHROPIC, &greeting(), |_, _| None);
    let mut sandbox = Sandbox::new();
    sandbox.set("ANTHROPIC_API_KEY", KEY);
    sandbox.person_config(&format!(
        "providers: {{a: {{kind: anthropic, base_url: '{}', api_key_env: ANTHROPIC_API_KEY}}}}\n\
         phases: {{planner: {{temperature: 0.2, effort: low}}, builder: {{temperature: 0.2}}}}\n",
        server.base(),
    ));
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    let asked = server.seen();
    let models: Vec<_> = asked
        .iter()
        .map(|seen| seen.body["model"].as_str().unwrap())
        .collect();
    assert_eq!(
        models,
        ["claude-opus-5-5", "claude-sonnet-5-5", "claude-sonnet-5-5"]
    );
    assert!(asked.iter().all(|seen| seen.body["max_tokens"] == 32_000));
}
