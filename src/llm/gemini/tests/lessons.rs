//! What is learnt from a server's complaints.

use super::*;
use crate::domain::message::{Effort, ToolCall};

/// A server that knows none of these fields, and says so for one at a time.
fn ignorant(unknown: &'static [(&'static str, &'static str)]) -> Fake {
    Fake::start(gemini::RULES, move |seen: &Seen| {
        let text = seen.body.to_string();
        let refused = unknown
            .iter()
            .find(|(field, _)| text.contains(&format!("\"{field}\"")));
        match refused {
            Some((_, words)) => gemini::error(400, "INVALID_ARGUMENT", words),
            None => gemini::answer(seen, "fine", &[]),
        }
    })
}

#[tokio::test]
async fn a_field_that_a_server_does_not_know_is_left_out_from_then_on() {
    let fake = ignorant(&[
        (
            "parametersJsonSchema",
            "Invalid JSON payload received. Unknown name \"parametersJsonSchema\" at 'tools[0].function_declarations[0]': Cannot find field.",
        ),
        (
            "thinkingConfig",
            "Invalid JSON payload received. Unknown name \"thinkingConfig\" at 'generation_config': Cannot find field.",
        ),
        (
            "responseJsonSchema",
            "Invalid JSON payload received. Unknown name \"responseJsonSchema\" at 'generation_config': Cannot find field.",
        ),
        (
            "responseMimeType",
            "Function calling with a response mime type: 'application/json' is unsupported",
        ),
        ("temperature", "temperature is not supported by this model."),
    ]);
    let mut endpoint = endpoint(fake.base(), true);
    endpoint.model = "gemini-3-pro".into();
    endpoint.skills.temperature = Some(true);
    let model = model_at(endpoint);
    let request = ModelRequest {
        schema: Some(json!({"type": "object", "properties": {}})),
        effort: Some(Effort::High),
        ..request()
    };
    assert_eq!(ask(&model, &request).await.expect("answers").text, "fine");
    assert_eq!(fake.seen().len(), 6);
    ask(&model, &request).await.expect("answers");
    assert_eq!(fake.seen().len(), 7, "it has learnt");
    let tools = &fake.seen()[6].body["tools"][0]["functionDeclarations"];
    assert_eq!(tools[0]["parameters"], json!({"type": "object"}));
    let without_tools = ModelRequest {
        tools: Vec::new(),
        ..request
    };
    let failure = ask(&model, &without_tools).await.expect("answers");
    assert_eq!(failure.text, "fine");
}

#[tokio::test]
async fn a_level_that_is_not_known_is_replaced_by_the_highest() {
    let words = "Thinking level MEDIUM is not supported for this model. Please retry with other thinking level.";
    let fake = Fake::start(gemini::RULES, move |seen| {
        if seen.body["generationConfig"]["thinkingConfig"]["thinkingLevel"] == "MEDIUM" {
            gemini::error(400, "INVALID_ARGUMENT", words)
        } else {
            gemini::answer(seen, "fine", &[])
        }
    });
    let request = ModelRequest {
        effort: Some(Effort::Medium),
        ..request()
    };
    ask(&model(&fake, false), &request).await.expect("answers");
    let thinking = &fake.seen()[1].body["generationConfig"]["thinkingConfig"];
    assert_eq!(thinking, &json!({"thinkingLevel": "HIGH"}));
}

#[tokio::test]
async fn a_signature_that_is_missed_is_marked_as_missing() {
    // The name does not say the generation, and its own calls came without a signature.
    let calls = vec![ToolCall {
        id: "1".into(),
        name: "read_file".into(),
        arguments: json!({}),
    }];
    let answer = Message::Tool {
        call_id: "1".into(),
        name: "read_file".into(),
        text: "done".into(),
        is_error: false,
    };
    let native = Native {
        by: "gemini/gemini-flash-latest".into(),
        parts: vec![json!({"functionCall": {"name": "read_file", "args": {}}})],
    };
    let said = Message::Assistant {
        text: String::new(),
        tool_calls: calls,
        native: Some(native),
    };
    let fake = Fake::start(gemini::RULES, |seen| {
        let part = &seen.body["contents"][1]["parts"][0];
        if part.get("thoughtSignature").is_some() {
            gemini::answer(seen, "fine", &[])
        } else {
            let words = "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly.";
            gemini::error(400, "INVALID_ARGUMENT", words)
        }
    });
    let model = named(&fake, "gemini-flash-latest");
    let request = conformance::request(Agent::Builder, vec![user("go"), said, answer]);
    ask(&model, &request).await.expect("answers");
    assert_eq!(fake.seen().len(), 2);
}

#[tokio::test]
async fn a_value_that_is_wrong_is_not_a_field_that_is_not_known() {
    let fake = ignorant(&[(
        "maxOutputTokens",
        "Unable to submit request because it has a maxOutputTokens value of 1000 but the supported range is from 1 to 17.",
    )]);
    let failure = ask(&model(&fake, true), &request())
        .await
        .expect_err("refused");
    assert_eq!(failure.kind, ModelFailureKind::BadRequest);
    assert_eq!(fake.seen().len(), 1);
}

#[tokio::test]
async fn an_address_that_has_no_version_may_be_the_right_one() {
    let fake = Fake::start(gemini::RULES, |seen| gemini::answer(seen, "fine", &[]));
    let base = fake.base().trim_end_matches("/v1beta");
    let answer = ask(&model_at(endpoint(base, true)), &request()).await;
    assert_eq!(answer.expect("answers").text, "fine");

    let endpoint = endpoint("http://lab/api", true);
    let dialect = Dialect::of(&endpoint);
    let complaint = |message: &str| Complaint {
        message: message.into(),
        ..Complaint::default()
    };
    let lost = complaint("404 page not found");
    let learnt = dialect.without(404, &lost, &Value::Null).expect("learns");
    let address = "http://lab/api/models/gemini-3-flash-preview:streamGenerateContent?alt=sse";
    assert_eq!(learnt.address(&endpoint), address);
    assert_eq!(learnt.without(404, &lost, &Value::Null), None, "once");
    let unknown = complaint("models/x is not found for API version v1beta");
    assert_eq!(dialect.without(404, &unknown, &Value::Null), None);
}
