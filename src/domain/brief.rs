//! All that an agent is given. In JSON a brief is the request of the agent contract.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::choice::Choice;
use super::id::{ExecutionId, RunId};
use super::message::Effort;
use super::phase::Agent;
use super::plan::{Plan, Step};
use super::state::State;

/// What an execution starts from, recorded at its start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Brief {
    /// The run.
    pub run_id: RunId,
    /// The state it works in, as `builder_running`.
    pub phase: State,
    /// What is to be done.
    pub task: Task,
    /// Who does it; with its version in JSON: `builder-agent-v1`.
    #[serde(with = "versioned")]
    pub agent: Agent,
    /// When the execution began.
    pub timestamp: Timestamp,
    /// Under which circumstances.
    pub context: Context,
}

/// What an execution is to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The execution's number.
    pub execution: ExecutionId,
    /// The attempt at this phase or step, from 1.
    pub attempt: u32,
    /// The run's title.
    pub title: String,
    /// The run's goal.
    pub goal: String,
    /// The plan so far, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// The ids of steps that are done and stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub finished_steps: Vec<String>,
    /// The step to carry out; a repair of the whole has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Step>,
    /// The globs that may be edited; empty means no limit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scope: Vec<String>,
    /// What repairs have written down for the rest of this run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instructions: Vec<String>,
    /// What a repair learned: the failure and what is to be done about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
}

/// What makes this attempt different from the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The remedy's name.
    pub action: String,
    /// The class of the failure.
    pub error_type: String,
    /// What was learned, for the agent to read.
    pub text: String,
    /// An answer that a lenient reader recovered; it is taken instead of asking again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repaired_answer: Option<String>,
    /// Commands that are the repair: each is run once, and no model is asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
}

/// The circumstances of an execution.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Context {
    /// Model settings: the names that may be asked, temperature, `max_turns`, `max_output`.
    pub models: ModelSettings,
    /// Facts about the environment that the agent may know (never secrets).
    pub env: Value,
    /// The version of the system prompt.
    pub prompt_version: String,
    /// The template of the commit message, for the releaser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit_template: Option<String>,
    /// The repository's files, capped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// The texts that are shown from the start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<ContextText>,
}

/// How models are to be asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelSettings {
    /// Models in order of preference; empty if none is named for the phase.
    pub names: Vec<String>,
    /// How their order came about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
    /// Whether only models on the person's own machines may be asked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
    /// Sampling temperature, if one is configured or a rule wants one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// How much to reason, if a rule or the configuration says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<Effort>,
    /// Why temperature and effort are what they are, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuning: Option<String>,
    /// The context window of the first model, in tokens, if it is known: what is not needed most is
    /// left out until prompt and answer fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<u64>,
    /// The family of the first model, if it is known: some are told more of how to answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Whether tools are called natively; if not, calls are fenced JSON in the text.
    #[serde(default)]
    pub native_tools: bool,
    /// The most answers of a model in one execution.
    pub max_turns: u32,
    /// The most tokens of one answer.
    pub max_output: u32,
}

/// A file, or a piece of one, shown to the agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContextText {
    /// The path.
    pub path: String,
    /// The text.
    pub text: String,
}

/// An agent with the version of its contract.
mod versioned {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Agent;

    pub(super) fn serialize<S: Serializer>(
        agent: &Agent,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&agent.versioned())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Agent, D::Error> {
        let text = String::deserialize(deserializer)?;
        Agent::ALL
            .into_iter()
            .find(|agent| agent.versioned() == text)
            .ok_or_else(|| D::Error::custom(format!("there is no agent {text:?}")))
    }
}
