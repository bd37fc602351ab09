//! Answers from the record: of models, of their commands and, where that is wanted, of checks.

use anyhow::Context as _;
use serde_json::Value;

use crate::compare;
use crate::domain::Failure;
use crate::domain::check::{CheckResult, CheckScope};
use crate::domain::event::{Event, PhaseError};
use crate::domain::id::{Digest, ExecutionId};
use crate::domain::message::{Message, ModelRequest, ToolCall};
use crate::domain::tape::{Answer, Call, ModelCall, ModelFailureKind, TapeEntry, ToolAnswer};
use crate::engine::drive::Drive;
use crate::engine::execution::Work;
use crate::engine::halt::{Halt, Halting};
use crate::engine::recorder::entry_after;
use crate::engine::site::Place;
use crate::heal::classify;

use super::recording::Recording;
use super::tell;

impl Drive<'_> {
    /// Takes the answer to a model call from the record.
    pub(in crate::engine) fn ask_recorded(
        &mut self,
        work: &Work,
        request: &ModelRequest,
    ) -> Halting<Option<Failure>> {
        let text = serde_json::to_vec(request)?;
        loop {
            let entry = self.recorded(work, "asks a model")?;
            let (Call::Model(call), Some(answer)) = (&entry.call, entry.answer) else {
                self.part(work, &tell(&entry.call), "asks a model");
                self.check_parted()?;
                return Err(Halt::RecordEnds);
            };
            self.compare_request(work, &text, &call.request)?;
            let (answer, failed) = match answer {
                Answer::Model(mut answer) => {
                    answer.usage.cost_usd = 0.0;
                    (Answer::Model(answer), None)
                }
                Answer::ModelFailed(failure) => {
                    (Answer::ModelFailed(failure.clone()), Some(failure))
                }
                _ => return Err(anyhow::anyhow!("a model call has another answer").into()),
            };
            let intent = ModelCall {
                request: self.log.text(&text),
                reserved_tokens: 0,
                reserved_usd: 0.0,
                ..call.clone()
            };
            let entry = entry_after(&self.tape, Call::Model(intent));
            self.put(work.state.id, entry, answer);
            match failed {
                None => return Ok(None),
                Some(failure) if !self.asks_again(work)? => {
                    return Ok(Some(classify::from_model(&failure)));
                }
                // It was asked for less.
                Some(failure) if failure.kind == ModelFailureKind::ContextTooLong => {
                    return Ok(None);
                }
                Some(_) => {}
            }
        }
    }

    /// Whether the record has another attempt at the same call.
    fn asks_again(&mut self, work: &Work) -> Halting<bool> {
        let (execution, index) = (work.state.id, self.tape.len());
        let Some(recording) = &mut self.log.recording else {
            return Ok(false);
        };
        let next = recording.entry(execution, index)?;
        Ok(next.is_some_and(|entry| matches!(entry.call, Call::Model(_))))
    }

    /// A request that is put in other words is no divergence, but it is told. What a model has said before and
    /// what a tool has answered stands in it, too: where that is otherwise, the tape is not what was recorded.
    fn compare_request(&mut self, work: &Work, now: &[u8], recorded: &Digest) -> Halting<()> {
        let Some(recording) = &mut self.log.recording else {
            return Ok(());
        };
        if Digest::of(now) == *recorded {
            return Ok(());
        }
        let then: Value = serde_json::from_str(&recording.text(recorded)?)?;
        let now: Value = serde_json::from_slice(now)?;
        if let Some((ordinal, a, b)) = retold(&self.tape, &then, &now)? {
            recording.part_at((work.state.id, ordinal), &a, &b);
            return self.check_parted();
        }
        if let Some((a, b)) = compare::difference_in_texts(&then, &now) {
            let place = format!("execution {}, call {}", work.state.id, self.tape.len() + 1);
            recording.note(format!("{place}: the request differs: {a} / {b}"));
        }
        Ok(())
    }

    /// What a model's command did, from the record: its answer, its refusals and its tree.
    pub(in crate::engine) fn recall_command(
        &mut self,
        work: &Work,
        ordinal: u32,
        call: &ToolCall,
    ) -> Halting<ToolAnswer> {
        let entry = self.recorded(work, &call.name)?;
        let Some(Answer::Tool(answer)) = entry.answer else {
            return Err(anyhow::anyhow!("a command has another answer").into());
        };
        while let Some(Event::GateDenied {
            execution,
            proposal,
            denial,
            ..
        }) = self.log.recording.as_ref().and_then(Recording::next_event)
            && *execution == work.state.id
        {
            let event = Event::GateDenied {
                execution: *execution,
                ordinal,
                proposal: proposal.clone(),
                denial: denial.clone(),
            };
            self.log.event(event)?;
        }
        if let Some(tree) = &answer.tree {
            self.site.restore(Place::Build, tree)?;
        }
        Ok(answer)
    }

    /// Records the checks of an execution as the record has them, and gives their results.
    pub(in crate::engine) fn recall_checks(
        &mut self,
        execution: ExecutionId,
    ) -> Halting<Vec<CheckResult>> {
        let mut results = Vec::new();
        loop {
            let next = self.log.recording.as_ref().and_then(Recording::next_event);
            let (of, result) = match next {
                Some(Event::CheckCompleted(check)) => (check.execution, Some(&check.result)),
                Some(Event::FindingRecorded { execution, .. }) => (*execution, None),
                _ => return Ok(results),
            };
            if of != execution {
                return Ok(results);
            }
            results.extend(result.cloned());
            if let Some(event) = next.cloned() {
                self.log.event(event)?;
            }
        }
    }

    /// The tester's checks from the record.
    pub(in crate::engine) fn recall_final_checks(&mut self, work: &Work) -> Halting<Answer> {
        let entry = self.recorded(work, "runs the checks")?;
        self.recall_checks(work.state.id)?;
        entry
            .answer
            .context("the checks have no answer on the record")
            .map_err(Halt::from)
    }

    /// A step's checks from the record: the failure, if they have one.
    pub(in crate::engine) fn recall_step_checks(
        &mut self,
        work: &Work,
    ) -> Halting<Option<Failure>> {
        let results = self.recall_checks(work.state.id)?;
        let failed = results
            .into_iter()
            .find(|result| result.scope == CheckScope::Step && !result.status.acceptable());
        Ok(failed.map(|result| self.failure_of(&result)))
    }

    /// How the set-up of the builder's place failed when the run was recorded, if it did.
    pub(in crate::engine) fn recall_setup(&self) -> Option<Failure> {
        let recording = self.log.recording.as_ref()?;
        let after = [recording.next_event(), recording.second_event()];
        let [Some(Event::PhaseStarted(_)), Some(Event::PhaseError(error))] = after else {
            return None;
        };
        let PhaseError {
            execution: None,
            step: None,
            failure,
            ..
        } = error
        else {
            return None;
        };
        Some(failure.clone())
    }
}

/// The first answer on a tape that two requests tell otherwise: its place, and both in words.
fn retold(
    tape: &[TapeEntry],
    then: &Value,
    now: &Value,
) -> anyhow::Result<Option<(u32, String, String)>> {
    let messages = |request: &Value| -> anyhow::Result<Vec<Message>> {
        Ok(serde_json::from_value(request["messages"].clone())?)
    };
    let mut said = tape
        .iter()
        .filter(|entry| matches!(entry.answer, Some(Answer::Model(_))));
    for (a, b) in messages(then)?.iter().zip(&messages(now)?) {
        let place = match a {
            Message::User { .. } => continue,
            Message::Assistant { .. } => said.next(),
            Message::Tool { call_id, .. } => tape
                .iter()
                .find(|entry| matches!(&entry.call, Call::Tool(call) if call.id == *call_id)),
        };
        let (x, y) = (serde_json::to_value(a)?, serde_json::to_value(b)?);
        let parted = match a {
            Message::Assistant { .. } => compare::first_difference(&x, &y),
            _ => compare::difference_in_texts(&x, &y),
        };
        if let (Some(entry), Some((x, y))) = (place, parted) {
            return Ok(Some((entry.ordinal, x, y)));
        }
    }
    Ok(None)
}
