//! What a model says in place of what it was asked for.

use std::sync::LazyLock;

use regex::Regex;

use super::super::signature::pattern;

/// The most of a text that is read for what it says as a whole.
const READ: usize = 400;

/// Whether a model says in its own words that it will not do what it was asked. What it quotes of
/// others does not count, nor what stands further down in an answer.
pub fn declines(text: &str) -> bool {
    let start = text.trim_start_matches(|c: char| !c.is_alphanumeric());
    let start = &start[..start.floor_char_boundary(READ)];
    DECLINES.is_match(start) && !text.contains("```")
}

/// Sorry, or "I", and then that it cannot: at the very beginning.
static DECLINES: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?xi)\A(?:
        (?:i['’]m\ (?:very\ |really\ |so\ )?sorry|sorry|i\ apologi[sz]e|unfortunately|i\ regret|my\ apologies)
            \b[^.\n]{0,80}\b(?:can['’]?t|cannot|can\ not|unable|won['’]?t|will\ not|not\ able|not\ (?:going|comfortable|allowed|permitted)|must\ decline|have\ to\ decline)
      | i['’]?\s?(?:can['’]?t|cannot|can\ not|won['’]?t|will\ not|must\ decline|have\ to\ decline|decline\ to|refuse\ to)\ (?:\w+\ ){0,2}?(?:help|assist|do|comply|provide|create|write|generate|support|fulfil|fulfill|complete|continue|engage|make|produce|share|participate|answer|proceed|plan|this|to)
      | i(?:['’]m|\ am)\ (?:unable|not\ able|not\ comfortable|not\ going|not\ allowed|not\ permitted)\ (?:to|with|doing)
      | as\ an\ (?:ai|a\.i\.|language\ model|assistant)\b[^.\n]{0,80}\b(?:can['’]?t|cannot|can\ not|unable|won['’]?t|not\ able)
      | this\ (?:request|task)\ (?:violates|goes\ against|is\ against)
      | (?:that|this)(?:['’]s|\ is)\ (?:not\ )?something\ (?:that\ )?i\ (?:can['’]?t|cannot|won['’]?t|can)\b
      | (?:es\ tut\ mir\ leid|tut\ mir\ leid|leider)\b[^.\n]{0,60}\b(?:kann|darf|werde)\b[^.\n]{0,60}\bnicht\b
      | ich\ (?:kann|darf|werde)\b[^.\n]{0,60}\bnicht\ (?:helfen|tun|ausf)
      | (?:je\ suis\ désolée?|désolée?)\b[^.\n]{0,60}\bne\ (?:peux|puis)\b
      | (?:lo\ siento)\b[^.\n]{0,60}\bno\ puedo\b
    )",
    )
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_will_not_says_so_first() {
        for text in [
            "I'm sorry, but I can't help with that request.",
            "Sorry, I cannot assist with that.",
            "I can’t help with this.",
            "I won't do that.",
            "As an AI language model, I am unable to run commands.",
            "Unfortunately, I am not able to complete this task.",
            "> I must decline to write this.",
            "Es tut mir leid, aber dabei kann ich nicht helfen.",
        ] {
            assert!(declines(text), "{text}");
        }
    }

    #[test]
    fn what_is_quoted_or_said_by_the_way_is_no_refusal() {
        for text in [
            "The API returned \"I'm sorry, but I can't help with that\" because the prompt was empty.",
            "I have updated the file. I cannot run the tests here.",
            "Sorry for the delay. Here is the plan.",
            "Which file should I change?",
            "I can help. The file cannot be found by the loader.",
            "",
        ] {
            assert!(!declines(text), "{text}");
        }
    }
}
