//! Which model is asked next: who may be, who rests, what was tried, and what may be paid for.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::breaker::{Breaker, Probe};
use crate::domain::choice::PassedOver;
use crate::domain::message::{ModelRequest, tokens_in};
use crate::domain::phase::Phase;
use crate::domain::tape::{Answer, Call, ModelCall, ModelFailure, ModelFailureKind, TapeEntry};
use crate::domain::{Digest, Failure};
use crate::heal::classify;
use crate::llm::breaker::{self, Asking, Standing};
use crate::llm::filter::{self, Needs};
use crate::llm::retries;
use crate::llm::retry::{
    Attempt, Candidate, Circumstances, LONGEST_WAIT, PastAttempt, is_paid, next_attempt,
};
use crate::store::ModelKey;

use super::drive::Drive;
use super::execution::Work;
use super::halt::Halting;
use super::recorder::entry_after;

/// How often a call that waits for another's probe looks what came of it.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// What follows in a call.
pub(super) enum Course {
    /// This is asked.
    Ask(Planned),
    /// Nothing fits: the agent is asked for something smaller.
    Smaller,
    /// Nobody is left to ask.
    Failed(Box<Failure>),
}

/// An attempt that is about to be made.
pub(super) struct Planned {
    pub(super) call: ModelCall,
    /// Whether something is held against the model, so that an answer is worth a note.
    watched: bool,
}

impl Planned {
    /// The call that takes the place of one that was lost.
    pub(super) fn again(call: ModelCall) -> Self {
        Self {
            call,
            watched: true,
        }
    }

    /// What breakers know its model by.
    fn key(&self) -> ModelKey {
        (self.call.provider.clone(), self.call.model.clone())
    }
}

/// What a call has waited for and paid so far.
#[derive(Default)]
struct Spent {
    /// The wait after the last failure was sat out.
    sat_out: bool,
    /// The next retry is paid.
    paid: bool,
    /// What was waited for models that rest.
    rested: Duration,
}

/// What is asked, and what is known about it.
struct Question<'a> {
    work: &'a Work,
    request: &'a ModelRequest,
    address: Digest,
    needs: Needs,
}

/// A decision with what is held against the models.
struct Decided {
    attempt: Attempt,
    against: BTreeMap<ModelKey, Breaker>,
    /// Whom something speaks against, and what.
    ruled_out: Vec<PassedOver>,
}

impl Drive<'_> {
    /// The next attempt at a call, after its wait. `text` is the canonical request.
    pub(super) async fn next_attempt(
        &mut self,
        work: &Work,
        request: &ModelRequest,
        text: &[u8],
    ) -> Halting<Course> {
        let prompt = std::str::from_utf8(text).map_or(0, tokens_in);
        let private = work.brief.context.models.private;
        let question = Question {
            work,
            request,
            address: Digest::of(text),
            needs: Needs::of(request, prompt, private, self.money_left(work.state.phase)),
        };
        let mut spent = Spent::default();
        loop {
            self.pick_up_switches()?;
            let decided = self.decide(&question, &spent)?;
            match decided.attempt {
                Attempt::GiveUp(failure) => {
                    let why = (failure, decided.ruled_out);
                    return Ok(self.give_up_call(&question, text, why));
                }
                Attempt::Wait(ms) => {
                    // A moment more, so that every wait counts.
                    spent.rested += Duration::from_millis(ms.max(1));
                    self.wait(ms.max(1)).await?;
                }
                Attempt::Try {
                    ref model,
                    wait_ms,
                    paid,
                    ..
                } if wait_ms > 0 || paid && !spent.paid => {
                    let provider = self.provider_of(model).to_owned();
                    let retries = self.engine.mesh.retries();
                    // Another run may have taken the last one: then the call goes on without.
                    if paid && !spent.paid {
                        spent.paid = retries.take(&provider, model);
                    }
                    if spent.paid || !paid {
                        if spent.sat_out {
                            spent.rested += Duration::from_millis(wait_ms);
                        }
                        self.wait(wait_ms).await?;
                        spent.sat_out = true;
                    }
                }
                Attempt::Try { .. } => {
                    let stood = self.tape.len();
                    if let Some(planned) = self.plan(&question, text, decided).await? {
                        return Ok(Course::Ask(planned));
                    }
                    if self.tape.len() > stood {
                        spent = Spent {
                            rested: spent.rested,
                            ..Spent::default()
                        };
                    } else {
                        // Somebody else finds out first.
                        spent.rested += LOOK_AGAIN;
                        self.wait(millis(LOOK_AGAIN)).await?;
                    }
                }
            }
        }
    }

    /// What follows by the record, the models and the clock.
    fn decide(&self, question: &Question<'_>, spent: &Spent) -> Halting<Decided> {
        let mesh = &self.engine.mesh;
        let against = self.engine.store.breakers()?;
        let now = self.engine.clock.now();
        let names = self.names_in_order(question.work);
        let mut candidates: Vec<_> = names.iter().map(|name| mesh.candidate(name)).collect();
        for candidate in &mut candidates {
            let key = self.key_of(candidate.name);
            candidate.resting = self.rest(against.get(&key), now)?;
        }
        let reasons = filter::rule_out(&candidates, &question.needs);
        let candidates: Vec<_> = candidates
            .iter()
            .zip(reasons)
            .map(|(candidate, ruled_out)| {
                let held = against.get(&self.key_of(candidate.name));
                let unusable = candidate.unusable.as_ref().map(|failure| failure.kind);
                Candidate {
                    model: candidate.name,
                    provider: self.provider_of(candidate.name),
                    window: candidate.config.and_then(|config| config.context_window),
                    ruled_out,
                    because: unusable.or(held.map(|breaker| breaker.kind)),
                }
            })
            .collect();
        let past = self.past(&question.address);
        // The same run waits the same.
        let seed = format!("{}/{}", self.log.run().id, question.work.state.id);
        let attempt = next_attempt(&Circumstances {
            candidates: &candidates,
            past: &past,
            seed: &seed,
            credit: spent.paid || self.has_credit(past.last())?,
            sat_out: spent.sat_out,
            patience: LONGEST_WAIT.saturating_sub(spent.rested),
            now,
        });
        let ruled_out = candidates.into_iter().filter_map(|candidate| {
            Some(PassedOver {
                model: candidate.model.to_owned(),
                reason: candidate.ruled_out?,
            })
        });
        Ok(Decided {
            attempt,
            ruled_out: ruled_out.collect(),
            against,
        })
    }

    /// Until when a model rests for this run. A claim of a run that nobody drives is void.
    fn rest(&self, breaker: Option<&Breaker>, now: Timestamp) -> Halting<Option<Timestamp>> {
        let asking = self.asking(now, self.void_claim(breaker)?);
        Ok(match breaker::standing(breaker, now, asking.resumed) {
            Standing::Closed | Standing::HalfOpen { probe: None } => None,
            Standing::Open { until } => Some(until),
            Standing::HalfOpen { probe: Some(probe) } => asking
                .respects(probe)
                .then(|| breaker::later(now, LOOK_AGAIN)),
        })
    }

    /// The claim on a model whose driver is no more.
    fn void_claim(&self, breaker: Option<&Breaker>) -> Halting<Option<Probe>> {
        let Some(probe) = breaker.and_then(|breaker| breaker.probe) else {
            return Ok(None);
        };
        let alive = probe.run != self.log.run().id && self.engine.store.is_driven(probe.run)?;
        Ok((!alive).then_some(probe))
    }

    /// Makes the intent of a call that may be made now. None if it could only fail, which is then
    /// on the tape, or if somebody else finds out first whether the model is back.
    async fn plan(
        &mut self,
        question: &Question<'_>,
        text: &[u8],
        decided: Decided,
    ) -> Halting<Option<Planned>> {
        let Attempt::Try {
            model, passed_over, ..
        } = decided.attempt
        else {
            return Ok(None);
        };
        let mesh = &self.engine.mesh;
        let provider = self.provider_of(&model).to_owned();
        let used = self.ledger.used(&provider)?;
        let call = match mesh.intent(&model, question.request, question.address.clone(), used) {
            Ok(call) => ModelCall {
                passed_over,
                ..call
            },
            Err(failure) => {
                self.put_failed(question, text, (model, passed_over), failure);
                return Ok(None);
            }
        };
        let key = (call.provider.clone(), call.model.clone());
        let held = decided.against.get(&key);
        let watched = held.is_some();
        if watched {
            let now = self.engine.clock.now();
            let asking = self.asking(now, self.void_claim(held)?);
            let end = breaker::later(now, mesh.time_limit(&call.model));
            let claim = move |breaker| breaker::claim(breaker, asking, end);
            if !self.engine.store.change_breaker(key, claim).await? {
                return Ok(None);
            }
        }
        let tried = self.past(&question.address);
        if tried.iter().all(|past| past.model != call.model) {
            mesh.retries().put_in(&call.provider, &call.model);
        }
        Ok(Some(Planned { call, watched }))
    }

    /// A call that nobody is left for. That nothing fits, the agent reads off the tape; that nobody
    /// could be asked at all, a replay does.
    fn give_up_call(
        &mut self,
        question: &Question<'_>,
        text: &[u8],
        (failure, ruled_out): (ModelFailure, Vec<PassedOver>),
    ) -> Course {
        let past = self.past(&question.address);
        let last = past.last().filter(|past| past.same);
        if let Some(last) = last {
            // What ends the execution stands on the tape as it is told: a replay reads it there.
            if *last.failure != failure {
                let model = last.model.to_owned();
                self.put_failed(question, text, (model, ruled_out), failure.clone());
            }
            return Course::Failed(Box::new(classify::from_model(&failure)));
        }
        let names = self.names_in_order(question.work);
        let model = names.into_iter().next().unwrap_or_default();
        self.put_failed(question, text, (model, ruled_out), failure.clone());
        match failure.kind {
            ModelFailureKind::ContextTooLong => Course::Smaller,
            _ => Course::Failed(Box::new(classify::from_model(&failure))),
        }
    }

    /// Puts an attempt on the tape that could only fail: nobody was asked.
    fn put_failed(
        &mut self,
        question: &Question<'_>,
        text: &[u8],
        (model, passed_over): (String, Vec<PassedOver>),
        failure: ModelFailure,
    ) {
        let call = Call::Model(ModelCall {
            provider: self.provider_of(&model).to_owned(),
            model,
            request: question.address.clone(),
            reply: None,
            reserved_tokens: 0,
            reserved_usd: 0.0,
            passed_over,
            repeats: None,
        });
        self.log.text(text);
        let entry = entry_after(&self.tape, call);
        self.put(question.work.state.id, entry, Answer::ModelFailed(failure));
    }

    /// A call is not made after all: somebody else may find out whether the model is back.
    pub(super) async fn give_back(&self, planned: &Planned) -> Halting<()> {
        if planned.watched {
            let run = self.log.run().id;
            let note = move |held| (breaker::given_back(held, run), ());
            let store = &self.engine.store;
            store.change_breaker(planned.key(), note).await?;
        }
        Ok(())
    }

    /// Notes what came of a call, for everybody who asks the same model.
    pub(super) async fn note_outcome(&self, planned: &Planned, answer: &Answer) -> Halting<()> {
        let (run, now) = (self.log.run().id, self.engine.clock.now());
        let store = &self.engine.store;
        match answer {
            Answer::ModelFailed(failure) => {
                let failure = failure.clone();
                let note = move |held| (breaker::after_failure(held, &failure, run, now), ());
                store.change_breaker(planned.key(), note).await?;
            }
            _ if planned.watched => {
                let note = move |held| (breaker::after_answer(held, run, now), ());
                store.change_breaker(planned.key(), note).await?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether a retry of the model that failed last can be paid.
    fn has_credit(&self, last: Option<&PastAttempt<'_>>) -> Halting<bool> {
        let Some(last) = last.filter(|last| is_paid(last.failure.kind)) else {
            return Ok(false);
        };
        let (retries, provider) = (self.engine.mesh.retries(), self.provider_of(last.model));
        if !retries.knows(provider, last.model) {
            let calls = self
                .engine
                .store
                .latest_calls(last.model, retries::HISTORY)?;
            retries.learn(provider, last.model, &calls);
        }
        Ok(retries.has(provider, last.model))
    }

    /// The models in the order in which they are asked: first the one that a person has named, else
    /// the one that the conversation is with. Only it understands what it said in its provider's
    /// words, and has the beginning in its cache.
    fn names_in_order(&self, work: &Work) -> Vec<String> {
        let mut names = self.names_now(work.state.agent, &work.brief.context.models.names);
        let switched = self.log.run().switched.contains_key(&work.state.agent);
        let with = last_answered(&self.tape).filter(|_| !switched);
        names.sort_by_key(|name| Some(name.as_str()) != with);
        names
    }

    /// The attempts at the call so far, none of them answered.
    fn past(&self, address: &Digest) -> Vec<PastAttempt<'_>> {
        let counted = self.tape.get(self.counted_from..).unwrap_or_default();
        attempts(counted, address)
    }

    fn asking(&self, now: Timestamp, void: Option<Probe>) -> Asking {
        Asking {
            run: self.log.run().id,
            now,
            resumed: self.resumed,
            void,
        }
    }

    fn provider_of(&self, model: &str) -> &str {
        let config = self.engine.mesh.config(model);
        config.map_or("", |config| &config.provider)
    }

    fn key_of(&self, model: &str) -> ModelKey {
        (self.provider_of(model).to_owned(), model.to_owned())
    }

    /// What is left of the money of run and phase, in US dollars, if it is limited.
    fn money_left(&self, phase: Phase) -> Option<f64> {
        let run = self.log.run().limits.usd;
        let run = run.map(|cap| cap - self.ledger.spent().usd);
        let of_phase = self.engine.phase_caps(phase).usd;
        let of_phase = of_phase.map(|cap| cap - self.ledger.spent_in(phase).usd);
        match (run, of_phase) {
            (Some(run), Some(of_phase)) => Some(run.min(of_phase)),
            (run, of_phase) => run.or(of_phase),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The model that answered last.
fn last_answered(tape: &[TapeEntry]) -> Option<&str> {
    tape.iter().rev().find_map(|entry| match entry {
        TapeEntry {
            call: Call::Model(call),
            answer: Some(Answer::Model(_)),
            ..
        } => Some(call.model.as_str()),
        _ => None,
    })
}

/// The attempts since the last answer, those that were lost left out.
fn attempts<'t>(tape: &'t [TapeEntry], address: &Digest) -> Vec<PastAttempt<'t>> {
    let mut attempts: Vec<_> = tape
        .iter()
        .rev()
        .map_while(|entry| match (&entry.call, &entry.answer) {
            (Call::Model(call), Some(Answer::ModelFailed(failure))) => Some(Some(PastAttempt {
                model: &call.model,
                failure,
                same: call.request == *address,
            })),
            (Call::Model(_), Some(Answer::Lost)) => Some(None),
            _ => None,
        })
        .flatten()
        .collect();
    attempts.reverse();
    attempts
}
