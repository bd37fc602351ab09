//! Payloads of what happens to a run as a whole.

use serde::{Deserialize, Deserializer, Serialize};

use crate::domain::application::BranchMove;
use crate::domain::budget::Limits;
use crate::domain::failure::ErrorType;
use crate::domain::id::{CommitId, Digest, RunId, TreeId};
use crate::domain::phase::{Agent, Phase};
use crate::domain::remedy::HealAction;
use crate::domain::replay::{Comparison, ReplayMode};

/// Payload of `run.created`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunCreated {
    /// A short name.
    pub title: String,
    /// The goal.
    pub goal: String,
    /// The absolute path of the user's repository (its top folder).
    pub repository: String,
    /// The project's folder relative to the repository's top, empty for the top itself.
    #[serde(default)]
    pub directory: String,
    /// The commit the run starts from.
    pub base_commit: CommitId,
    /// Its tree.
    pub base_tree: TreeId,
    /// The run it is forked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<RunId>,
    /// The branch a success will be published under.
    pub branch: String,
    /// What it may spend.
    pub limits: Limits,
    /// How it is to be carried out.
    pub options: RunOptions,
    /// The effective configuration, without secrets.
    pub config: Digest,
    /// Things the user should know from the start (a dirty tree, a detached HEAD).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What a person decided about a run at its start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOptions {
    /// Stop after this phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Phase>,
    /// Excuse no failure by the baseline.
    #[serde(default, skip_serializing_if = "is_not")]
    pub require_green: bool,
    /// The explicit waiver of checks.
    #[serde(default, skip_serializing_if = "is_not")]
    pub unverified: bool,
    /// Where a person would be asked about an edit outside a step's scope, the answer is yes.
    #[serde(default, skip_serializing_if = "is_not")]
    pub yes: bool,
    /// Go on with other steps when one stays broken.
    #[serde(default, skip_serializing_if = "is_not")]
    pub continue_on_step_failure: bool,
    /// How many patches are made where the tests are to choose among several; 0 where none are.
    #[serde(default, skip_serializing_if = "is_none")]
    pub candidates: u32,
}

/// Whether an option is off, as it is where nothing is said.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_not(option: &bool) -> bool {
    !option
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_none(count: &u32) -> bool {
    *count == 0
}

/// Why a run stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The money is spent or reserved.
    BudgetUsd,
    /// The tokens are spent or reserved.
    BudgetTokens,
    /// The model calls are used up.
    BudgetAttempts,
    /// The time is over.
    WallTime,
    /// No new evidence turns up.
    Stuck,
    /// Ctrl-C or a signal.
    Interrupted,
    /// A person must act.
    AwaitingHuman,
    /// Every provider asks to wait.
    RateLimited,
    /// `--until` is reached, or the one repair that was asked for is made.
    Until,
    /// A replay has parted from its source.
    Diverged,
}

impl StopReason {
    /// The name in records and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BudgetUsd => "budget_usd",
            Self::BudgetTokens => "budget_tokens",
            Self::BudgetAttempts => "budget_attempts",
            Self::WallTime => "wall_time",
            Self::Stuck => "stuck",
            Self::Interrupted => "interrupted",
            Self::AwaitingHuman => "awaiting_human",
            Self::RateLimited => "rate_limited",
            Self::Until => "until",
            Self::Diverged => "diverged",
        }
    }
}

/// Payload of `run.stopped`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunStopped {
    /// Why.
    pub reason: StopReason,
    /// The same for people.
    pub message: String,
    /// What a person must do first, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_required: Option<String>,
    /// The least cap with which the run could go on, where one is in the way: US dollars, tokens,
    /// model calls or milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<f64>,
}

/// Payload of `run.resumed`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunResumed {
    /// Go back to the start of this phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Phase>,
    /// The tree to go on from, when going back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<TreeId>,
    /// New limits, if they change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// Whether the counts of retries and heals start anew.
    #[serde(default)]
    pub granted: bool,
    /// A new end point, if it changes: the outer value says that it does.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "said"
    )]
    pub until: Option<Option<Phase>>,
    /// Make one repair of the failure that stands, then stand still again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heal: Option<HealByHand>,
}

/// A value that is there, `null` included.
fn said<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<Phase>>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// The wish for one repair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealByHand {
    /// The action; the cheapest that applies if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<HealAction>,
}

/// Payload of `run.replayed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunReplayed {
    /// The run it was forked from.
    pub source: RunId,
    /// The place of the last event of the source before the fork.
    pub seq: u64,
    /// The phase it begins with.
    pub phase: Phase,
    /// Where its answers come from.
    pub mode: ReplayMode,
    /// What it may spend.
    pub limits: Limits,
    /// The phase after which it stops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Phase>,
    /// Whether it was asked to end before its source did.
    #[serde(default)]
    pub partial: bool,
    /// Whether the counts of retries and heals start anew.
    #[serde(default)]
    pub granted: bool,
}

/// Payload of `run.updated`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum RunUpdated {
    /// A replay was compared with its source.
    Compared(Comparison),
    /// The result is about to be brought into a branch of the user's.
    ApplyStarted(Box<BranchMove>),
    /// The result is in that branch.
    Applied,
    /// The result is about to be taken out of that branch again.
    UndoStarted(Box<BranchMove>),
    /// The result is no longer in that branch.
    Undone,
    /// The apply or the undo that was begun is given up; nothing of it stands.
    MoveGivenUp {
        /// Why.
        reason: String,
    },
    /// A person named another model for an agent.
    ModelSwitched {
        /// The agent.
        agent: Agent,
        /// The model's name in the configuration.
        model: String,
    },
}

/// Payload of `run.done`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunDone {
    /// Whether rgpt itself saw the checks pass on exactly this tree.
    pub verified: bool,
    /// The commit that is handed over.
    pub commit: CommitId,
    /// Its tree.
    pub tree: TreeId,
    /// The branch in the user's repository.
    pub branch: String,
    /// 0 to 1: 1 less what was excused, found, retried and healed.
    pub quality_score: f64,
}

/// Payload of `run.failed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFailed {
    /// Why there is no way on.
    pub reason: String,
    /// The class of the last failure.
    pub error_type: ErrorType,
}
