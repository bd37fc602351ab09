//! The tape of an execution: its calls in order, each with its answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::budget::Spending;
use super::check::CheckResult;
use super::choice::PassedOver;
use super::failure::Failure;
use super::id::{CommitId, Digest, ExecutionId, RunId, TreeId};
use super::message::{ModelAnswer, ToolCall};

/// One call of an execution. Without an answer it is an intent: the call may or may not have happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TapeEntry {
    /// Counted from 1 in the execution.
    pub ordinal: u32,
    /// What was asked for.
    pub call: Call,
    /// What came of it, once that is known.
    pub answer: Option<Answer>,
}

/// What an execution asked the engine to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum Call {
    /// Ask a model.
    Model(ModelCall),
    /// Use a tool.
    Tool(ToolCall),
    /// Run every check in a clean checkout.
    Checks,
    /// Make the commit and publish the branch.
    Commit {
        /// The commit message.
        message: String,
    },
}

/// The intent of one attempt at a model call, recorded before the call is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelCall {
    /// The configured model's name.
    pub model: String,
    /// The provider's name.
    pub provider: String,
    /// The address of the canonical request.
    pub request: Digest,
    /// Which reply of a script answers, for scripted providers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<u32>,
    /// Tokens reserved for the worst case.
    pub reserved_tokens: u64,
    /// Money reserved for the worst case, in US dollars.
    pub reserved_usd: f64,
    /// The models that would have been asked before this one, and why they were not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<PassedOver>,
    /// The call on the record that the identical answer is taken from; nobody is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<TapePlace>,
}

impl ModelCall {
    /// The most that it may use. Where nothing is reserved nobody is asked: the answer is taken from
    /// the record, or the call could only fail.
    pub fn reserved(&self) -> Spending {
        Spending {
            usd: self.reserved_usd,
            tokens: self.reserved_tokens,
            attempts: u64::from(self.reserved_tokens > 0 || self.reserved_usd > 0.0),
            wall_ms: 0,
        }
    }
}

/// A call on the tapes of all runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TapePlace {
    /// The run.
    pub run: RunId,
    /// Its execution.
    pub execution: ExecutionId,
    /// The place on its tape.
    pub ordinal: u32,
}

/// What went over the wire for a model call. Most calls have one exchange; one that had to be put
/// in other words, or that a provider broke in two, has several.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exchange {
    /// The HTTP status; none if there was no answer.
    pub status: Option<u16>,
    /// The headers of the answer that say something about the call: ids, limits, waits, types.
    pub headers: BTreeMap<String, String>,
    /// From the request to the first byte of the answer, in milliseconds.
    pub first_byte_ms: Option<u64>,
    /// From the request to the end, in milliseconds.
    pub total_ms: u64,
    /// The bytes of the answer as they came, keys taken out.
    pub received: Vec<u8>,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// A model answered.
    Model(ModelAnswer),
    /// A model call failed; the agent never sees it if another attempt follows.
    ModelFailed(ModelFailure),
    /// Nobody knows what came of a model call: the driver ended while it was under way. What it
    /// reserved counts as spent, and the call is made again.
    Lost,
    /// A tool answered, or was refused.
    Tool(ToolAnswer),
    /// The checks ran.
    Checks {
        /// Each check on the tree that is handed over.
        results: Vec<CheckResult>,
        /// The tester's output in the form of the agent contract.
        output: Value,
        /// Why they do not suffice, classified; none if they do.
        failure: Option<Box<Failure>>,
    },
    /// The commit is made and the branch published.
    Committed {
        /// The commit.
        commit: CommitId,
        /// Its tree.
        tree: TreeId,
        /// The branch, if one was made.
        branch: Option<String>,
    },
}

/// A tool's answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ToolAnswer {
    /// What the model is shown.
    pub text: String,
    /// Whether the call was refused or failed.
    #[serde(default)]
    pub is_error: bool,
    /// The tree afterwards, if the call may have changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<TreeId>,
    /// The rule that refused the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denied: Option<Denial>,
}

/// Why the gate refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// The rule's stable name, as in `scope`, `protected-path`, `path-escape`.
    pub rule: String,
    /// What the proposer is told.
    pub message: String,
    /// A hard fact cannot be argued with; a soft one can be done without.
    pub hard: bool,
}

/// How a model call failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelFailure {
    /// The kind, which decides what follows.
    pub kind: ModelFailureKind,
    /// The HTTP status, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// How long the provider asked to wait, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Which wait came to its end, for time-outs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Timeout>,
    /// Whether the provider itself says that the identical call might succeed later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub should_retry: Option<bool>,
    /// Provider, model, status and the provider's own words.
    pub message: String,
}

impl ModelFailure {
    /// A failure of this kind, told by `message`.
    pub fn new(kind: ModelFailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            status: None,
            retry_after_ms: None,
            timeout: None,
            should_retry: None,
            message: message.into(),
        }
    }

    /// Whether the identical call might succeed later: by the provider's word, else by the kind.
    pub fn retryable(&self) -> bool {
        self.should_retry.unwrap_or_else(|| self.kind.transient())
    }
}

/// The waits of a call that have a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timeout {
    /// For a connection.
    Connect,
    /// From the request to the first byte of the answer.
    FirstByte,
    /// From one byte to the next.
    Idle,
    /// For all of it.
    Total,
}

/// The kinds of failing model calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelFailureKind {
    /// Too many requests.
    RateLimited,
    /// The provider is overloaded or broken (5xx).
    Overloaded,
    /// The request was sent and not answered in time.
    TimedOut,
    /// There was no connection.
    Network,
    /// The answer broke off.
    Truncated,
    /// The answer cannot be read.
    Malformed,
    /// Money or quota at the provider is used up; waiting does not help.
    QuotaExhausted,
    /// The key is missing or wrong.
    Authentication,
    /// The key is good, but not for this.
    Permission,
    /// The model does not exist there.
    UnknownModel,
    /// The prompt does not fit.
    ContextTooLong,
    /// The provider's filter refused.
    ContentRefused,
    /// The request was malformed.
    BadRequest,
    /// A script has no reply left.
    ScriptExhausted,
}

impl ModelFailureKind {
    /// Whether the identical call might succeed later.
    pub fn transient(self) -> bool {
        matches!(
            self,
            Self::RateLimited
                | Self::Overloaded
                | Self::TimedOut
                | Self::Network
                | Self::Truncated
                | Self::Malformed
        )
    }

    /// Whether the provider may have been at work, so that the call may have cost what was reserved.
    pub fn may_have_cost(self) -> bool {
        matches!(self, Self::TimedOut | Self::Truncated | Self::Malformed)
    }
}
