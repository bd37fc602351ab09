//! A run forked from another one, and how the two compare.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::id::{ExecutionId, RunId};
use super::phase::Phase;

/// Where a replay's answers come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplayMode {
    /// Models are asked and commands run, as in any run.
    Live,
    /// Models and a model's commands answer from the record; edits are applied and checks run.
    Offline,
    /// As `Offline`, and the checks answer from the record, too.
    Recorded,
}

impl ReplayMode {
    /// The name in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Offline => "offline",
            Self::Recorded => "recorded",
        }
    }

    /// Whether models answer from the record.
    pub fn is_offline(self) -> bool {
        self != Self::Live
    }
}

impl fmt::Display for ReplayMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where a run was forked, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    /// The run it was forked from.
    pub source: RunId,
    /// The place of the source's last event before the fork.
    pub seq: u64,
    /// The place of the fork's own `run.replayed`: what is before it, it has from its source.
    pub at: u64,
    /// The phase it begins with.
    pub phase: Phase,
    /// Where its answers come from.
    pub mode: ReplayMode,
    /// Whether it was asked to end before its source did.
    pub partial: bool,
    /// So many checks have their results from another run, or from its record.
    pub recalled: usize,
    /// So many executions were begun before the fork.
    pub executions: u32,
    /// How it compares with its source, once that is known.
    pub comparison: Option<Comparison>,
}

/// How a replay compares with its source, from the fork on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The verdict.
    pub result: ReplayResult,
    /// Where they part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub divergence: Option<Divergence>,
    /// What differs without being a divergence, as requests that were put in other words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Comparison {
    /// What it comes to where they part, if they do.
    pub fn of(divergence: Option<Divergence>, notes: Vec<String>) -> Self {
        Self {
            result: match divergence {
                None => ReplayResult::Equal,
                Some(_) => ReplayResult::Diverged,
            },
            divergence,
            notes,
        }
    }
}

/// The verdict on a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplayResult {
    /// The same tree, verdicts and events but for ids, times and costs.
    Equal,
    /// Not so.
    Diverged,
}

impl ReplayResult {
    /// The name in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Diverged => "diverged",
        }
    }
}

/// The first place where two runs part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Divergence {
    /// The event's place in the first run (the source of a replay).
    pub seq: u64,
    /// The event's type there, or in the second run if the first has ended.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the first run says; empty if it has ended.
    pub a: String,
    /// What the second run says; empty if it has ended.
    pub b: String,
    /// The execution on whose tape they part, if that is where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<ExecutionId>,
    /// The call on that tape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<u32>,
}
