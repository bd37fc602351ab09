//! What is sent.

use super::super::dialect::Dialect;
use super::*;
use crate::domain::message::{ToolCall, ToolSpec};
use crate::llm::openai::OPENAI;

fn body(base: &str, name: &str, request: &ModelRequest) -> Value {
    let endpoint = endpoint(base, name, true);
    Dialect::of(&endpoint).body(&endpoint, request)
}

#[test]
fn a_request_holds_what_the_model_is_sure_to_take() {
    let request = ModelRequest {
        effort: Some(Effort::High),
        ..request()
    };
    let plain = body("http://lab/v1", "gpt-4.1", &request);
    let keys: Vec<&String> = plain.as_object().expect("an object").keys().collect();
    assert_eq!(
        keys,
        [
            "model",
            "instructions",
            "tools",
            "input",
            "store",
            "max_output_tokens",
            "temperature",
            "stream"
        ]
    );
    assert_eq!(plain["temperature"], 0.2);
    for name in ["o3", "gpt-5-mini", "gpt-5.6", "openai/o4-mini"] {
        let reasons = body("http://lab/v1", name, &request);
        assert_eq!(reasons["reasoning"], json!({"effort": "high"}), "{name}");
        assert_eq!(reasons["include"], json!(["reasoning.encrypted_content"]));
        assert_eq!(
            (&reasons["store"], reasons.get("temperature")),
            (&json!(false), None)
        );
    }
    assert_eq!(
        body(OPENAI, "gpt-5-chat-latest", &request).get("reasoning"),
        None
    );
    let key = |request: &ModelRequest| body(OPENAI, "gpt-5", request)["prompt_cache_key"].clone();
    let mut longer = request.clone();
    longer.messages.push(user("on"));
    assert_eq!(key(&request), key(&longer));
    assert!(key(&request).as_str().is_some_and(|key| key.len() <= 64));
    longer.messages.remove(0);
    assert_ne!(key(&request), key(&longer));
}

#[test]
fn what_the_configuration_says_of_a_model_comes_before_its_name() {
    let mut known = endpoint("http://lab/v1", "house-model", true);
    known.skills.effort = Some(true);
    known.skills.temperature = Some(false);
    let request = ModelRequest {
        effort: Some(Effort::Low),
        tools: Vec::new(),
        max_output: 3,
        ..request()
    };
    let body = Dialect::of(&known).body(&known, &request);
    let keys: Vec<&String> = body.as_object().expect("an object").keys().collect();
    assert_eq!(
        keys,
        [
            "model",
            "instructions",
            "input",
            "reasoning",
            "include",
            "store",
            "max_output_tokens",
            "stream"
        ]
    );
    assert_eq!(body["max_output_tokens"], 16);
}

#[tokio::test]
async fn tools_and_answers_are_held_to_schemas_where_these_keep_their_meaning() {
    let strings = |required: &[&str]| {
        json!({"type": "object", "required": required,
            "properties": {"a": {"type": "string"}, "b": {"type": "string"}}})
    };
    let tool = |name: &str, parameters: Value| ToolSpec {
        name: name.into(),
        description: "a tool".into(),
        parameters,
    };
    let request = ModelRequest {
        schema: Some(strings(&["a"])),
        tools: vec![
            tool("all", strings(&["a", "b"])),
            tool("some", strings(&["a"])),
            tool("none", json!({"type": "object"})),
        ],
        ..request()
    };
    let fake = Fake::start(responses::RULES, |seen| responses::answer(seen, "{}", &[]));
    for json in [true, false] {
        let mut endpoint = endpoint(fake.base(), MODELS[0], false);
        endpoint.skills.json = json;
        ask(&model_at(endpoint), &request).await.expect("answers");
    }
    let seen = fake.seen();
    let strict: Vec<&Value> = (0..3)
        .map(|at| &seen[0].body["tools"][at]["strict"])
        .collect();
    assert_eq!(strict, [true, false, false]);
    assert_eq!(seen[0].body["tools"][1]["parameters"], strings(&["a"]));
    let format = &seen[0].body["text"]["format"];
    assert_eq!(
        (&format["strict"], &format["name"]),
        (&json!(true), &json!("builder_answer"))
    );
    assert_eq!(format["schema"]["required"], json!(["a", "b"]));
    assert_eq!(seen[1].body.get("text"), None);
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
        call(&"c".repeat(99), &"x".repeat(99), Value::Null),
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
    let fake = Fake::start(responses::RULES, |seen| match input(seen).len() {
        // Its own nonsense is no better.
        7 => responses::answer(
            seen,
            "",
            &[
                ("read file;", "{\"path\": ".to_owned()),
                ("", String::new()),
            ],
        ),
        _ => responses::answer(seen, "fine", &[]),
    });
    let model = model(&fake, MODELS[1], true);
    let request = conformance::request(Agent::Builder, messages.clone());
    let answer = ask(&model, &request).await.expect("answers");
    let next = conformance::request(Agent::Builder, goes_on(messages, answer));
    ask(&model, &next).await.expect("answers");
    let seen = fake.seen();
    let own = &input(&seen[1])[8];
    assert_eq!(
        (&own["name"], &own["id"]),
        (&json!("read_file_"), &json!("fc_7_0"))
    );
}

/// A server that knows none of these parameters, and says so for one at a time.
fn ignorant(unknown: &'static [(&'static str, u16, &'static str)]) -> Fake {
    Fake::start(responses::RULES, move |seen: &Seen| {
        let text = seen.body.to_string();
        let refused = unknown.iter().find(|(sent, ..)| text.contains(sent));
        match refused {
            Some((_, status, words)) => responses::error(*status, "invalid_request_error", words),
            None => responses::answer(seen, "fine", &[]),
        }
    })
}

#[tokio::test]
async fn a_parameter_that_a_server_does_not_know_is_left_out_from_then_on() {
    let fake = ignorant(&[
        (
            "\"include\"",
            400,
            "Encrypted content is not supported with this model.",
        ),
        (
            "\"reasoning\"",
            400,
            "Unsupported parameter: 'reasoning.effort' is not supported with this model.",
        ),
        (
            "\"temperature\"",
            400,
            "Unsupported parameter: 'temperature' is not supported with this model.",
        ),
        ("\"json_schema\"", 400, "Unknown parameter: 'text.format'."),
    ]);
    let mut endpoint = endpoint(fake.base(), MODELS[0], true);
    endpoint.skills.effort = Some(true);
    let request = ModelRequest {
        schema: Some(json!({"type": "object", "properties": {}})),
        effort: Some(Effort::Low),
        ..request()
    };
    // The rules know the model by its name, and refuse the first two themselves.
    let model = model_at(endpoint);
    assert_eq!(ask(&model, &request).await.expect("answers").text, "fine");
}

#[test]
fn every_complaint_about_a_parameter_teaches_something() {
    let mut endpoint = endpoint(OPENAI, "gpt-5", true);
    endpoint.skills.temperature = Some(true);
    let request = ModelRequest {
        schema: Some(json!({"type": "object", "properties": {}})),
        effort: Some(Effort::Low),
        ..request()
    };
    let first = Dialect::of(&endpoint);
    for (words, lost) in [
        (
            "Encrypted content is not supported with this model.",
            "include",
        ),
        (
            "Unsupported parameter: 'reasoning.effort' is not supported with this model.",
            "reasoning",
        ),
        (
            "Unsupported value: 'low' is not supported with the 'reasoning.effort' of this model.",
            "reasoning",
        ),
        (
            "Unsupported parameter: 'temperature' is not supported with this model.",
            "temperature",
        ),
        ("'text.format' is not supported with this model.", "text"),
        ("Unsupported parameter: store", "store"),
    ] {
        let complaint = Complaint {
            message: words.into(),
            ..Complaint::default()
        };
        let body = first.body(&endpoint, &request);
        assert!(body.get(lost).is_some(), "{lost}");
        let learnt = first.without(400, &complaint, &body).expect(words);
        let body = learnt.body(&endpoint, &request);
        assert_eq!(body.get(lost), None, "{words}");
        assert_eq!(
            learnt.without(400, &complaint, &body),
            None,
            "once: {words}"
        );
    }
    let strict = Complaint {
        message: "Unknown parameter: 'tools[0].strict'.".into(),
        ..Complaint::default()
    };
    let body = first.body(&endpoint, &request);
    let learnt = first.without(400, &strict, &body).expect("learns");
    let body = learnt.body(&endpoint, &request);
    assert_eq!(body["tools"][0].get("strict"), None);
    assert_eq!(body["text"]["format"]["strict"], true);
    let value = Complaint {
        message: "Invalid 'temperature': decimal above maximum value.".into(),
        ..Complaint::default()
    };
    assert_eq!(first.without(400, &value, &body), None);
}

#[tokio::test]
async fn a_server_that_cannot_take_its_items_back_is_told_of_them() {
    for words in [
        "Item with id 'rs_1' not found. Items are not persisted when `store` is set to false.",
        "The encrypted content gAAA...w== could not be verified.",
        "Item 'fc_1_0' of type 'function_call' was provided without its required 'reasoning' item: 'rs_1'.",
        "Unknown parameter: 'input[1].status'.",
    ] {
        let fake = Fake::start(responses::RULES, move |seen| {
            let list = [("list_files", "{}".to_owned())];
            match input(seen) {
                [_] => responses::answer(seen, "", &list),
                items if items[1].get("id").is_some() => responses::error(404, "x", words),
                _ => responses::answer(seen, "fine", &[]),
            }
        });
        let model = model(&fake, MODELS[1], true);
        let answer = ask(&model, &request()).await.expect("answers");
        let messages = goes_on(vec![user("go")], answer);
        let next = conformance::request(Agent::Builder, messages);
        assert_eq!(ask(&model, &next).await.expect("answers").text, "fine");
        assert_eq!(input(&fake.seen()[2]).len(), 3);
    }
}

#[test]
fn an_address_is_joined_with_care() {
    let address = |base: &str| Dialect::of(&endpoint(base, "m", true)).address(base);
    for (base, whole) in [
        (OPENAI, "https://api.openai.com/v1/responses"),
        ("http://lab:8000", "http://lab:8000/v1/responses"),
        ("http://lab/api/v3", "http://lab/api/v3/responses"),
        ("http://lab/v1/responses", "http://lab/v1/responses"),
    ] {
        assert_eq!(address(base), whole);
    }
}
