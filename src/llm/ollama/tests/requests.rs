//! What is sent.

use super::super::super::endpoint::Secret;
use super::super::dialect::Dialect;
use super::*;
use crate::domain::message::{Effort, ToolCall};

fn body_of(endpoint: &Endpoint, request: &ModelRequest) -> Value {
    Dialect::of(endpoint).body(endpoint, request)
}

fn keys(object: &Value) -> Vec<&String> {
    object.as_object().expect("an object").keys().collect()
}

/// A request whose prompt is estimated at about so many tokens.
fn long(tokens: usize) -> ModelRequest {
    conformance::request(Agent::Builder, vec![user(&"word".repeat(tokens))])
}

#[test]
fn nothing_is_left_to_the_defaults_of_the_server() {
    let body = body_of(&endpoint("http://lab", false), &request());
    assert_eq!(
        keys(&body),
        ["model", "messages", "tools", "options", "stream"]
    );
    assert_eq!(
        body["options"],
        json!({"num_ctx": 8192, "num_predict": 1000, "temperature": 0.2})
    );
    assert_eq!(
        (&body["stream"], &body["messages"][0]["role"]),
        (&json!(false), &json!("system"))
    );
    let bare = ModelRequest {
        tools: Vec::new(),
        temperature: None,
        ..request()
    };
    let body = body_of(&endpoint("http://lab", true), &bare);
    assert_eq!(keys(&body), ["model", "messages", "options", "stream"]);
    assert_eq!(keys(&body["options"]), ["num_ctx", "num_predict"]);
}

#[test]
fn a_window_grows_with_the_prompt_and_never_shrinks() {
    let endpoint = endpoint("http://lab", true);
    let dialect = Dialect::of(&endpoint);
    let window =
        |tokens| dialect.clone().body(&endpoint, &long(tokens))["options"]["num_ctx"].clone();
    let windows: Vec<Value> = [10, 6_500, 20_000, 10, 100_000, 10].map(window).to_vec();
    assert_eq!(windows, [8_192, 16_384, 32_768, 32_768, 131_072, 131_072]);
}

#[test]
fn a_window_that_is_configured_stays_and_leaves_the_answer_what_is_left() {
    let mut endpoint = endpoint("http://lab", true);
    endpoint.skills.context_window = Some(4_096);
    let options = |tokens| body_of(&endpoint, &long(tokens))["options"].clone();
    assert_eq!(options(10)["num_ctx"], 4_096);
    assert_eq!(options(10)["num_predict"], 1_000);
    assert_eq!(options(3_000)["num_ctx"], 4_096);
    let left = options(3_000)["num_predict"].as_u64().expect("a number");
    assert!((256..700).contains(&left), "{left}");
}

#[tokio::test]
async fn a_prompt_that_does_not_fit_is_not_sent() {
    let fake = Fake::start(ollama::RULES, |seen| ollama::answer(seen, "fine", &[]));
    let mut small = endpoint(fake.base(), true);
    small.skills.context_window = Some(4_096);
    for (model, tokens, words) in [
        (
            model_at(small),
            4_000,
            "in 4096 (models.fast.context_window)",
        ),
        (model(&fake, true), 120_000, "in 131072 (the largest window"),
    ] {
        let failure = model.prepare(&long(tokens), &[]).expect_err("too long");
        assert_eq!(failure.kind, ModelFailureKind::ContextTooLong);
        assert!(failure.message.contains(words), "{}", failure.message);
        assert!(failure.message.contains("longer context"));
    }
    assert!(fake.seen().is_empty());
}

#[tokio::test]
async fn an_answer_is_held_to_a_schema_where_no_tool_is_to_be_called() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let plain = ModelRequest {
        schema: Some(schema.clone()),
        tools: Vec::new(),
        ..request()
    };
    let with_tools = ModelRequest {
        schema: Some(schema.clone()),
        ..request()
    };
    let sent = |json: bool, request: &ModelRequest| {
        let mut endpoint = endpoint("http://lab", true);
        endpoint.skills.json = json;
        body_of(&endpoint, request).get("format").cloned()
    };
    assert_eq!(sent(true, &plain), Some(schema));
    assert_eq!(sent(false, &plain), None);
    assert_eq!(sent(true, &with_tools), None);
}

#[test]
fn a_model_is_told_to_reason_in_its_own_way() {
    let said = |name: &str, configured: Option<bool>, effort: Option<Effort>| {
        let mut endpoint = endpoint("http://lab", true);
        endpoint.model = name.into();
        endpoint.skills.effort = configured;
        let request = ModelRequest {
            effort,
            ..request()
        };
        body_of(&endpoint, &request).get("think").cloned()
    };
    use Effort::{High, Low, Medium};
    for (name, configured, effort, think) in [
        ("gpt-oss:20b", None, Some(High), Some(json!("high"))),
        ("gpt-oss:20b", None, None, None),
        ("gpt-oss", Some(false), Some(High), None),
        ("qwen3:8b", None, Some(Medium), Some(json!(true))),
        ("hf.co/qwen/Qwen3:8b", None, Some(Low), Some(json!(false))),
        ("qwen3-coder:30b", None, Some(High), None),
        ("llama3.2", None, Some(High), None),
        ("llama3.2", Some(true), Some(High), Some(json!(true))),
        ("deepseek-r1:32b", None, Some(Medium), Some(json!(true))),
    ] {
        assert_eq!(said(name, configured, effort), think, "{name} {effort:?}");
    }
}

#[tokio::test]
async fn what_a_model_does_not_take_is_left_out_from_then_on() {
    let fake = Fake::start(ollama::RULES, |seen: &Seen| {
        if seen.body.get("think").is_some_and(Value::is_string) {
            ollama::error(400, "think value \"high\" is not supported for this model")
        } else if seen.body.get("think").is_some() {
            ollama::error(400, "\"gpt-oss\" does not support thinking")
        } else if seen.body.get("format").is_some() {
            ollama::error(500, "failed to load model vocabulary required for format")
        } else {
            ollama::answer(seen, "fine", &[])
        }
    });
    let model = model_at(Endpoint {
        // A name that the rules know nothing of, and a way that the server then refuses.
        model: "lab/gpt-oss".into(),
        ..endpoint(fake.base(), true)
    });
    let request = ModelRequest {
        schema: Some(json!({"type": "object", "properties": {}})),
        tools: Vec::new(),
        effort: Some(Effort::High),
        ..request()
    };
    assert_eq!(ask(&model, &request).await.expect("answers").text, "fine");
    assert_eq!(fake.seen().len(), 4);
    ask(&model, &request).await.expect("answers");
    assert_eq!(fake.seen().len(), 5, "it has learnt");
}

#[tokio::test]
async fn the_nonsense_of_a_model_is_said_back_in_a_legal_form() {
    let call = |id: &str, name: &str, arguments: Value| ToolCall {
        id: id.into(),
        name: name.into(),
        arguments,
    };
    let calls = vec![
        call("a", "read file;", json!("{\"path\": ")),
        call("b", "", json!([1])),
        call("c", &"x".repeat(99), Value::Null),
    ];
    let answers = calls.iter().map(|call| Message::Tool {
        call_id: call.id.clone(),
        name: call.name.clone(),
        text: "no such tool".into(),
        is_error: true,
    });
    let answers: Vec<Message> = answers.collect();
    let said = Message::Assistant {
        text: String::new(),
        tool_calls: calls,
        native: None,
    };
    let messages = [vec![user("go"), said], answers].concat();
    let fake = Fake::start(ollama::RULES, |seen| ollama::answer(seen, "fine", &[]));
    let request = conformance::request(Agent::Builder, messages);
    ask(&model(&fake, true), &request).await.expect("answers");
    let sent = &fake.seen()[0].body["messages"][2]["tool_calls"][1]["function"];
    assert_eq!(sent["arguments"], json!({"unreadable": [1]}));
}

#[test]
fn what_another_model_thought_is_not_put_into_this_ones_mouth() {
    let thought = |by: &str| {
        let native = Native {
            by: by.into(),
            parts: vec![json!({"thinking": "hm"})],
        };
        let said = Message::Assistant {
            text: "yes".into(),
            tool_calls: Vec::new(),
            native: Some(native),
        };
        let request = conformance::request(Agent::Builder, vec![user("go"), said, user("on")]);
        let body = body_of(&endpoint("http://lab", true), &request);
        body["messages"][2].get("thinking").cloned()
    };
    assert_eq!(thought("ollama/m"), Some(json!("hm")));
    assert_eq!(thought("ollama/other"), None);
    assert_eq!(thought("anthropic/m"), None);
}

#[tokio::test]
async fn a_key_is_sent_only_if_there_is_one() {
    let fake = Fake::start(ollama::RULES, |seen| ollama::answer(seen, "fine", &[]));
    for key in [None, Secret::new(KEY)] {
        let endpoint = Endpoint {
            key,
            ..endpoint(fake.base(), true)
        };
        ask(&model_at(endpoint), &request()).await.expect("answers");
    }
    let heads = fake.seen().into_iter().map(|seen| seen.head.to_lowercase());
    let heads: Vec<String> = heads.collect();
    assert!(!heads[0].contains("authorization"));
    assert!(heads[1].contains(&format!("authorization: bearer {KEY}")));
}

#[test]
fn an_address_is_joined_with_care() {
    for base in ["", "/", "/api", "/api/", "/v1", "/api/chat"] {
        let base = format!("http://lab:11434{base}");
        assert_eq!(
            address(base.trim_end_matches('/')),
            "http://lab:11434/api/chat",
            "{base}"
        );
    }
    assert_eq!(address("http://lab/ollama"), "http://lab/ollama/api/chat");
}
