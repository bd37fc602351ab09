//! Runs that a model behind Ollama's own protocol drives, streaming and not.

use rgpt::domain::message::{Message, ModelAnswer, ModelRequest, ToolCall};
use serde_json::{Value, json};

use crate::sandbox::{Sandbox, events};
use crate::wire::fake::{End, Fake, Reply, Rules, Seen, ollama};
use crate::wire::{self, Wire, course, greeting, replies};

const WIRE: Wire = Wire {
    rules: ollama::RULES,
    request,
    answer,
};

fn answer(seen: &Seen, answer: &ModelAnswer) -> Reply {
    ollama::answer(seen, &answer.text, &wire::calls(answer))
}

/// What the body of a request asks.
fn request(body: &Value) -> ModelRequest {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (system, messages) = body["messages"].as_array().unwrap().split_first().unwrap();
    let call = |call: &Value| ToolCall {
        id: text(&call["id"]),
        name: text(&call["function"]["name"]),
        arguments: call["function"]["arguments"].clone(),
    };
    let message = |message: &Value| match message["role"].as_str().unwrap() {
        "user" => Message::User {
            text: text(&message["content"]),
        },
        "tool" => Message::Tool {
            call_id: text(&message["tool_call_id"]),
            name: text(&message["tool_name"]),
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
    let messages = messages.iter().map(message).collect();
    wire::asked(&text(&system["content"]), messages)
}

/// A machine whose only model is at this server.
fn sandbox_with(server: &Fake, settings: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.person_config(&format!(
        "providers:\n  local: {{kind: ollama, base_url: \"{}/\"{settings}}}\n\
         models:\n  m: {{provider: local, model: \"qwen3:8b\"}}\n\
         phases:\n  planner: {{models: [m], temperature: 0.2}}\n  builder: {{models: [m]}}\n",
        server.base(),
    ));
    sandbox
}

#[test]
fn a_run_ends_like_the_scripted_one_and_is_replayed_without_the_server() {
    let scripted = Sandbox::new();
    scripted.script(&replies());
    let (code, expected) = scripted.run(&[]);
    assert_eq!(code, 0, "{expected:#}");
    for stream in [true, false] {
        let server = wire::server(WIRE, &replies(), |_, _| None);
        let sandbox = sandbox_with(&server, &format!(", stream: {stream}"));
        let (code, summary) = sandbox.run(&[]);
        assert_eq!(code, 0, "{summary:#}");
        assert_eq!(course(&summary), course(&expected));
        let seen = server.seen();
        assert_eq!(seen.len(), 7);
        assert!(seen.iter().all(|seen| seen.body["stream"] == stream));
        let windows: Vec<u64> = seen
            .iter()
            .map(|seen| seen.body["options"]["num_ctx"].as_u64().unwrap())
            .collect();
        assert!(windows.is_sorted() && windows[0] >= 8_192, "{windows:?}");

        let replayed = sandbox.rgpt(&["replay", "--run", "1", "--offline", "--json"]);
        assert_eq!(replayed.code, 0, "{replayed:#?}");
        let again = replayed.summary();
        assert_eq!(again["run"]["tree"], summary["run"]["tree"]);
        assert_eq!(server.seen().len(), 7, "nobody is asked");
    }
}

#[test]
fn a_model_that_is_not_there_is_said_with_the_way_to_get_it() {
    let missing = ollama::error(404, "model 'qwen3:8b' not found");
    let server = wire::server(WIRE, &greeting(), move |_, _| Some(missing.clone()));
    let sandbox = sandbox_with(&server, "");
    let outcome = sandbox.rgpt(&["run", "--goal", "greet the world"]);
    assert_ne!(outcome.code, 0, "{outcome:#?}");
    assert_eq!(server.seen().len(), 1, "it is not tried again");
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("ollama pull qwen3:8b"), "{said}");
}

#[test]
fn a_server_that_is_busy_or_breaks_off_is_asked_again() {
    let server = wire::server(WIRE, &greeting(), |number, seen| match number {
        0 => Some(ollama::error(503, "server busy, please try again")),
        2 => Some(
            ollama::answer(seen, "so it", &[])
                .shortened(1)
                .ending(End::Cut),
        ),
        3 => {
            let error = json!({"error": "model runner has unexpectedly stopped"});
            let line = format!("{error}\n").into_bytes();
            Some(Reply::raw(200, "application/x-ndjson", vec![line]))
        }
        _ => None,
    });
    let sandbox = sandbox_with(&server, "");
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    assert_eq!(
        summary["run"]["heal_count"], 2,
        "an outage is a repair's affair where no retry is saved up"
    );
    assert_eq!(summary["run"]["usage"]["model_calls"], 6);
    assert_eq!(events(&summary, "run.done").len(), 1);
    assert_eq!(
        sandbox.git(&["show", "rgpt/run-1:greeting.txt"]),
        "hello world"
    );
}

#[test]
fn an_ollama_and_nothing_else_is_enough() {
    let rules = Rules {
        check: |head, body| match head.starts_with("GET /api/tags ") {
            true => Ok(()),
            false => (ollama::RULES.check)(head, body),
        },
        ..ollama::RULES
    };
    let tags = json!({"models": [{"name": "llama3.1:8b"}, {"name": "qwen3-coder:30b"}]});
    let server = wire::server(Wire { rules, ..WIRE }, &greeting(), move |_, seen| {
        let lists = seen.head.starts_with("GET ");
        lists.then(|| Reply::json(200, &tags))
    });
    let mut sandbox = Sandbox::new();
    sandbox.person_config("");
    sandbox.set("OLLAMA_HOST", server.base());
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    assert_eq!(summary["run"]["usage"]["cost_usd"], 0.0);
    let asked: Vec<Value> = server.seen().into_iter().map(|seen| seen.body).collect();
    let chats: Vec<&Value> = asked.iter().filter(|body| body.is_object()).collect();
    assert_eq!(chats.len(), 3);
    for chat in chats {
        assert_eq!(chat["model"], "qwen3-coder:30b");
        assert!(
            chat["options"]["num_ctx"].as_u64() <= Some(32_768),
            "{chat}"
        );
        let system = chat["messages"][0]["content"].as_str().unwrap();
        assert!(system.contains("one tool call at a time"), "{system}");
    }
}
