//! What every provider demands of a conversation, checked where it is cheap to find out.

use crate::domain::message::{Message, ModelRequest};

/// Checks a request: its system prompt begins by naming the agent, someone other than the model
/// speaks last, and every tool call is answered exactly once directly after it was made.
///
/// # Errors
/// What is malformed, in words.
pub(super) fn check(request: &ModelRequest) -> Result<(), String> {
    let introduction = request.agent.introduction();
    if request.system.lines().next() != Some(introduction.as_str()) {
        return Err(format!(
            "the system prompt does not begin with {introduction:?}"
        ));
    }
    match request.messages.last() {
        None => return Err("there is no message".to_owned()),
        Some(Message::Assistant { .. }) => {
            return Err("the last message is the model's own".to_owned());
        }
        Some(Message::User { .. } | Message::Tool { .. }) => {}
    }
    let mut open: Vec<&str> = Vec::new();
    for (index, message) in request.messages.iter().enumerate() {
        let place = index + 1;
        match message {
            Message::Tool { call_id, .. } => {
                let answered = open.iter().position(|id| id == call_id).ok_or_else(|| {
                    format!("message {place} answers the tool call {call_id:?}, which does not wait for an answer")
                })?;
                open.remove(answered);
            }
            Message::User { .. } | Message::Assistant { .. } if !open.is_empty() => {
                return Err(unanswered(&open, place));
            }
            Message::Assistant { tool_calls, .. } => {
                open = tool_calls.iter().map(|call| call.id.as_str()).collect();
                let mut ids = open.clone();
                ids.sort_unstable();
                ids.dedup();
                if ids.len() < open.len() {
                    return Err(format!(
                        "message {place} has two tool calls with the same id"
                    ));
                }
            }
            Message::User { .. } => {}
        }
    }
    if open.is_empty() {
        Ok(())
    } else {
        Err(unanswered(&open, request.messages.len() + 1))
    }
}

fn unanswered(open: &[&str], place: usize) -> String {
    format!("message {place} should answer the tool call {:?}", open[0])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::message::ToolCall;
    use crate::domain::phase::Agent;

    fn user(text: &str) -> Message {
        Message::User { text: text.into() }
    }

    fn calls(ids: &[&str]) -> Message {
        Message::Assistant {
            text: String::new(),
            tool_calls: ids
                .iter()
                .map(|id| ToolCall {
                    id: (*id).into(),
                    name: "read_file".into(),
                    arguments: json!({}),
                })
                .collect(),
            native: None,
        }
    }

    fn answer(id: &str) -> Message {
        Message::Tool {
            call_id: id.into(),
            name: "read_file".into(),
            text: String::new(),
            is_error: false,
        }
    }

    fn verdict(messages: Vec<Message>) -> Result<(), String> {
        check(&ModelRequest {
            agent: Agent::Builder,
            system: "You are the rgpt builder agent.\nBe brief.".into(),
            messages,
            tools: Vec::new(),
            schema: None,
            temperature: None,
            effort: None,
            max_output: 100,
        })
    }

    #[test]
    fn answers_may_come_in_any_order() {
        let talk = vec![
            user("go"),
            calls(&["a", "b"]),
            answer("b"),
            answer("a"),
            user("on"),
        ];
        assert_eq!(verdict(talk), Ok(()));
    }

    #[test]
    fn every_malformation_is_named() {
        for (messages, reason) in [
            (vec![], "there is no message"),
            (
                vec![user("go"), calls(&[])],
                "the last message is the model's own",
            ),
            (
                vec![user("go"), answer("a")],
                "message 2 answers the tool call \"a\", which does not wait for an answer",
            ),
            (
                vec![user("go"), calls(&["a"]), user("on")],
                "message 3 should answer the tool call \"a\"",
            ),
            (
                vec![user("go"), calls(&["a", "b"]), answer("a")],
                "message 4 should answer the tool call \"b\"",
            ),
            (
                vec![user("go"), calls(&["a"]), answer("a"), answer("a")],
                "message 4 answers the tool call \"a\", which does not wait for an answer",
            ),
            (
                vec![user("go"), calls(&["a", "a"]), answer("a")],
                "message 2 has two tool calls with the same id",
            ),
        ] {
            assert_eq!(verdict(messages), Err(reason.to_owned()));
        }
    }

    #[test]
    fn a_system_prompt_must_name_the_agent_that_asks() {
        let request = ModelRequest {
            agent: Agent::Planner,
            system: "You are the rgpt builder agent.".into(),
            messages: vec![user("go")],
            tools: Vec::new(),
            schema: None,
            temperature: None,
            effort: None,
            max_output: 100,
        };
        assert!(check(&request).is_err_and(|reason| reason.contains("planner")));
    }
}
