//! What is sent.

use super::*;
use crate::domain::message::{Effort, ToolCall};

fn at(name: &str, skills: Skills) -> Endpoint {
    Endpoint {
        model: name.into(),
        skills,
        ..endpoint(GOOGLE, true)
    }
}

/// The body of a request to the model of this name that can be held to a schema.
fn body(name: &str, request: &ModelRequest) -> Value {
    let skills = Skills {
        json: true,
        ..Skills::default()
    };
    let endpoint = at(name, skills);
    Dialect::of(&endpoint).body(&endpoint, request)
}

fn config(name: &str, request: &ModelRequest) -> Value {
    body(name, request)["generationConfig"].clone()
}

/// Asks the model of this name, whose server finds nothing wrong, and returns the conversation as
/// it was sent.
async fn sent(name: &str, messages: Vec<Message>) -> Value {
    let fake = Fake::start(gemini::RULES, |seen| gemini::answer(seen, "fine", &[]));
    let request = conformance::request(Agent::Builder, messages);
    let answer = ask(&named(&fake, name), &request).await;
    assert_eq!(answer.expect("answers").text, "fine");
    fake.seen()[0].body["contents"].clone()
}

fn call(id: &str, name: &str, arguments: Value) -> ToolCall {
    ToolCall {
        id: id.into(),
        name: name.into(),
        arguments,
    }
}

fn said(text: &str, tool_calls: Vec<ToolCall>, native: Option<Native>) -> Vec<Message> {
    let answers = tool_calls.iter().map(|call| Message::Tool {
        call_id: call.id.clone(),
        name: call.name.clone(),
        text: "done".into(),
        is_error: false,
    });
    let answers: Vec<Message> = answers.collect();
    let said = Message::Assistant {
        text: text.into(),
        tool_calls,
        native,
    };
    std::iter::once(said).chain(answers).collect()
}

#[test]
fn a_request_has_its_parts_in_their_places() {
    let request = ModelRequest {
        schema: Some(json!({"type": "object", "additionalProperties": false})),
        ..request()
    };
    let tool = |name: &str| json!({"name": name, "description": "a tool", "parametersJsonSchema": {"type": "object"}});
    assert_eq!(
        body("gemini-3-flash-preview", &request),
        json!({
            "systemInstruction": {"parts": [{"text": request.system}]},
            "tools": [{"functionDeclarations": [tool("read_file"), tool("list_files")]}],
            "contents": [{"role": "user", "parts": [{"text": "go"}]}],
            "generationConfig": {
                "maxOutputTokens": 1000,
                "responseMimeType": "application/json",
                "responseJsonSchema": {"type": "object", "additionalProperties": false},
            },
        })
    );
    let bare = ModelRequest {
        tools: Vec::new(),
        schema: None,
        temperature: None,
        ..request
    };
    let bare = body("m", &bare);
    assert_eq!(bare["generationConfig"], json!({"maxOutputTokens": 1000}));
    assert_eq!(bare.get("tools"), None);
}

#[test]
fn an_answer_is_held_to_a_schema_where_the_model_can_be() {
    let with_tools = ModelRequest {
        schema: Some(json!({"type": "object"})),
        ..request()
    };
    let without = ModelRequest {
        tools: Vec::new(),
        ..with_tools.clone()
    };
    let held = |name: &str, request| config(name, request).get("responseJsonSchema").is_some();
    assert!(!held("gemini-2.5-pro", &with_tools));
    assert!(held("gemini-2.5-pro", &without));
    assert!(held("gemini-3.1-pro-preview", &with_tools));
    let free = at("gemini-2.5-pro", Skills::default());
    let free = Dialect::of(&free).body(&free, &without);
    assert_eq!(free["generationConfig"].get("responseMimeType"), None);
}

#[test]
fn a_temperature_is_sent_where_it_does_good() {
    let request = request();
    assert_eq!(config("gemini-2.5-flash", &request)["temperature"], 0.2);
    assert_eq!(config("m", &request)["temperature"], 0.2);
    assert_eq!(
        config("gemini-3.8-flash", &request).get("temperature"),
        None
    );
    for (name, wanted) in [("gemini-3-pro", true), ("gemini-2.5-pro", false)] {
        let skills = Skills {
            temperature: Some(wanted),
            ..Skills::default()
        };
        let endpoint = at(name, skills);
        let body = Dialect::of(&endpoint).body(&endpoint, &request);
        let sent = body["generationConfig"].get("temperature");
        assert_eq!(sent.is_some(), wanted, "{name}");
    }
}

#[test]
fn each_model_is_told_how_much_to_think_in_its_own_way() {
    let thinking = |name: &str, known: Option<bool>, effort: Option<Effort>, max_output: u32| {
        let skills = Skills {
            effort: known,
            ..Skills::default()
        };
        let endpoint = at(name, skills);
        let request = ModelRequest {
            effort,
            max_output,
            ..request()
        };
        let body = Dialect::of(&endpoint).body(&endpoint, &request);
        body["generationConfig"]["thinkingConfig"].clone()
    };
    let (low, medium, high) = (Effort::Low, Effort::Medium, Effort::High);
    let budget = |tokens: u32| json!({"thinkingBudget": tokens});
    let level = |level: &str| json!({"thinkingLevel": level});
    for (name, effort, expected) in [
        ("gemini-2.5-pro", low, budget(2_048)),
        ("models/gemini-2.5-flash-lite", medium, budget(8_192)),
        ("gemini-2.5-flash", high, budget(24_576)),
        ("gemini-3-flash-preview", medium, level("MEDIUM")),
        ("gemini-3.1-pro-preview", medium, level("MEDIUM")),
        ("gemini-3-pro-preview", medium, level("HIGH")),
        ("gemini-3-pro-preview", low, level("LOW")),
        ("google/gemini-4-ultra", high, level("HIGH")),
        ("gemini-2.0-flash", high, Value::Null),
        ("gemini-flash-latest", high, Value::Null),
        ("gemma-3-27b-it", high, Value::Null),
    ] {
        let found = thinking(name, None, Some(effort), 64_000);
        assert_eq!(found, expected, "{name} {effort:?}");
        assert_eq!(
            thinking(name, Some(false), Some(effort), 64_000),
            Value::Null
        );
        assert_eq!(thinking(name, None, None, 64_000), Value::Null);
    }
    let told = thinking("gemini-flash-latest", Some(true), Some(medium), 64_000);
    assert_eq!(told, level("MEDIUM"));
    // Something must be left for the answer.
    let short = |effort, most| thinking("gemini-2.5-pro", None, Some(effort), most);
    assert_eq!(short(medium, 8_000), budget(4_000));
    assert_eq!(short(high, 8_000), budget(6_000));
    assert_eq!(short(low, 1_000), budget(512));
    assert_eq!(short(high, 512), Value::Null);
}

#[tokio::test]
async fn what_another_model_said_is_told_in_our_words_and_marked_where_that_is_needed() {
    let calls = vec![
        call("toolu_1", "read_file", json!({"path": "a"})),
        call("toolu_2", "read_file", json!({"path": "b"})),
    ];
    let native = Native {
        by: "anthropic/claude".into(),
        parts: vec![json!({"type": "thinking", "signature": "x"})],
    };
    let talk = [
        vec![user("go")],
        said("I look.", calls.clone(), Some(native)),
        said("", calls[..1].to_vec(), None),
    ]
    .concat();
    let answered =
        |name: &str| json!({"functionResponse": {"name": name, "response": {"result": "done"}}});
    let made = |path: &str| json!({"functionCall": {"name": "read_file", "args": {"path": path}}});
    let mut marked = made("a");
    marked["thoughtSignature"] = json!("skip_thought_signature_validator");
    for (name, first) in [("gemini-3-pro", marked), ("gemini-2.5-pro", made("a"))] {
        assert_eq!(
            sent(name, talk.clone()).await,
            json!([
                {"role": "user", "parts": [{"text": "go"}]},
                {"role": "model", "parts": [{"text": "I look."}, first, made("b")]},
                {"role": "user", "parts": [answered("read_file"), answered("read_file")]},
                {"role": "model", "parts": [first]},
                {"role": "user", "parts": [answered("read_file")]},
            ]),
            "{name}"
        );
    }
}

#[tokio::test]
async fn the_nonsense_of_a_model_is_said_back_in_a_legal_form() {
    let nonsense = [
        ("read file;", json!("{\"path\": ")),
        ("", json!([1])),
        ("9lives", Value::Null),
    ];
    let long = "x".repeat(99);
    let names = ["read_file_", "_", "_9lives", &long[..64]];
    let mut calls: Vec<ToolCall> = Vec::new();
    for (name, arguments) in nonsense.into_iter().chain([(long.as_str(), json!({}))]) {
        calls.push(call(&format!("{}", calls.len()), name, arguments));
    }
    // Said by the same model, whose signature must not be lost, and by another one.
    let parts = calls.iter().map(|call| {
        json!({"functionCall": {"name": call.name, "args": call.arguments, "id": call.id},
            "thoughtSignature": "c2lnbmVk0001"})
    });
    let own = Native {
        by: "gemini/gemini-3-flash-preview".into(),
        parts: parts.collect(),
    };
    for native in [Some(own), None] {
        let talk = [vec![user("go")], said("", calls.clone(), native.clone())].concat();
        let contents = sent("gemini-3-flash-preview", talk).await;
        for (at, name) in names.iter().enumerate() {
            let part = &contents[1]["parts"][at];
            assert_eq!(part["functionCall"]["name"], *name);
            assert_eq!(part["functionCall"].get("id").is_some(), native.is_some());
            let answer = &contents[2]["parts"][at]["functionResponse"];
            assert_eq!(answer["name"], *name);
        }
        let unreadable = &contents[1]["parts"][0]["functionCall"]["args"];
        assert_eq!(unreadable, &json!({"unreadable": "{\"path\": "}));
    }
}

#[tokio::test]
async fn a_failed_call_is_answered_by_an_error_and_in_the_order_of_the_calls() {
    let fake = Fake::start(gemini::RULES, |seen| gemini::answer(seen, "", &two_calls()));
    let model = model(&fake, true);
    let first = ask(&model, &request()).await.expect("answers");
    let messages = [vec![user("go")], turn(first)].concat();
    let request = conformance::request(Agent::Builder, messages);
    ask(&model, &request).await.expect("answers");
    let answer = |id: &str, response: Value| json!({"functionResponse": {"name": "read_file", "id": id, "response": response}});
    assert_eq!(
        fake.seen()[1].body["contents"][2]["parts"],
        json!([
            answer("call-0", json!({"result": "of {\"path\":\"a\"}"})),
            answer("call-1", json!({"error": "of {\"path\":\"b\"}"})),
        ])
    );
}

#[tokio::test]
async fn what_was_left_empty_is_not_said() {
    let talk = [
        vec![user("go")],
        said("", Vec::new(), None),
        vec![user("well?")],
    ];
    assert_eq!(
        sent("gemini-3-pro", talk.concat()).await,
        json!([{"role": "user", "parts": [{"text": "go"}, {"text": "well?"}]}])
    );
}

#[test]
fn an_address_is_joined_with_care() {
    let address = |base: &str, name: &str, stream: bool| {
        let endpoint = Endpoint {
            model: name.into(),
            ..endpoint(base, stream)
        };
        Dialect::of(&endpoint).address(&endpoint)
    };
    let google = "https://generativelanguage.googleapis.com";
    assert_eq!(
        address(GOOGLE, "gemini-3-pro", false),
        format!("{google}/v1beta/models/gemini-3-pro:generateContent")
    );
    for (base, start) in [
        (google.to_owned(), format!("{google}/v1beta")),
        (format!("{google}/v1"), format!("{google}/v1")),
        (
            "http://lab:80/v1alpha".into(),
            "http://lab:80/v1alpha".into(),
        ),
        (
            "http://lab/v1/vertex".into(),
            "http://lab/v1/vertex/v1beta".into(),
        ),
        ("http://v1".into(), "http://v1".into()),
    ] {
        assert_eq!(
            address(&base, "m", true),
            format!("{start}/models/m:streamGenerateContent?alt=sse")
        );
    }
    assert_eq!(
        address("http://lab", "tunedModels/mine", false),
        "http://lab/v1beta/tunedModels/mine:generateContent"
    );
}
