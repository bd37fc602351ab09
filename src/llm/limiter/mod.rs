//! How much a provider is asked at once and in a minute, fair among the runs of this process.
//!
//! Start at [`Limiter::admit`]. Whoever wants to call stands in the line of its run. The lines take
//! turns, one call each; within a line, first come is first served. Nobody overtakes the first of
//! the line whose turn it is, so that a large call is not starved by small ones. Only that one watches
//! the clock; everybody else sleeps until they are woken.

mod bucket;
mod rest;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::config::ProviderLimits;
use crate::domain::RunId;
use bucket::Bucket;
pub(super) use rest::rest_ms;

/// The longest that a provider rests because it said that nothing is left.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// Lets calls to one provider through as its limits permit.
#[derive(Debug)]
pub(super) struct Limiter {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The most calls at once.
    at_once: usize,
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
    rests_until: Option<Instant>,
    /// Calls that were let through and are not over.
    admitted: BTreeSet<Ticket>,
    /// Calls that wait, apart for each run, in the order of their turns.
    lines: VecDeque<Line>,
    last_ticket: Ticket,
}

type Ticket = u64;

/// The calls of one run that wait, in order. Never empty.
#[derive(Debug)]
struct Line {
    run: RunId,
    waiting: VecDeque<Waiter>,
}

#[derive(Clone, Debug)]
struct Waiter {
    ticket: Ticket,
    tokens: u64,
    woken: Arc<Notify>,
}

/// Why the one whose turn it is cannot go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Obstacle {
    /// Another call must end first.
    Full,
    /// It is too early.
    Early(Instant),
}

/// What a look at the state says to whoever waits.
enum Turn {
    Now,
    At(Instant),
    /// Whoever makes way says so.
    Later,
}

impl Limiter {
    /// A limiter that nobody has asked yet.
    pub(super) fn new(limits: ProviderLimits) -> Self {
        let now = Instant::now();
        let state = State {
            at_once: limits
                .in_flight
                .map_or(usize::MAX, |most| most.max(1) as usize),
            requests: limits
                .requests_per_minute
                .map(|most| Bucket::full(u64::from(most), now)),
            tokens: limits.tokens_per_minute.map(|most| Bucket::full(most, now)),
            rests_until: None,
            admitted: BTreeSet::new(),
            lines: VecDeque::new(),
            last_ticket: 0,
        };
        Self {
            state: Mutex::new(state),
        }
    }

    /// Waits until `run` may make a call that is to use so many tokens at most. Dropping the future
    /// gives up the place in the line.
    pub(super) async fn admit(self: Arc<Self>, run: RunId, tokens: u64) -> Permit {
        let place = Place::last(self, run, tokens);
        loop {
            match place.look() {
                Turn::Now => return Permit(Some(place)),
                Turn::Later => place.woken.notified().await,
                Turn::At(when) => {
                    // Whichever comes first, it looks again.
                    let _ = timeout_at(when, place.woken.notified()).await;
                }
            }
        }
    }

    /// Takes to heart what the provider says of what is left: nothing until then.
    pub(super) fn rest(&self, wait: Duration) {
        let until = Instant::now() + wait.min(LONGEST_REST);
        let mut state = self.state();
        state.rests_until = state.rests_until.max(Some(until));
        state.changed();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn line_up(&mut self, run: RunId, tokens: u64) -> Waiter {
        self.last_ticket += 1;
        let waiter = Waiter {
            ticket: self.last_ticket,
            tokens,
            woken: Arc::default(),
        };
        match self.lines.iter_mut().find(|line| line.run == run) {
            Some(line) => line.waiting.push_back(waiter.clone()),
            None => self.lines.push_back(Line {
                run,
                waiting: VecDeque::from([waiter.clone()]),
            }),
        }
        waiter
    }

    /// The one whose turn it is.
    fn first(&self) -> Option<&Waiter> {
        self.lines.front()?.waiting.front()
    }

    /// Lets through whoever may go now.
    fn advance(&mut self, now: Instant) {
        for bucket in [&mut self.requests, &mut self.tokens].into_iter().flatten() {
            bucket.refill(now);
        }
        while let Some(first) = self.first()
            && self.obstacle(first.tokens, now).is_none()
        {
            self.admit_first();
        }
    }

    fn admit_first(&mut self) {
        let Some(mut line) = self.lines.pop_front() else {
            return;
        };
        if let Some(waiter) = line.waiting.pop_front() {
            if let Some(requests) = &mut self.requests {
                requests.take(1);
            }
            if let Some(tokens) = &mut self.tokens {
                tokens.take(waiter.tokens);
            }
            self.admitted.insert(waiter.ticket);
            waiter.woken.notify_one();
        }
        if !line.waiting.is_empty() {
            self.lines.push_back(line);
        }
    }

    fn obstacle(&self, tokens: u64, now: Instant) -> Option<Obstacle> {
        if self.admitted.len() >= self.at_once {
            return Some(Obstacle::Full);
        }
        let bucket = |bucket: &Option<Bucket>, amount| bucket.as_ref()?.enough_at(amount);
        [
            self.rests_until.filter(|until| *until > now),
            bucket(&self.requests, 1),
            bucket(&self.tokens, tokens),
        ]
        .into_iter()
        .flatten()
        .max()
        .map(Obstacle::Early)
    }

    /// Something that stood in the way may be gone, or something new stands there: whoever may go
    /// does, and whose turn it then is looks anew.
    fn changed(&mut self) {
        self.advance(Instant::now());
        if let Some(first) = self.first() {
            first.woken.notify_one();
        }
    }
}

/// A place in a line, then among the calls under way.
#[derive(Debug)]
struct Place {
    limiter: Arc<Limiter>,
    run: RunId,
    ticket: Ticket,
    tokens: u64,
    woken: Arc<Notify>,
    /// What the call used, once that is known.
    used: Option<u64>,
}

impl Place {
    fn last(limiter: Arc<Limiter>, run: RunId, tokens: u64) -> Self {
        let waiter = limiter.state().line_up(run, tokens);
        Self {
            limiter,
            run,
            ticket: waiter.ticket,
            tokens,
            woken: waiter.woken,
            used: None,
        }
    }

    fn look(&self) -> Turn {
        let now = Instant::now();
        let mut state = self.limiter.state();
        let before = state.first().map(|first| first.ticket);
        state.advance(now);
        let first = state.first().cloned();
        if let Some(first) = &first
            && ![before, Some(self.ticket)].contains(&Some(first.ticket))
        {
            // It is someone else's turn now, who does not know.
            first.woken.notify_one();
        }
        if state.admitted.contains(&self.ticket) {
            return Turn::Now;
        }
        match first.filter(|first| first.ticket == self.ticket) {
            Some(_) => match state.obstacle(self.tokens, now) {
                Some(Obstacle::Early(when)) => Turn::At(when),
                _ => Turn::Later,
            },
            None => Turn::Later,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.limiter.state();
        if state.admitted.remove(&self.ticket) {
            if let Some(tokens) = &mut state.tokens {
                tokens.settle(self.tokens, self.used.unwrap_or(0));
            }
            if let (None, Some(requests)) = (self.used, &mut state.requests) {
                requests.settle(1, 0);
            }
        } else if let Some(line) = state.lines.iter_mut().find(|line| line.run == self.run) {
            line.waiting.retain(|waiter| waiter.ticket != self.ticket);
            state.lines.retain(|line| !line.waiting.is_empty());
        }
        state.changed();
    }
}

/// Leave to make one call. Dropping it unsettled means that the call was not made, and gives back
/// all of it.
#[derive(Debug)]
pub struct Permit(Option<Place>);

impl Permit {
    /// Of a provider that nobody limits.
    pub(super) fn free() -> Self {
        Self(None)
    }

    /// The call is over, and has used so many tokens.
    pub fn settle(mut self, used_tokens: u64) {
        if let Some(place) = &mut self.0 {
            place.used = Some(used_tokens);
        }
    }
}

/// The limiters of all providers.
pub(super) type Limiters = BTreeMap<String, Arc<Limiter>>;
