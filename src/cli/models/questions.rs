//! What models are asked when they are tested.

use serde_json::json;

use crate::config::{Config, ModelConfig, ProviderKind};
use crate::domain::message::{Message, ModelRequest, ToolSpec};
use crate::domain::phase::Agent;
use crate::llm::price;

/// The most tokens of an answer. Models that reason need some of them for that.
pub(super) const ANSWER: u32 = 2_048;

/// The first window that is tried, in tokens; each next one is twice as long.
const FIRST_WINDOW: u64 = 4_096;

/// The longest window that is tried where none is configured, in tokens.
const LONGEST_UNKNOWN: u64 = 32_768;

/// What is to be remembered: no model says it by chance.
pub(super) const SECRET: &str = "ultramarine heron";

fn question(instruction: &str, text: String) -> ModelRequest {
    ModelRequest {
        agent: Agent::Builder,
        system: format!("{}\n{instruction}", Agent::Builder.introduction()),
        messages: vec![Message::User { text }],
        tools: Vec::new(),
        schema: None,
        temperature: None,
        effort: None,
        max_output: ANSWER,
    }
}

/// Any words at all.
pub(super) fn words() -> ModelRequest {
    question(
        "This is a test. Be brief.",
        "Answer with the one word: ready".to_owned(),
    )
}

/// A question that only a tool can answer.
pub(super) fn tool_question() -> ModelRequest {
    let look_up = ToolSpec {
        name: "look_up".to_owned(),
        description: "Reads an entry of the log book.".to_owned(),
        parameters: json!({
            "type": "object",
            "properties": {"key": {"type": "string", "description": "the entry's key"}},
            "required": ["key"],
            "additionalProperties": false,
        }),
    };
    let text =
        "Look up the entry with the key K7, then answer with what it reads, and nothing else.";
    ModelRequest {
        tools: vec![look_up],
        ..question(
            "This is a test. Use the tool; do not guess.",
            text.to_owned(),
        )
    }
}

/// A question whose answer is to be of a schema.
pub(super) fn json_question() -> ModelRequest {
    let schema = json!({
        "type": "object",
        "properties": {"word": {"type": "string"}, "length": {"type": "integer"}},
        "required": ["word", "length"],
        "additionalProperties": false,
    });
    let text = "Name any word of the English language, and how many letters it has. Answer with one JSON \
                object with the keys word and length, and nothing around it.";
    ModelRequest {
        schema: Some(schema),
        ..question("This is a test. Answer in JSON.", text.to_owned())
    }
}

/// A prompt of about so many tokens, the answer included, in whose first line stands what is asked
/// for in its last.
pub(super) fn needle(size: u64) -> ModelRequest {
    let filler = "The river runs past the old mill, and the wind moves the reeds on its banks.\n";
    let room = size.saturating_sub(u64::from(ANSWER) / 2 + 256);
    let lines = room / price::tokens_in(filler).max(1);
    let mut text = format!("The password is: {SECRET}.\n");
    for _ in 0..lines {
        text.push_str(filler);
    }
    text.push_str("What is the password in the first line? Answer with it, and nothing else.");
    ModelRequest {
        max_output: ANSWER / 2,
        ..question("This is a test of how much you read.", text)
    }
}

/// The windows to try: only at home, where a server cuts a prompt without a word.
pub(super) fn windows(config: &Config, model: &ModelConfig) -> Vec<u64> {
    let provider = config.providers.get(&model.provider);
    let at_home = model.private || provider.is_some_and(|it| it.kind == ProviderKind::Ollama);
    let is_real = provider.is_some_and(|it| it.kind != ProviderKind::Scripted);
    if !at_home || !is_real {
        return Vec::new();
    }
    let most = model.context_window.unwrap_or(LONGEST_UNKNOWN);
    let doubled = std::iter::successors(Some(FIRST_WINDOW), |size| size.checked_mul(2));
    let mut sizes: Vec<u64> = doubled.take_while(|size| *size < most).collect();
    sizes.push(most);
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_needle_fills_its_window_and_no_more() {
        for size in [4_096, 32_768, 131_072] {
            let request = needle(size);
            let tokens = request.estimated_tokens() + u64::from(request.max_output);
            assert!(
                tokens <= size && tokens > size - size / 8,
                "{size}: {tokens}"
            );
        }
        assert!(needle(0).last_words().contains(SECRET));
    }

    #[test]
    fn windows_are_tried_at_home_up_to_what_is_configured() {
        let config: Config = serde_json::from_value(json!({
            "providers": {"o": {"kind": "ollama"}, "far": {"kind": "openai"}},
        }))
        .unwrap();
        let model = |provider: &str, window| ModelConfig {
            context_window: window,
            ..ModelConfig::of(provider, "m")
        };
        assert_eq!(
            windows(&config, &model("o", Some(20_000))),
            [4_096, 8_192, 16_384, 20_000]
        );
        assert_eq!(windows(&config, &model("o", Some(1_000))), [1_000]);
        assert_eq!(
            windows(&config, &model("o", None)).last(),
            Some(&LONGEST_UNKNOWN)
        );
        assert_eq!(windows(&config, &model("far", Some(20_000))), [0; 0]);
        let mut private = model("far", Some(4_096));
        private.private = true;
        assert_eq!(windows(&config, &private), [4_096]);
    }
}
