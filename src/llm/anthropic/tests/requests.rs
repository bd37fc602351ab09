//! What is sent.

use super::super::dialect::Dialect;
use super::*;

fn body(name: &str, request: &ModelRequest) -> Value {
    let endpoint = named(name, ANTHROPIC, true);
    Dialect::of(&endpoint).body(&endpoint, request)
}

/// What a server of a protocol sees of these messages.
async fn sent(messages: Vec<Message>) -> Value {
    let fake = Fake::start(anthropic::RULES, |seen| {
        anthropic::answer(seen, "fine", &[])
    });
    let request = ModelRequest {
        messages,
        ..thinking(Effort::Low)
    };
    ask(&model(&fake, true), &request).await.expect("answers");
    fake.seen()[0].body["messages"].clone()
}

fn call(id: &str, name: &str, arguments: Value) -> ToolCall {
    ToolCall {
        id: id.into(),
        name: name.into(),
        arguments,
    }
}

fn calling(calls: &[ToolCall], native: Option<Native>) -> Message {
    Message::Assistant {
        text: " \n".into(),
        tool_calls: calls.to_vec(),
        native,
    }
}

#[test]
fn an_address_is_joined_with_care() {
    for base in ["http://lab", "http://lab/v1", "http://lab/v1/messages"] {
        let endpoint = endpoint(base, true);
        let address = Messages::address(&endpoint, &Dialect::of(&endpoint));
        assert_eq!(address, "http://lab/v1/messages");
    }
    let elsewhere = endpoint("http://lab/api/anthropic", true);
    let address = Messages::address(&elsewhere, &Dialect::of(&elsewhere));
    assert_eq!(address, "http://lab/api/anthropic/v1/messages");
}

#[test]
fn what_is_not_wanted_is_left_out() {
    let request = ModelRequest {
        tools: Vec::new(),
        temperature: None,
        ..request()
    };
    let endpoint = endpoint(ANTHROPIC, false);
    let body = Dialect::of(&endpoint).body(&endpoint, &request);
    let keys: Vec<&String> = body.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["model", "max_tokens", "system", "messages"]);
}

#[test]
fn each_model_is_told_to_think_in_the_way_it_knows() {
    let adaptive = json!({"type": "adaptive"});
    let budget = json!({"type": "enabled", "budget_tokens": 4000});
    for (name, expected, effort) in [
        ("claude-opus-5-5", Some(&adaptive), Some("medium")),
        ("claude-opus-4-7", Some(&adaptive), Some("medium")),
        ("claude-sonnet-4-6", Some(&adaptive), Some("medium")),
        ("claude-haiku-4-5-20251001", Some(&budget), None),
        ("claude-3-7-sonnet-latest", Some(&budget), None),
        ("claude-3-5-haiku-20241022", None, None),
        ("kimi-k2", None, None),
    ] {
        let body = body(name, &thinking(Effort::Medium));
        assert_eq!(body.get("thinking"), expected, "{name}");
        let told = body.get("output_config").map(|output| &output["effort"]);
        assert_eq!(told.and_then(Value::as_str), effort, "{name}");
        let cold = expected.is_some();
        assert_eq!(body.get("temperature").is_none(), cold, "{name}");
    }
    for (name, knows) in [("claude-opus-4-7", false), ("claude-opus-4-6", true)] {
        let body = body(name, &request());
        assert_eq!(body.get("temperature").is_some(), knows, "{name}");
        assert_eq!(body.get("thinking"), None);
        assert_eq!(body.get("output_config"), None);
    }
}

#[test]
fn what_is_configured_of_a_model_outranks_its_name() {
    let body = |name: &str, skill: bool| {
        let mut endpoint = named(name, ANTHROPIC, true);
        (endpoint.skills.effort, endpoint.skills.temperature) = (Some(skill), Some(skill));
        let request = thinking(Effort::High);
        let dialect = Dialect::of(&endpoint);
        let thinks = dialect.body(&endpoint, &request).get("thinking").is_some();
        let plain = ModelRequest {
            effort: None,
            ..request
        };
        let warm = dialect.body(&endpoint, &plain).get("temperature").is_some();
        (thinks, warm)
    };
    for name in ["claude-opus-4-7", "claude-haiku-4-5", "glm-5"] {
        assert_eq!(body(name, true), (true, true), "{name}");
        assert_eq!(body(name, false), (false, false), "{name}");
    }
}

#[test]
fn a_budget_leaves_room_for_an_answer() {
    for (effort, limit, budget) in [
        (Effort::Low, 100_000, Some(25_000)),
        (Effort::High, 100_000, Some(75_000)),
        (Effort::Low, 3_000, Some(1_024)),
        (Effort::High, 2_048, Some(1_024)),
        (Effort::Low, 2_047, None),
        (Effort::High, 10, None),
    ] {
        let request = ModelRequest {
            max_output: limit,
            ..thinking(effort)
        };
        let body = body(BUDGETED, &request);
        let given = body
            .pointer("/thinking/budget_tokens")
            .and_then(Value::as_u64);
        assert_eq!(given, budget, "{effort:?} of {limit}");
        assert_eq!(body.get("temperature").is_some(), budget.is_none());
    }
}

#[test]
fn temperatures_are_sent_as_they_are_written_up_to_one() {
    for (wanted, given) in [(0.2, json!(0.2)), (1.5, json!(1.0)), (0.0, json!(0.0))] {
        let request = ModelRequest {
            temperature: Some(wanted),
            ..request()
        };
        assert_eq!(body(ADAPTIVE, &request)["temperature"], given);
    }
}

#[tokio::test]
async fn an_answer_is_held_to_a_schema_where_the_model_can_be() {
    let request = ModelRequest {
        schema: Some(json!({"type": "object", "properties": {"a": {"type": "string"}}})),
        ..request()
    };
    let fake = Fake::start(anthropic::RULES, |seen| anthropic::answer(seen, "{}", &[]));
    for (name, json) in [
        (ADAPTIVE, true),
        (ADAPTIVE, false),
        ("claude-3-5-haiku-20241022", true),
    ] {
        let mut endpoint = named(name, fake.base(), false);
        endpoint.skills.json = json;
        ask(&model_at(endpoint), &request).await.expect("answers");
    }
    let seen = fake.seen();
    let format = &seen[0].body["output_config"]["format"];
    assert_eq!(format["schema"]["additionalProperties"], false);
    assert!(
        seen[1..]
            .iter()
            .all(|seen| seen.body.get("output_config").is_none())
    );
}

#[tokio::test]
async fn turns_alternate_whoever_spoke_how_often() {
    let calls = [
        call("a", "read_file", json!({})),
        call("b", "list_files", json!({})),
    ];
    let silent = calling(&[], None);
    let messages = sent(vec![
        user(" "),
        user("go"),
        user("now"),
        silent.clone(),
        user("\n"),
        user("please"),
        calling(&calls, None),
        answered(&calls[1], "two", false),
        answered(&calls[0], " ", true),
        user("and then?"),
        user(""),
    ])
    .await;
    let mark = json!({"type": "ephemeral"});
    assert_eq!(
        messages,
        json!([
            {"role": "user", "content": [
                {"type": "text", "text": "go"}, {"type": "text", "text": "now"},
                {"type": "text", "text": "please", "cache_control": mark}]},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "a", "name": "read_file", "input": {}},
                {"type": "tool_use", "id": "b", "name": "list_files", "input": {}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "b", "content": "two"},
                {"type": "tool_result", "tool_use_id": "a", "content": "(nothing)", "is_error": true},
                {"type": "text", "text": "and then?", "cache_control": mark}]},
        ])
    );
    assert_eq!(
        sent(vec![user("")]).await[0]["content"][0]["text"],
        "(nothing)"
    );
    let begun = Message::Assistant {
        text: "hello".into(),
        tool_calls: Vec::new(),
        native: None,
    };
    assert_eq!(sent(vec![begun, user("go")]).await[1]["role"], "assistant");
}

#[tokio::test]
async fn the_nonsense_of_a_model_is_said_back_in_a_legal_form() {
    let calls = [
        call("call.1", "read file;", json!("{\"path\": ")),
        call("", "", json!([1])),
        call("c", &"x".repeat(199), Value::Null),
    ];
    let mut messages = vec![user("go"), calling(&calls, None)];
    messages.extend(
        calls
            .iter()
            .map(|call| answered(call, "no such tool", true)),
    );
    let messages = sent(messages).await;
    let made = messages[1]["content"].as_array().expect("calls");
    assert_eq!(made[0]["input"], json!({"unreadable": "{\"path\": "}));
    assert_eq!(made[0]["id"], messages[2]["content"][0]["tool_use_id"]);
}

#[tokio::test]
async fn thoughts_go_back_to_whoever_had_them_and_to_nobody_else() {
    let calls = [call("a", "read_file", json!({}))];
    let made = json!({"type": "tool_use", "id": "a", "name": "read_file", "input": {}});
    let native = |by: &str| Native {
        by: by.into(),
        parts: vec![anthropic::thought(), made.clone()],
    };
    for (by, back) in [
        ("anthropic/claude-sonnet-4-6", 2),
        ("anthropic/claude-opus-4-6", 1),
        ("openai/claude-sonnet-4-6", 1),
    ] {
        let own = calling(&calls, Some(native(by)));
        let messages = sent(vec![user("go"), own, answered(&calls[0], "x", false)]).await;
        let content = messages[1]["content"].as_array().expect("a turn");
        assert_eq!((content.len(), content.last()), (back, Some(&made)), "{by}");
    }
}

#[tokio::test]
async fn a_series_of_calls_that_began_without_thinking_goes_on_without() {
    let fake = Fake::start(anthropic::RULES, |seen| {
        anthropic::answer(seen, "fine", &[])
    });
    let model = model_at(named(BUDGETED, fake.base(), true));
    let calls = [call("a", "read_file", json!({}))];
    let mut request = thinking(Effort::High);
    request.messages.push(calling(&calls, None));
    request.messages.push(answered(&calls[0], "x", false));
    ask(&model, &request).await.expect("answers");
    request
        .messages
        .push(calling(&[call("b", "read_file", json!({}))], None));
    request
        .messages
        .push(answered(&call("b", "read_file", json!({})), "x", false));
    request.messages.push(calling(&[], None));
    request.messages.push(user("look again"));
    ask(&model, &request).await.expect("answers");
    request.messages.push(said(
        ask(&model, &thinking(Effort::High)).await.expect("answers"),
    ));
    request.messages.push(user("once more"));
    ask(&model, &request).await.expect("answers");
    let thinks = fake
        .seen()
        .into_iter()
        .map(|seen| seen.body.get("thinking").is_some());
    assert_eq!(thinks.collect::<Vec<_>>(), [false, false, true, true]);
}

#[test]
fn what_stays_the_same_is_marked_at_most_four_times() {
    let mut request = request();
    for _ in 0..5 {
        let said = Message::Assistant {
            text: "I see".into(),
            tool_calls: Vec::new(),
            native: None,
        };
        request.messages.extend([said, user("go on")]);
    }
    let marked = |body: &Value, place: &str| {
        let list = body[place].as_array().into_iter().flatten();
        list.map(|block| block.to_string().contains("cache_control"))
            .collect::<Vec<_>>()
    };
    let body = body(ADAPTIVE, &request);
    assert_eq!(marked(&body, "tools"), [false, true]);
    assert_eq!(marked(&body, "system"), [true]);
    let turns = marked(&body, "messages");
    let expected = [vec![false; 8], vec![true, false, true]].concat();
    assert_eq!(turns, expected);
}

/// A server that knows none of these, and says so for one at a time.
fn ignorant(unknown: &'static [(&'static str, &'static str)]) -> Fake {
    Fake::start(anthropic::RULES, move |seen: &Seen| {
        let refused = unknown
            .iter()
            .find(|(place, _)| seen.body.pointer(place).is_some());
        match refused {
            Some((_, words)) => anthropic::error(400, "invalid_request_error", words),
            None => anthropic::answer(seen, "fine", &[]),
        }
    })
}

#[tokio::test]
async fn a_parameter_that_a_server_does_not_know_is_left_out_from_then_on() {
    let fake = ignorant(&[
        (
            "/system/0/cache_control",
            "system.0.cache_control: Extra inputs are not permitted",
        ),
        (
            "/output_config/format",
            "output_config.format: Extra inputs are not permitted",
        ),
        (
            "/output_config/effort",
            "This model does not support the effort parameter.",
        ),
        (
            "/thinking/budget_tokens",
            "thinking: Extra inputs are not permitted",
        ),
        (
            "/thinking",
            "adaptive thinking is not supported on this model",
        ),
        (
            "/temperature",
            "`temperature` is deprecated for this model.",
        ),
    ]);
    let model = model(&fake, true);
    let request = ModelRequest {
        schema: Some(json!({"type": "object", "properties": {}})),
        ..thinking(Effort::High)
    };
    assert_eq!(ask(&model, &request).await.expect("answers").text, "fine");
    assert_eq!(fake.seen().len(), 7);
    ask(&model, &request).await.expect("answers");
    let seen = fake.seen();
    assert_eq!(seen.len(), 8, "it has learnt");
    let keys: Vec<&String> = seen[7].body.as_object().expect("a body").keys().collect();
    let least = [
        "model",
        "max_tokens",
        "tools",
        "system",
        "messages",
        "stream",
    ];
    assert_eq!(keys, least);
}

#[tokio::test]
async fn a_model_that_is_newer_than_its_name_says_is_told_otherwise() {
    // A name without a version, behind which an older model is, and the other way round.
    for (name, place, words) in [
        (
            "claude-latest",
            "/thinking/type",
            "thinking.adaptive: Input tag 'adaptive' found using 'type' does not match any of the expected tags: 'disabled', 'enabled'",
        ),
        (
            BUDGETED,
            "/thinking/budget_tokens",
            "\"thinking.type.enabled\" is not supported for this model. Use \"thinking.type.adaptive\" and \"output_config.effort\" to control thinking behavior.",
        ),
    ] {
        let endpoint = named(name, ANTHROPIC, true);
        let dialect = Dialect::of(&endpoint);
        let request = thinking(Effort::High);
        let body = dialect.body(&endpoint, &request);
        assert!(body.pointer(place).is_some());
        let complaint = Complaint {
            message: words.into(),
            ..Complaint::default()
        };
        let learnt = dialect.without(400, &complaint, &body).expect("learns");
        let other = learnt.body(&endpoint, &request);
        assert_ne!(other["thinking"]["type"], body["thinking"]["type"]);
        assert!(other.get("thinking").is_some());
    }
}

#[tokio::test]
async fn thoughts_that_are_not_taken_back_are_left_out() {
    let fake = Fake::start(anthropic::RULES, |seen: &Seen| {
        if seen.body["messages"].to_string().contains("signature") {
            let words = "messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound to a different conversation.";
            anthropic::error(400, "invalid_request_error", words)
        } else {
            anthropic::answer(seen, "fine", &[])
        }
    });
    let model = model(&fake, true);
    let mut request = thinking(Effort::High);
    let answer = ask(&model, &request).await.expect("answers");
    request.messages.extend([said(answer), user("and?")]);
    assert_eq!(ask(&model, &request).await.expect("answers").text, "fine");
    assert_eq!(fake.seen().len(), 3);
}

#[tokio::test]
async fn a_value_that_is_wrong_is_not_a_parameter_that_is_not_known() {
    let fake = ignorant(&[(
        "/max_tokens",
        "max_tokens: 1000 > 16, which is the maximum allowed number of output tokens for m",
    )]);
    let failure = ask(&model(&fake, true), &request())
        .await
        .expect_err("refused");
    assert_eq!(failure.kind, ModelFailureKind::BadRequest);
    assert_eq!(fake.seen().len(), 1);
}
