//! The ladders: which repairs a failure has if it is of a class, where each goes on, and how it ends.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::failure::{Cause, ErrorType, Failure};
use crate::domain::id::StepId;
use crate::domain::phase::Phase;
use crate::domain::remedy::HealAction;

use super::super::{defaults, fixes, lenient};
use super::{Situation, Tried, rungs};

/// One repair.
pub(super) struct Rung {
    pub(super) action: HealAction,
    pub(super) goto: Goto,
    /// How often it may fail for one failure.
    pub(super) tries: usize,
    pub(super) applies: fn(&Case<'_>) -> bool,
    /// Whether it waits until nothing else is left.
    pub(super) last: bool,
    pub(super) reason: &'static str,
}

/// A failure, held to be of a class.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) failure: &'a Failure,
    pub(super) at: &'a Situation,
    pub(super) history: &'a [Tried],
    pub(super) class: ErrorType,
    /// The cause if it is of that class.
    pub(super) cause: Cause,
}

impl<'a> Case<'a> {
    pub(super) fn new(
        failure: &'a Failure,
        at: &'a Situation,
        history: &'a [Tried],
        class: ErrorType,
    ) -> Self {
        Self {
            failure,
            at,
            history,
            class,
            cause: cause_as(class, failure),
        }
    }

    /// Whether it is the class that the failure was given.
    pub(super) fn is_given(&self) -> bool {
        self.class == self.failure.error_type
    }

    /// Whether one of these was in vain for this failure.
    pub(super) fn was_in_vain(&self, is_one: impl Fn(HealAction) -> bool) -> bool {
        self.history.iter().any(|tried| {
            !tried.kept && tried.signature == self.failure.signature && is_one(tried.action)
        })
    }
}

/// Where the run goes on.
#[derive(Clone, Copy)]
pub(super) enum Goto {
    /// Where it failed.
    Same,
    /// Where it failed if a model's answer was at fault, else where the work is done.
    Author,
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
    pub(super) fn place(self, failure: &Failure, at: &Situation) -> (Phase, Option<StepId>) {
        let builder = match at.phase {
            Phase::Builder => (Phase::Builder, at.step.clone()),
            _ => (Phase::Builder, None),
        };
        match self {
            Self::Author if is_of_a_check(failure) => builder,
            Self::Same | Self::Author => (at.phase, at.step.clone()),
            Self::Builder => builder,
            Self::Planner => (Phase::Planner, None),
        }
    }
}

/// Whether a check said what failed, and no agent or server.
pub(super) fn is_of_a_check(failure: &Failure) -> bool {
    match failure.cause {
        Cause::Build
        | Cause::Tests
        | Cause::Lint
        | Cause::Crash
        | Cause::TimeLimit
        | Cause::Environment => true,
        // A model call misses keys.
        Cause::Missing => failure.damage.is_some(),
        _ => false,
    }
}

/// What the cause of a failure is if it is of this class: the one that was found, if that fits.
fn cause_as(class: ErrorType, failure: &Failure) -> Cause {
    use Cause as C;
    let found = failure.cause;
    let of_check = is_of_a_check(failure);
    match (class, found) {
        (ErrorType::Infra, C::ModelCall | C::Environment | C::TimeLimit)
        | (ErrorType::Assertion, C::Tests | C::Lint)
        | (ErrorType::Runtime, C::Crash)
        | (
            ErrorType::Logic,
            C::Build | C::Missing | C::ModelCall | C::Plan | C::Blocked | C::NoChange,
        )
        | (ErrorType::Config, C::Missing)
        | (ErrorType::Llm, C::UnusableAnswer | C::RepairableAnswer)
        | (ErrorType::Safety, C::Policy | C::Refusal) => found,
        (ErrorType::Infra, _) if of_check => C::Environment,
        (ErrorType::Infra, _) => C::ModelCall,
        (ErrorType::Assertion, _) => C::Tests,
        // A command that fails without a trace is no crash.
        (ErrorType::Runtime, _) if class == failure.error_type => found,
        (ErrorType::Runtime, _) => C::Crash,
        (ErrorType::Logic, _) if of_check => C::Build,
        (ErrorType::Logic, _) => C::Plan,
        (ErrorType::Config, _) => C::Missing,
        (ErrorType::Llm, _) => C::UnusableAnswer,
        (ErrorType::Safety, _) => C::Policy,
    }
}

/// The repairs of a failure held to be of a class, in the order in which they come without any
/// learning.
pub(super) fn rungs(class: ErrorType, failure: &Failure) -> &'static [Rung] {
    use ErrorType as E;
    match (class, cause_as(class, failure)) {
        (E::Llm, _) => rungs::LLM,
        (E::Infra, Cause::ModelCall) => rungs::MODEL_CALL,
        (E::Infra, _) => rungs::ENVIRONMENT,
        (E::Assertion, Cause::Lint) => rungs::LINT,
        (E::Assertion, _) => rungs::ASSERTION,
        (E::Runtime, _) => rungs::RUNTIME,
        (E::Logic, Cause::Build) => rungs::BUILD,
        (E::Logic, Cause::Missing) => rungs::COMMAND,
        (E::Logic, Cause::ModelCall) => rungs::REQUEST,
        (E::Logic, _) => rungs::PLAN,
        (E::Config, _) => rungs::CONFIG,
        (E::Safety, _) if is_soft(failure) => rungs::POLICY,
        (E::Safety, _) => &[],
    }
}

/// What follows when nothing is left.
pub(super) fn end(failure: &Failure) -> End {
    match (failure.error_type, failure.cause) {
        (ErrorType::Infra, Cause::ModelCall) => End::Park,
        (ErrorType::Infra | ErrorType::Config, _) => End::Ask,
        (ErrorType::Safety, _) if is_soft(failure) => End::Ask,
        _ => End::GiveUp,
    }
}

/// Whether no repair may be made: a policy refused, or a model did, in earnest.
pub(super) fn is_hard(failure: &Failure) -> bool {
    let is_safety = failure.error_type == ErrorType::Safety
        || failure.distribution().likeliest() == ErrorType::Safety
        || matches!(failure.cause, Cause::Policy | Cause::Refusal);
    is_safety && !is_soft(failure)
}

/// A refusal that the change can do without. Everything else of its class is a hard fact; that a
/// model would not is one, too: nobody argues with it, or takes it to another model.
fn is_soft(failure: &Failure) -> bool {
    failure.cause == Cause::Policy && failure.retryable
}

/// Whether the provider asks for more patience than a run has: it parks, and goes on when it is
/// resumed.
pub(super) fn is_long_rest(failure: &Failure) -> bool {
    const MOST_MS: u64 = 10 * 60 * 1000;
    failure.retry_after_ms.is_some_and(|wait| wait > MOST_MS)
}

/// The commands that mend what the checks object to.
pub(super) fn commands(failure: &Failure, at: &Situation) -> Vec<String> {
    let fix = |command: &String| fixes::fix_of(command, &failure.evidence, &at.scripts);
    let mut commands: Vec<String> = at.commands.iter().filter_map(fix).collect();
    let mut seen = BTreeSet::new();
    commands.retain(|command| seen.insert(command.clone()));
    commands
}

/// The missing variables that have a default.
pub(super) fn defaults(failure: &Failure, at: &Situation) -> BTreeMap<String, String> {
    let asked = failure.action_required.as_deref().unwrap_or_default();
    let words = [&failure.message, &failure.evidence, asked].join("\n");
    defaults::missing(&words, &at.defaults)
}

/// The answer that a lenient reader recovers whole, as strict JSON.
pub(super) fn recovered(at: &Situation) -> Option<String> {
    let answer = at.answer.as_deref()?;
    lenient::recover_json(answer).map(|value| value.to_string())
}
