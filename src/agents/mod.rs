//! The agents: pure functions of (brief, tape so far) to what comes [`Next`].
//!
//! An agent needs no async and no I/O. It asks, acts and ends by saying so; the engine answers on
//! the tape. The same brief and tape always give the same next.

mod analyzer;
mod answer;
mod builder;
mod conversation;
mod instructions;
mod pack;
mod planner;
mod prompt;
mod releaser;
mod repair;
mod stuck;
mod tester;
#[cfg(test)]
mod tests;
mod tools;

use serde_json::Value;

use crate::domain::brief::Brief;
use crate::domain::failure::Failure;
use crate::domain::id::Digest;
use crate::domain::message::{FinishReason, ModelRequest};
use crate::domain::phase::Agent;
use crate::domain::plan::PlanError;
use crate::domain::tape::{Call, TapeEntry};

pub use tools::{ACTING_TOOLS, READING_TOOLS};

/// What an agent wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Ask a model.
    Ask(ModelRequest),
    /// Make this call and put its answer on the tape.
    Act(Call),
    /// The execution has ended.
    Done(Result<Output, AgentError>),
}

/// How an execution ended well.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// The output in the form of the agent contract.
    pub value: Value,
    /// A sentence for people and for commit messages.
    pub summary: String,
}

/// How an execution ended badly. The engine has it classified.
#[derive(Clone, Debug, PartialEq)]
pub enum AgentError {
    /// The model's answer cannot be used.
    UnusableAnswer {
        /// The answer.
        text: String,
        /// Why the model stopped.
        finish: FinishReason,
        /// The exact error.
        reason: String,
        /// The JSON schema that was asked for, if one was.
        schema: Option<Value>,
    },
    /// The plan is refused.
    InvalidPlan(PlanError),
    /// The step cannot be done as planned.
    Blocked(String),
    /// The model took too many turns.
    TooManyTurns(u32),
    /// The model goes round in circles, although it was told: the pattern in words.
    Stuck(String),
    /// The checks do not suffice.
    Checks(Box<Failure>),
}

/// What comes next in an execution, given its brief and its tape.
pub fn next(brief: &Brief, tape: &[TapeEntry]) -> Next {
    match brief.agent {
        Agent::Planner => planner::next(brief, tape),
        Agent::Builder => builder::next(brief, tape),
        Agent::Tester => tester::next(brief, tape),
        Agent::Releaser => releaser::next(brief, tape),
        Agent::Analyzer => analyzer::next(brief, tape),
        Agent::Repair => repair::next(brief, tape),
    }
}

/// The version of an agent's system prompt for models of a family: the start of its content hash.
pub fn prompt_version(agent: Agent, family: Option<&str>) -> String {
    let text = [prompt::system(agent), prompt::of_family(family)].concat();
    Digest::of(text.as_bytes()).short().to_owned()
}
