//! Events in words: one line each, for people.

use super::application::{BranchMove, Way};
use super::check::CheckScope;
use super::event::{
    AnalysisCompleted, CandidateChosen, CheckCompleted, Event, HealStarted, PhaseCompleted,
    PhaseError, PhaseStarted, RunCreated, RunResumed, RunStopped, RunUpdated,
};
use super::finding::Observation;
use super::phase::Phase;
use super::replay::Comparison;

/// The event as one line. Free of control characters, whatever a model or a command put into it.
pub fn sentence(event: &Event) -> String {
    let text = match event {
        Event::RunCreated(created) => creation(created),
        Event::RunStopped(stopped) => stop(stopped),
        Event::RunResumed(resumed) => resumption(resumed),
        Event::RunDone(done) => {
            let proof = if done.verified { "" } else { ", unverified" };
            format!("done: {} on {}{proof}", done.commit.short(), done.branch)
        }
        Event::RunFailed(failed) => format!("failed ({}): {}", failed.error_type, failed.reason),
        Event::RunCancelled { reason: None } => "cancelled".to_owned(),
        Event::RunCancelled { reason: Some(why) } => format!("cancelled: {why}"),
        Event::RunReplayed(replayed) => format!(
            "forked from run {} at the {} ({})",
            replayed.source, replayed.phase, replayed.mode
        ),
        Event::RunUpdated(updated) => update(updated),
        Event::PhaseStarted(started) => phase_start(started),
        Event::PhaseCompleted(completed) => phase_end(completed),
        Event::PhaseError(error) => phase_failure(error),
        Event::StepStarted(started) => format!("step {} started", started.step),
        Event::StepCompleted(completed) => {
            format!("step {} completed: {}", completed.step, completed.summary)
        }
        Event::StepError(error) => format!(
            "step {} failed ({}): {}",
            error.step, error.error_type, error.message
        ),
        Event::StepSkipped { step, reason } => format!("step {step} skipped: {reason}"),
        Event::HealStarted(started) => heal_start(started),
        Event::HealSuccess(settled) => format!("heal {} kept: {}", settled.heal, settled.message),
        Event::HealFailed(settled) => {
            format!("heal {} taken back: {}", settled.heal, settled.message)
        }
        Event::AnalysisStarted(started) => {
            format!("the {} is asked about it", started.execution.agent)
        }
        Event::AnalysisCompleted(completed) => analysis(completed),
        Event::AnalysisError(error) => {
            format!(
                "it could not be found out ({}): {}",
                error.error_type, error.message
            )
        }
        Event::CandidateStarted(started) => {
            format!("patch to choose from, execution {}", started.execution.id)
        }
        Event::CandidateCompleted(completed) => format!("patch made: {}", completed.summary),
        Event::CandidateError(error) => {
            format!("patch not made ({}): {}", error.error_type, error.message)
        }
        Event::CandidateChosen(chosen) => choice(chosen),
        Event::CheckCompleted(completed) => check(completed),
        Event::FindingRecorded { finding, .. } => observed(&finding.observation),
        Event::GateDenied {
            proposal, denial, ..
        } => format!("refused {proposal} ({}): {}", denial.rule, denial.message),
    };
    one_line(&text)
}

fn creation(created: &RunCreated) -> String {
    let head = format!("run created: {}", created.title);
    let notes = created.notes.iter().map(String::as_str);
    std::iter::once(head.as_str())
        .chain(notes)
        .collect::<Vec<_>>()
        .join("; ")
}

fn observed(seen: &Observation) -> String {
    let place = seen.location.as_deref().map(|at| format!(" at {at}"));
    format!(
        "{} {} finding{}: {}",
        seen.severity,
        seen.category,
        place.unwrap_or_default(),
        seen.message
    )
}

fn analysis(completed: &AnalysisCompleted) -> String {
    match (&completed.failure, &completed.instructions) {
        (_, Some(instructions)) => format!("instructions for this run: {instructions}"),
        (Some(failure), None) => {
            format!("root cause ({}): {}", failure.error_type, failure.message)
        }
        (None, None) => "nothing more was found out".to_owned(),
    }
}

fn choice(chosen: &CandidateChosen) -> String {
    let of = chosen.measured.len();
    match chosen.chosen {
        Some(id) => format!("the tests chose the patch of execution {id} of {of}"),
        None => format!("none of {of} patches is better"),
    }
}

fn update(updated: &RunUpdated) -> String {
    match updated {
        RunUpdated::Compared(comparison) => compared(comparison),
        RunUpdated::ApplyStarted(step) => format!("applying: {}", movement(step)),
        RunUpdated::Applied => "applied".to_owned(),
        RunUpdated::UndoStarted(step) => format!("taking it back: {}", movement(step)),
        RunUpdated::Undone => "taken back".to_owned(),
        RunUpdated::MoveGivenUp { reason } => {
            format!("given up, nothing was changed: {reason}")
        }
        RunUpdated::ModelSwitched { agent, model } => {
            format!("from now on the {agent} asks {model}")
        }
    }
}

fn movement(step: &BranchMove) -> String {
    let way = match step.way {
        Way::FastForward => "fast-forward",
        Way::Merge => "merge",
        Way::Back => "back",
        Way::Revert => "revert",
    };
    let (from, to) = (step.from.short(), step.to.short());
    format!("{} from {from} to {to} ({way})", step.branch)
}

fn compared(comparison: &Comparison) -> String {
    match &comparison.divergence {
        None => "the same as its source".to_owned(),
        Some(parted) => format!(
            "parts from its source at event {} ({})",
            parted.seq, parted.kind
        ),
    }
}

/// What a person must do often repeats why.
fn stop(stopped: &RunStopped) -> String {
    let (reason, why) = (stopped.reason.as_str(), &stopped.message);
    match &stopped.action_required {
        Some(action) if action.contains(why.as_str()) => format!("stopped ({reason}): {action}"),
        Some(action) => format!("stopped ({reason}): {why}; {action}"),
        None => format!("stopped ({reason}): {why}"),
    }
}

fn resumption(resumed: &RunResumed) -> String {
    let from = resumed
        .from
        .map(|phase| format!(" from the start of {phase}"))
        .unwrap_or_default();
    let grant = if resumed.granted {
        ", with a new budget"
    } else {
        ""
    };
    format!("resumed{from}{grant}")
}

fn phase_start(started: &PhaseStarted) -> String {
    let model = started
        .execution
        .as_ref()
        .and_then(|execution| execution.model.as_deref())
        .map(|model| format!(" with {model}"))
        .unwrap_or_default();
    format!("{} started{model}", started.phase)
}

fn phase_end(completed: &PhaseCompleted) -> String {
    let summary = completed.output.get("summary");
    match (completed.phase, &completed.output["steps"]) {
        (Phase::Planner, serde_json::Value::Array(steps)) => {
            let word = if steps.len() == 1 { "step" } else { "steps" };
            format!("planner completed: {} {word}", steps.len())
        }
        (Phase::Tester, _) => {
            let passed = summary.and_then(|summary| summary["passed"].as_u64());
            let tests = passed.filter(|count| *count > 0).map(|count| {
                let word = if count == 1 { "test" } else { "tests" };
                format!(": {count} {word} passed")
            });
            format!("tester completed{}", tests.unwrap_or_default())
        }
        (phase, _) => match summary.and_then(serde_json::Value::as_str) {
            Some(summary) if !summary.is_empty() => format!("{phase} completed: {summary}"),
            _ => format!("{phase} completed"),
        },
    }
}

fn phase_failure(error: &PhaseError) -> String {
    let step = error
        .step
        .as_ref()
        .map(|step| format!(" at step {step}"))
        .unwrap_or_default();
    let failure = &error.failure;
    format!(
        "{} failed{step} ({}): {}",
        error.phase, failure.error_type, failure.message
    )
}

fn heal_start(started: &HealStarted) -> String {
    let remedy = &started.remedy;
    format!(
        "heal {} of {}: {}, back to {}: {}",
        started.heal, started.error_type, remedy.action, remedy.goto, remedy.reason
    )
}

fn check(completed: &CheckCompleted) -> String {
    let result = &completed.result;
    let failing = result.failing_tests().count();
    let detail = match (failing, &result.note) {
        (0, None) => String::new(),
        (0, Some(note)) => format!(": {note}"),
        (1, _) => ": 1 test fails".to_owned(),
        (count, _) => format!(": {count} tests fail"),
    };
    let place = match result.scope {
        CheckScope::Base => " on the base tree",
        CheckScope::Step => " after the step",
        CheckScope::Final => "",
    };
    let again = match result.reruns {
        0 => "",
        1 => " again",
        _ => " again each time",
    };
    format!(
        "check {}{place} {}{again}{detail}",
        result.name,
        result.status.as_str()
    )
}

/// White space becomes single spaces; control characters and those that turn the direction of
/// text are left out.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for part in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(part.chars().filter(|c| !c.is_control() && !turns_text(*c)));
    }
    line
}

fn turns_text(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::StopReason;

    #[test]
    fn a_sentence_has_no_control_characters_and_one_line() {
        let event = Event::RunStopped(RunStopped {
            reason: StopReason::Stuck,
            message: "a\n\tb \u{1b}[31mred\u{7f}\u{9b} \u{202e}evil".to_owned(),
            action_required: None,
            needs: None,
        });
        assert_eq!(sentence(&event), "stopped (stuck): a b [31mred evil");
    }

    #[test]
    fn words_of_other_scripts_stay_whole() {
        assert_eq!(one_line("  日本  é👩‍🚀 "), "日本 é👩‍🚀");
    }
}
