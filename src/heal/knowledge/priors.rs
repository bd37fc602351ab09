//! What is assumed of repairs before anything was seen of them: what each costs, and how likely it
//! is to help a failure of each class.
//!
//! Costs are in units of a healed failure, which is worth the work that stands and the attention of
//! the person who need not look: most of all. Free local work is cheapest, then one call, a
//! builder's execution, a new plan, several patches.

use crate::domain::failure::ErrorType;
use crate::domain::remedy::HealAction;

use ErrorType as E;
use HealAction as A;

/// How many outcomes weigh as much as what is assumed.
pub(super) const STRENGTH: f64 = 5.0;

/// The success assumed of a repair for a class that it was not made for.
const ELSEWHERE: f64 = 0.03;

struct Prior {
    action: HealAction,
    cost: f64,
    chances: &'static [(ErrorType, f64)],
}

const fn prior(
    action: HealAction,
    cost: f64,
    chances: &'static [(ErrorType, f64)],
    _why: &'static str,
) -> Prior {
    Prior {
        action,
        cost,
        chances,
    }
}

/// In the order of [`HealAction`].
#[rustfmt::skip]
const PRIORS: [Prior; HealAction::ALL.len()] = [
    prior(A::RepairJson, 0.005, &[(E::Llm, 0.95)],
        "offered only where the lenient reader has the whole answer already"),
    prior(A::Regenerate, 0.020, &[(E::Llm, 0.72), (E::Logic, 0.10)],
        "the exact error is new to the model, and most slips are not repeated"),
    prior(A::RegenerateConstrained, 0.025, &[(E::Llm, 0.62)],
        "mends shape, not substance; what is left after asking again is harder"),
    prior(A::Backoff, 0.010, &[(E::Infra, 0.60), (E::Config, 0.50)],
        "most outages are short; for CONFIG only offered after a person acted"),
    prior(A::AnotherModel, 0.030, &[(E::Llm, 0.58), (E::Infra, 0.40), (E::Logic, 0.50)],
        "another model has other habits, limits and servers"),
    prior(A::FixAssertion, 0.040, &[(E::Assertion, 0.65), (E::Runtime, 0.30), (E::Logic, 0.25)],
        "one informed attempt mends most failing tests; the builder reads a trace as well"),
    prior(A::FixCrash, 0.040, &[(E::Runtime, 0.65), (E::Assertion, 0.30), (E::Infra, 0.35), (E::Logic, 0.25)],
        "the trace names the place; for INFRA only offered where a check does not end"),
    prior(A::FixBuild, 0.040, &[(E::Logic, 0.70), (E::Runtime, 0.30), (E::Assertion, 0.25)],
        "compilers say what is wrong and where"),
    prior(A::FixLint, 0.040, &[(E::Assertion, 0.75), (E::Logic, 0.25)],
        "linters say what they want"),
    prior(A::FixCommand, 0.040, &[(E::Logic, 0.55), (E::Runtime, 0.55), (E::Config, 0.15)],
        "what is missing is named, but may not be the builder's to make"),
    prior(A::RefinePlan, 0.070, &[(E::Logic, 0.50), (E::Llm, 0.20), (E::Assertion, 0.15), (E::Runtime, 0.15)],
        "a contradiction shown is mostly resolved; all that follows is done again"),
    prior(A::Replan, 0.100, &[(E::Logic, 0.42), (E::Assertion, 0.40), (E::Runtime, 0.40), (E::Llm, 0.15)],
        "another way helps where the first was wrong, and costs the rest of the run"),
    prior(A::InstallDependencies, 0.015, &[(E::Config, 0.60), (E::Runtime, 0.10), (E::Logic, 0.10)],
        "helps where the lock file holds what is missing"),
    prior(A::CreateFromTemplate, 0.005, &[(E::Config, 0.70), (E::Runtime, 0.15)],
        "the project says itself what the file looks like"),
    prior(A::PolicyCorrection, 0.040, &[(E::Safety, 0.60)],
        "told the rule, most agents can do without"),
    prior(A::RerunChecks, 0.015, &[(E::Infra, 0.60), (E::Runtime, 0.05)],
        "what was the machine's fault is mostly over the second time"),
    prior(A::ApplyFixes, 0.005, &[(E::Assertion, 0.80), (E::Logic, 0.70)],
        "formatters always, linters often, compilers sometimes mend what they object to"),
    prior(A::SetDefault, 0.005, &[(E::Config, 0.75), (E::Runtime, 0.10)],
        "the project names the variable and its default"),
    prior(A::SplitStep, 0.050, &[(E::Llm, 0.55), (E::Logic, 0.35)],
        "less is asked of one answer, but the step is begun anew"),
    prior(A::PatchInstructions, 0.055, &[(E::Assertion, 0.48), (E::Runtime, 0.46), (E::Logic, 0.42), (E::Llm, 0.25)],
        "two executions; somebody else has looked at what the builder overlooks"),
    prior(A::RegenerateTest, 0.045, &[(E::Assertion, 0.42), (E::Runtime, 0.20)],
        "after a fix in vain the test is suspect, if this run wrote it"),
    prior(A::TryCandidates, 0.100, &[(E::Assertion, 0.47), (E::Runtime, 0.46), (E::Logic, 0.42)],
        "several tries are likelier to hold one that passes, and cost as many executions"),
    prior(A::FreeForm, 0.070, &[(E::Assertion, 0.30), (E::Runtime, 0.30), (E::Logic, 0.30), (E::Llm, 0.20), (E::Config, 0.20), (E::Infra, 0.10)],
        "whoever looks freely may find what no rule foresaw"),
];

fn of(action: HealAction) -> &'static Prior {
    let prior = &PRIORS[action as usize];
    debug_assert_eq!(prior.action, action, "one line each, in their order");
    prior
}

/// How likely a repair is assumed to help a failure of a class, 0 to 1.
pub(super) fn chance(class: ErrorType, action: HealAction) -> f64 {
    let known = of(action).chances;
    let chance = known.iter().find(|(of, _)| *of == class);
    chance.map_or(ELSEWHERE, |(_, chance)| *chance)
}

/// What a repair costs.
pub(super) fn cost(action: HealAction) -> f64 {
    of(action).cost
}

/// The classes that a repair is made for.
pub(super) fn classes(action: HealAction) -> impl Iterator<Item = ErrorType> {
    of(action).chances.iter().map(|(class, _)| *class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_repair_has_its_line() {
        for (prior, action) in PRIORS.iter().zip(HealAction::ALL) {
            assert_eq!(prior.action, action);
            assert!(prior.cost > 0.0 && prior.cost <= 0.1);
            assert!(!prior.chances.is_empty());
            for (_, chance) in prior.chances {
                assert!(*chance > ELSEWHERE && *chance < 1.0);
            }
        }
    }
}
