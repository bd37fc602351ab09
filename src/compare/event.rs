//! What an event says, without what is its run's own.

use serde_json::{Map, Value, json};

use crate::domain::check::{CheckResult, TestStatus};
use crate::domain::event::{
    CheckCompleted, Event, ExecutionStarted, HealStarted, PhaseCompleted, PhaseError, RunCreated,
    RunOptions, RunReplayed, RunResumed, RunUpdated, StepCompleted,
};
use crate::domain::failure::{Cause, Failure};
use crate::domain::finding::Observation;
use crate::domain::phase::Phase;

use super::part;
use super::words::{own, place, reworded, written};

/// The first part in which two events differ, in words for both; `None` if they say the same but for
/// what is their runs' own.
///
/// That is: ids and names made of them, commits (never trees), times, durations, waits, costs,
/// tokens, models, the addresses of stored texts, temporary paths, and in what programs wrote also
/// numbers that change by themselves. Checks are compared by their verdicts, not by their output.
pub fn difference(a: &Event, b: &Event) -> Option<(String, String)> {
    if a == b {
        return None;
    }
    let (kind_a, kind_b) = (a.kind(), b.kind());
    if kind_a != kind_b {
        return Some((kind_a, kind_b));
    }
    part::first(&says(a), &says(b))
}

/// The first part in which two values differ but for what is their runs' own, and what programs
/// write differently each time.
pub fn difference_in_texts(a: &Value, b: &Value) -> Option<(String, String)> {
    part::first(&reworded(a, written), &reworded(b, written))
}

/// All that counts of an event.
pub(super) fn says(event: &Event) -> Value {
    match event {
        Event::RunCreated(created) => creation(created),
        Event::RunStopped(stopped) => json!({
            "reason": stopped.reason,
            "message": written(&stopped.message),
            "action_required": stopped.action_required.as_deref().map(written),
        }),
        Event::RunResumed(resumed) => resumption(resumed),
        Event::RunDone(done) => json!({"verified": done.verified, "tree": done.tree}),
        Event::RunFailed(failed) => {
            json!({"error_type": failed.error_type, "reason": written(&failed.reason)})
        }
        Event::RunCancelled { reason } => json!({"reason": reason.as_deref().map(own)}),
        Event::RunReplayed(replayed) => fork(replayed),
        Event::RunUpdated(updated) => update(updated),
        Event::PhaseStarted(started) => json!({
            "phase": started.phase,
            "abandoned": started.abandoned,
            "execution": started.execution.as_ref().map(beginning),
        }),
        Event::PhaseCompleted(completed) => phase_end(completed),
        Event::PhaseError(error) => phase_failure(error),
        Event::StepStarted(started) => {
            json!({"step": started.step, "execution": beginning(&started.execution)})
        }
        Event::StepCompleted(completed) => step_end(completed),
        Event::StepError(error) => json!({
            "step": error.step,
            "error_type": error.error_type,
            "message": written(&error.message),
            "tree": error.tree,
        }),
        Event::StepSkipped { step, reason } => json!({"step": step, "reason": own(reason)}),
        Event::HealStarted(started) => repair(started),
        Event::HealSuccess(settled) | Event::HealFailed(settled) => json!({"tree": settled.tree}),
        Event::AnalysisStarted(started) => json!({"execution": beginning(&started.execution)}),
        Event::AnalysisCompleted(completed) => json!({
            "error_type": completed.failure.as_ref().map(|failure| failure.error_type),
            "instructions": completed.instructions.as_deref().map(own),
        }),
        Event::AnalysisError(error) => json!({"error_type": error.error_type}),
        Event::CandidateStarted(started) => json!({"execution": beginning(&started.execution)}),
        Event::CandidateCompleted(completed) => {
            json!({"summary": own(&completed.summary), "tree": completed.tree})
        }
        Event::CandidateError(error) => json!({"error_type": error.error_type}),
        Event::CandidateChosen(chosen) => json!({"chosen": chosen.chosen}),
        Event::CheckCompleted(completed) => check(completed),
        Event::FindingRecorded { finding, .. } => json!({
            "check": finding.check,
            "finding": observation(&finding.observation),
        }),
        Event::GateDenied {
            proposal, denial, ..
        } => json!({"rule": denial.rule, "proposal": own(proposal)}),
    }
}

fn fork(replayed: &RunReplayed) -> Value {
    json!({
        "phase": replayed.phase,
        "mode": replayed.mode,
        "until": replayed.until,
        "granted": replayed.granted,
    })
}

fn step_end(completed: &StepCompleted) -> Value {
    json!({
        "step": completed.step,
        "summary": own(&completed.summary),
        "tree": completed.tree,
        "changed": completed.commit.is_some(),
    })
}

fn update(updated: &RunUpdated) -> Value {
    match updated {
        RunUpdated::Compared(comparison) => {
            let divergence = comparison.divergence.as_ref();
            json!({"result": comparison.result, "at": divergence.map(|parted| &parted.kind)})
        }
        RunUpdated::ApplyStarted(step) | RunUpdated::UndoStarted(step) => {
            json!({"branch": step.branch, "way": step.way})
        }
        RunUpdated::Applied | RunUpdated::Undone => json!({}),
        RunUpdated::MoveGivenUp { reason } => json!({"reason": written(reason)}),
        RunUpdated::ModelSwitched { agent, model } => json!({"agent": agent, "model": model}),
    }
}

fn creation(created: &RunCreated) -> Value {
    // `until` shows in where the run ends.
    let RunOptions {
        until: _,
        require_green,
        unverified,
        yes,
        continue_on_step_failure,
        candidates,
    } = &created.options;
    json!({
        "goal": own(&created.goal),
        "title": own(&created.title),
        "directory": created.directory,
        "base_tree": created.base_tree,
        "options": {
            "require_green": require_green,
            "unverified": unverified,
            "yes": yes,
            "continue_on_step_failure": continue_on_step_failure,
            "candidates": candidates,
        },
    })
}

fn resumption(resumed: &RunResumed) -> Value {
    json!({
        "from": resumed.from,
        "tree": resumed.tree,
        "granted": resumed.granted,
        "until": resumed.until.is_some(),
        "heal": resumed.heal,
    })
}

fn beginning(started: &ExecutionStarted) -> Value {
    json!({"agent": started.agent, "tree": started.tree})
}

fn phase_end(completed: &PhaseCompleted) -> Value {
    let mut output = reworded(&completed.output, own);
    if let Value::Object(output) = &mut output {
        match completed.phase {
            Phase::Tester => verdicts_only(output),
            Phase::Releaser => drop(output.shift_remove("commit")),
            Phase::Planner | Phase::Builder => {}
        }
    }
    let mut said = json!({"tree": completed.tree});
    match (output, &mut said) {
        (Value::Object(output), Value::Object(said)) => said.extend(output),
        (output, said) => said["output"] = output,
    }
    said
}

/// The tester's output: how each test ended and how many did, in no order.
fn verdicts_only(output: &mut Map<String, Value>) {
    output.shift_remove("artifacts");
    if let Some(Value::Object(summary)) = output.get_mut("summary") {
        summary.shift_remove("duration");
    }
    if let Some(Value::Array(results)) = output.get("results") {
        let tests = results.iter().map(|test| {
            let name = test["test_case"].as_str().unwrap_or_default();
            (place(name), test["status"].clone())
        });
        let tests = by_name(tests);
        output.insert("results".to_owned(), tests);
    }
}

fn phase_failure(error: &PhaseError) -> Value {
    json!({
        "step": error.step,
        "failure": failure(&error.failure),
        "tree": error.tree,
    })
}

fn failure(failure: &Failure) -> Value {
    // A model's words count to the last one, those of a program do not.
    let words = match failure.cause {
        Cause::RepairableAnswer
        | Cause::UnusableAnswer
        | Cause::Refusal
        | Cause::Blocked
        | Cause::Plan
        | Cause::Policy
        | Cause::NoChange => own,
        Cause::ModelCall
        | Cause::Build
        | Cause::Tests
        | Cause::Lint
        | Cause::Crash
        | Cause::TimeLimit
        | Cause::Environment
        | Cause::Missing => written,
    };
    let mut tests: Vec<String> = failure
        .failing_tests
        .iter()
        .map(|name| place(name))
        .collect();
    tests.sort_unstable();
    json!({
        "error_type": failure.error_type,
        "cause": failure.cause,
        "origin": failure.origin,
        "retryable": failure.retryable,
        "failing_tests": tests,
        "message": words(&failure.message),
        "root_cause": failure.root_cause.as_deref().map(words),
        "action_required": failure.action_required.as_deref().map(written),
    })
}

fn repair(started: &HealStarted) -> Value {
    json!({
        "error_type": started.error_type,
        "action": started.remedy.action,
        "goto": started.remedy.goto,
        "step": started.remedy.step,
        "snapshot": started.snapshot,
    })
}

fn check(completed: &CheckCompleted) -> Value {
    let CheckResult {
        name,
        kind,
        scope,
        tree,
        command: _,
        exit_code,
        status,
        duration_ms: _,
        timed_out,
        signal,
        report,
        tests,
        excused,
        flaky,
        reruns,
        observations,
        note,
        output: _,
        full_output: _,
    } = &completed.result;
    let mut observations: Vec<String> = observations.iter().map(observation).collect();
    observations.sort_unstable();
    let mut excused: Vec<String> = excused.iter().map(|name| place(name)).collect();
    excused.sort_unstable();
    let mut flaky: Vec<String> = flaky.iter().map(|test| place(&test.name)).collect();
    flaky.sort_unstable();
    json!({
        "name": name,
        "kind": kind,
        "scope": scope,
        "status": status,
        "exit_code": exit_code,
        "timed_out": timed_out,
        "signal": signal,
        "tests": by_name(tests.iter().map(|test| (place(&test.name), status_word(test.status)))),
        "excused": excused,
        "flaky": flaky,
        "reruns": reruns,
        "report": report,
        "observations": observations,
        "note": note.as_deref().map(written),
        "resolved": completed.resolved.len(),
        "tree": tree,
    })
}

fn status_word(status: TestStatus) -> Value {
    let word = match status {
        TestStatus::Passed => "passed",
        TestStatus::Failed => "failed",
        TestStatus::Skipped => "skipped",
    };
    Value::from(word)
}

/// How each test ended, by name; several of one name are one entry with all their ends.
fn by_name(tests: impl Iterator<Item = (String, Value)>) -> Value {
    let mut all: std::collections::BTreeMap<String, Vec<String>> =
        std::collections::BTreeMap::new();
    for (name, status) in tests {
        let status = status.as_str().unwrap_or_default().to_owned();
        all.entry(name).or_default().push(status);
    }
    let entries = all.into_iter().map(|(name, mut ends)| {
        ends.sort_unstable();
        (name, Value::from(ends.join(", ")))
    });
    Value::Object(entries.collect())
}

fn observation(seen: &Observation) -> String {
    let at = seen
        .location
        .as_deref()
        .map(|at| format!(" at {}", place(at)));
    format!(
        "{} {}{}: {}",
        seen.severity,
        seen.category,
        at.unwrap_or_default(),
        written(&seen.message)
    )
}
