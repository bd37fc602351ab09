//! What is worth a line of its own above the board: plans, steps, checks, refusals, heals.

use super::board::Board;
use crate::cli::render::clean;
use crate::cli::render::layout::{count, hang, pad};
use crate::cli::render::look::{Look, Mark, style};
use crate::cli::render::units;
use crate::domain::check::{CheckResult, CheckScope, CheckStatus, TestStatus};
use crate::domain::event::{Event, HealStarted, PhaseError, RunCreated};
use crate::domain::{Phase, Record};

/// Room for what a line is about.
const SUBJECTS: usize = 9;
/// Steps of a plan beyond these are counted.
const MOST_STEPS: usize = 8;

/// The line or lines of an event that the board has already heard, if it is worth any.
pub(crate) fn told(record: &Record, board: &Board, look: &Look) -> Option<String> {
    let line = |mark, subject: &str, text: &str| Some(say(mark, subject, text, look));
    match &record.event {
        Event::RunCreated(created) => Some(title(record, created, look)),
        Event::PhaseCompleted(completed) if completed.phase == Phase::Planner => {
            Some(plan(board, look))
        }
        Event::PhaseError(error) => line(Mark::Bad, error.phase.as_str(), &failure(error)),
        Event::StepCompleted(done) => line(Mark::Good, done.step.as_str(), &done.summary),
        Event::StepSkipped { step, reason } => {
            line(Mark::Warn, step.as_str(), &format!("skipped: {reason}"))
        }
        Event::HealStarted(heal) => line(
            Mark::Heal,
            &format!("heal {}", heal.heal),
            &healing(heal, board),
        ),
        Event::HealSuccess(heal) => line(
            Mark::Good,
            &format!("heal {}", heal.heal),
            &format!("kept: {}", heal.message),
        ),
        Event::HealFailed(heal) => line(
            Mark::Bad,
            &format!("heal {}", heal.heal),
            &format!("taken back: {}", heal.message),
        ),
        Event::CheckCompleted(completed) => {
            let (mark, text) = check(&completed.result);
            line(mark, &completed.result.name, &text)
        }
        Event::GateDenied {
            proposal, denial, ..
        } => line(
            Mark::Warn,
            "refused",
            &format!("{proposal}: {} ({})", denial.message, denial.rule),
        ),
        Event::RunResumed(_) => line(
            Mark::Busy,
            "run",
            &crate::domain::text::sentence(&record.event),
        ),
        _ => None,
    }
}

fn say(mark: Mark, subject: &str, text: &str, look: &Look) -> String {
    let subject = pad(&clean::line(subject), SUBJECTS);
    hang(
        &format!("{} {subject}  ", look.mark(mark)),
        &clean::line(text),
        3,
        look,
    )
}

fn title(record: &Record, created: &RunCreated, look: &Look) -> String {
    let head = style::paint(style::HEAD, format!("run {}", record.run));
    let mut lines = vec![hang(
        &format!("{head}  "),
        &clean::line(&created.title),
        2,
        look,
    )];
    lines.extend(
        created
            .notes
            .iter()
            .map(|note| say(Mark::Warn, "note", note, look)),
    );
    lines.join("\n")
}

fn plan(board: &Board, look: &Look) -> String {
    let steps = board.steps();
    let mut lines = vec![say(
        Mark::Good,
        "plan",
        &count(steps.len() as u64, "step", "steps"),
        look,
    )];
    for (id, name) in steps.iter().take(MOST_STEPS) {
        let id = style::paint(style::DIM, pad(&clean::line(id.as_str()), SUBJECTS));
        lines.push(hang(&format!("  {id}  "), name, 2, look));
    }
    if let Some(more) = steps.len().checked_sub(MOST_STEPS).filter(|more| *more > 0) {
        lines.push(format!("  {}  and {more} more", pad("", SUBJECTS)));
    }
    lines.join("\n")
}

fn failure(error: &PhaseError) -> String {
    let step = error
        .step
        .as_ref()
        .map(|step| format!(" at {step}"))
        .unwrap_or_default();
    format!(
        "{}{step}: {}",
        error.failure.error_type, error.failure.message
    )
}

fn healing(heal: &HealStarted, board: &Board) -> String {
    let place = board
        .failed()
        .map(|phase| format!(" in {phase}"))
        .unwrap_or_default();
    let remedy = &heal.remedy;
    format!(
        "{}{place}: {}, {}",
        heal.error_type, remedy.action, remedy.reason
    )
}

fn check(result: &CheckResult) -> (Mark, String) {
    let place = if result.scope == CheckScope::Base {
        " on the base"
    } else {
        ""
    };
    let failing = result.failing_tests().count() as u64;
    let passed = result
        .tests
        .iter()
        .filter(|test| test.status == TestStatus::Passed)
        .count() as u64;
    let (mark, mut text) = match result.status {
        CheckStatus::Passed => (Mark::Good, format!("passed{place}")),
        CheckStatus::Failed if result.timed_out => (Mark::Bad, format!("ran out of time{place}")),
        CheckStatus::Failed => (Mark::Bad, format!("failed{place}")),
        CheckStatus::Baseline => (Mark::Warn, "fails only where the base fails too".to_owned()),
        CheckStatus::Error => (Mark::Bad, format!("could not be carried out{place}")),
    };
    if failing > 0 {
        text.push_str(&format!(
            ", {} of {}",
            failing,
            count(failing + passed, "test", "tests")
        ));
    } else if passed > 0 {
        text.push_str(&format!(", {}", count(passed, "test", "tests")));
    }
    text.push_str(&format!(", {}", units::duration(result.duration_ms)));
    if let Some(note) = &result.note {
        text.push_str(&format!(": {note}"));
    }
    (mark, text)
}
