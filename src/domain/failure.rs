//! What went wrong: evidence, one error type, a signature and an origin.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::id::Digest;

/// The seven kinds of failure, declared in the order of precedence for ties
/// (cheap and reversible causes first; safety above all).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ErrorType {
    /// A policy refused.
    #[serde(rename = "SAFETY_ERROR")]
    Safety,
    /// Something must be set or installed by a person.
    #[serde(rename = "CONFIG_ERROR")]
    Config,
    /// The environment failed: network, limits, disk, signals.
    #[serde(rename = "INFRA_ERROR")]
    Infra,
    /// The program under test crashed.
    #[serde(rename = "RUNTIME_ERROR")]
    Runtime,
    /// The model's output cannot be used.
    #[serde(rename = "LLM_ERROR")]
    Llm,
    /// A check ran and its expectation failed.
    #[serde(rename = "ASSERTION_ERROR")]
    Assertion,
    /// The plan or the change is wrong.
    #[serde(rename = "LOGIC_ERROR")]
    Logic,
}

impl ErrorType {
    /// All of them, in the order of precedence.
    pub const ALL: [Self; 7] = [
        Self::Safety,
        Self::Config,
        Self::Infra,
        Self::Runtime,
        Self::Llm,
        Self::Assertion,
        Self::Logic,
    ];

    /// The name in records and JSON, as in `ASSERTION_ERROR`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Safety => "SAFETY_ERROR",
            Self::Config => "CONFIG_ERROR",
            Self::Infra => "INFRA_ERROR",
            Self::Runtime => "RUNTIME_ERROR",
            Self::Llm => "LLM_ERROR",
            Self::Assertion => "ASSERTION_ERROR",
            Self::Logic => "LOGIC_ERROR",
        }
    }
}

impl fmt::Display for ErrorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How likely each class is, in the order of [`ErrorType::ALL`], to four places; the sum is 1, but for
/// what rounding leaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distribution([f64; 7]);

impl Distribution {
    /// Certainty.
    pub fn certain(error_type: ErrorType) -> Self {
        Self::of(|class| if class == error_type { 1.0 } else { 0.0 })
    }

    /// From weights, of which none is negative; even if none is positive.
    pub fn of(weight: impl Fn(ErrorType) -> f64) -> Self {
        let weights = ErrorType::ALL.map(|class| {
            let weight = weight(class);
            if weight.is_finite() {
                weight.max(0.0)
            } else {
                0.0
            }
        });
        let sum: f64 = weights.iter().sum();
        if sum > 0.0 {
            Self(weights.map(|weight| as_recorded(weight / sum)))
        } else {
            Self([as_recorded(1.0 / 7.0); 7])
        }
    }

    /// How likely a class is, 0 to 1.
    pub fn get(&self, class: ErrorType) -> f64 {
        self.0[class as usize]
    }

    /// The likeliest class; of several, the first in the order of precedence.
    pub fn likeliest(&self) -> ErrorType {
        let mut best = ErrorType::ALL[0];
        for class in ErrorType::ALL {
            if self.get(class) > self.get(best) {
                best = class;
            }
        }
        best
    }

    /// The classes that are possible at all, likeliest first.
    pub fn ranked(&self) -> Vec<(ErrorType, f64)> {
        let mut ranked: Vec<_> = ErrorType::ALL
            .into_iter()
            .map(|class| (class, self.get(class)))
            .filter(|(_, share)| *share > 0.0)
            .collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        ranked
    }
}

/// A share as the record holds it: a run that goes on must find the numbers that it left.
fn as_recorded(share: f64) -> f64 {
    if share.is_finite() {
        (share.clamp(0.0, 1.0) * 10_000.0).round() / 10_000.0
    } else {
        0.0
    }
}

impl Serialize for Distribution {
    /// As an object of the classes that are possible: `{"INFRA_ERROR": 0.9, …}`.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.ranked())
    }
}

impl<'de> Deserialize<'de> for Distribution {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As it was written: shares that were made to add up again would no longer be the same.
        let shares = BTreeMap::<ErrorType, f64>::deserialize(deserializer)?;
        let share = |class| shares.get(&class).map_or(0.0, |share| as_recorded(*share));
        Ok(Self(ErrorType::ALL.map(share)))
    }
}

/// Where a failure comes from, apart from its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// A person must act.
    Human,
    /// A model's answer.
    Model,
    /// The machine or the network.
    Infra,
    /// The code under work.
    Code,
}

impl Origin {
    /// The name in records and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Model => "model",
            Self::Infra => "infra",
            Self::Code => "code",
        }
    }
}

/// How bad a tree is, compared field by field in this order; a repair is kept only if strictly less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Damage {
    /// A policy was violated.
    pub unsafe_change: bool,
    /// Checks of kind `build` that do not pass, or whose tests could not run at all.
    pub broken_builds: u32,
    /// Tests that fail and are not excused by the baseline.
    pub failing_tests: u32,
    /// Checks that do not pass.
    pub failing_checks: u32,
    /// Findings above their threshold.
    pub findings: u32,
}

/// A classified failure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// The most likely class.
    pub error_type: ErrorType,
    /// How likely each class is; certainty where the facts left no doubt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    /// Whether the identical action might succeed if tried again.
    pub retryable: bool,
    /// Where it comes from.
    pub origin: Origin,
    /// Recognises the same failure again: a hash over normalised facts.
    pub signature: Digest,
    /// One line for people.
    pub message: String,
    /// The line of output that is the root cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_cause: Option<String>,
    /// What the next agent is shown: assertion, trace, compiler line, contradiction (capped).
    #[serde(default)]
    pub evidence: String,
    /// The names of failing tests, where a report told them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failing_tests: Vec<String>,
    /// How long to wait before trying again, in milliseconds, if someone said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// What exactly a person must set, when the origin is human.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_required: Option<String>,
    /// The damage measured, where checks ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damage: Option<Damage>,
    /// The detail of the error type, which decides among remedies.
    pub cause: Cause,
}

impl Failure {
    /// How likely each class is.
    pub fn distribution(&self) -> Distribution {
        self.distribution
            .unwrap_or_else(|| Distribution::certain(self.error_type))
    }

    /// How likely the named class is, 0 to 1.
    pub fn confidence(&self) -> f64 {
        self.distribution().get(self.error_type)
    }
}

/// What kind of thing failed, as the structured facts told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A model's answer could not be parsed, but a lenient reader recovers it whole.
    RepairableAnswer,
    /// A model's answer could not be used.
    UnusableAnswer,
    /// A model call failed on its way (status, time-out, network).
    ModelCall,
    /// A model refused.
    Refusal,
    /// A step cannot be done as planned (`finish` with `blocked`).
    Blocked,
    /// The plan is invalid or contradicts itself.
    Plan,
    /// The change does not compile, parse or link.
    Build,
    /// Tests ran and some fail.
    Tests,
    /// A linter or another gate refused the change.
    Lint,
    /// The program under test crashed.
    Crash,
    /// A command ran into its time limit or was killed.
    TimeLimit,
    /// Network, disk or another resource of the machine.
    Environment,
    /// A tool, a file, a variable or a dependency is missing.
    Missing,
    /// A policy refused, repeatedly or as a hard fact.
    Policy,
    /// The run changed nothing.
    NoChange,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_distribution_is_read_back_as_it_was_written(weights in prop::array::uniform7(0.0_f64..5.0)) {
            let written = Distribution::of(|class| weights[class as usize]);
            let text = serde_json::to_string(&written).expect("numbers");
            let read: Distribution = serde_json::from_str(&text).expect("numbers");
            prop_assert_eq!(read, written);
        }
    }
}
