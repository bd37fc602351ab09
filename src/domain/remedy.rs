//! The repair chosen for a failure.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::id::{Digest, StepId};
use super::phase::Phase;

/// What a repair does. The names stand in `self_heal.heal_action`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealAction {
    /// Read the model's answer leniently; no call.
    RepairJson,
    /// Ask again with the schema and the exact error.
    Regenerate,
    /// Ask again at temperature 0 with constrained output.
    RegenerateConstrained,
    /// Wait as long as was asked for, or back off with jitter, then go on.
    Backoff,
    /// Carry out the failed thing by another model.
    AnotherModel,
    /// Ask the builder again with the failing assertion, its code and the diff.
    FixAssertion,
    /// Ask the builder again with the trace and the frame inside the repository.
    FixCrash,
    /// Ask the builder again with the compiler's words.
    FixBuild,
    /// Ask the builder again with the linter's words.
    FixLint,
    /// Ask the builder for the change that is missing.
    FixCommand,
    /// Ask the planner to refine the plan with the contradiction; finished steps stay.
    RefinePlan,
    /// Ask the planner for another way to the goal, with all that was tried.
    Replan,
    /// Run the workspace's set-up again.
    InstallDependencies,
    /// Create a missing file from its committed template.
    CreateFromTemplate,
    /// Ask the builder again without the refused change, the rule cited.
    PolicyCorrection,
    /// Run the checks again, where the environment was at fault.
    RerunChecks,
    /// Run the formatter, the linter's or the compiler's own fixes; no call.
    ApplyFixes,
    /// Set variables that are missing to the defaults of a committed template; never a secret.
    SetDefault,
    /// Ask the planner to split the step that was too much for one answer.
    SplitStep,
    /// Ask the repair agent for instructions that hold for the rest of this run.
    PatchInstructions,
    /// Ask the builder to write a test anew that this run wrote and that is wrong.
    RegenerateTest,
    /// Ask the builder for several patches and let the tests choose.
    TryCandidates,
    /// Let the repair agent look for itself and mend what it finds.
    FreeForm,
}

impl HealAction {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::RepairJson,
        Self::Regenerate,
        Self::RegenerateConstrained,
        Self::Backoff,
        Self::AnotherModel,
        Self::FixAssertion,
        Self::FixCrash,
        Self::FixBuild,
        Self::FixLint,
        Self::FixCommand,
        Self::RefinePlan,
        Self::Replan,
        Self::InstallDependencies,
        Self::CreateFromTemplate,
        Self::PolicyCorrection,
        Self::RerunChecks,
        Self::ApplyFixes,
        Self::SetDefault,
        Self::SplitStep,
        Self::PatchInstructions,
        Self::RegenerateTest,
        Self::TryCandidates,
        Self::FreeForm,
    ];

    /// The name in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RepairJson => "repair_json",
            Self::Regenerate => "regenerate",
            Self::RegenerateConstrained => "regenerate_constrained",
            Self::Backoff => "backoff",
            Self::AnotherModel => "another_model",
            Self::FixAssertion => "fix_assertion",
            Self::FixCrash => "fix_crash",
            Self::FixBuild => "fix_build",
            Self::FixLint => "fix_lint",
            Self::FixCommand => "fix_command",
            Self::RefinePlan => "refine_plan",
            Self::Replan => "replan",
            Self::InstallDependencies => "install_dependencies",
            Self::CreateFromTemplate => "create_from_template",
            Self::PolicyCorrection => "policy_correction",
            Self::RerunChecks => "rerun_checks",
            Self::ApplyFixes => "apply_fixes",
            Self::SetDefault => "set_default",
            Self::SplitStep => "split_step",
            Self::PatchInstructions => "patch_instructions",
            Self::RegenerateTest => "regenerate_test",
            Self::TryCandidates => "try_candidates",
            Self::FreeForm => "free_form",
        }
    }
}

/// A name that is no repair's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no repair {name:?}; there are: {}", HealAction::ALL.map(HealAction::as_str).join(", "))]
pub struct UnknownAction {
    name: String,
}

impl FromStr for HealAction {
    type Err = UnknownAction;

    fn from_str(name: &str) -> Result<Self, UnknownAction> {
        let known = Self::ALL.into_iter().find(|action| action.as_str() == name);
        known.ok_or_else(|| UnknownAction {
            name: name.to_owned(),
        })
    }
}

impl fmt::Display for HealAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A repair that was considered, and what was expected of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Considered {
    /// What it does.
    pub action: HealAction,
    /// How likely it was held to help, 0 to 1.
    pub success: f64,
    /// What it was worth: the likelihood that it helps less what it costs, both in units of a
    /// healed failure.
    pub value: f64,
}

/// A chosen repair: an action, where the run goes on, and the evidence that makes it new.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Remedy {
    /// What is done.
    pub action: HealAction,
    /// The phase in which the run goes on.
    pub goto: Phase,
    /// The step it is for, if the builder is to go on with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// The new evidence, as the next brief shows it.
    pub evidence: String,
    /// Identifies (signature, action, input); the same is never tried twice.
    pub input: Digest,
    /// How long to wait first, in milliseconds.
    #[serde(default)]
    pub wait_ms: u64,
    /// One line for people: why this, now.
    pub reason: String,
    /// Commands that are the repair, where no model is asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
    /// Variables that checks see from now on, where the repair is to set them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
}
