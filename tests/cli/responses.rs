//! Runs that a model behind OpenAI's responses protocol drives, streaming and not.

use rgpt::domain::message::{Message, ModelAnswer, ModelRequest, ToolCall};
use serde_json::{Value, json};

use crate::sandbox::Sandbox;
use crate::wire::fake::{Fake, Reply, Seen, responses};
use crate::wire::{self, Wire, course, greeting, replies};

const KEY: &str = "sk-proj-Canary-Ab3dEf6hIj9kLmNoPqRsT3BlbkFJuVwX";

/// How it is spoken.
const RESPONSES: Wire = Wire {
    rules: responses::RULES,
    request,
    answer,
};

fn answer(seen: &Seen, answer: &ModelAnswer) -> Reply {
    responses::answer(seen, &answer.text, &wire::calls(answer))
}

/// What the body of a request asks. Each item is a message of its own, but calls belong to the
/// words before them.
fn request(body: &Value) -> ModelRequest {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut messages: Vec<Message> = Vec::new();
    for item in body["input"].as_array().unwrap() {
        let said = match &item["content"] {
            Value::String(words) => words.clone(),
            parts => text(&parts[0]["text"]),
        };
        match (item["type"].as_str().unwrap(), item["role"].as_str()) {
            ("message", Some("user")) => messages.push(Message::User { text: said }),
            ("message", _) => messages.push(spoken(said)),
            ("function_call_output", _) => messages.push(Message::Tool {
                call_id: text(&item["call_id"]),
                name: "tool".to_owned(),
                text: text(&item["output"]),
                is_error: false,
            }),
            ("function_call", _) => {
                if !matches!(messages.last(), Some(Message::Assistant { .. })) {
                    messages.push(spoken(String::new()));
                }
                if let Some(Message::Assistant { tool_calls, .. }) = messages.last_mut() {
                    tool_calls.push(ToolCall {
                        id: text(&item["call_id"]),
                        name: text(&item["name"]),
                        arguments: serde_json::from_str(&text(&item["arguments"])).unwrap(),
                    });
                }
            }
            (other, _) => assert_eq!(other, "reasoning"),
        }
    }
    wire::asked(&text(&body["instructions"]), messages)
}

fn spoken(text: String) -> Message {
    Message::Assistant {
        text,
        tool_calls: Vec::new(),
        native: None,
    }
}

/// A machine whose only model is at this server.
fn sandbox_with(server: &Fake, model: &str, stream: bool) -> Sandbox {
    wire::sandbox(server, "openai, api: responses", model, KEY, stream)
}

#[test]
fn a_run_ends_like_the_scripted_one_streaming_and_not() {
    let scripted = Sandbox::new();
    scripted.script(&replies());
    let (code, expected) = scripted.run(&[]);
    assert_eq!(code, 0, "{expected:#}");
    for (model, stream) in [
        ("gpt-4.1", true),
        ("gpt-5-mini", true),
        ("gpt-5-mini", false),
    ] {
        let server = wire::server(RESPONSES, &replies(), |_, _| None);
        let mut sandbox = sandbox_with(&server, model, stream);
        let (code, summary) = sandbox.run(&[]);
        assert_eq!(code, 0, "{summary:#}");
        assert_eq!(course(&summary), course(&expected));
        let usage = &summary["run"]["usage"];
        assert_eq!(
            (&usage["cached_input_tokens"], &usage["reasoning_tokens"]),
            (&json!(700), &json!(84))
        );
        let seen = server.seen();
        assert_eq!(seen.len(), 7);
        // The builder's second question carries the reasoning of its first answer.
        let items = seen[3].body["input"].as_array().unwrap();
        let reasoning = items.iter().filter(|item| item["type"] == "reasoning");
        assert_eq!(reasoning.count(), usize::from(model == "gpt-5-mini"));
        wire::assert_nowhere(&sandbox, KEY);
        wire::assert_replays(&mut sandbox, &server, &summary);
    }
}

#[test]
fn a_failure_in_the_midst_of_an_answer_is_tried_again() {
    let server = wire::server(RESPONSES, &greeting(), |number, _| {
        let mut response = responses::response("failed", &[]);
        response["error"] = json!({"code": "rate_limit_exceeded",
            "message": "Rate limit reached. Please try again in 20ms."});
        let failed = json!({"type": "response.failed", "response": response});
        match number {
            0 => Some(responses::stream(&[failed])),
            1 => Some(
                responses::error(503, "server_error", "overloaded").header("retry-after-ms", "5"),
            ),
            _ => None,
        }
    });
    let sandbox = sandbox_with(&server, "gpt-5-mini", true);
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    assert_eq!(
        summary["run"]["heal_count"], 1,
        "an outage is a repair's affair where no retry is saved up, a limit is not"
    );
    assert_eq!(server.seen().len(), 5);
}

#[test]
fn where_no_models_are_named_those_of_the_catalogue_serve_whoever_has_a_key() {
    let server = wire::server(RESPONSES, &greeting(), |_, _| None);
    let mut sandbox = Sandbox::new();
    sandbox.set("OPENAI_API_KEY", KEY);
    sandbox.person_config(&format!(
        "providers: {{openai: {{kind: openai, api: responses, base_url: '{}', api_key_env: OPENAI_API_KEY}}}}\n",
        server.base(),
    ));
    let doctor = sandbox.rgpt(&["doctor", "--json"]).stdout;
    assert!(doctor.contains("chosen for OPENAI_API_KEY"), "{doctor}");
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    assert!(
        server
            .seen()
            .iter()
            .all(|seen| seen.body["model"] == "gpt-6.2-sol")
    );
    assert!(
        summary["run"]["usage"]["cost_usd"].as_f64().unwrap() > 0.0,
        "its price is known"
    );
    let shown = sandbox.rgpt(&["config", "show"]).stdout;
    for words in [
        "gpt-6.2-sol",
        "catalogue",
        "these were chosen for OPENAI_API_KEY",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
}
