//! What each repair is worth for a failure.

use crate::domain::failure::{Distribution, ErrorType, Failure};
use crate::domain::remedy::{Considered, HealAction};

use super::super::knowledge::{Knowledge, Play, Tally, cost};
use super::ladder::{self, Case, Rung};
use super::{Situation, Tried, is_exhausted};

/// A class below this likelihood brings no repairs of its own.
const POSSIBLE: f64 = 0.08;

/// What is left of a repair's likelihood to help with each time that it was in vain.
const AGAIN: f64 = 0.7;

/// A repair that applies, and what is expected of it.
pub(super) struct Offer<'a> {
    pub(super) rung: &'static Rung,
    /// The class that brings it, and how likely that is.
    class: (ErrorType, f64),
    success: f64,
    value: f64,
    /// What it did for the same failure before.
    play: Option<&'a Play>,
    tally: Tally,
    learns: bool,
}

/// How likely each class is, after the repairs of this failure that were in vain: what would have
/// healed one class makes it less likely.
pub(super) fn classes(
    failure: &Failure,
    at: &Situation,
    history: &[Tried],
    knowledge: &Knowledge,
) -> Distribution {
    let mut classes = failure.distribution();
    let mut before: Vec<HealAction> = Vec::new();
    for tried in in_vain(failure, at, history) {
        let again = again(tried.action, &before);
        classes = Distribution::of(|class| {
            let chance = knowledge.chance(class, tried.action, at.phase) * again;
            classes.get(class) * (1.0 - chance)
        });
        before.push(tried.action);
    }
    classes
}

/// The classes that bring repairs, likeliest first, the given one among them.
pub(super) fn possible(failure: &Failure, classes: &Distribution) -> Vec<(ErrorType, f64)> {
    let given = failure.error_type;
    if given == ErrorType::Safety {
        return vec![(given, classes.get(given))];
    }
    let mut possible = classes.ranked();
    possible.retain(|(class, share)| {
        *class != ErrorType::Safety && (*share >= POSSIBLE || *class == given)
    });
    if !possible.iter().any(|(class, _)| *class == given) {
        possible.push((given, 0.0));
    }
    possible
}

/// The repairs that apply and are not exhausted, best first.
pub(super) fn offers<'a>(
    failure: &Failure,
    at: &Situation,
    history: &[Tried],
    knowledge: &'a Knowledge,
    classes: &Distribution,
) -> Vec<Offer<'a>> {
    let offer = |rung, class| {
        let before: Vec<HealAction> = in_vain(failure, at, history)
            .map(|tried| tried.action)
            .collect();
        offer(
            rung,
            (class, classes.get(class)),
            failure,
            at,
            &before,
            (knowledge, classes),
        )
    };
    let is_open = |rung: &Rung, class| {
        at.wanted.is_none_or(|wanted| rung.action == wanted)
            && (rung.applies)(&Case::new(failure, at, history, class))
            && !is_exhausted(rung, failure, at, history)
    };
    let open = |class| {
        let rungs = ladder::rungs(class, failure).iter();
        rungs.filter(move |rung| is_open(rung, class))
    };
    if !knowledge.learns() {
        let given = failure.error_type;
        return open(given).map(|rung| offer(rung, given)).collect();
    }
    let mut offers: Vec<Offer<'a>> = Vec::new();
    for (class, _) in possible(failure, classes) {
        for rung in open(class) {
            if !offers.iter().any(|known| known.rung.action == rung.action) {
                offers.push(offer(rung, class));
            }
        }
    }
    offers.retain(|offer| at.wanted.is_some() || offer.value > 0.0);
    offers
        .sort_by(|a, b| (a.rung.last.cmp(&b.rung.last)).then_with(|| b.value.total_cmp(&a.value)));
    if failure.error_type != ErrorType::Safety {
        for (action, _) in knowledge
            .playbook()
            .known(&failure.signature)
            .into_iter()
            .rev()
        {
            let mut others = ErrorType::ALL
                .into_iter()
                .filter(|class| *class != ErrorType::Safety);
            let known = match offers.iter().position(|offer| offer.rung.action == action) {
                Some(place) => Some(offers.remove(place)),
                None => others.find_map(|class| {
                    let rung = open(class).find(|rung| rung.action == action)?;
                    Some(offer(rung, class))
                }),
            };
            if let Some(known) = known {
                offers.insert(0, known);
            }
        }
    }
    offers
}

fn offer<'a>(
    rung: &'static Rung,
    class: (ErrorType, f64),
    failure: &Failure,
    at: &Situation,
    before: &[HealAction],
    (knowledge, classes): (&'a Knowledge, &Distribution),
) -> Offer<'a> {
    let action = rung.action;
    let expected = knowledge.expected(&failure.signature, classes, action, at.phase);
    let success = expected * again(action, before);
    Offer {
        rung,
        class,
        success,
        value: success - cost(action),
        play: knowledge.playbook().play(&failure.signature, action),
        tally: knowledge.tally(failure.error_type, action),
        learns: knowledge.learns(),
    }
}

/// The repairs of this failure that were in vain since a person last acted.
fn in_vain<'a>(
    failure: &'a Failure,
    at: &'a Situation,
    history: &'a [Tried],
) -> impl Iterator<Item = &'a Tried> {
    history.iter().filter(|tried| {
        !tried.kept && tried.signature == failure.signature && tried.resumed == at.resumed
    })
}

fn again(action: HealAction, before: &[HealAction]) -> f64 {
    let times = before.iter().filter(|earlier| **earlier == action).count();
    AGAIN.powi(i32::try_from(times).unwrap_or(i32::MAX))
}

impl Offer<'_> {
    pub(super) fn considered(self) -> Considered {
        let rounded = |number: f64| (number * 1_000.0).round() / 1_000.0;
        Considered {
            action: self.rung.action,
            success: rounded(self.success),
            value: rounded(self.value),
        }
    }

    /// What the playbook knows of it, for whoever carries it out.
    pub(super) fn worked_before(&self) -> Option<String> {
        let play = self
            .play
            .filter(|play| self.learns && play.is_known_to_help())?;
        Some(format!(
            "This has healed the same failure {} of {} times before. It was then: {}",
            play.hits,
            play.tries(),
            play.cause
        ))
    }

    /// Why this, now.
    pub(super) fn reason(&self, failure: &Failure) -> String {
        let reason = self.rung.reason;
        if !self.learns {
            return reason.to_owned();
        }
        let expected = match (self.play, self.tally) {
            (Some(play), _) => {
                let (hits, tries) = (play.hits, play.tries());
                format!("it healed this very failure {hits} of {tries} times before")
            }
            (None, Tally { tries: 0, .. }) => {
                format!(
                    "assumed to help in {:.0} % of such cases",
                    self.success * 100.0
                )
            }
            (None, Tally { hits, tries }) => format!("it helped {hits} of {tries} times before"),
        };
        match self.class {
            (class, share) if class != failure.error_type => {
                let share = share * 100.0;
                format!("{reason}; {expected}, and it may be {class} ({share:.0} %)")
            }
            _ => format!("{reason}; {expected}"),
        }
    }
}
