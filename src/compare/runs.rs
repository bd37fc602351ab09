//! Everything that differs between two runs.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::budget::Usage;
use crate::domain::finding::Severity;
use crate::domain::replay::{Divergence, Replay};
use crate::domain::tape::TapeEntry;
use crate::domain::{ErrorType, Event, ExecutionId, Phase, Record, Run, RunId, State, TreeId};

use super::course::{Pairing, first_divergence};
use super::findings::FindingChanges;
use super::plans::PlanChanges;
use super::tape::parting;
use super::verdicts::{self, CheckChange, TestChanges};

/// One of two runs, with all that is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The run.
    pub run: &'a Run,
    /// Its events.
    pub records: &'a [Record],
    /// The tapes of its executions.
    pub tapes: &'a BTreeMap<ExecutionId, Vec<TapeEntry>>,
    /// What its model calls used.
    pub usage: Usage,
}

/// The same of both runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pair<T> {
    /// Of the first.
    pub a: T,
    /// Of the second.
    pub b: T,
}

/// Everything that differs between two runs, as `diff --json` shows it but for the patch.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunDiff {
    /// The first run.
    pub a: RunId,
    /// The second run.
    pub b: RunId,
    /// Whether they are the same but for what is their own.
    pub same: bool,
    /// Their titles.
    pub titles: Pair<String>,
    /// Their repositories.
    pub repositories: Pair<String>,
    /// The replay that one of them is of the other.
    pub lineage: Option<Lineage>,
    /// How far they came.
    pub states: Pair<Ending>,
    /// The first event of their course where they part.
    pub first_divergence: Option<Divergence>,
    /// What differs in their plans.
    pub plan: PlanChanges,
    /// The checks whose verdicts differ.
    pub checks: Vec<CheckChange>,
    /// The tests that ended differently.
    pub tests: TestChanges,
    /// The findings that came and went.
    pub findings: FindingChanges,
    /// Their repairs.
    pub heals: Pair<Vec<HealWords>>,
    /// The models that were asked, by phase.
    pub models: BTreeMap<Phase, PhaseModels>,
    /// What their model calls used.
    pub usage: Pair<Usage>,
    /// How long they were at work, in milliseconds.
    pub duration_ms: Pair<u64>,
    /// Whether the second is worse: a test newly fails, a major finding is added, or it came less far.
    pub regression: bool,
    /// Why it is worse, one fragment each.
    pub reasons: Vec<String>,
}

/// Models of one phase in both runs, in the order in which they were first at the head of the list.
pub type PhaseModels = Pair<Vec<String>>;

/// One run that was forked from the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lineage {
    /// The fork.
    pub run: RunId,
    /// The run it was forked from.
    pub source: RunId,
    /// The phase it began with, where it is known already.
    pub phase: Option<Phase>,
    /// Where its answers came from.
    pub mode: Option<&'static str>,
    /// How it compares with its source by its own account.
    pub result: Option<&'static str>,
}

/// How far a run came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ending {
    /// Where it stands.
    pub state: State,
    /// The same in a word.
    pub status: &'static str,
    /// Whether rgpt itself saw the checks pass on what is handed over.
    pub verified: bool,
    /// Why it stands still, if it does.
    pub stop_reason: Option<&'static str>,
    /// The tree that stands.
    pub tree: TreeId,
}

/// A repair, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HealWords {
    /// The phase that had failed.
    pub phase: Phase,
    /// The class of the failure.
    pub error_type: ErrorType,
    /// What was done.
    pub action: &'static str,
    /// `kept`, `restored`, or none while it is open.
    pub verdict: Option<&'static str>,
}

impl RunDiff {
    /// Everything that differs from `a` to `b`.
    pub fn of(a: Side<'_>, b: Side<'_>) -> Self {
        let (left, right) = (a.run, b.run);
        let plan = PlanChanges::between(left.plan.as_ref(), right.plan.as_ref());
        let tests = TestChanges::between(left, right);
        let findings = FindingChanges::between(left, right);
        let first_divergence = first_parting(a, b);
        let states = both(a, b, Ending::of);
        let reasons = reasons(left, right, &tests, &findings);
        let checks = verdicts::checks(left, right);
        let same = first_divergence.is_none()
            && states.a == states.b
            && plan.is_empty()
            && checks.is_empty()
            && tests.is_empty()
            && findings.is_empty();
        Self {
            a: left.id,
            b: right.id,
            same,
            titles: both(a, b, |side| side.run.created.title.clone()),
            repositories: both(a, b, |side| side.run.created.repository.clone()),
            lineage: lineage(left, right).or_else(|| lineage(right, left)),
            states,
            first_divergence,
            plan,
            checks,
            tests,
            findings,
            heals: both(a, b, heals),
            models: models(left, right),
            usage: both(a, b, |side| side.usage),
            duration_ms: both(a, b, |side| side.run.active_ms),
            regression: !reasons.is_empty(),
            reasons,
        }
    }
}

fn both<'a, T>(a: Side<'a>, b: Side<'a>, of: impl Fn(Side<'a>) -> T) -> Pair<T> {
    Pair { a: of(a), b: of(b) }
}

/// The run that was forked from the other, if `fork` is.
fn lineage(source: &Run, fork: &Run) -> Option<Lineage> {
    let is_fork = source.id != fork.id && fork.created.parent == Some(source.id);
    let replay: Option<&Replay> = fork.replay.as_ref();
    is_fork.then(|| Lineage {
        run: fork.id,
        source: source.id,
        phase: replay.map(|replay| replay.phase),
        mode: replay.map(|replay| replay.mode.as_str()),
        result: replay
            .and_then(|replay| replay.comparison.as_ref())
            .map(|comparison| comparison.result.as_str()),
    })
}

impl Ending {
    fn of(side: Side<'_>) -> Self {
        let run = side.run;
        let done = run.done.as_ref();
        Self {
            state: run.state(),
            status: run.status(),
            verified: done.is_some_and(|done| done.verified),
            stop_reason: run.stop.as_ref().map(|stop| stop.reason.as_str()),
            tree: done.map_or(&run.tree, |done| &done.tree).clone(),
        }
    }
}

fn heals(side: Side<'_>) -> Vec<HealWords> {
    let heals = side.run.heals.iter().map(|heal| HealWords {
        phase: heal.phase,
        error_type: heal.error_type,
        action: heal.remedy.action.as_str(),
        verdict: heal.kept.map(|kept| if kept { "kept" } else { "restored" }),
    });
    heals.collect()
}

fn models(a: &Run, b: &Run) -> BTreeMap<Phase, PhaseModels> {
    let of_phase = |run: &Run, phase| {
        let mut names: Vec<String> = Vec::new();
        let executions = run.executions.iter().filter(|one| one.phase == phase);
        for name in executions.filter_map(|one| one.model.as_ref()) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    };
    Phase::ALL
        .into_iter()
        .map(|phase| {
            let (a, b) = (of_phase(a, phase), of_phase(b, phase));
            (phase, Pair { a, b })
        })
        .filter(|(_, models)| !(models.a.is_empty() && models.b.is_empty()))
        .collect()
}

/// Why the second run is worse than the first, if it is.
fn reasons(a: &Run, b: &Run, tests: &TestChanges, findings: &FindingChanges) -> Vec<String> {
    let counted = |count: usize, one: &str, more: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {more}")),
    };
    let is_major = |finding: &&super::FindingWords| finding.severity == Severity::Major;
    let major = findings.added.iter().filter(is_major).count();
    let lower = (rank(b) < rank(a)).then(|| format!("state {} instead of {}", word(b), word(a)));
    [
        counted(
            tests.newly_failing.len(),
            "test newly fails",
            "tests newly fail",
        ),
        counted(major, "major finding is added", "major findings are added"),
        lower,
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn word(run: &Run) -> String {
    let unverified = run.done.as_ref().is_some_and(|done| !done.verified);
    match unverified {
        true => format!("{} (unverified)", run.state()),
        false => run.state().to_string(),
    }
}

/// How good a state is: reached, under way (the further the better), given up.
fn rank(run: &Run) -> (u8, u8) {
    let verified = run.done.as_ref().is_some_and(|done| done.verified);
    let place = |phase: Phase| 2 + 2 * phase as u8;
    match run.progress() {
        _ if run.state() == State::Cancelled => (0, 0),
        State::Done => (2, u8::from(verified)),
        State::Failed => (0, 1),
        State::Pending => (1, 0),
        State::Completed(phase) => (1, place(phase) + 1),
        _ => (1, run.phase().map_or(0, place)),
    }
}

/// Where two runs part first: an event, or an answer on a tape that no event tells of before.
fn first_parting(a: Side<'_>, b: Side<'_>) -> Option<Divergence> {
    let event = first_divergence(a.records, b.records, Pairing::Runs);
    let tape = a.tapes.iter().find_map(|(id, tape)| {
        let start = beginning(a.records, *id)?;
        let end = end(a.records, *id);
        let whole = end.is_some() && self::end(b.records, *id).is_some();
        let parted = parting(tape, b.tapes.get(id)?, whole)?;
        Some((*id, parted, start.seq, end.unwrap_or(start)))
    });
    match (event, tape) {
        (event, None) => event,
        (Some(event), Some((execution, parted, start, end))) if event.seq <= end.seq => {
            if event.seq <= start {
                return Some(event);
            }
            // Two trees' ids say nothing; the answer that made them differ does.
            let (a, b) = match event.a.starts_with("tree: ") {
                true => (parted.a, parted.b),
                false => (event.a, event.b),
            };
            Some(Divergence {
                a,
                b,
                execution: Some(execution),
                call: Some(parted.call),
                ..event
            })
        }
        (_, Some((execution, parted, _, end))) => Some(Divergence {
            seq: end.seq,
            kind: end.event.kind(),
            a: parted.a,
            b: parted.b,
            execution: Some(execution),
            call: Some(parted.call),
        }),
    }
}

/// The event that began an execution.
fn beginning(records: &[Record], id: ExecutionId) -> Option<&Record> {
    records.iter().find(|record| match &record.event {
        Event::PhaseStarted(started) => started.execution.as_ref().is_some_and(|one| one.id == id),
        Event::StepStarted(started) => started.execution.id == id,
        _ => false,
    })
}

/// The event that ended an execution.
fn end(records: &[Record], id: ExecutionId) -> Option<&Record> {
    records.iter().find(|record| match &record.event {
        Event::PhaseCompleted(completed) => completed.execution == Some(id),
        Event::PhaseError(error) => error.execution == Some(id),
        Event::StepCompleted(completed) => completed.execution == id,
        Event::StepError(error) => error.execution == id,
        _ => false,
    })
}
