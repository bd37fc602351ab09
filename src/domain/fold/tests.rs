//! Whatever happens to a run, its log folds; and nothing else does.
//!
//! A toy engine answers each action by dice, so that every way through the states is walked.

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::budget::Limits;
use crate::domain::event::{
    ExecutionStarted, HealByHand, HealSettled, HealStarted, PhaseCompleted, PhaseError,
    PhaseStarted, RunFailed, RunOptions, RunReplayed, RunResumed, RunUpdated, StepCompleted,
    StepError, StepStarted, StopReason,
};
use crate::domain::failure::{Cause, Damage, ErrorType, Failure, Origin};
use crate::domain::id::{Digest, ExecutionId, HealId, RunId};
use crate::domain::remedy::{HealAction, Remedy};
use crate::domain::replay::{Comparison, ReplayMode, ReplayResult};
use crate::domain::run::ByHand;
use crate::domain::{Action, Phase, TreeId};

mod applications;

fn dice(seed: u64, at: u64) -> u64 {
    // SplitMix64 (Steele, Lea and Flood 2014): a number for each place in each log.
    let mut z = seed ^ at.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn record(seq: u64, event: Event) -> Record {
    let seconds = i64::try_from(seq).expect("small");
    Record {
        run: RunId(1),
        seq,
        at: Timestamp::from_second(1_700_000_000 + seconds).expect("in range"),
        event,
    }
}

fn created() -> Event {
    Event::RunCreated(Box::new(RunCreated {
        title: "t".into(),
        goal: "g".into(),
        repository: "/r".into(),
        directory: String::new(),
        base_commit: "c0".into(),
        base_tree: "t0".into(),
        parent: None,
        branch: "rgpt/run-1".into(),
        limits: Limits {
            max_retries: 3,
            max_heals: 4,
            usd: None,
            tokens: None,
            wall_ms: None,
            attempts: None,
        },
        options: RunOptions::default(),
        config: Digest::of(b""),
        notes: Vec::new(),
    }))
}

fn failure(roll: u64) -> Failure {
    Failure {
        error_type: ErrorType::Logic,
        retryable: false,
        origin: Origin::Code,
        signature: Digest::of(&roll.to_le_bytes()),
        message: "m".into(),
        root_cause: None,
        evidence: String::new(),
        failing_tests: Vec::new(),
        distribution: None,
        retry_after_ms: None,
        action_required: None,
        damage: Some(Damage {
            failing_tests: u32::try_from(roll % 5).expect("small"),
            ..Damage::default()
        }),
        cause: Cause::Tests,
    }
}

fn begun(run: &Run, phase: Phase) -> ExecutionStarted {
    ExecutionStarted {
        id: run.next_execution(),
        agent: phase.agent(),
        model: None,
        prompt_version: "p".into(),
        brief: Digest::of(b"b"),
        tree: run.tree.clone(),
    }
}

/// What the toy engine records for an action.
fn perform(run: &Run, action: &Action, roll: u64) -> Event {
    match action {
        Action::StartPhase(phase) => Event::PhaseStarted(PhaseStarted {
            phase: *phase,
            execution: (*phase != Phase::Builder).then(|| begun(run, *phase)),
            abandoned: Vec::new(),
        }),
        Action::StartStep(step) => Event::StepStarted(StepStarted {
            step: step.clone(),
            execution: begun(run, Phase::Builder),
        }),
        Action::Execute(id) => execute(run, *id, roll),
        Action::CompleteBuilder => match run.unreachable_steps().first() {
            Some(step) => Event::StepSkipped {
                step: step.id.clone(),
                reason: "r".into(),
            },
            None => completed(run, Phase::Builder, None, roll),
        },
        Action::StartCandidate | Action::ChooseCandidate => unreachable!("no such repair here"),
        Action::Heal if run.heal_count >= run.limits.max_heals => Event::RunFailed(RunFailed {
            reason: "r".into(),
            error_type: ErrorType::Logic,
        }),
        Action::Heal => heal(run, roll),
        Action::SettleHeal => settle(run),
        Action::Finish => Event::RunDone(RunDone {
            verified: true,
            commit: "c1".into(),
            tree: run.tree.clone(),
            branch: "rgpt/run-1".into(),
            quality_score: 1.0,
        }),
    }
}

fn execute(run: &Run, id: ExecutionId, roll: u64) -> Event {
    let execution = run.execution(id).expect("known").clone();
    let ok = !roll.is_multiple_of(3);
    match (execution.step, ok) {
        (Some(step), true) => Event::StepCompleted(StepCompleted {
            step,
            execution: id,
            summary: "s".into(),
            report: None,
            tree: TreeId(format!("t{}", roll % 7)),
            commit: None,
        }),
        (Some(step), false) => Event::StepError(StepError {
            step,
            execution: id,
            error_type: ErrorType::Logic,
            message: "m".into(),
            report: None,
            tree: run.tree.clone(),
        }),
        (None, true) => completed(run, execution.phase, Some(id), roll),
        (None, false) => error(run, execution.phase, Some(id), roll),
    }
}

fn completed(run: &Run, phase: Phase, execution: Option<ExecutionId>, roll: u64) -> Event {
    let steps: Vec<_> = (0..=roll % 3)
        .map(|n| {
            json!({"id": format!("s{n}"), "name": "n", "description": "d",
            "dependencies": if n > 0 { vec![format!("s{}", n - 1)] } else { vec![] }})
        })
        .collect();
    Event::PhaseCompleted(PhaseCompleted {
        phase,
        execution,
        output: json!({"summary": "s", "steps": steps}),
        report: None,
        tree: run.tree.clone(),
    })
}

fn error(run: &Run, phase: Phase, execution: Option<ExecutionId>, roll: u64) -> Event {
    Event::PhaseError(PhaseError {
        phase,
        execution,
        step: None,
        failure: failure(roll),
        report: None,
        tree: run.tree.clone(),
    })
}

fn heal(run: &Run, roll: u64) -> Event {
    let standing = run.failure.clone().expect("stands");
    let allowed = standing
        .phase
        .min(Phase::ALL[usize::try_from(roll % 4).expect("small")]);
    let goto = if run.plan.is_none() {
        Phase::Planner
    } else {
        allowed
    };
    Event::HealStarted(HealStarted {
        heal: run.next_heal(),
        signature: standing.failure.signature,
        error_type: standing.failure.error_type,
        cause: standing.failure.message,
        root_cause: None,
        distribution: None,
        considered: Vec::new(),
        remedy: Remedy {
            action: HealAction::Replan,
            goto,
            step: None,
            evidence: "e".into(),
            input: Digest::of(&roll.to_le_bytes()),
            wait_ms: 0,
            reason: "r".into(),
            commands: Vec::new(),
            variables: std::collections::BTreeMap::new(),
        },
        snapshot: run.tree.clone(),
    })
}

fn settle(run: &Run) -> Event {
    let open = run.heal.as_ref().expect("open");
    let kept = open.better == Some(true);
    let settled = HealSettled {
        heal: open.id,
        tree: if kept {
            run.tree.clone()
        } else {
            open.snapshot.clone()
        },
        message: "m".into(),
        diff: String::new(),
        tokens: 0,
        cost_usd: 0.0,
    };
    if kept {
        Event::HealSuccess(settled)
    } else {
        Event::HealFailed(settled)
    }
}

/// What comes next in a log: a pure function of the run and the seed.
fn follow(run: &Run, seed: u64) -> Option<Event> {
    let roll = dice(seed, run.seq);
    let step_failed = run
        .steps
        .iter()
        .any(|step| step.status == StepStatus::Failed && !step.abandoned);
    if run.progress() == State::Running(Phase::Builder) && step_failed {
        return Some(error(run, Phase::Builder, None, roll));
    }
    run.next().map(|action| perform(run, &action, roll))
}

/// A whole log, from creation to its end.
fn log(seed: u64) -> Vec<Record> {
    let mut records = vec![record(1, created())];
    let mut run = Run::begin(&records[0]).expect("begins");
    while let Some(event) = follow(&run, seed) {
        let next = record(run.seq + 1, event);
        run.apply(&next)
            .unwrap_or_else(|illegal| panic!("{illegal}"));
        records.push(next);
        assert!(records.len() < 1_000, "the run does not end");
    }
    assert!(
        run.state().is_terminal(),
        "it stands still in {}",
        run.state()
    );
    records
}

/// Which state may follow which, as the design draws it.
fn may_follow(from: State, to: State) -> bool {
    match (from, to) {
        (a, b) if a == b => true,
        (State::Pending, State::Running(Phase::Planner)) => true,
        (State::Running(a), State::Completed(b) | State::Error(b)) => a == b,
        (State::Completed(a), State::Running(b)) => a.next() == Some(b),
        (State::Completed(Phase::Releaser), State::Done) => true,
        (State::Error(_), State::SelfHeal | State::Failed | State::Error(_)) => true,
        (State::SelfHeal, State::Running(_)) => true,
        _ => false,
    }
}

proptest! {
    #[test]
    fn every_prefix_of_every_log_resumes_to_the_same_end(seed: u64, cut: prop::sample::Index) {
        let whole = log(seed);
        let cut = 1 + cut.index(whole.len());
        let mut run = Run::fold(&whole[..cut]).expect("legal").expect("begun");
        while let Some(event) = follow(&run, seed) {
            let next = record(run.seq + 1, event);
            run.apply(&next).expect("legal");
        }
        prop_assert_eq!(Run::fold(&whole).expect("legal").expect("begun"), run);
    }

    #[test]
    fn a_stop_and_a_resume_at_any_place_change_nothing_but_the_record_of_them(
        seed: u64, cut: prop::sample::Index,
    ) {
        let whole = log(seed);
        let cut = 1 + cut.index(whole.len() - 1);
        let before = Run::fold(&whole[..cut]).expect("legal").expect("begun");
        let mut after = before.clone();
        for event in [
            Event::RunStopped(RunStopped {
                reason: StopReason::Interrupted,
                message: "m".into(),
                action_required: None,
                needs: None,
            }),
            Event::RunResumed(RunResumed::default()),
        ] {
            let next = record(after.seq + 1, event);
            after.apply(&next).expect("legal");
        }
        prop_assert_eq!(before.next(), after.next());
        prop_assert_eq!(before.state(), after.state());
        prop_assert_eq!(before.tree, after.tree);
    }

    #[test]
    fn states_follow_each_other_only_as_the_design_draws_them(seed: u64) {
        let whole = log(seed);
        let mut run = Run::begin(&whole[0]).expect("begins");
        for next in &whole[1..] {
            let from = run.state();
            run.apply(next).expect("legal");
            prop_assert!(may_follow(from, run.state()), "{} -> {}", from, run.state());
        }
    }

    #[test]
    fn an_event_from_elsewhere_is_reported_or_leads_along_the_drawing(
        seed: u64, cut: prop::sample::Index, other: u64, pick: prop::sample::Index,
    ) {
        let whole = log(seed);
        let mut run = Run::fold(&whole[..1 + cut.index(whole.len())]).expect("legal").expect("begun");
        let stranger = log(other);
        let event = stranger[pick.index(stranger.len())].event.clone();
        let next = record(run.seq + 1, event);
        let from = run.state();
        if run.apply(&next).is_ok() {
            prop_assert!(may_follow(from, run.state()), "{} -> {}", from, run.state());
        }
    }

    #[test]
    fn every_event_reads_back_from_its_type_and_payload(seed: u64) {
        for record in log(seed) {
            let payload = record.event.payload().expect("finite");
            let read = Event::read(&record.event.kind(), payload).expect("reads");
            prop_assert_eq!(read, record.event);
        }
    }
}

#[test]
fn what_cannot_follow_is_named_with_its_place_and_reason() {
    let first = record(1, created());
    let mut run = Run::begin(&first).expect("begins");
    let early = record(2, completed(&run, Phase::Tester, None, 0));
    let illegal = run.clone().apply(&early).expect_err("illegal");
    assert_eq!(
        illegal.to_string(),
        "event 2 (tester.completed) cannot follow in state pending: the phase is not at work"
    );
    let gap = record(3, error(&run, Phase::Planner, None, 0));
    assert!(run.apply(&gap).is_err());
}

#[test]
fn a_failed_run_goes_on_only_with_a_grant_from_the_start_of_a_phase() {
    let records = (0..)
        .map(log)
        .find(|records| matches!(records.last().map(|r| &r.event), Some(Event::RunFailed(_))))
        .expect("some run fails");
    let run = Run::fold(&records).expect("legal").expect("begun");
    let resume = |resumed: RunResumed| {
        let mut run = run.clone();
        let next = record(run.seq + 1, Event::RunResumed(resumed));
        run.apply(&next).map(|()| run)
    };
    assert!(resume(RunResumed::default()).is_err());
    assert!(
        resume(RunResumed {
            granted: true,
            ..RunResumed::default()
        })
        .is_err()
    );
    let phase = run.phase().expect("known");
    let again = resume(RunResumed {
        granted: true,
        from: Some(phase),
        tree: Some("t9".into()),
        ..RunResumed::default()
    })
    .expect("granted");
    assert_eq!(again.next(), Some(Action::StartPhase(phase)));
    assert_eq!((again.heal_count, again.retry_count()), (0, 0));
    assert_eq!(again.tree.as_str(), "t9");
}

#[test]
fn a_failed_run_can_be_given_one_repair_by_hand() {
    let records = (0..)
        .map(log)
        .find(|records| matches!(records.last().map(|r| &r.event), Some(Event::RunFailed(_))))
        .expect("some run fails");
    let mut run = Run::fold(&records).expect("legal").expect("begun");
    let mut apply = |event: Event| {
        let next = record(run.seq + 1, event);
        run.apply(&next).expect("legal");
        run.clone()
    };
    let faced = apply(Event::RunResumed(RunResumed {
        granted: true,
        heal: Some(HealByHand::default()),
        ..RunResumed::default()
    }));
    assert_eq!(faced.next(), Some(Action::Heal));
    let healing = apply(heal(&faced, 0));
    assert!(healing.next().is_some());
    let mut at = healing;
    for roll in 0.. {
        match at.next() {
            Some(action) => at = apply(perform(&at, &action, roll)),
            None => break,
        }
    }
    assert_eq!(at.by_hand, Some(ByHand::Made));
    assert_eq!(at.heals.len(), faced.heals.len() + 1);
}

#[test]
fn a_fork_shares_the_events_before_it_and_is_compared_once() {
    let records = log(7);
    let (source, seq) = (RunId(1), 1);
    let mut first = record(1, created());
    first.run = RunId(2);
    if let Event::RunCreated(created) = &mut first.event {
        created.parent = Some(source);
    }
    assert_eq!(records[0].event, created());
    let mut run = Run::begin(&first).expect("begins");
    let replayed = |run: &Run, source| Record {
        run: RunId(2),
        ..record(
            run.seq + 1,
            Event::RunReplayed(RunReplayed {
                source,
                seq,
                phase: Phase::Planner,
                mode: ReplayMode::Offline,
                limits: run.limits,
                until: Some(Phase::Builder),
                partial: false,
                granted: false,
            }),
        )
    };
    assert!(run.clone().apply(&replayed(&run, RunId(3))).is_err());
    run.apply(&replayed(&run, source)).expect("legal");
    assert_eq!(run.until, Some(Phase::Builder));
    let compared = |run: &Run| Record {
        run: RunId(2),
        ..record(
            run.seq + 1,
            Event::RunUpdated(RunUpdated::Compared(Comparison {
                result: ReplayResult::Equal,
                divergence: None,
                notes: Vec::new(),
            })),
        )
    };
    run.apply(&compared(&run)).expect("legal");
    assert!(run.clone().apply(&compared(&run)).is_err());
}

#[test]
fn a_repair_that_does_not_help_is_taken_back_whole() {
    let mut run = None;
    for seed in 0..500 {
        let records = log(seed);
        let found = records
            .iter()
            .position(|r| matches!(r.event, Event::HealFailed(_)));
        if let Some(at) = found {
            let heal = records[..at]
                .iter()
                .rposition(|r| matches!(r.event, Event::HealStarted(_)))
                .expect("began");
            let before = Run::fold(&records[..heal]).expect("legal").expect("begun");
            let after = Run::fold(&records[..=at]).expect("legal").expect("begun");
            assert_eq!(before.tree, after.tree);
            assert_eq!(before.plan, after.plan);
            assert_eq!(before.steps, after.steps);
            assert_eq!(before.failure, after.failure);
            assert_eq!(before.state(), after.state());
            run = Some(after);
        }
    }
    assert_eq!(run.expect("some repair fails").heals[0].id, HealId(1));
}
