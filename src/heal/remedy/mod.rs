//! What to do about a failure: the ladders, and which rung is next.
//!
//! [`choose`] takes the repair of the greatest expected value: how likely it is to help, over all
//! classes that the failure may be of, less what it costs. A repair in vain makes the classes that it
//! would have healed less likely. What has healed the same failure before comes first.

mod evidence;
mod ladder;
mod offers;
mod rungs;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::domain::event::StopReason;
use crate::domain::failure::{Distribution, ErrorType, Failure};
use crate::domain::id::{Digest, RunId, StepId, TreeId};
use crate::domain::phase::{Agent, Phase};
use crate::domain::remedy::{Considered, HealAction, Remedy};

use super::backoff::full_jitter;
use super::knowledge::Knowledge;
use ladder::{End, Rung};
use offers::Offer;

/// Where a run stands when a failure is to be healed.
#[derive(Clone, Debug, PartialEq)]
pub struct Situation {
    /// The run; seeds the jitter.
    pub run: RunId,
    /// The phase that failed.
    pub phase: Phase,
    /// The step that failed, if one did.
    pub step: Option<StepId>,
    /// The tree the repair would start from.
    pub tree: TreeId,
    /// How many models are named for the phase.
    pub models: usize,
    /// Whether the workspace has set-up commands.
    pub has_setup: bool,
    /// The committed template of a file that is missing, as `.env.example`.
    pub template_for_missing: Option<String>,
    /// Whether there is a plan to go by.
    pub plan_exists: bool,
    /// The answer that could not be used, for failures of answers.
    pub answer: Option<String>,
    /// The change so far as a unified diff, capped; empty if there is none.
    pub diff: String,
    /// The code around the failure, capped; empty if nobody knows it.
    pub code: String,
    /// The one repair that a person wants, if they do.
    pub wanted: Option<HealAction>,
    /// How often the run was resumed. Whatever was tried before may be tried again, because a
    /// person had the chance to change the circumstances.
    pub resumed: u32,
    /// The commands of the checks that do not pass.
    pub commands: Vec<String>,
    /// The scripts of the committed `package.json`, by name.
    pub scripts: BTreeMap<String, String>,
    /// The variables that committed templates, as `.env.example`, set, with their values.
    pub defaults: BTreeMap<String, String>,
    /// The files in which this run itself wrote tests that fail now.
    pub own_tests: Vec<String>,
    /// How many patches may be made where the tests are to choose; 0: no such repair.
    pub candidates: u32,
    /// The agents of no phase (analyzer, repair) that can be asked: a model is named for them.
    pub agents: Vec<Agent>,
    /// Those of them that were asked about this failure already.
    pub asked: Vec<Agent>,
    /// What the repair agent wrote for the rest of the run, once it was asked.
    pub instructions: Option<String>,
}

/// A repair that was begun.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// The failure it was for.
    pub signature: Digest,
    /// What was done.
    pub action: HealAction,
    /// Its [`Remedy::input`].
    pub input: Digest,
    /// Whether it made things strictly better.
    pub kept: bool,
    /// What came of it, for later repairs to read.
    pub evidence: String,
    /// [`Situation::resumed`] at the time.
    pub resumed: u32,
}

/// What may still be spent on repairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealBudget {
    /// Failures of this phase, this one included.
    pub failures: u32,
    /// Failures of a phase that are repaired.
    pub max_retries: u32,
    /// Repairs begun in this run.
    pub heals: u32,
    /// Repairs of a run.
    pub max_heals: u32,
}

/// What to do about a failure.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Repair it.
    Act {
        /// The repair.
        remedy: Remedy,
        /// What was considered, best first, the chosen repair among it; at most
        /// [`MOST_CONSIDERED`].
        considered: Vec<Considered>,
        /// How likely each class is held to be, the repairs in vain taken in.
        distribution: Distribution,
    },
    /// Ask this agent about the failure first, then choose again: the analyzer what it is, the
    /// repair agent for instructions for the rest of the run.
    Consult(Agent),
    /// Stand still, resumable.
    Stop {
        /// Why.
        reason: StopReason,
        /// The same for people.
        message: String,
        /// What a person must do first, if anything.
        action_required: Option<String>,
    },
    /// There is no way on within this budget.
    GiveUp {
        /// Why, naming the limit if it is one.
        reason: String,
    },
}

/// The most repairs that are put on record as considered.
pub const MOST_CONSIDERED: usize = 6;

/// Below this likelihood of the likeliest class the analyzer is asked first, once.
const SURE: f64 = 0.7;

/// Chooses the repair of the greatest expected value that adds evidence and was not tried.
///
/// The same (signature, action, input) is never returned twice, whatever the history. A rung is
/// passed over when it does not apply, when it was tried for this failure and not kept, or when
/// its last two tries (for any failure) were not kept: then only another rung brings news.
/// Standing still costs nothing and does not need a budget; acting does. After a hard safety fact
/// there is no repair at all.
pub fn choose(
    failure: &Failure,
    at: &Situation,
    history: &[Tried],
    budget: &HealBudget,
    knowledge: &Knowledge,
) -> Decision {
    if ladder::is_hard(failure) {
        return end(End::GiveUp, failure, history);
    }
    let classes = offers::classes(failure, at, history, knowledge);
    let limit = limit_reached(failure, budget);
    if limit.is_none() && is_unclear(failure, at, &classes) {
        return Decision::Consult(Agent::Analyzer);
    }
    let mut offers = offers::offers(failure, at, history, knowledge, &classes);
    let new = |remedy: &Remedy| !history.iter().any(|tried| tried.input == remedy.input);
    let next = offers
        .iter()
        .enumerate()
        .map(|(place, offer)| (place, remedy(offer, failure, at, history)))
        .find(|(_, remedy)| new(remedy));
    let last = ladder::end(failure);
    match (next, limit) {
        (Some((place, remedy)), None) => {
            if remedy.action == HealAction::PatchInstructions && at.instructions.is_none() {
                return Decision::Consult(Agent::Repair);
            }
            let left = offers.drain(place..);
            let considered = match knowledge.learns() {
                true => left.take(MOST_CONSIDERED).map(Offer::considered).collect(),
                false => Vec::new(),
            };
            Decision::Act {
                remedy,
                considered,
                distribution: classes,
            }
        }
        // That a provider is out is no fault of the run, and standing still costs nothing.
        (Some(_), Some(_)) if matches!(last, End::Park) => end(last, failure, history),
        (Some(_), Some(reason)) => Decision::GiveUp { reason },
        (None, _) => match at.wanted {
            Some(wanted) => Decision::Stop {
                reason: StopReason::Stuck,
                message: format!("{wanted} brings nothing new here"),
                action_required: None,
            },
            None => end(last, failure, history),
        },
    }
}

/// The repairs there are for a failure, by class, likeliest first; which of them apply depends on
/// where the run stands.
pub fn actions(failure: &Failure) -> Vec<HealAction> {
    if ladder::is_hard(failure) {
        return Vec::new();
    }
    let mut actions = Vec::new();
    for (class, _) in offers::possible(failure, &failure.distribution()) {
        for rung in ladder::rungs(class, failure) {
            if !actions.contains(&rung.action) {
                actions.push(rung.action);
            }
        }
    }
    actions
}

/// Whether nobody can say what the failure is, and the analyzer may.
fn is_unclear(failure: &Failure, at: &Situation, classes: &Distribution) -> bool {
    let can_be_asked = at.agents.contains(&Agent::Analyzer) && !at.asked.contains(&Agent::Analyzer);
    let is_given = failure.error_type == ErrorType::Safety;
    can_be_asked && at.wanted.is_none() && !is_given && classes.get(classes.likeliest()) < SURE
}

fn is_exhausted(rung: &Rung, failure: &Failure, at: &Situation, history: &[Tried]) -> bool {
    // A second refusal in a run is no slip; nobody argues with the policy twice.
    if rung.action == HealAction::PolicyCorrection {
        return history.iter().any(|tried| tried.action == rung.action);
    }
    let recent = history
        .iter()
        .filter(|tried| tried.action == rung.action && tried.resumed == at.resumed);
    let in_vain = recent
        .clone()
        .filter(|tried| tried.signature == failure.signature && !tried.kept)
        .count();
    let last_two_in_vain = recent.clone().count() >= 2
        && recent.rev().take(2).all(|tried| !tried.kept)
        && rung.tries == 1;
    in_vain >= rung.tries || last_two_in_vain
}

fn remedy(offer: &Offer<'_>, failure: &Failure, at: &Situation, history: &[Tried]) -> Remedy {
    let rung = offer.rung;
    let attempt = history
        .iter()
        .filter(|tried| tried.action == rung.action && tried.signature == failure.signature)
        .count();
    let attempt = u32::try_from(attempt).unwrap_or(u32::MAX);
    let wait_ms = match rung.action {
        HealAction::Backoff => wait(failure, at.run, attempt),
        _ => 0,
    };
    let evidence = evidence::gather(
        rung.action,
        failure,
        at,
        history,
        (wait_ms, attempt),
        offer.worked_before(),
    );
    let input = Digest::of(
        [
            failure.signature.as_str(),
            rung.action.as_str(),
            at.tree.as_str(),
            &at.resumed.to_string(),
            &evidence,
        ]
        .join("\0")
        .as_bytes(),
    );
    let (goto, step) = rung.goto.place(failure, at);
    Remedy {
        action: rung.action,
        goto,
        step,
        evidence,
        input,
        wait_ms,
        reason: offer.reason(failure),
        commands: match rung.action {
            HealAction::ApplyFixes => ladder::commands(failure, at),
            _ => Vec::new(),
        },
        variables: match rung.action {
            HealAction::SetDefault => ladder::defaults(failure, at),
            _ => BTreeMap::new(),
        },
    }
}

/// The wait before the next try, in milliseconds: what the other side asked for, exactly; else
/// full jitter from 0.5 s, at most 30 s. A long rest was had while the run was parked.
fn wait(failure: &Failure, run: RunId, attempt: u32) -> u64 {
    if ladder::is_long_rest(failure) {
        return 0;
    }
    failure.retry_after_ms.unwrap_or_else(|| {
        let seed = format!("{run}\0{}", failure.signature);
        full_jitter(&seed, attempt, 500, 30_000)
    })
}

fn limit_reached(failure: &Failure, budget: &HealBudget) -> Option<String> {
    let limit = if budget.failures > budget.max_retries {
        format!(
            "the phase failed {} times, max_retries is {}",
            budget.failures, budget.max_retries
        )
    } else if budget.heals >= budget.max_heals {
        format!(
            "the run had {} heals, max_heals is {}",
            budget.heals, budget.max_heals
        )
    } else {
        return None;
    };
    Some(format!("{limit}; the last failure: {}", failure.message))
}

fn end(end: End, failure: &Failure, history: &[Tried]) -> Decision {
    match end {
        End::GiveUp => {
            let mut tried: Vec<&str> = history
                .iter()
                .filter(|tried| tried.signature == failure.signature)
                .map(|tried| tried.action.as_str())
                .collect();
            tried.dedup();
            let tried = if tried.is_empty() {
                "no repair applies".to_owned()
            } else {
                format!("no repair is left after {}", tried.join(", "))
            };
            Decision::GiveUp {
                reason: format!("{tried}: {}", failure.message),
            }
        }
        End::Park => Decision::Stop {
            reason: StopReason::RateLimited,
            message: match failure.action_required {
                Some(_) => format!("the server cannot be reached: {}", failure.message),
                None => format!("no model can be reached for now: {}", failure.message),
            },
            action_required: failure.action_required.clone(),
        },
        End::Ask => Decision::Stop {
            reason: StopReason::AwaitingHuman,
            message: failure.message.clone(),
            action_required: Some(
                failure
                    .action_required
                    .clone()
                    .unwrap_or_else(|| format!("resolve this, then resume: {}", failure.message)),
            ),
        },
    }
}
