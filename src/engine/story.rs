//! What a drive does, told to the log as it happens: events, calls and what came of them.
//!
//! Never whole prompts, answers or outputs: those are on the record. Each record carries the run,
//! the drive's trace id and, where there is one, phase, execution and agent.

use jiff::Timestamp;
use tracing::Span;
use tracing::field::Empty;

use crate::domain::event::{Event, Record};
use crate::domain::id::{Digest, ExecutionId};
use crate::domain::phase::{Agent, Phase};
use crate::domain::tape::{Answer, Call, ModelCall, ModelFailure, ToolAnswer};
use crate::domain::{Run, text};

/// The most characters of a command's or a provider's words.
const WORDS: usize = 200;

/// The log's thread through one drive of a run.
pub(super) struct Story {
    span: Span,
    /// The model call that is under way, and since when.
    asked: Option<(Timestamp, ModelCall)>,
}

/// Where in the run something happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    phase: Option<Phase>,
    execution: Option<ExecutionId>,
    agent: Option<Agent>,
}

impl Story {
    /// The story of the drive that has this fence number, which no other drive of the run has.
    pub(super) fn new(run: &Run, fence: i64, now: Timestamp) -> Self {
        let unique = format!("{}\0{}\0{fence}\0{now}", run.created.repository, run.id);
        let trace_id = &Digest::of(unique.as_bytes()).0[..32];
        let span = tracing::error_span!(
            target: "rgpt::span",
            "drive",
            run = run.id.0,
            trace_id,
            phase = Empty,
            execution = Empty,
            agent = Empty,
        );
        let story = Self { span, asked: None };
        story.stand_at(Place::of_run(run));
        story
    }

    /// The span in which everything that the drive does is to happen.
    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    /// From now on things happen here.
    pub(super) fn stand_at(&self, place: Place) {
        self.span
            .record("phase", place.phase.map_or("", Phase::as_str));
        self.span
            .record("execution", place.execution.map_or(0, |id| id.0));
        self.span
            .record("agent", place.agent.map_or("", Agent::as_str));
    }

    /// An event is on the record.
    pub(super) fn event(&self, record: &Record, place: Place) {
        let _entered = self.span.enter();
        event(record, place);
    }

    /// A call is about to be made.
    pub(super) fn call(&mut self, call: &Call, now: Timestamp) {
        if let Call::Model(model) = call {
            self.asked = Some((now, model.clone()));
        }
    }

    /// A call is answered.
    pub(super) fn answer(&mut self, call: Option<&Call>, answer: &Answer, now: Timestamp) {
        let _entered = self.span.enter();
        let asked = self.asked.take();
        let ms = asked.as_ref().map_or(0, |(since, _)| {
            u64::try_from(now.duration_since(*since).as_millis()).unwrap_or(0)
        });
        let model = asked.as_ref().map_or("", |(_, call)| call.model.as_str());
        let repeats = asked.as_ref().and_then(|(_, call)| call.repeats);
        match answer {
            Answer::Model(_) if let Some(place) = repeats => tracing::info!(
                target: "rgpt::story",
                model,
                run = place.run.0,
                "{model} was asked the same in run {}, and is not asked again", place.run
            ),
            Answer::Model(answer) => tracing::info!(
                target: "rgpt::story",
                model,
                input_tokens = answer.usage.input_tokens,
                cached_input_tokens = answer.usage.cached_input_tokens,
                output_tokens = answer.usage.output_tokens,
                cost_usd = answer.usage.cost_usd,
                tool_calls = answer.tool_calls.len(),
                ms,
                "{model} answered"
            ),
            Answer::ModelFailed(failure) => model_failed(model, failure, ms),
            Answer::Lost => tracing::warn!(
                target: "rgpt::story",
                "a model call was lost: its driver ended while it was under way"
            ),
            Answer::Tool(answer) => tool_answered(call, answer),
            Answer::Checks { .. } | Answer::Committed { .. } => {}
        }
    }
}

/// Tells an event; also for those outside of any drive.
pub(super) fn event(record: &Record, place: Place) {
    let (kind, words) = (record.event.kind(), text::sentence(&record.event));
    let (run, seq) = (record.run.0, record.seq);
    let phase = place.phase.map_or("", Phase::as_str);
    let execution = place.execution.map_or(0, |id| id.0);
    let agent = place.agent.map_or("", Agent::as_str);
    if is_trouble(&record.event) {
        tracing::warn!(target: "rgpt::story", run, phase, execution, agent, seq, event = kind, "{words}");
    } else {
        tracing::info!(target: "rgpt::story", run, phase, execution, agent, seq, event = kind, "{words}");
    }
}

fn is_trouble(event: &Event) -> bool {
    match event {
        Event::PhaseError(_)
        | Event::StepError(_)
        | Event::StepSkipped { .. }
        | Event::HealFailed(_)
        | Event::GateDenied { .. }
        | Event::RunFailed(_)
        | Event::RunCancelled { .. } => true,
        Event::CheckCompleted(completed) => !completed.result.status.acceptable(),
        Event::RunStopped(stopped) => stopped.reason != crate::domain::event::StopReason::Until,
        _ => false,
    }
}

fn model_failed(model: &str, failure: &ModelFailure, ms: u64) {
    let words = short(&failure.message);
    tracing::warn!(
        target: "rgpt::story",
        model,
        kind = ?failure.kind,
        status = failure.status,
        retry_after_ms = failure.retry_after_ms,
        ms,
        "{model} did not answer: {words}"
    );
}

fn tool_answered(call: Option<&Call>, answer: &ToolAnswer) {
    let Some(Call::Tool(call)) = call else { return };
    let tool = short(&call.name);
    let path = call.arguments.get("path").and_then(|path| path.as_str());
    let about = path.map(|path| format!(" {}", short(path)));
    let about = about.unwrap_or_default();
    let tree = answer.tree.as_ref().map(|tree| tree.as_str());
    match &answer.denied {
        Some(denial) => tracing::warn!(
            target: "rgpt::story",
            tool, gate = "deny", rule = denial.rule,
            "{tool}{about} refused"
        ),
        None if answer.is_error => tracing::info!(
            target: "rgpt::story",
            tool, gate = "allow",
            "{tool}{about} failed"
        ),
        None => tracing::info!(
            target: "rgpt::story",
            tool, gate = "allow", tree,
            "{tool}{about}"
        ),
    }
}

/// The words as one short line.
fn short(words: &str) -> String {
    let line = text::one_line(words);
    match line.char_indices().nth(WORDS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

impl Place {
    /// Where a run stands.
    pub(super) fn of_run(run: &Run) -> Self {
        let at_work = run.running_execution().map(|execution| execution.id);
        Self::of_execution(run, at_work, run.phase())
    }

    /// Where an event of `run` happened; `run` is the run after it.
    pub(super) fn of_event(event: &Event, run: &Run) -> Self {
        let (execution, phase) = match event {
            Event::PhaseStarted(started) => {
                let execution = started.execution.as_ref().map(|execution| execution.id);
                (execution, Some(started.phase))
            }
            Event::PhaseCompleted(completed) => (completed.execution, Some(completed.phase)),
            Event::PhaseError(error) => (error.execution, Some(error.phase)),
            Event::StepStarted(started) => (Some(started.execution.id), None),
            Event::StepCompleted(completed) => (Some(completed.execution), None),
            Event::StepError(error) => (Some(error.execution), None),
            Event::CheckCompleted(completed) => (Some(completed.execution), None),
            Event::FindingRecorded { execution, .. } | Event::GateDenied { execution, .. } => {
                (Some(*execution), None)
            }
            _ => (None, None),
        };
        Self::of_execution(run, execution, phase.or_else(|| run.phase()))
    }

    fn of_execution(run: &Run, id: Option<ExecutionId>, phase: Option<Phase>) -> Self {
        let execution = id.and_then(|id| run.execution(id));
        Self {
            phase: execution.map(|execution| execution.phase).or(phase),
            execution: execution.map(|execution| execution.id),
            agent: execution.map(|execution| execution.agent),
        }
    }
}
