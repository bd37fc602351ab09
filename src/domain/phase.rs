//! The four phases of a run, and the agents that speak in them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A phase of a run, in the order in which they follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Turns the goal into a plan.
    Planner,
    /// Carries out the plan's steps.
    Builder,
    /// Runs every check in a clean checkout.
    Tester,
    /// Makes the commit and publishes the branch.
    Releaser,
}

impl Phase {
    /// All phases, in order.
    pub const ALL: [Self; 4] = [Self::Planner, Self::Builder, Self::Tester, Self::Releaser];

    /// The phase's name as it stands in states, events and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planner => "planner",
            Self::Builder => "builder",
            Self::Tester => "tester",
            Self::Releaser => "releaser",
        }
    }

    /// The phase that follows, if any.
    pub fn next(self) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| *phase > self)
    }

    /// The phase that goes before, if any.
    pub fn previous(self) -> Option<Self> {
        Self::ALL.into_iter().rev().find(|phase| *phase < self)
    }

    /// The agent that does this phase's work.
    pub fn agent(self) -> Agent {
        match self {
            Self::Planner => Agent::Planner,
            Self::Builder => Agent::Builder,
            Self::Tester => Agent::Tester,
            Self::Releaser => Agent::Releaser,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A name that is no phase.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown phase {0:?}: expected planner, builder, tester or releaser")]
pub struct UnknownPhase(String);

impl FromStr for Phase {
    type Err = UnknownPhase;

    /// Reads `tester` as well as `tester_running`.
    fn from_str(text: &str) -> Result<Self, UnknownPhase> {
        let name = text.strip_suffix("_running").unwrap_or(text);
        Self::ALL
            .into_iter()
            .find(|phase| phase.as_str() == name)
            .ok_or_else(|| UnknownPhase(text.to_owned()))
    }
}

/// The names of all who speak to a model in some version of rgpt, as scripts may use them.
pub const SPEAKERS: [&str; 11] = [
    "planner",
    "builder",
    "tester",
    "releaser",
    "analyzer",
    "repair",
    "evaluator",
    "gate",
    "alpha",
    "beta",
    "gamma",
];

/// Who speaks to a model. Every system prompt begins with [`Agent::introduction`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Agent {
    /// Makes and refines plans.
    Planner,
    /// Edits the repository.
    Builder,
    /// Runs the checks; reads logs when a model is named for it.
    Tester,
    /// Commits; writes release notes when a model is named for it.
    Releaser,
    /// Finds the root cause of a failure that the rules do not know.
    Analyzer,
    /// Speaks for free-form remedies: instructions for the rest of the run, repairs of its own.
    Repair,
}

impl Agent {
    /// All agents.
    pub const ALL: [Self; 6] = [
        Self::Planner,
        Self::Builder,
        Self::Tester,
        Self::Releaser,
        Self::Analyzer,
        Self::Repair,
    ];

    /// The agent's name in configuration, scripts and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planner => "planner",
            Self::Builder => "builder",
            Self::Tester => "tester",
            Self::Releaser => "releaser",
            Self::Analyzer => "analyzer",
            Self::Repair => "repair",
        }
    }

    /// The first line of the agent's system prompt.
    pub fn introduction(self) -> String {
        format!("You are the rgpt {} agent.", self.as_str())
    }

    /// The name with its contract version, as the agent contract carries it.
    pub fn versioned(self) -> String {
        format!("{}-agent-v1", self.as_str())
    }
}

impl fmt::Display for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
