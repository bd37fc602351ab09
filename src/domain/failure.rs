//! What went wrong: evidence, one error type, a signature and an origin.

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
