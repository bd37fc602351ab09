//! What a model said, held against what it was asked for.
//!
//! Only what can be used as it stands is no failure. Whether a lenient reader could still save it
//! is told by the cause: [`Cause::RepairableAnswer`].

mod calls;
mod content;
mod diff;
mod edits;
mod json;
mod schema;

use crate::domain::failure::{Cause, ErrorType};
use crate::heal::classify::declines;
use crate::heal::lenient;

use super::case::Case;
use super::verdict::{DOUBTFUL, LIKELY, SURE, Verdict};

/// Reasons to end that mean that a provider's filter stepped in.
const FILTERED: [&str; 10] = [
    "content_filter",
    "safety",
    "refusal",
    "recitation",
    "prohibited_content",
    "blocklist",
    "spii",
    "image_safety",
    "guardrail_intervened",
    "moderation",
];

/// Reasons to end that mean that there was no room for more.
const CUT: [&str; 5] = [
    "length",
    "max_tokens",
    "max_output_tokens",
    "model_context_window_exceeded",
    "incomplete",
];

/// Why an answer cannot be used, as those who read it say it.
#[derive(Debug, PartialEq)]
pub(super) struct Fault {
    /// The rule.
    rule: &'static str,
    /// What is wrong, in words.
    message: String,
    /// The words that show it.
    shown: String,
    /// Whether a lenient reader saves the whole.
    repairable: bool,
    /// What it is, where it is not the model's answer as such that cannot be used.
    instead: Option<ErrorType>,
}

impl Fault {
    fn new(rule: &'static str, message: impl Into<String>) -> Self {
        Self {
            rule,
            message: message.into(),
            shown: String::new(),
            repairable: false,
            instead: None,
        }
    }

    fn shown(mut self, words: impl Into<String>) -> Self {
        self.shown = words.into();
        self
    }

    fn repairable(mut self, yes: bool) -> Self {
        self.repairable = yes;
        self
    }

    fn instead(mut self, class: ErrorType) -> Self {
        self.instead = Some(class);
        self
    }
}

/// What is wrong with a model's answer, if anything.
pub(super) fn judge(case: &Case) -> Verdict {
    let (response, request) = (&case.response, &case.request);
    let finish = response.finish_reason.to_ascii_lowercase();
    if FILTERED.contains(&finish.as_str()) {
        return Verdict::of(ErrorType::Safety, Cause::Refusal, "answer.filtered", SURE)
            .because("the provider's filter stopped the answer");
    }
    let silent = response.text.trim().is_empty() && response.tool_calls.is_empty();
    if silent {
        return unusable(&Fault::new("answer.empty", "the answer is empty"), "");
    }
    if let Some(fault) = calls::repeated(case) {
        return unusable(&fault, &response.text);
    }
    let found = match request.expects.as_str() {
        "plan_json" => json::fault(case),
        "edit_blocks" => edits::fault(case),
        "unified_diff" => diff::fault(case),
        "tool_call" => calls::fault(case),
        _ => text(case),
    };
    let cut = CUT.contains(&finish.as_str());
    let declined = response.tool_calls.is_empty() && declines(&response.text);
    match found {
        // Whoever declines was not cut off, and does better only if asked otherwise.
        Some(_) if declined => {
            let mut verdict = unusable(
                &Fault::new("answer.refusal", "the model says that it will not"),
                &response.text,
            );
            verdict.diagnosis.retryable = false;
            verdict
        }
        _ if cut => unusable(
            &Fault::new("answer.truncated", "the answer is cut off at its limit"),
            &response.text,
        ),
        Some(fault) => {
            let text = shown_in(case, &fault);
            unusable(&fault, &text)
        }
        None => Verdict::well("answer.usable", LIKELY),
    }
}

/// The text in which a fault is shown: the answer, or the arguments of its calls.
fn shown_in(case: &Case, fault: &Fault) -> String {
    if case.response.text.contains(&fault.shown) {
        return case.response.text.clone();
    }
    let calls = case.response.tool_calls.iter();
    let texts: Vec<String> = calls
        .map(|call| format!("{} {}", call.name, calls::arguments_text(&call.arguments)))
        .collect();
    texts.join("\n")
}

fn unusable(fault: &Fault, text: &str) -> Verdict {
    let class = fault.instead.unwrap_or(ErrorType::Llm);
    let cause = match (class, fault.repairable) {
        (ErrorType::Logic, _) => Cause::Plan,
        (ErrorType::Safety, _) => Cause::Policy,
        (_, true) => Cause::RepairableAnswer,
        (_, false) => Cause::UnusableAnswer,
    };
    let confidence = match (fault.instead, fault.repairable) {
        (Some(_), _) => DOUBTFUL,
        (None, true) => LIKELY,
        (None, false) => SURE,
    };
    let verdict = Verdict::of(class, cause, fault.rule, confidence)
        .because(fault.message.clone())
        .at(text, &fault.shown);
    match class {
        ErrorType::Llm => verdict.retryable(),
        _ => verdict,
    }
}

/// Free text can only be a refusal, or go round in circles.
fn text(case: &Case) -> Option<Fault> {
    let text = &case.response.text;
    if declines(text) {
        return Some(Fault::new(
            "answer.refusal",
            "the model says that it will not",
        ));
    }
    // What was no text on its way, or was taken for another encoding.
    if text.matches('\u{fffd}').count() >= 3 {
        return Some(Fault::new("answer.garbled", "the answer is garbled").shown("\u{fffd}"));
    }
    circles(text).map(|line| {
        Fault::new("answer.loop", "the answer says the same again and again").shown(line)
    })
}

/// The line that a text repeats without an end in sight.
fn circles(text: &str) -> Option<&str> {
    const TIMES: usize = 8;
    let mut before = "";
    let mut times = 0;
    for line in text.lines().map(str::trim).filter(|line| line.len() > 3) {
        times = if line == before { times + 1 } else { 1 };
        before = line;
        if times >= TIMES {
            return Some(line);
        }
    }
    // Also within a line: the last words, over and over.
    let tail = &text[text.ceil_char_boundary(text.len().saturating_sub(800))..];
    let words: Vec<&str> = tail.split_whitespace().collect();
    (1..=12).find_map(|period| {
        let repeats = words.len() / period;
        let end = words.len();
        let same = repeats >= TIMES + 2
            && (period..(TIMES + 2) * period)
                .all(|back| words[end - 1 - back] == words[end - 1 - back + period]);
        same.then(|| words[end - period])
    })
}

/// Whether an answer that is no JSON ends in the middle of something.
fn is_cut(text: &str) -> bool {
    lenient::is_cut_off(text)
}
