//! What is sent.

use super::super::dialect::Dialect;
use super::*;
use crate::domain::message::{Effort, Native, ToolCall};
use crate::llm::openai::OPENAI;

fn body(base: &str, name: &str, request: &ModelRequest) -> Value {
    let endpoint = Endpoint {
        model: name.into(),
        ..endpoint(base, true)
    };
    Dialect::of(&endpoint).body(&endpoint, request)
}

#[test]
fn a_request_holds_what_the_server_is_sure_to_know() {
    let request = request();
    let lab = body("http://lab/v1", "qwen", &request);
    assert_eq!(lab["messages"][0]["role"], "system");
    assert_eq!(
        (&lab["max_tokens"], &lab["temperature"]),
        (&json!(1000), &json!(0.2))
    );
    assert_eq!(lab.get("max_completion_tokens"), None);
    let openai = body(OPENAI, "gpt-4o", &request);
    assert_eq!(openai["max_completion_tokens"], 1000);
    assert_eq!(openai["temperature"], 0.2);
    for (base, name, role) in [
        (OPENAI, "gpt-5-mini", "developer"),
        (OPENAI, "o3", "developer"),
        ("http://lab/v1", "openai/o3", "system"),
    ] {
        let reasoning = body(base, name, &request);
        assert_eq!(reasoning["messages"][0]["role"], role);
        assert_eq!(reasoning["max_completion_tokens"], 1000);
        assert_eq!(reasoning.get("temperature"), None);
    }
    for name in ["gpt-oss-20b", "o30-mini", "gpt-5-chat-latest"] {
        assert_eq!(
            body("http://lab/v1", name, &request)["temperature"],
            0.2,
            "{name}"
        );
    }
}

#[test]
fn what_is_not_wanted_is_left_out() {
    let request = ModelRequest {
        tools: Vec::new(),
        temperature: None,
        ..request()
    };
    let endpoint = endpoint("http://lab/v1", false);
    let body = Dialect::of(&endpoint).body(&endpoint, &request);
    let keys: Vec<&String> = body.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["model", "messages", "max_tokens"]);
}

#[tokio::test]
async fn an_answer_is_held_to_a_schema_where_the_model_can_be() {
    let request = ModelRequest {
        schema: Some(json!({"type": "object", "properties": {"a": {"type": "string"}}})),
        ..request()
    };
    let fake = Fake::start(chat::RULES, |seen| chat::answer(seen, "{}", &[]));
    for json in [true, false] {
        let mut endpoint = endpoint(fake.base(), false);
        endpoint.skills.json = json;
        ask(&model_at(endpoint), &request).await.expect("answers");
    }
    let seen = fake.seen();
    let format = &seen[0].body["response_format"];
    assert_eq!(format["json_schema"]["strict"], true);
    assert_eq!(format["json_schema"]["schema"]["required"], json!(["a"]));
    assert_eq!(seen[1].body.get("response_format"), None);
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
    let fake = Fake::start(chat::RULES, |seen| chat::answer(seen, "fine", &[]));
    let request = conformance::request(Agent::Builder, messages);
    ask(&model(&fake, true), &request).await.expect("answers");
    assert_eq!(fake.seen()[0].body["messages"][2]["content"], Value::Null);
}

/// A server that knows neither of these parameters, and says so for one at a time.
fn ignorant(unknown: &'static [(&'static str, &'static str)]) -> Fake {
    Fake::start(chat::RULES, move |seen: &Seen| {
        let text = seen.body.to_string();
        let refused = unknown
            .iter()
            .find(|(parameter, _)| text.contains(&format!("\"{parameter}\"")));
        match refused {
            Some((_, words)) => chat::error(400, "invalid_request_error", words),
            None => chat::answer(seen, "fine", &[]),
        }
    })
}

#[tokio::test]
async fn a_parameter_that_a_server_does_not_know_is_left_out_from_then_on() {
    let fake = ignorant(&[
        (
            "stream_options",
            "Unrecognized request argument supplied: stream_options",
        ),
        ("strict", "Unknown name \"strict\""),
        (
            "temperature",
            "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.",
        ),
        (
            "max_tokens",
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        ),
        ("response_format", "response_format is not supported"),
    ]);
    let model = model(&fake, true);
    let request = ModelRequest {
        schema: Some(json!({"type": "object", "properties": {}})),
        ..request()
    };
    assert_eq!(ask(&model, &request).await.expect("answers").text, "fine");
    assert_eq!(fake.seen().len(), 6);
    ask(&model, &request).await.expect("answers");
    assert_eq!(fake.seen().len(), 7, "it has learnt");
}

#[tokio::test]
async fn a_value_that_is_wrong_is_not_a_parameter_that_is_not_known() {
    let fake = ignorant(&[(
        "max_tokens",
        "max_tokens is too large: 1000. This model supports at most 16.",
    )]);
    let failure = ask(&model(&fake, true), &request())
        .await
        .expect_err("refused");
    assert_eq!(failure.kind, ModelFailureKind::BadRequest);
    assert_eq!(fake.seen().len(), 1);
}

#[test]
fn reasoning_is_switched_off_where_tools_go_with_nothing_else() {
    let endpoint = endpoint(OPENAI, true);
    let dialect = Dialect::of(&endpoint);
    let body = dialect.body(&endpoint, &request());
    let complaint = Complaint {
        message: "Function tools with reasoning_effort are not supported for gpt-5.6 in /v1/chat/completions. \
                  To use function tools, use /v1/responses or set reasoning_effort to 'none'."
            .into(),
        ..Complaint::default()
    };
    let learnt = dialect.without(400, &complaint, &body).expect("learns");
    assert_eq!(
        learnt.body(&endpoint, &request())["reasoning_effort"],
        "none"
    );
    let body = learnt.body(&endpoint, &request());
    assert_eq!(learnt.without(400, &complaint, &body), None, "once");
}

#[test]
fn an_effort_that_a_model_does_not_know_is_left_out() {
    let endpoint = Endpoint {
        model: "gpt-5-pro".into(),
        ..endpoint(OPENAI, true)
    };
    let request = ModelRequest {
        effort: Some(Effort::Low),
        ..request()
    };
    let dialect = Dialect::of(&endpoint);
    let body = dialect.body(&endpoint, &request);
    assert_eq!(body["reasoning_effort"], "low");
    let complaint = Complaint {
        message: "Unsupported value: 'reasoning_effort' does not support 'low' with this model. \
                  Supported values are: 'none' and 'high'."
            .into(),
        ..Complaint::default()
    };
    let learnt = dialect.without(400, &complaint, &body).expect("learns");
    let body = learnt.body(&endpoint, &request);
    assert_eq!(body.get("reasoning_effort"), None);
}

#[tokio::test]
async fn a_reasoning_model_is_told_how_much_to_reason() {
    let fake = Fake::start(chat::RULES, |seen| chat::answer(seen, "fine", &[]));
    for (name, effort, sent) in [
        ("gpt-5-mini", Some(true), json!("high")),
        ("gpt-5-mini", None, Value::Null),
        ("gpt-4o", None, Value::Null),
    ] {
        let mut endpoint = endpoint(fake.base(), true);
        endpoint.model = name.into();
        endpoint.skills.effort = effort;
        let request = ModelRequest {
            effort: Some(Effort::High),
            ..request()
        };
        ask(&model_at(endpoint), &request).await.expect("answers");
        let seen = fake.seen();
        let last = seen.last().expect("a request");
        assert_eq!(last.body["reasoning_effort"], sent, "{name}");
        assert_eq!(
            last.body.get("prompt_cache_key"),
            None,
            "only OpenAI is sure to take it"
        );
    }
    let key = body(OPENAI, "gpt-4o", &request())["prompt_cache_key"].clone();
    assert!(
        key.as_str()
            .is_some_and(|key| key.starts_with("rgpt-builder-"))
    );
}

#[tokio::test]
async fn ids_from_elsewhere_are_made_legal() {
    let long = "call_with_a_signature_".repeat(9);
    let call = ToolCall {
        id: long.clone(),
        name: "read_file".into(),
        arguments: json!({}),
    };
    let said = Message::Assistant {
        text: String::new(),
        tool_calls: vec![call],
        native: Some(Native {
            by: "gemini/pro".into(),
            parts: vec![json!({"thought": true})],
        }),
    };
    let answer = Message::Tool {
        call_id: long,
        name: "read_file".into(),
        text: "done".into(),
        is_error: false,
    };
    let fake = Fake::start(chat::RULES, |seen| chat::answer(seen, "fine", &[]));
    let request = conformance::request(Agent::Builder, vec![user("go"), said, answer]);
    ask(&model(&fake, true), &request).await.expect("answers");
    assert_eq!(fake.seen().len(), 1);
}

#[test]
fn an_address_is_joined_with_care() {
    let address = |base: &str| Dialect::of(&endpoint(base, true)).address(base);
    for (base, whole) in [
        (OPENAI, "https://api.openai.com/v1/chat/completions"),
        ("http://lab:8000", "http://lab:8000/v1/chat/completions"),
        ("http://lab/api/v3", "http://lab/api/v3/chat/completions"),
        (
            "http://lab/v1/chat/completions",
            "http://lab/v1/chat/completions",
        ),
    ] {
        assert_eq!(address(base), whole);
    }
}
