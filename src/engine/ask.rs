//! Asking a model: reserve, record the intent, call, record the answer.

use crate::domain::Failure;
use crate::domain::event::StopReason;
use crate::domain::message::ModelRequest;
use crate::domain::notice::Notice;
use crate::domain::tape::{Answer, Call, Exchange, ModelCall, ModelFailureKind, TapeEntry};
use crate::failpoint;

use super::admission::tokens_used;
use super::attempt::{Course, Planned};
use super::drive::Drive;
use super::execution::Work;
use super::halt::{Halt, Halting};
use super::recorder::entry_after;

impl Drive<'_> {
    /// Asks until a model has answered, nobody is left to ask, or the agent must ask for less.
    /// Transport retries happen here and nowhere else; each attempt stands on the tape. Returns the
    /// failure that ends the execution.
    pub(super) async fn ask(
        &mut self,
        work: &Work,
        request: &ModelRequest,
    ) -> Halting<Option<Failure>> {
        if self.is_following() {
            return self.ask_recorded(work, request);
        }
        let text = serde_json::to_vec(request)?;
        let mut again = self.write_off(work);
        loop {
            self.pick_up_switches()?;
            let wanted = self.log.run().switched.get(&work.state.agent);
            let course = match again.take() {
                Some(call)
                    if wanted.is_none_or(|wanted| *wanted == call.model)
                        && self.engine.mesh.check(&call.model).is_ok() =>
                {
                    Course::Ask(Planned::again(call))
                }
                _ => self.next_attempt(work, request, &text).await?,
            };
            let planned = match course {
                Course::Ask(planned) => planned,
                Course::Smaller => return Ok(None),
                Course::Failed(failure) => return Ok(Some(*failure)),
            };
            let intent = &planned.call;
            if self.repeat(work, intent, &text).await? {
                self.give_back(&planned).await?;
                return Ok(None);
            }
            self.afford(work.state.phase, intent.reserved())?;
            let permit = self.admit(intent).await?;
            let entry = entry_after(&self.tape, Call::Model(intent.clone()));
            self.log.text(&text);
            self.log.call(work.state.id, &entry);
            self.ledger.intend(intent);
            let (answer, exchanges) = self.call(work, request, intent).await?;
            permit.settle(tokens_used(intent, &answer));
            let over = is_told(&answer);
            self.note_outcome(&planned, &answer).await?;
            self.log.exchanges(work.state.id, entry.ordinal, exchanges);
            self.log.answer(work.state.id, entry.ordinal, &answer);
            let entry = TapeEntry {
                answer: Some(answer),
                ..entry
            };
            self.remember(work, &entry, &text);
            self.ledger.answered(work.state.phase, &entry);
            self.tape.push(entry);
            if over {
                return Ok(None);
            }
        }
    }

    /// Writes off a call that was under way when its driver ended, and returns it to be made again.
    fn write_off(&mut self, work: &Work) -> Option<ModelCall> {
        let last = self.tape.last_mut()?;
        let (Call::Model(call), None) = (&last.call, &last.answer) else {
            return None;
        };
        let call = call.clone();
        last.answer = Some(Answer::Lost);
        self.log.answer(work.state.id, last.ordinal, &Answer::Lost);
        self.ledger.answered(work.state.phase, last);
        Some(call)
    }

    /// Makes the call, its intent on the record before it.
    async fn call(
        &mut self,
        work: &Work,
        request: &ModelRequest,
        intent: &ModelCall,
    ) -> Halting<(Answer, Vec<Exchange>)> {
        if !failpoint::broken("effect-before-intent")
            && let Some(short) = self.log.commit().await?
        {
            return Err(Halt::short(&short));
        }
        let (run, execution) = (self.log.run().id, work.state.id);
        let tell = |text: &str| {
            self.engine.bus.notice(Notice::Token {
                run,
                execution,
                text: text.to_owned(),
            });
        };
        failpoint::hit("model.called");
        let called = tokio::select! {
            called = self.engine.mesh.call(intent, request, &tell) => called,
            () = self.called_off() => {
                self.safe_point()?;
                return Err(Halt::stop(StopReason::WallTime, "the run's time is over"));
            }
        };
        failpoint::hit("model.answered");
        let answer = match called.result {
            Ok(answer) => Answer::Model(answer),
            Err(failure) => Answer::ModelFailed(failure),
        };
        Ok((answer, called.exchanges))
    }
}

/// Whether the agent is to see what came of a call: an answer, or that it must ask for less.
fn is_told(answer: &Answer) -> bool {
    match answer {
        Answer::ModelFailed(failure) => failure.kind == ModelFailureKind::ContextTooLong,
        _ => true,
    }
}
