//! Which runs to forget. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::{RunId, State};
use crate::store::RunObject;

/// What a person says about which runs may go. A run must meet everything that is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Not the latest so many.
    pub keep: Option<usize>,
    /// Only those in which nothing happened for so long.
    pub older_than: Option<Duration>,
    /// Only those in this state.
    pub state: Option<State>,
    /// Exactly these, ended or not. Nothing else is said then.
    pub named: Vec<RunId>,
}

/// A run that stays although it is among those that may go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// The run.
    pub run: RunId,
    /// Why.
    pub why: String,
}

/// What is to happen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The runs to forget, by number.
    pub runs: Vec<RunId>,
    /// Those that stay in spite of what was said, by number.
    pub kept: Vec<Kept>,
}

/// Why a run that was named cannot be forgotten.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RetentionError {
    /// There is none.
    #[error("there is no run {0}")]
    NoSuchRun(RunId),
    /// Somebody drives it.
    #[error("run {0} is at work")]
    Driven(RunId),
}

impl RetentionError {
    /// The next command to type.
    pub fn hint(&self) -> String {
        match self {
            Self::NoSuchRun(_) => "see which there are: rgpt list".to_owned(),
            Self::Driven(run) => format!("stop it first: rgpt cancel --run {run}"),
        }
    }
}

impl Retention {
    /// Whether nothing is said, so that no run may go.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Applies what was said to all runs of the record, the latest first.
    ///
    /// # Errors
    /// If a run is named that there is not, or that somebody drives.
    pub fn plan(
        &self,
        runs: &[RunObject],
        driven: &BTreeSet<RunId>,
        now: Timestamp,
    ) -> Result<Plan, RetentionError> {
        let mut plan = Plan::default();
        for run in &self.named {
            if runs.iter().all(|known| known.id != *run) {
                return Err(RetentionError::NoSuchRun(*run));
            }
            if driven.contains(run) {
                return Err(RetentionError::Driven(*run));
            }
        }
        if self.is_empty() {
            return Ok(plan);
        }
        for (place, run) in runs.iter().enumerate() {
            if !self.names(run, place, now) {
                continue;
            }
            match self.objection(run, driven) {
                None => plan.runs.push(run.id),
                Some(why) => plan.kept.push(Kept { run: run.id, why }),
            }
        }
        keep_ancestors(&mut plan, runs);
        plan.runs.sort();
        plan.kept.sort_by_key(|kept| kept.run);
        Ok(plan)
    }

    /// Whether what was said is about this run, the `place`-th latest from 0.
    fn names(&self, run: &RunObject, place: usize, now: Timestamp) -> bool {
        if !self.named.is_empty() {
            return self.named.contains(&run.id);
        }
        let age = now.duration_since(run.updated_at);
        let old = |least: Duration| age.unsigned_abs() >= least && age.is_positive();
        self.keep.is_none_or(|keep| place >= keep)
            && self.older_than.is_none_or(old)
            && self.state.is_none_or(|state| run.state == state)
    }

    fn objection(&self, run: &RunObject, driven: &BTreeSet<RunId>) -> Option<String> {
        if driven.contains(&run.id) {
            return Some("it is at work".to_owned());
        }
        let can_go_on = !run.state.is_terminal();
        (can_go_on && self.named.is_empty())
            .then(|| format!("it can go on; to forget it: --run {}", run.id))
    }
}

/// A run that is replayed is read through its descendants, so it stays as long as one of them does.
fn keep_ancestors(plan: &mut Plan, runs: &[RunObject]) {
    let parents: BTreeMap<RunId, RunId> = runs
        .iter()
        .filter_map(|run| Some((run.id, run.parent_run_id?)))
        .collect();
    let doomed: BTreeSet<RunId> = plan.runs.iter().copied().collect();
    let mut needed: BTreeMap<RunId, RunId> = BTreeMap::new();
    for run in runs.iter().filter(|run| !doomed.contains(&run.id)) {
        let mut child = run.id;
        while let Some(parent) = parents.get(&child) {
            if needed.insert(*parent, child).is_some() {
                break;
            }
            child = *parent;
        }
    }
    plan.runs.retain(|run| match needed.get(run) {
        None => true,
        Some(child) => {
            plan.kept.push(Kept {
                run: *run,
                why: format!("run {child} was made from it"),
            });
            false
        }
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Phase;
    use crate::domain::budget::Usage;

    fn now() -> Timestamp {
        "2026-02-01T00:00:00Z".parse().expect("a time")
    }

    fn run(id: i64, state: State, days: i64, parent: Option<i64>) -> RunObject {
        let then = now() - jiff::SignedDuration::from_hours(days * 24);
        RunObject {
            id: RunId(id),
            title: String::new(),
            goal: String::new(),
            state,
            status: String::new(),
            phase: None,
            parent_run_id: parent.map(RunId),
            retry_count: 0,
            max_retries: 0,
            heal_count: 0,
            max_heals: 0,
            last_heal_action: None,
            quality_score: None,
            verified: false,
            stop_reason: None,
            branch: None,
            applied_to: None,
            applied_at: None,
            base_commit: "".into(),
            commit: None,
            tree: "".into(),
            created_at: then,
            started_at: None,
            updated_at: then,
            finished_at: None,
            usage: Usage::default(),
        }
    }

    /// The latest first: 5 is at work, 4 done, 3 stands in the builder, 2 failed, 1 done.
    fn runs() -> Vec<RunObject> {
        vec![
            run(5, State::Running(Phase::Tester), 0, None),
            run(4, State::Done, 1, None),
            run(3, State::Running(Phase::Builder), 40, None),
            run(2, State::Failed, 50, None),
            run(1, State::Done, 60, None),
        ]
    }

    fn plan(retention: &Retention, runs: &[RunObject]) -> (Vec<i64>, Vec<(i64, String)>) {
        let driven = BTreeSet::from([RunId(5)]);
        let plan = retention.plan(runs, &driven, now()).expect("plans");
        let kept = plan.kept.into_iter().map(|kept| (kept.run.0, kept.why));
        (plan.runs.iter().map(|run| run.0).collect(), kept.collect())
    }

    #[test]
    fn everything_that_is_said_must_hold() {
        let month = Some(Duration::from_secs(30 * 86_400));
        let said = |keep, older_than, state| Retention {
            keep,
            older_than,
            state,
            named: Vec::new(),
        };
        assert_eq!(plan(&said(None, None, None), &runs()).0, [0; 0]);
        assert_eq!(plan(&said(Some(2), None, None), &runs()).0, [1, 2]);
        assert_eq!(plan(&said(None, month, None), &runs()).0, [1, 2]);
        assert_eq!(
            plan(&said(None, None, Some(State::Done)), &runs()).0,
            [1, 4]
        );
        assert_eq!(
            plan(&said(Some(4), month, Some(State::Done)), &runs()).0,
            [1]
        );
    }

    #[test]
    fn a_run_that_can_go_on_stays_unless_it_is_named() {
        let all = Retention {
            keep: Some(0),
            ..Retention::default()
        };
        let (gone, kept) = plan(&all, &runs());
        assert_eq!(gone, [1, 2, 4]);
        let words = |run: i64, why: &str| (run, why.to_owned());
        let stays = [
            words(3, "it can go on; to forget it: --run 3"),
            words(5, "it is at work"),
        ];
        assert_eq!(kept, stays);
        let named = |run| Retention {
            named: vec![RunId(run)],
            ..Retention::default()
        };
        assert_eq!(plan(&named(3), &runs()).0, [3]);
        let none = BTreeSet::new();
        assert_eq!(
            named(9).plan(&runs(), &none, now()),
            Err(RetentionError::NoSuchRun(RunId(9)))
        );
        let driven = BTreeSet::from([RunId(5)]);
        assert_eq!(
            named(5).plan(&runs(), &driven, now()),
            Err(RetentionError::Driven(RunId(5)))
        );
    }

    #[test]
    fn what_a_run_was_made_from_stays_with_it() {
        let mut runs = runs();
        runs[0].parent_run_id = Some(RunId(2));
        runs[3].parent_run_id = Some(RunId(1));
        let all = Retention {
            keep: Some(0),
            ..Retention::default()
        };
        let (gone, kept) = plan(&all, &runs);
        assert_eq!(gone, [4]);
        assert_eq!(kept[0], (1, "run 2 was made from it".to_owned()));
        assert_eq!(kept[1], (2, "run 5 was made from it".to_owned()));
    }

    proptest! {
        #[test]
        fn no_run_that_is_left_misses_its_parent(
            parents in proptest::collection::vec(0_i64..30, 30),
            keep in 0_usize..30,
        ) {
            let runs: Vec<RunObject> = (1..=30)
                .rev()
                .map(|id| {
                    let parent = parents[id as usize - 1];
                    run(id, State::Done, 1, (parent > 0 && parent < id).then_some(parent))
                })
                .collect();
            let retention = Retention { keep: Some(keep), ..Retention::default() };
            let plan = retention.plan(&runs, &BTreeSet::new(), now()).expect("plans");
            for run in &runs {
                if let (false, Some(parent)) = (plan.runs.contains(&run.id), run.parent_run_id) {
                    prop_assert!(!plan.runs.contains(&parent));
                }
            }
        }
    }
}
