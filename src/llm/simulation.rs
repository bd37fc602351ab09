//! Outages on simulated time: many runs that ask the same models, and what comes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::breaker::{self, Asking, Standing};
use super::filter::{self, Needs};
use super::retries::Retries;
use super::retry::{Attempt, Candidate, Circumstances, LONGEST_WAIT, PastAttempt, next_attempt};
use crate::config::ModelConfig;
use crate::domain::RunId;
use crate::domain::breaker::Breaker;
use crate::domain::tape::{ModelFailure, ModelFailureKind};

/// How long a call takes, in milliseconds.
const CALL: u64 = 20;
/// How long a run thinks between two calls.
const THOUGHT: u64 = 300;

/// A run and the call that it is at.
#[derive(Default)]
struct Run {
    past: Vec<(String, ModelFailure)>,
    sat_out: bool,
    paid: bool,
    rested: u64,
    /// The model that is being asked, and since when.
    under_way: Option<(String, u64)>,
}

/// A call that was made: when it was begun, whom it went to, and whether it was answered.
struct Made {
    begun: u64,
    ended: u64,
    answered: bool,
}

struct World {
    /// Models with their providers, in order of preference.
    models: Vec<(&'static str, &'static str)>,
    /// The providers that are out until then.
    out: BTreeMap<&'static str, u64>,
    breakers: BTreeMap<String, Breaker>,
    retries: Retries,
    runs: Vec<Run>,
    /// Logical calls: begun, answered, and those begun before any breaker opened.
    wanted: usize,
    answered: usize,
    wanted_before: Option<(usize, usize)>,
    made: Vec<Made>,
    now: u64,
}

impl World {
    fn new(models: &[(&'static str, &'static str)], out: &[(&'static str, u64)]) -> Self {
        let retries = Retries::default();
        for (model, provider) in models {
            retries.learn(provider, model, &[]);
        }
        Self {
            models: models.to_vec(),
            out: out.iter().copied().collect(),
            breakers: BTreeMap::new(),
            retries,
            runs: Vec::new(),
            wanted: 0,
            answered: 0,
            wanted_before: None,
            made: Vec::new(),
            now: 0,
        }
    }

    /// Has so many runs make so many calls between them.
    fn run(mut self, runs: usize, calls: usize) -> Self {
        self.runs.resize_with(runs, Run::default);
        let mut due: BTreeSet<(u64, usize)> = (0..runs).map(|run| (run as u64 * 7, run)).collect();
        while let Some((now, run)) = due.pop_first() {
            self.now = now;
            let is_new = self.runs[run].past.is_empty() && self.runs[run].under_way.is_none();
            if is_new && self.runs[run].rested == 0 {
                if self.wanted == calls {
                    continue;
                }
                self.wanted += 1;
            }
            let wait = self.step(run);
            due.insert((now + wait, run));
        }
        self
    }

    fn at(&self) -> Timestamp {
        Timestamp::from_millisecond(i64::try_from(self.now).unwrap_or(i64::MAX)).expect("a time")
    }

    fn provider(&self, model: &str) -> &'static str {
        let known = self.models.iter().find(|(name, _)| *name == model);
        known.expect("a model").1
    }

    /// What a run does now, and how long until it does something again.
    fn step(&mut self, run: usize) -> u64 {
        if let Some((model, begun)) = self.runs[run].under_way.take()
            && self.end(run, model, begun)
        {
            self.runs[run] = Run::default();
            return THOUGHT;
        }
        loop {
            match self.decide(run) {
                Attempt::GiveUp(_) => {
                    self.runs[run] = Run::default();
                    // The repair waits a little.
                    return 2 * THOUGHT;
                }
                Attempt::Wait(ms) => {
                    self.runs[run].rested += ms.max(1);
                    return ms.max(1);
                }
                Attempt::Try {
                    model,
                    wait_ms,
                    paid,
                    ..
                } => {
                    let provider = self.provider(&model);
                    let at = &mut self.runs[run];
                    if paid && !at.paid {
                        at.paid = self.retries.take(provider, &model);
                        if !at.paid {
                            continue;
                        }
                    }
                    if wait_ms > 0 {
                        at.rested += if at.sat_out { wait_ms } else { 0 };
                        at.sat_out = true;
                        return wait_ms;
                    }
                    if self.begin(run, model) {
                        return CALL;
                    }
                }
            }
        }
    }

    /// Begins a call, unless another run finds out first whether the model is back.
    fn begin(&mut self, run: usize, model: String) -> bool {
        let asking = Asking {
            run: RunId(run as i64),
            now: self.at(),
            resumed: None,
            void: None,
        };
        let end = breaker::later(self.at(), Duration::from_secs(60));
        let (held, mine) = breaker::claim(self.breakers.remove(&model), asking, end);
        held.map(|held| self.breakers.insert(model.clone(), held));
        if mine {
            let at = &mut self.runs[run];
            let first = at.past.iter().all(|(past, _)| *past != model);
            (at.sat_out, at.paid) = (false, false);
            at.under_way = Some((model.clone(), self.now));
            if first {
                self.retries.put_in(self.provider(&model), &model);
            }
        }
        mine
    }

    /// Ends a call; whether it was answered.
    fn end(&mut self, run: usize, model: String, begun: u64) -> bool {
        let back = self.out.get(self.provider(&model)).copied().unwrap_or(0);
        let (answered, held) = (begun >= back, self.breakers.remove(&model));
        let (id, now) = (RunId(run as i64), self.at());
        let failure = ModelFailure::new(ModelFailureKind::Overloaded, "out");
        let held = match answered {
            true => breaker::after_answer(held, id, now),
            false => breaker::after_failure(held, &failure, id, now),
        };
        let ended = self.now;
        self.made.push(Made {
            begun,
            ended,
            answered,
        });
        if let Some(held) = held {
            let open = matches!(
                breaker::standing(Some(&held), now, None),
                Standing::Open { .. }
            );
            if open && self.wanted_before.is_none() {
                self.wanted_before = Some((self.wanted, self.made.len()));
            }
            self.breakers.insert(model.clone(), held);
        }
        self.answered += usize::from(answered);
        self.runs[run].past.push((model, failure));
        answered
    }

    /// Until when a model rests.
    fn rest(&self, model: &str) -> Option<Timestamp> {
        let now = self.at();
        match breaker::standing(self.breakers.get(model), now, None) {
            Standing::Closed | Standing::HalfOpen { probe: None } => None,
            Standing::Open { until } => Some(until),
            Standing::HalfOpen { probe: Some(_) } => {
                Some(breaker::later(now, Duration::from_millis(250)))
            }
        }
    }

    fn decide(&self, run: usize) -> Attempt {
        let config = ModelConfig::of("p", "m");
        let field: Vec<_> = self
            .models
            .iter()
            .map(|(name, _)| filter::Candidate {
                name,
                config: Some(&config),
                unusable: None,
                at_home: false,
                resting: self.rest(name),
            })
            .collect();
        let needs = Needs {
            tools: true,
            schema: false,
            prompt: 100,
            most_prompt: 100,
            max_output: 100,
            private: false,
            left_usd: None,
        };
        let reasons = filter::rule_out(&field, &needs);
        let field: Vec<_> = self.models.iter().zip(reasons).collect();
        let candidates: Vec<_> = field
            .into_iter()
            .map(|((model, provider), ruled_out)| Candidate {
                model,
                provider,
                window: None,
                ruled_out,
                because: None,
            })
            .collect();
        let at = &self.runs[run];
        let past: Vec<_> = at
            .past
            .iter()
            .map(|(model, failure)| PastAttempt {
                model,
                failure,
                same: true,
            })
            .collect();
        let credit = past
            .last()
            .is_some_and(|last| self.retries.has(self.provider(last.model), last.model));
        next_attempt(&Circumstances {
            candidates: &candidates,
            past: &past,
            seed: &run.to_string(),
            credit: at.paid || credit,
            sat_out: at.sat_out,
            patience: LONGEST_WAIT.saturating_sub(Duration::from_millis(at.rested)),
            now: self.at(),
        })
    }
}

#[test]
fn in_a_total_outage_hardly_anything_is_asked_for_nothing() {
    for models in [&[("a", "p")][..], &[("a", "p"), ("b", "q")]] {
        let forever = u64::MAX / 2;
        for runs in [1, 5, 20] {
            let world = World::new(models, &[("p", forever), ("q", forever)]).run(runs, 500);
            assert_eq!((world.wanted, world.answered), (500, 0));
            let (wanted, made) = world.wanted_before.expect("it opens");
            assert!(
                made * 10 <= wanted * 11 * models.len(),
                "{made} of {wanted}"
            );
            // One in each rest, and what was under way when it began.
            let all = world.made.len();
            let rests = usize::try_from(world.now / 60_000).expect("few") + 10;
            let most = models.len() * (rests + 2 * runs);
            assert!(all <= most, "{all} calls of {runs} runs, at most {most}");
            assert!(
                runs == 1 || all <= 150 * models.len(),
                "{all} calls of {runs} runs"
            );
        }
    }
}

#[test]
fn one_call_finds_out_that_a_provider_is_back() {
    for back in [1_000, 30_000, 200_000, 1_000_000] {
        for runs in [1, 5, 20] {
            let world = World::new(&[("a", "p")], &[("p", back)]).run(runs, 500);
            let after = || world.made.iter().filter(|made| made.begun >= back);
            let first = after().map(|made| made.ended).min().expect("it is asked");
            let probes = after().filter(|made| made.begun < first).count();
            // Before anything was open, calls go on as ever.
            let open = world.wanted_before.is_some();
            assert!(
                !open || probes == 1,
                "{probes} probes of {runs} runs, back at {back}"
            );
            assert!(after().all(|made| made.answered));
            let in_vain = world.made.iter().filter(|made| !made.answered).count();
            assert!(world.made.len() - in_vain == world.answered);
        }
    }
}

#[test]
fn when_one_provider_is_out_the_other_does_all_the_work() {
    for runs in [1, 5, 20] {
        let world = World::new(&[("a", "p"), ("b", "q")], &[("p", u64::MAX / 2)]).run(runs, 500);
        assert_eq!(world.answered, 500);
        let made = world.made.len();
        assert!(made <= 600, "{made} calls for 500");
    }
}

/// How long a choice takes. It prints, for people: a test that measured time would fail at random.
#[test]
#[ignore = "it measures"]
fn a_choice_is_quick() {
    let world = World::new(&[("a", "p"), ("b", "q"), ("c", "p"), ("d", "r")], &[]).run(1, 1);
    let begun = std::time::Instant::now();
    for _ in 0..10_000 {
        std::hint::black_box(world.decide(0));
    }
    println!("{:?} a choice among four", begun.elapsed() / 10_000);
}
