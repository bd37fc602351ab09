//! What the analyzer makes of a failure, and the failure as it is seen with that.

use serde::Deserialize;
use serde_json::Value;

use crate::domain::failure::{Cause, Distribution, ErrorType, Failure, Origin};
use crate::domain::text::one_line;

/// The most characters of a root cause that are kept.
const LINE: usize = 500;

/// The most bytes of an explanation that later agents are shown.
const EXPLANATION: usize = 4 * 1024;

/// How often an analyzer that says it is sure is right, as long as nobody has measured it: models
/// that are asked what went wrong name the right cause in about half to three quarters of cases, and
/// are surer than that.
const RELIABILITY: f64 = 0.75;

/// How much the rules count beside it. They are asked about only where they waver, and what they say
/// then is surer than it is right.
const TEMPER: f64 = 0.7;

/// No class is held for impossible by rules that waver.
const LEAST: f64 = 0.02;

/// The analyzer's answer.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Opinion {
    /// The class that it holds the failure to be of.
    pub error_type: ErrorType,
    /// How sure it is, 0 to 1.
    pub confidence: f64,
    /// The line that is the root cause.
    #[serde(default)]
    pub root_cause: Option<String>,
    /// Why.
    #[serde(default)]
    pub explanation: Option<String>,
}

impl Opinion {
    /// Reads it from an analyzer's output.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(output: &Value) -> Result<Self, String> {
        let opinion: Self =
            serde_json::from_value(output.clone()).map_err(|error| error.to_string())?;
        match (0.0..=1.0).contains(&opinion.confidence) {
            true => Ok(opinion),
            false => Err(format!(
                "its confidence {} is not between 0 and 1",
                opinion.confidence
            )),
        }
    }
}

/// The failure as it is seen with an opinion; its signature stays.
///
/// The rules and the analyzer are two witnesses, so their words are multiplied (a logarithmic
/// opinion pool, Genest and Zidek 1986): the rules' distribution to the power [`TEMPER`], and the
/// analyzer's word as much as it is sure times how often it is right, the rest spread evenly. So
/// a sure analyzer turns rules that waver, and none turns rules that are sure.
///
/// That something was refused is a fact: no opinion makes it likelier or less likely.
pub fn revise(failure: &Failure, opinion: &Opinion) -> Failure {
    let before = failure.distribution();
    let mut revised = failure.clone();
    if let Some(line) = opinion.root_cause.as_deref().map(one_line)
        && !line.is_empty()
    {
        revised.root_cause = Some(line.chars().take(LINE).collect());
    }
    let refused = failure.error_type == ErrorType::Safety;
    let heard = !refused && opinion.error_type != ErrorType::Safety;
    if heard {
        let mixed = mix(&before, opinion);
        revised.distribution = Some(mixed);
        let now = mixed.likeliest();
        if now != failure.error_type {
            revised.error_type = now;
            (revised.cause, revised.origin) = usual(now);
            revised.retryable = now == ErrorType::Infra;
        }
    }
    let why = why(failure, &revised, opinion, heard);
    revised.evidence = format!("{}\n\n{why}", failure.evidence.trim_end());
    revised
}

fn mix(rules: &Distribution, opinion: &Opinion) -> Distribution {
    let refused = rules.get(ErrorType::Safety);
    let weight = opinion.confidence * RELIABILITY;
    let others = Distribution::of(|class| {
        if class == ErrorType::Safety {
            return 0.0;
        }
        let said = if class == opinion.error_type {
            weight
        } else {
            0.0
        };
        let word = said + (1.0 - weight) / 6.0;
        rules.get(class).max(LEAST).powf(TEMPER) * word
    });
    Distribution::of(|class| match class {
        ErrorType::Safety => refused,
        class => (1.0 - refused) * others.get(class),
    })
}

/// What was made of the opinion, for agents and people to read.
fn why(before: &Failure, after: &Failure, opinion: &Opinion, heard: bool) -> String {
    let (named, sure) = (opinion.error_type, opinion.confidence);
    let verdict = if !heard {
        "that something was refused is a fact, or is none; what it says of it does not count"
            .to_owned()
    } else if after.error_type == before.error_type {
        format!("it stays {} ({:.2})", after.error_type, after.confidence())
    } else {
        let was = format!("{} ({:.2})", before.error_type, before.confidence());
        format!(
            "with that, {was} becomes {} ({:.2})",
            after.error_type,
            after.confidence()
        )
    };
    let mut text = format!("The analyzer holds it for {named}, {sure:.2} sure: {verdict}.");
    let explanation = opinion.explanation.as_deref().unwrap_or_default().trim();
    if !explanation.is_empty() {
        let end = explanation.floor_char_boundary(EXPLANATION);
        text.push_str("\nWhat the analyzer says: ");
        text.push_str(&explanation[..end]);
    }
    text
}

/// The detail that a class has where only the class is known.
fn usual(class: ErrorType) -> (Cause, Origin) {
    match class {
        ErrorType::Safety => (Cause::Policy, Origin::Model),
        ErrorType::Config => (Cause::Missing, Origin::Human),
        ErrorType::Infra => (Cause::Environment, Origin::Infra),
        ErrorType::Runtime => (Cause::Crash, Origin::Code),
        ErrorType::Llm => (Cause::UnusableAnswer, Origin::Model),
        ErrorType::Assertion => (Cause::Tests, Origin::Code),
        ErrorType::Logic => (Cause::Build, Origin::Code),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::heal::classify;

    fn unsure() -> Failure {
        let mut failure = classify::blocked("something is wrong", &[]);
        failure.distribution = Some(Distribution::of(|class| match class {
            ErrorType::Logic => 0.5,
            ErrorType::Runtime => 0.4,
            ErrorType::Config => 0.1,
            _ => 0.0,
        }));
        failure
    }

    fn opinion(error_type: &str, confidence: f64) -> Opinion {
        Opinion::read(&json!({
            "error_type": error_type, "confidence": confidence,
            "root_cause": "  it\u{1b}[31m crashes\nhere", "explanation": "a null",
        }))
        .expect("reads")
    }

    #[test]
    fn a_sure_opinion_turns_the_class_and_keeps_the_signature() {
        let before = unsure();
        let after = revise(&before, &opinion("RUNTIME_ERROR", 0.9));
        assert_eq!(after.error_type, ErrorType::Runtime);
        assert_eq!(after.cause, Cause::Crash);
        assert!(after.confidence() > 0.8);
        assert_eq!(after.signature, before.signature);
        assert!(
            after
                .evidence
                .contains("LOGIC_ERROR (0.50) becomes RUNTIME_ERROR"),
            "{}",
            after.evidence
        );
        assert!(after.evidence.ends_with("What the analyzer says: a null"));
        assert!(
            after
                .root_cause
                .is_some_and(|line| !line.contains(['\u{1b}', '\n']))
        );
    }

    #[test]
    fn an_unsure_opinion_only_shifts() {
        let after = revise(&unsure(), &opinion("CONFIG_ERROR", 0.2));
        assert_eq!(after.error_type, ErrorType::Logic);
        assert!(after.distribution().get(ErrorType::Config) > 0.15);
        assert!(
            after.evidence.contains("it stays LOGIC_ERROR"),
            "{}",
            after.evidence
        );
    }

    #[test]
    fn a_refusal_is_a_fact() {
        let mut refused = unsure();
        refused.error_type = ErrorType::Safety;
        refused.distribution = None;
        let after = revise(&refused, &opinion("LOGIC_ERROR", 1.0));
        assert_eq!(after.error_type, ErrorType::Safety);
        let after = revise(&unsure(), &opinion("SAFETY_ERROR", 1.0));
        assert_eq!(after.error_type, ErrorType::Logic);
    }

    #[test]
    fn a_share_of_refusal_is_left_as_it_is() {
        let mut doubtful = unsure();
        doubtful.distribution = Some(Distribution::of(|class| match class {
            ErrorType::Safety => 0.3,
            ErrorType::Logic => 0.4,
            ErrorType::Runtime => 0.3,
            _ => 0.0,
        }));
        let after = revise(&doubtful, &opinion("INFRA_ERROR", 1.0)).distribution();
        assert!((after.get(ErrorType::Safety) - 0.3).abs() < 1e-3);
        let all: f64 = ErrorType::ALL.iter().map(|class| after.get(*class)).sum();
        assert!((all - 1.0).abs() < 1e-3);
    }

    #[test]
    fn rules_that_are_sure_are_not_talked_round() {
        let mut sure = unsure();
        sure.distribution = Some(Distribution::of(|class| match class {
            ErrorType::Logic => 0.99,
            ErrorType::Runtime => 0.01,
            _ => 0.0,
        }));
        let after = revise(&sure, &opinion("CONFIG_ERROR", 0.9));
        assert_eq!(after.error_type, ErrorType::Logic);
    }

    #[test]
    fn what_is_no_opinion_is_refused() {
        assert!(Opinion::read(&json!({"summary": "hm"})).is_err());
        let read = Opinion::read(&json!({"error_type": "LOGIC_ERROR", "confidence": 7}));
        assert!(read.is_err());
    }
}
