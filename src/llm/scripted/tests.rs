use serde_json::json;

use super::super::conformance;
use super::*;
use crate::domain::message::Message;
use crate::domain::phase::Agent;

fn model(script: &str) -> Scripted {
    Scripted::new("script", Script::parse(script).expect("a script"))
}

fn request(agent: Agent, words: &str) -> ModelRequest {
    conformance::request(agent, vec![Message::User { text: words.into() }])
}

/// Asks again and again and returns which reply answered each time.
fn replies(model: &Scripted, asks: &[(Agent, &str)]) -> Vec<Option<u32>> {
    let mut used = Vec::new();
    asks.iter()
        .map(|(agent, words)| {
            let reply = model.prepare(&request(*agent, words), &used).ok()?.reply?;
            used.push(reply);
            Some(reply)
        })
        .collect()
}

async fn answer(model: &Scripted, words: &str) -> Result<ModelAnswer, ModelFailure> {
    let request = request(Agent::Builder, words);
    let prepared = model.prepare(&request, &[])?;
    model.call(&request, &prepared, &|_| {}).await.result
}

fn refusal(script: &str) -> String {
    Script::parse(script).expect_err("refused").to_string()
}

const SCRIPT: &str = r#"
replies:
  - {agent: planner, contains: "again", text: second}
  - {agent: planner, json: {summary: s, steps: []}}
  - {matches: "^fix \\d+$", times: 2, text: fixed}
  - {agent: builder, times: 0, tools: [{name: finish, arguments: {summary: done}}]}
"#;

#[test]
fn the_first_unused_reply_whose_conditions_hold_answers() {
    let asks = [
        (Agent::Planner, "go"),
        (Agent::Planner, "go again"),
        (Agent::Builder, "fix 1"),
        (Agent::Tester, "fix 2"),
        (Agent::Builder, "fix 3"),
        (Agent::Builder, "anything"),
        (Agent::Planner, "go again"),
    ];
    assert_eq!(
        replies(&model(SCRIPT), &asks),
        [Some(1), Some(0), Some(2), Some(2), Some(3), Some(3), None]
    );
}

#[test]
fn a_script_that_is_used_up_names_the_agent_and_the_message() {
    let failure = model("replies: []")
        .prepare(&request(Agent::Planner, &"long ".repeat(1000)), &[])
        .expect_err("used up");
    assert_eq!(failure.kind, ModelFailureKind::ScriptExhausted);
    assert!(
        failure
            .message
            .contains("planner agent, whose last message begins \"long long")
    );
    assert!(failure.message.len() < 400);
}

#[tokio::test]
async fn tool_calls_have_the_ids_of_their_reply() {
    let script = "replies: [{text: t, contains: no}, {text: Look., tools: [{name: read_file, arguments: {path: a}}, {name: list_files}]}]";
    let answer = answer(&model(script), "go").await.expect("answers");
    let ids: Vec<_> = answer
        .tool_calls
        .iter()
        .map(|call| call.id.as_str())
        .collect();
    assert_eq!(ids, ["call-1-1", "call-1-2"]);
    assert_eq!(answer.tool_calls[0].arguments, json!({"path": "a"}));
    assert_eq!(answer.tool_calls[1].arguments, json!({}));
    assert_eq!(
        (answer.text.as_str(), answer.finish),
        ("Look.", FinishReason::ToolCalls)
    );
}

#[tokio::test]
async fn a_json_reply_is_its_text_in_the_order_of_the_file() {
    let answer = answer(&model("replies: [{json: {z: 1, a: [true]}}]"), "go")
        .await
        .expect("answers");
    assert_eq!(answer.text, r#"{"z":1,"a":[true]}"#);
}

#[tokio::test]
async fn errors_have_the_kind_of_their_status() {
    use ModelFailureKind as K;
    for (status, kind) in [
        (429, K::RateLimited),
        (408, K::TimedOut),
        (401, K::Authentication),
        (402, K::QuotaExhausted),
        (403, K::Permission),
        (404, K::UnknownModel),
        (413, K::ContextTooLong),
        (400, K::BadRequest),
        (500, K::Overloaded),
        (529, K::Overloaded),
    ] {
        let script = format!(
            "replies: [{{error: {{status: {status}, retry_after: 1.5, message: slow down}}}}]"
        );
        let failure = answer(&model(&script), "go").await.expect_err("fails");
        assert_eq!((failure.kind, failure.status), (kind, Some(status)));
        assert_eq!(failure.retry_after_ms, Some(1_500));
        assert!(failure.message.ends_with("slow down"));
    }
}

#[test]
fn a_script_with_a_mistake_says_where() {
    let unknown = refusal("replies:\n  - agent: planner\n    txt: hello\n");
    assert!(
        unknown.contains("txt") && unknown.contains("line 3 column 5"),
        "{unknown}"
    );
    assert!(refusal("replies: [{agent: plumber, text: x}]").contains("plumber"));
    assert!(
        refusal("replies: [{text: x}, {agent: planner}]")
            .contains("reply 2 of the script needs exactly one")
    );
    assert!(refusal("replies: [{text: x, json: {}}]").contains("exactly one"));
    assert!(refusal("replies: [{text: x, contains: a, matches: b}]").contains("both"));
    assert!(refusal("replies: [{text: x, matches: '('}]").contains("bad `matches`"));
    assert!(refusal("replies: [{error: {status: 200}}]").contains("no error"));
}

#[tokio::test]
async fn a_recorded_reply_that_the_script_no_longer_has_is_an_error() {
    let model = model("replies: [{text: x}]");
    let request = request(Agent::Builder, "go");
    let failure = model
        .call(&request, &Prepared { reply: Some(7) }, &|_| {})
        .await
        .result;
    assert!(failure.is_err_and(|failure| failure.kind == ModelFailureKind::ScriptExhausted));
}

#[tokio::test]
async fn it_conforms() {
    let script = "replies: [{times: 0, contains: tools, text: 'I look.', tools: [{name: read_file, arguments: {path: a}}, {name: list_files}]}, {times: 0, text: 'Hello there, friend.'}]";
    conformance::holds(&model(script)).await;
}
