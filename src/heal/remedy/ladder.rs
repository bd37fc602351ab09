//! The ladders: for each class of failure its repairs, cheapest first, and how it ends.

use crate::domain::failure::{Cause, ErrorType, Failure};
use crate::domain::id::StepId;
use crate::domain::phase::Phase;
use crate::domain::remedy::HealAction;

use super::super::lenient;
use super::Situation;

/// The repairs of one class of failure.
pub(super) struct Ladder {
    pub(super) rungs: &'static [Rung],
    pub(super) end: End,
}

/// One repair.
pub(super) struct Rung {
    pub(super) action: HealAction,
    pub(super) goto: Goto,
    /// How often it may fail for one failure.
    pub(super) tries: usize,
    pub(super) applies: fn(&Failure, &Situation) -> bool,
    pub(super) reason: &'static str,
}

/// Where the run goes on.
#[derive(Clone, Copy)]
pub(super) enum Goto {
    /// Where it failed.
    Same,
    /// In the builder: the step that failed, or all steps' scope together.
    Builder,
    /// In the planner.
    Planner,
}

/// What follows the last rung.
#[derive(Clone, Copy)]
pub(super) enum End {
    /// The run fails.
    GiveUp,
    /// The run stands still until whoever asked to wait answers again.
    Park,
    /// The run stands still until a person has acted.
    Ask,
}

impl Goto {
    pub(super) fn place(self, at: &Situation) -> (Phase, Option<StepId>) {
        match self {
            Self::Same => (at.phase, at.step.clone()),
            Self::Builder if at.phase == Phase::Builder => (Phase::Builder, at.step.clone()),
            Self::Builder => (Phase::Builder, None),
            Self::Planner => (Phase::Planner, None),
        }
    }
}

/// The ladder for a failure.
pub(super) fn of(failure: &Failure) -> Ladder {
    use ErrorType as E;
    let (rungs, end) = match (failure.error_type, failure.cause) {
        (E::Llm, _) => (LLM, End::GiveUp),
        (E::Infra, Cause::ModelCall) => (MODEL_CALL, End::Park),
        (E::Infra, _) => (ENVIRONMENT, End::Ask),
        (E::Assertion, Cause::Lint) => (LINT, End::GiveUp),
        (E::Assertion, _) => (ASSERTION, End::GiveUp),
        (E::Runtime, _) => (RUNTIME, End::GiveUp),
        (E::Logic, Cause::Build) => (BUILD, End::GiveUp),
        (E::Logic, Cause::Missing) => (COMMAND, End::GiveUp),
        (E::Logic, Cause::ModelCall) => (REQUEST, End::GiveUp),
        (E::Logic, _) => (PLAN, End::GiveUp),
        (E::Config, _) => (CONFIG, End::Ask),
        (E::Safety, _) if is_soft(failure) => (POLICY, End::Ask),
        (E::Safety, _) => (&[] as &[Rung], End::GiveUp),
    };
    Ladder { rungs, end }
}

const fn rung(action: HealAction, goto: Goto, reason: &'static str) -> Rung {
    Rung {
        action,
        goto,
        tries: 1,
        applies: |_, _| true,
        reason,
    }
}

impl Rung {
    const fn tries(self, tries: usize) -> Self {
        Self { tries, ..self }
    }

    const fn when(self, applies: fn(&Failure, &Situation) -> bool) -> Self {
        Self { applies, ..self }
    }
}

const LLM: &[Rung] = &[
    rung(
        HealAction::RepairJson,
        Goto::Same,
        "the whole answer can be read leniently, without asking again",
    )
    .when(|failure, at| failure.cause == Cause::RepairableAnswer && recovered(at).is_some()),
    rung(
        HealAction::Regenerate,
        Goto::Same,
        "the model is asked again and shown what was wrong with its answer",
    ),
    rung(
        HealAction::RegenerateConstrained,
        Goto::Same,
        "the model is asked again at temperature 0, held to the schema",
    ),
    rung(
        HealAction::AnotherModel,
        Goto::Same,
        "another model is asked",
    )
    .when(has_another_model),
];

/// Whether the provider asks for more patience than a run has: it parks, and goes on when it is
/// resumed.
pub(super) fn is_long_rest(failure: &Failure) -> bool {
    const MOST_MS: u64 = 10 * 60 * 1000;
    failure.retry_after_ms.is_some_and(|wait| wait > MOST_MS)
}

/// Every model of the phase was asked already, so there is nobody else.
const MODEL_CALL: &[Rung] = &[rung(
    HealAction::Backoff,
    Goto::Same,
    "the provider may answer after a pause",
)
.tries(3)
.when(|failure, at| at.resumed > 0 || !is_long_rest(failure))];

const ENVIRONMENT: &[Rung] = &[
    rung(
        HealAction::RerunChecks,
        Goto::Same,
        "the environment was at fault, so the checks run once more",
    )
    .when(|failure, at| failure.retryable || at.resumed > 0),
    // A check that hits its limit twice is more likely caught in the change than in the machine.
    rung(
        HealAction::FixCrash,
        Goto::Builder,
        "the check does not end, perhaps because of the change",
    )
    .when(|failure, at| failure.cause == Cause::TimeLimit && at.plan_exists),
];

const ASSERTION: &[Rung] = &[
    rung(
        HealAction::FixAssertion,
        Goto::Builder,
        "the builder is shown the failing assertion and the change",
    ),
    rung(
        HealAction::Replan,
        Goto::Planner,
        "the fix did not help, so the planner looks for another way",
    ),
];

const LINT: &[Rung] = &[
    rung(
        HealAction::FixLint,
        Goto::Builder,
        "the builder is shown what the check objects to",
    ),
    rung(
        HealAction::Replan,
        Goto::Planner,
        "the fix did not help, so the planner looks for another way",
    ),
];

const RUNTIME: &[Rung] = &[
    rung(
        HealAction::FixCrash,
        Goto::Builder,
        "the builder is shown the trace of the crash",
    )
    .when(|failure, _| failure.cause == Cause::Crash),
    rung(
        HealAction::FixCommand,
        Goto::Builder,
        "the builder is shown the command that failed",
    )
    .when(|failure, _| failure.cause != Cause::Crash),
    rung(
        HealAction::Replan,
        Goto::Planner,
        "the fix did not help, so the planner looks for another way",
    ),
];

const BUILD: &[Rung] = &[
    rung(
        HealAction::FixBuild,
        Goto::Builder,
        "the builder is shown the compiler's words",
    ),
    rung(
        HealAction::RefinePlan,
        Goto::Planner,
        "the fix did not help, so the planner refines the plan",
    ),
];

const COMMAND: &[Rung] = &[
    rung(
        HealAction::FixCommand,
        Goto::Builder,
        "the builder is shown what the command does not find",
    ),
    rung(
        HealAction::RefinePlan,
        Goto::Planner,
        "the fix did not help, so the planner refines the plan",
    ),
];

const PLAN: &[Rung] = &[
    rung(
        HealAction::RefinePlan,
        Goto::Planner,
        "the planner is shown what contradicts the plan",
    ),
    rung(
        HealAction::Replan,
        Goto::Planner,
        "refining did not help, so the planner looks for another way",
    ),
];

const REQUEST: &[Rung] = &[
    rung(
        HealAction::AnotherModel,
        Goto::Same,
        "another model may take the request",
    )
    .when(has_another_model),
    rung(
        HealAction::RefinePlan,
        Goto::Planner,
        "smaller steps make smaller requests",
    )
    .when(|_, at| at.plan_exists),
];

const CONFIG: &[Rung] = &[
    rung(
        HealAction::CreateFromTemplate,
        Goto::Same,
        "the missing file is made from its committed template",
    )
    .when(|_, at| at.template_for_missing.is_some()),
    rung(
        HealAction::InstallDependencies,
        Goto::Same,
        "something is not installed, so the set-up runs again",
    )
    .when(|failure, at| {
        // Only a check can miss a dependency; a model call misses keys.
        at.has_setup && failure.cause == Cause::Missing && failure.damage.is_some()
    }),
    rung(
        HealAction::Backoff,
        Goto::Same,
        "a person resumed the run, so what was missing may be there now",
    )
    .when(|_, at| at.resumed > 0),
];

const POLICY: &[Rung] = &[rung(
    HealAction::PolicyCorrection,
    Goto::Builder,
    "the builder is told the rule and does without the refused change",
)];

/// A refusal that the change can do without. Everything else of its class is a hard fact; that a
/// model would not is one, too: nobody argues with it, or takes it to another model.
fn is_soft(failure: &Failure) -> bool {
    failure.cause == Cause::Policy && failure.retryable
}

fn has_another_model(_: &Failure, at: &Situation) -> bool {
    at.models > 1
}

/// The answer that a lenient reader recovers whole, as strict JSON.
pub(super) fn recovered(at: &Situation) -> Option<String> {
    let answer = at.answer.as_deref()?;
    lenient::recover_json(answer).map(|value| value.to_string())
}
