//! What is found out about a case, before it is told.

use crate::domain::check::Counts;
use crate::domain::failure::{Cause, Distribution, ErrorType, Origin};
use crate::heal::classify::{Diagnosis, RootCause};

/// What is found out about a case.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Verdict {
    pub(super) diagnosis: Diagnosis,
    /// The rule that decides, as `network.refused`.
    pub(super) rule: String,
    /// What failed, in a sentence's fragment; empty where the root cause says it.
    pub(super) message: String,
    /// Whether the scorer decided among what rules said.
    pub(super) weighed: bool,
    pub(super) failing_tests: Vec<String>,
    pub(super) counts: Option<Counts>,
}

/// How sure rules are whose facts leave no doubt.
pub(super) const SURE: f64 = 0.98;
/// How sure rules are that read words.
pub(super) const LIKELY: f64 = 0.9;
/// How sure rules are where another class is nearly as good.
pub(super) const DOUBTFUL: f64 = 0.75;

impl Verdict {
    /// The class of a failure, by this rule, which is right with this likelihood.
    pub(super) fn of(error_type: ErrorType, cause: Cause, rule: &str, confidence: f64) -> Self {
        let others = (1.0 - confidence) / 6.0;
        Self::new(
            Diagnosis {
                error_type: Some(error_type),
                distribution: Distribution::of(|class| {
                    if class == error_type {
                        confidence
                    } else {
                        others
                    }
                }),
                confidence,
                cause,
                origin: origin(error_type),
                retryable: false,
                root_cause: None,
                action_required: None,
            },
            rule,
        )
    }

    /// Nothing failed.
    pub(super) fn well(rule: &str, confidence: f64) -> Self {
        Self::new(
            Diagnosis {
                error_type: None,
                distribution: Distribution::of(|_| 1.0),
                confidence,
                cause: Cause::Tests,
                origin: Origin::Code,
                retryable: false,
                root_cause: None,
                action_required: None,
            },
            rule,
        )
    }

    pub(super) fn new(diagnosis: Diagnosis, rule: &str) -> Self {
        Self {
            diagnosis,
            rule: rule.to_owned(),
            message: String::new(),
            weighed: false,
            failing_tests: Vec::new(),
            counts: None,
        }
    }

    /// The same, told in words.
    pub(super) fn because(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// The same, where the identical act has a fair chance if tried again.
    pub(super) fn retryable(mut self) -> Self {
        self.diagnosis.retryable = true;
        self
    }

    /// The same with the first line of `text` that holds `words` as its root cause.
    pub(super) fn at(mut self, text: &str, words: &str) -> Self {
        self.diagnosis.root_cause = line_with(text, words);
        self
    }
}

/// The first line of `text` that holds `words`, cut to what may be told.
fn line_with(text: &str, words: &str) -> Option<RootCause> {
    const LONGEST: usize = 2000;
    if words.is_empty() {
        return None;
    }
    let at = text.find(words)?;
    let start = text[..at].rfind('\n').map_or(0, |before| before + 1);
    let end = text[at..].find('\n').map_or(text.len(), |after| at + after);
    let line = text[start..end].trim_end_matches('\r');
    // A long line is told from the words on.
    let line = match line.len() > LONGEST {
        true => &text[at..text.floor_char_boundary(end.min(at + LONGEST))],
        false => line,
    };
    Some(RootCause {
        line: 1 + text[..start].matches('\n').count(),
        text: line.to_owned(),
    })
}

fn origin(error_type: ErrorType) -> Origin {
    match error_type {
        ErrorType::Infra => Origin::Infra,
        ErrorType::Config => Origin::Human,
        ErrorType::Llm | ErrorType::Safety => Origin::Model,
        ErrorType::Runtime | ErrorType::Assertion | ErrorType::Logic => Origin::Code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_cause_is_a_whole_line_unless_it_is_endless() {
        let found = line_with("one\ntwo is bad\r\n", "is").expect("found");
        assert_eq!((found.line, found.text.as_str()), (2, "two is bad"));
        let long = format!("{}bad{}", "é".repeat(3000), "é".repeat(3000));
        let found = line_with(&long, "bad").expect("found");
        assert!(found.text.starts_with("bad") && found.text.len() <= 2000);
        assert_eq!(line_with("x", ""), None);
    }
}
