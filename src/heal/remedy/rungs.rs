//! The repairs of each class of failure, in the order in which they come without any learning, each
//! with when it applies.

use crate::domain::failure::{Cause, Failure};
use crate::domain::phase::{Agent, Phase};
use crate::domain::remedy::HealAction;

use super::Situation;
use super::ladder::{Case, Goto, Rung, commands, defaults, is_long_rest, is_of_a_check, recovered};

const fn rung(action: HealAction, goto: Goto, reason: &'static str) -> Rung {
    Rung {
        action,
        goto,
        tries: 1,
        applies: |_| true,
        last: false,
        reason,
    }
}

impl Rung {
    const fn tries(self, tries: usize) -> Self {
        Self { tries, ..self }
    }

    const fn when(self, applies: fn(&Case<'_>) -> bool) -> Self {
        Self { applies, ..self }
    }

    const fn last(self) -> Self {
        Self { last: true, ..self }
    }
}

pub(super) const LLM: &[Rung] = &[
    rung(
        HealAction::RepairJson,
        Goto::Same,
        "the whole answer can be read leniently, without asking again",
    )
    .when(|case| case.failure.cause == Cause::RepairableAnswer && recovered(case.at).is_some()),
    rung(
        HealAction::Regenerate,
        Goto::Author,
        "the model is asked again and shown what was wrong with its answer",
    ),
    rung(
        HealAction::RegenerateConstrained,
        Goto::Author,
        "the model is asked again at temperature 0, held to the schema",
    ),
    rung(
        HealAction::AnotherModel,
        Goto::Author,
        "another model is asked",
    )
    .when(has_another_model),
    SPLIT_STEP,
    FREE_FORM,
];

/// Every model of the phase was asked already; another comes first next time.
pub(super) const MODEL_CALL: &[Rung] = &[
    rung(
        HealAction::Backoff,
        Goto::Same,
        "the provider may answer after a pause",
    )
    .tries(3)
    .when(|case| case.at.resumed > 0 || !is_long_rest(case.failure)),
    rung(
        HealAction::AnotherModel,
        Goto::Same,
        "another provider is asked first",
    )
    .when(|case| {
        has_another_model(case) && case.was_in_vain(|action| action == HealAction::Backoff)
    }),
];

pub(super) const ENVIRONMENT: &[Rung] = &[
    rung(
        HealAction::RerunChecks,
        Goto::Same,
        "the environment was at fault, so the checks run once more",
    )
    .when(|case| {
        let worth_it = case.failure.retryable || case.at.resumed > 0 || !case.is_given();
        is_of_a_check(case.failure) && worth_it
    }),
    // A check that hits its limit twice is more likely caught in the change than in the machine.
    rung(
        HealAction::FixCrash,
        Goto::Builder,
        "the check does not end, perhaps because of the change",
    )
    .when(|case| case.failure.cause == Cause::TimeLimit && case.at.plan_exists),
];

pub(super) const ASSERTION: &[Rung] = &[
    rung(
        HealAction::FixAssertion,
        Goto::Builder,
        "the builder is shown the failing assertion and the change",
    )
    .when(has_a_plan),
    PATCH_INSTRUCTIONS,
    rung(
        HealAction::RegenerateTest,
        Goto::Builder,
        "the fix did not help, and this run wrote the test itself, so it is written anew",
    )
    .when(|case| !case.at.own_tests.is_empty() && case.was_in_vain(is_fix)),
    TRY_CANDIDATES,
    REPLAN,
    FREE_FORM,
];

pub(super) const LINT: &[Rung] = &[
    APPLY_FIXES,
    rung(
        HealAction::FixLint,
        Goto::Builder,
        "the builder is shown what the check objects to",
    )
    .when(has_a_plan),
    PATCH_INSTRUCTIONS,
    TRY_CANDIDATES,
    REPLAN,
    FREE_FORM,
];

pub(super) const RUNTIME: &[Rung] = &[
    rung(
        HealAction::FixCrash,
        Goto::Builder,
        "the builder is shown the trace of the crash",
    )
    .when(|case| case.cause == Cause::Crash && has_a_plan(case)),
    rung(
        HealAction::FixCommand,
        Goto::Builder,
        "the builder is shown the command that failed",
    )
    .when(|case| case.cause != Cause::Crash && has_a_plan(case)),
    PATCH_INSTRUCTIONS,
    TRY_CANDIDATES,
    REPLAN,
    FREE_FORM,
];

pub(super) const BUILD: &[Rung] = &[
    APPLY_FIXES,
    rung(
        HealAction::FixBuild,
        Goto::Builder,
        "the builder is shown the compiler's words",
    )
    .when(has_a_plan),
    PATCH_INSTRUCTIONS,
    TRY_CANDIDATES,
    REFINE_PLAN,
    FREE_FORM,
];

pub(super) const COMMAND: &[Rung] = &[
    rung(
        HealAction::FixCommand,
        Goto::Builder,
        "the builder is shown what the command does not find",
    )
    .when(has_a_plan),
    PATCH_INSTRUCTIONS,
    REFINE_PLAN,
    FREE_FORM,
];

pub(super) const PLAN: &[Rung] = &[
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
    FREE_FORM,
];

pub(super) const REQUEST: &[Rung] = &[
    rung(
        HealAction::AnotherModel,
        Goto::Same,
        "another model may take the request",
    )
    .when(has_another_model),
    SPLIT_STEP,
    rung(
        HealAction::RefinePlan,
        Goto::Planner,
        "smaller steps make smaller requests",
    )
    .when(has_a_plan),
];

pub(super) const CONFIG: &[Rung] = &[
    rung(
        HealAction::SetDefault,
        Goto::Same,
        "what is missing has a default in a committed template",
    )
    .when(|case| is_of_a_check(case.failure) && !defaults(case.failure, case.at).is_empty()),
    rung(
        HealAction::CreateFromTemplate,
        Goto::Same,
        "the missing file is made from its committed template",
    )
    .when(|case| case.at.template_for_missing.is_some()),
    rung(
        HealAction::InstallDependencies,
        Goto::Same,
        "something is not installed, so the set-up runs again",
    )
    .when(|case| case.at.has_setup && is_of_a_check(case.failure)),
    rung(
        HealAction::Backoff,
        Goto::Same,
        "a person resumed the run, so what was missing may be there now",
    )
    .when(|case| case.at.resumed > 0 && case.is_given()),
];

pub(super) const POLICY: &[Rung] = &[rung(
    HealAction::PolicyCorrection,
    Goto::Builder,
    "the builder is told the rule and does without the refused change",
)];

const APPLY_FIXES: Rung = rung(
    HealAction::ApplyFixes,
    Goto::Builder,
    "the tools that object can mend it themselves",
)
.when(|case| !commands(case.failure, case.at).is_empty());

const PATCH_INSTRUCTIONS: Rung = rung(
    HealAction::PatchInstructions,
    Goto::Builder,
    "the fix did not help, so the builder gets further instructions for this run",
)
.when(|case| {
    let may_ask = is_named(Agent::Repair, case.at) && !case.at.asked.contains(&Agent::Repair);
    (may_ask || case.at.instructions.is_some()) && has_a_plan(case) && case.was_in_vain(is_fix)
});

const TRY_CANDIDATES: Rung = rung(
    HealAction::TryCandidates,
    Goto::Builder,
    "the fix did not help, so the tests choose among several patches",
)
.when(|case| {
    let after_builder = case.at.phase > Phase::Builder;
    case.at.candidates > 0 && after_builder && has_a_plan(case) && case.was_in_vain(is_fix)
});

const REPLAN: Rung = rung(
    HealAction::Replan,
    Goto::Planner,
    "the fix did not help, so the planner looks for another way",
);

const REFINE_PLAN: Rung = rung(
    HealAction::RefinePlan,
    Goto::Planner,
    "the fix did not help, so the planner refines the plan",
);

const SPLIT_STEP: Rung = rung(
    HealAction::SplitStep,
    Goto::Planner,
    "the step is too much for one answer, so the planner splits it",
)
.when(|case| has_a_plan(case) && case.at.step.is_some() && is_too_much(case.failure));

const FREE_FORM: Rung = rung(
    HealAction::FreeForm,
    Goto::Builder,
    "nothing else is left, so the repair agent looks for itself",
)
.last()
.when(|case| is_named(Agent::Repair, case.at) && has_a_plan(case));

/// The builder asked again, with what went wrong.
fn is_fix(action: HealAction) -> bool {
    use HealAction as A;
    matches!(
        action,
        A::FixAssertion | A::FixCrash | A::FixBuild | A::FixLint | A::FixCommand
    )
}

/// Whether an answer was cut off, or a request did not fit.
fn is_too_much(failure: &Failure) -> bool {
    let message = failure.message.to_ascii_lowercase();
    let is_long = |words: &[&str]| words.iter().any(|word| message.contains(word));
    match failure.cause {
        Cause::UnusableAnswer | Cause::RepairableAnswer => is_long(&["cut off", "too long"]),
        Cause::ModelCall => is_long(&["context", "too long", "too large", "tokens"]),
        _ => false,
    }
}

fn has_another_model(case: &Case<'_>) -> bool {
    case.at.models > 1
}

fn has_a_plan(case: &Case<'_>) -> bool {
    case.at.plan_exists
}

fn is_named(agent: Agent, at: &Situation) -> bool {
    at.agents.contains(&agent)
}
