//! Repairs that go round in circles: the same failure comes back in the same words, whatever is done.

use crate::domain::event::StopReason;
use crate::domain::failure::Failure;
use crate::domain::id::RunId;
use crate::domain::remedy::HealAction;

use super::remedy::{Decision, Tried};

/// After so many rounds without news the next repair is told to take another way.
const ROUNDS: usize = 2;

/// The decision, unless the last repairs brought no news: then the repair is told so, once; and if
/// that brings no news either, the run is to stand still. `resumed` is as in
/// [`Situation`](super::remedy::Situation): what was tried before a person looked does not count.
pub fn guard(
    decision: Decision,
    failure: &Failure,
    history: &[Tried],
    run: RunId,
    resumed: u32,
) -> Decision {
    let Decision::Act {
        mut remedy,
        considered,
        distribution,
    } = decision
    else {
        return decision;
    };
    let rounds = rounds_without_news(failure, history, resumed);
    if !asks_a_model(remedy.action) || rounds.len() < ROUNDS {
        return Decision::Act {
            remedy,
            considered,
            distribution,
        };
    }
    let actions: Vec<&str> = rounds.iter().map(|tried| tried.action.as_str()).collect();
    let actions = actions.join(", ");
    let count = rounds.len();
    if count > ROUNDS {
        return Decision::Stop {
            reason: StopReason::Stuck,
            message: format!(
                "{count} repairs in a row ({actions}) left the same failure: {}",
                failure.message
            ),
            action_required: Some(format!(
                "look at it: rgpt inspect {run} --failures; then say more, by another model or a repair of your choice: \
                 rgpt switch-model --run {run} --agent builder --model MODEL, rgpt heal --run {run} --action ACTION"
            )),
        };
    }
    remedy.evidence.push_str(&format!(
        "\n\nThe last {count} repairs ({actions}) left exactly this failure. Whatever they took for its cause is not. Take \
         another way: doubt what they took for granted, look where they did not look, and change something else than they did."
    ));
    remedy
        .reason
        .push_str("; the last repairs brought nothing new, so it is told to take another way");
    Decision::Act {
        remedy,
        considered,
        distribution,
    }
}

/// The last repairs in a row that a model made for this failure and after which it came back in the
/// same words.
fn rounds_without_news<'t>(
    failure: &Failure,
    history: &'t [Tried],
    resumed: u32,
) -> Vec<&'t Tried> {
    let made = history.iter().rev();
    let mut rounds: Vec<&Tried> = made
        .filter(|tried| asks_a_model(tried.action))
        .take_while(|tried| {
            tried.signature == failure.signature && !tried.kept && tried.resumed == resumed
        })
        .take_while(|tried| tried.evidence.contains(&failure.message))
        .collect();
    rounds.reverse();
    rounds
}

/// Whether a repair has a model at work on the code or the plan. The others end by themselves.
fn asks_a_model(action: HealAction) -> bool {
    match action {
        HealAction::FixAssertion
        | HealAction::FixCrash
        | HealAction::FixBuild
        | HealAction::FixLint
        | HealAction::FixCommand
        | HealAction::RefinePlan
        | HealAction::Replan
        | HealAction::SplitStep
        | HealAction::PatchInstructions
        | HealAction::RegenerateTest
        | HealAction::TryCandidates
        | HealAction::FreeForm => true,
        HealAction::RepairJson
        | HealAction::Regenerate
        | HealAction::RegenerateConstrained
        | HealAction::Backoff
        | HealAction::AnotherModel
        | HealAction::InstallDependencies
        | HealAction::CreateFromTemplate
        | HealAction::PolicyCorrection
        | HealAction::RerunChecks
        | HealAction::ApplyFixes
        | HealAction::SetDefault => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Digest;
    use crate::domain::phase::Phase;
    use crate::domain::remedy::Remedy;
    use crate::heal::classify;

    fn failure() -> Failure {
        classify::blocked("the total is wrong", &[])
    }

    fn tried(action: HealAction, outcome: &str) -> Tried {
        Tried {
            signature: failure().signature,
            action,
            input: Digest::of(action.as_str().as_bytes()),
            kept: false,
            evidence: outcome.to_owned(),
            resumed: 0,
        }
    }

    fn act(action: HealAction) -> Decision {
        Decision::Act {
            remedy: Remedy {
                action,
                goto: Phase::Builder,
                step: None,
                evidence: "look here".to_owned(),
                input: Digest::of(b"input"),
                wait_ms: 0,
                reason: "because".to_owned(),
                commands: Vec::new(),
                variables: std::collections::BTreeMap::new(),
            },
            considered: Vec::new(),
            distribution: failure().distribution(),
        }
    }

    fn guarded(action: HealAction, history: &[Tried]) -> Decision {
        guard(act(action), &failure(), history, RunId(7), 0)
    }

    const SAME: &str = "not better: the total is wrong";

    #[test]
    fn two_rounds_without_news_are_told_once_and_a_third_ends_it() {
        let mut history = vec![tried(HealAction::FixAssertion, SAME)];
        assert_eq!(
            guarded(HealAction::Replan, &history),
            act(HealAction::Replan)
        );
        history.push(tried(HealAction::RefinePlan, SAME));
        let Decision::Act { remedy, .. } = guarded(HealAction::Replan, &history) else {
            panic!("it is to go on");
        };
        assert!(
            remedy.evidence.contains("fix_assertion, refine_plan"),
            "{}",
            remedy.evidence
        );
        assert!(remedy.evidence.starts_with("look here"));
        history.push(tried(HealAction::Replan, SAME));
        let stop = guarded(HealAction::FreeForm, &history);
        let Decision::Stop {
            reason,
            message,
            action_required,
        } = stop
        else {
            panic!("it is to stand still");
        };
        assert_eq!(reason, StopReason::Stuck);
        assert!(
            message.starts_with("3 repairs in a row (fix_assertion, refine_plan, replan)"),
            "{message}"
        );
        assert!(action_required.is_some_and(|what| what.contains("rgpt inspect 7 --failures")));
    }

    #[test]
    fn news_of_any_kind_begin_anew() {
        let same = |action| tried(action, SAME);
        let other = Tried {
            signature: Digest::of(b"another"),
            ..same(HealAction::FixCrash)
        };
        let kept = Tried {
            kept: true,
            ..same(HealAction::FixCrash)
        };
        let before_a_person_looked = Tried {
            resumed: 3,
            ..same(HealAction::FixCrash)
        };
        for news in [
            other,
            kept,
            before_a_person_looked,
            tried(HealAction::FixCrash, "not better: else"),
        ] {
            let history = [
                same(HealAction::FixAssertion),
                same(HealAction::RefinePlan),
                news,
                same(HealAction::Replan),
            ];
            assert_eq!(
                guarded(HealAction::FreeForm, &history),
                act(HealAction::FreeForm)
            );
        }
    }

    #[test]
    fn what_no_model_makes_neither_counts_nor_is_told() {
        let history = [
            tried(HealAction::FixAssertion, SAME),
            tried(HealAction::Backoff, SAME),
            tried(HealAction::Backoff, SAME),
        ];
        assert_eq!(
            guarded(HealAction::Replan, &history),
            act(HealAction::Replan)
        );
        let history = [
            tried(HealAction::FixAssertion, SAME),
            tried(HealAction::RefinePlan, SAME),
        ];
        assert_eq!(
            guarded(HealAction::ApplyFixes, &history),
            act(HealAction::ApplyFixes)
        );
    }
}
