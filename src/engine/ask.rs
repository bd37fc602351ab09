//! Asking a model: reserve, record the intent, call, record the answer.

use crate::domain::event::StopReason;
use crate::domain::message::ModelRequest;
use crate::domain::notice::Notice;
use crate::domain::tape::{Answer, Call, ModelCall, TapeEntry};
use crate::domain::{Digest, Failure};
use crate::failpoint;
use crate::heal::classify;
use crate::llm::budget::{self, Reserved};
use crate::llm::retry::{Attempt, PastAttempt, next_attempt};

use super::drive::Drive;
use super::execution::Work;
use super::halt::{Halt, Halting};
use super::recorder::entry_after;

impl Drive<'_> {
    /// Asks until a model has answered or nobody is left to ask. Transport retries happen here and
    /// nowhere else; each attempt stands on the tape. Returns the failure that ends the execution.
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
            let intent = match again.take() {
                Some(call) => call,
                None => match self.next_intent(work, request, &text).await? {
                    Ok(call) => call,
                    Err(failure) => return Ok(Some(failure)),
                },
            };
            let reserved = Reserved {
                tokens: intent.reserved_tokens,
                usd: intent.reserved_usd,
            };
            self.afford(reserved)?;
            let entry = entry_after(&self.tape, Call::Model(intent.clone()));
            self.log.text(&text);
            self.log.call(work.state.id, &entry);
            self.ledger.intend(&intent);
            let answer = self.call(work, request, &intent).await?;
            let answered = matches!(answer, Answer::Model(_));
            self.log.answer(work.state.id, entry.ordinal, &answer);
            let entry = TapeEntry {
                answer: Some(answer),
                ..entry
            };
            self.ledger.answered(&entry);
            self.tape.push(entry);
            if answered {
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
        self.ledger.answered(last);
        Some(call)
    }

    /// The intent of the next attempt, after its wait; or the failure when nobody is left to ask.
    async fn next_intent(
        &mut self,
        work: &Work,
        request: &ModelRequest,
        text: &[u8],
    ) -> Halting<Result<ModelCall, Failure>> {
        let address = Digest::of(text);
        loop {
            let names = &work.brief.context.models.names;
            // The same run waits the same.
            let seed = format!("{}/{}", self.log.run().id, work.state.id);
            let (model, wait_ms) = match next_attempt(names, &attempts(&self.tape), &seed) {
                Attempt::Try { model, wait_ms } => (model, wait_ms),
                Attempt::GiveUp(failure) => return Ok(Err(classify::from_model(&failure))),
            };
            self.wait(wait_ms).await?;
            let mesh = &self.engine.mesh;
            let provider = mesh.config(&model).map_or("", |config| &config.provider);
            let used = self.ledger.used(provider)?;
            match mesh.intent(&model, request, address.clone(), used) {
                Ok(call) => return Ok(Ok(call)),
                Err(failure) => {
                    // It could only fail: the attempt stands on the tape, but nobody was asked.
                    let call = Call::Model(ModelCall {
                        provider: provider.to_owned(),
                        model,
                        request: address.clone(),
                        reply: None,
                        reserved_tokens: 0,
                        reserved_usd: 0.0,
                    });
                    self.log.text(text);
                    let entry = entry_after(&self.tape, call);
                    self.put(work.state.id, entry, Answer::ModelFailed(failure));
                }
            }
        }
    }

    /// Whether the budget holds even in the worst case.
    fn afford(&self, reserved: Reserved) -> Halting<()> {
        let run = self.log.run();
        budget::afford(run.limits, self.ledger.spent(), reserved).map_err(|reason| {
            let what = match reason {
                StopReason::BudgetUsd => "money",
                _ => "tokens",
            };
            let message = format!("the next model call might cost more {what} than is left");
            Halt::stop(reason, message)
        })
    }

    /// Makes the call, its intent on the record before it.
    async fn call(
        &mut self,
        work: &Work,
        request: &ModelRequest,
        intent: &ModelCall,
    ) -> Halting<Answer> {
        if !failpoint::broken("effect-before-intent") {
            self.log.commit().await?;
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
        let answer = tokio::select! {
            answer = self.engine.mesh.call(intent, request, &tell) => answer,
            () = self.called_off() => {
                self.safe_point()?;
                return Err(Halt::stop(StopReason::WallTime, "the run's time is over"));
            }
        };
        failpoint::hit("model.answered");
        Ok(match answer {
            Ok(answer) => Answer::Model(answer),
            Err(failure) => Answer::ModelFailed(failure),
        })
    }
}

/// The attempts since the last answer, those that were lost left out.
fn attempts(tape: &[TapeEntry]) -> Vec<PastAttempt<'_>> {
    let mut attempts: Vec<_> = tape
        .iter()
        .rev()
        .map_while(|entry| match (&entry.call, &entry.answer) {
            (Call::Model(call), Some(Answer::ModelFailed(failure))) => Some(Some(PastAttempt {
                model: &call.model,
                failure: Some(failure),
            })),
            (Call::Model(_), Some(Answer::Lost)) => Some(None),
            _ => None,
        })
        .flatten()
        .collect();
    attempts.reverse();
    attempts
}
