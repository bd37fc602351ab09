//! A world of failures to measure the choice of repairs in: what heals what is drawn from a seed and
//! known to the world alone.
//!
//! A fault is of a class. What is seen of it says so, or, in 15 % of all cases, speaks of another
//! class; how sure the evidence is of itself is calibrated. For each repair a fault has it in itself
//! whether that heals it, so that trying the same again is of no use.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::domain::failure::{Cause, Damage, Distribution, ErrorType, Failure, Origin};
use crate::domain::id::{Digest, RunId};
use crate::domain::outcome::Outcome;
use crate::domain::phase::{Agent, Phase};
use crate::domain::remedy::{HealAction, Remedy};

use super::knowledge::{Knowledge, cost};
use super::remedy::{Decision, HealBudget, Situation, Tried, actions, choose};

/// The classes that can be healed.
const CLASSES: [ErrorType; 6] = [
    ErrorType::Config,
    ErrorType::Infra,
    ErrorType::Runtime,
    ErrorType::Llm,
    ErrorType::Assertion,
    ErrorType::Logic,
];

/// How much of the evidence speaks of another class than the true one.
const MISLEADING: f64 = 0.15;

/// Numbers that look drawn (SplitMix64).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// Between 0 and 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn between(&mut self, least: f64, most: f64) -> f64 {
        least + self.share() * (most - least)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(super) fn happens(&mut self, chance: f64) -> bool {
        self.share() < chance
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// The repairs that may heal a class, by what the failure looks like.
fn made_for(class: ErrorType) -> &'static [HealAction] {
    use HealAction as A;
    match class {
        ErrorType::Config => &[A::SetDefault, A::CreateFromTemplate, A::InstallDependencies],
        ErrorType::Infra => &[A::Backoff, A::RerunChecks, A::AnotherModel],
        ErrorType::Runtime => &[
            A::FixCrash,
            A::PatchInstructions,
            A::TryCandidates,
            A::Replan,
        ],
        ErrorType::Llm => &[A::Regenerate, A::RegenerateConstrained, A::AnotherModel],
        ErrorType::Assertion => &[
            A::FixAssertion,
            A::PatchInstructions,
            A::RegenerateTest,
            A::TryCandidates,
            A::Replan,
        ],
        ErrorType::Logic => &[
            A::FixBuild,
            A::RefinePlan,
            A::PatchInstructions,
            A::TryCandidates,
            A::Replan,
        ],
        ErrorType::Safety => &[],
    }
}

/// What is true, and hidden.
pub(super) struct World {
    dice: Dice,
    /// How often each class is met.
    frequency: Vec<f64>,
    /// How likely each repair is to heal each class.
    truth: BTreeMap<(ErrorType, HealAction), f64>,
    /// How well each phase takes to repairs.
    ease: [f64; 4],
    /// How sure the evidence says it is: at least, and at most.
    sure: (f64, f64),
    met: u64,
}

/// Something that is wrong.
struct Fault {
    class: ErrorType,
    phase: Phase,
    signature: Digest,
    /// The repairs that heal it, with how many times they must be made.
    heals: BTreeMap<HealAction, u32>,
}

/// What became of a number of faults.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Score {
    pub(super) healable: u32,
    pub(super) healed: u32,
    /// Repairs of those that were healed.
    pub(super) attempts: u32,
    /// What all repairs cost.
    pub(super) cost: f64,
}

impl Score {
    pub(super) fn rate(self) -> f64 {
        f64::from(self.healed) / f64::from(self.healable)
    }

    pub(super) fn attempts_each(self) -> f64 {
        f64::from(self.attempts) / f64::from(self.healed)
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            healable: self.healable + other.healable,
            healed: self.healed + other.healed,
            attempts: self.attempts + other.attempts,
            cost: self.cost + other.cost,
        }
    }
}

impl World {
    /// The world of a seed.
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let frequency = CLASSES.iter().map(|_| dice.between(0.2, 1.0)).collect();
        let mut truth = BTreeMap::new();
        for class in CLASSES {
            let best = dice.of(made_for(class));
            for action in HealAction::ALL {
                let chance = match (action == best, made_for(class).contains(&action)) {
                    (true, _) => dice.between(0.80, 0.97),
                    (_, true) => dice.between(0.30, 0.90),
                    _ => dice.between(0.0, 0.10),
                };
                truth.insert((class, action), chance);
            }
        }
        let ease = std::array::from_fn(|_| dice.between(0.9, 1.0));
        Self {
            dice,
            frequency,
            truth,
            ease,
            // Evidence that knows how good it is, or always says the same of itself.
            sure: match seed % 2 {
                0 => (1.0 - 2.0 * MISLEADING, 1.0),
                _ => (1.0 - MISLEADING, 1.0 - MISLEADING),
            },
            met: 0,
        }
    }

    fn fault(&mut self) -> Fault {
        let mut at = self.dice.share() * self.frequency.iter().sum::<f64>();
        let mut class = CLASSES[0];
        for (one, frequency) in CLASSES.iter().zip(&self.frequency) {
            class = *one;
            at -= frequency;
            if at <= 0.0 {
                break;
            }
        }
        self.met += 1;
        let phase = self.dice.of(&Phase::ALL);
        let mut heals = BTreeMap::new();
        for action in HealAction::ALL {
            let chance = self.truth[&(class, action)] * self.ease[phase as usize];
            // Only an outage may end by itself, so only waiting may help a second time.
            let most = if action == HealAction::Backoff { 3 } else { 1 };
            for times in 1..=most {
                if self.dice.happens(chance) {
                    heals.insert(action, times);
                    break;
                }
            }
        }
        Fault {
            class,
            phase,
            signature: Digest::of(&self.met.to_le_bytes()),
            heals,
        }
    }

    /// What is seen of a class: how likely each is.
    fn seen(&mut self, class: ErrorType) -> Distribution {
        let sure = self.dice.between(self.sure.0, self.sure.1);
        let apparent = if self.dice.happens(sure) {
            class
        } else {
            let others: Vec<_> = CLASSES.into_iter().filter(|one| *one != class).collect();
            self.dice.of(&others)
        };
        let rest = ErrorType::ALL.map(|_| self.dice.between(0.5, 1.5));
        let all: f64 = CLASSES
            .iter()
            .filter(|one| **one != apparent)
            .map(|one| rest[*one as usize])
            .sum();
        Distribution::of(|one| match one {
            one if one == apparent => sure,
            ErrorType::Safety => 0.0,
            one => (1.0 - sure) * rest[one as usize] / all,
        })
    }

    fn failure(&mut self, fault: &Fault, seen: Distribution) -> Failure {
        let error_type = seen.likeliest();
        let cause = match error_type {
            ErrorType::Config => Cause::Missing,
            ErrorType::Infra => self.dice.of(&[Cause::ModelCall, Cause::Environment]),
            ErrorType::Runtime => Cause::Crash,
            ErrorType::Llm => Cause::UnusableAnswer,
            ErrorType::Logic => self.dice.of(&[Cause::Build, Cause::Plan]),
            _ => Cause::Tests,
        };
        Failure {
            error_type,
            distribution: Some(seen),
            retryable: true,
            origin: Origin::Code,
            signature: fault.signature.clone(),
            message: "PORT is not set".into(),
            root_cause: None,
            evidence: String::new(),
            failing_tests: Vec::new(),
            retry_after_ms: None,
            action_required: None,
            damage: Some(Damage::default()),
            cause,
        }
    }
}

/// A situation in which all that could help is there.
pub(super) fn everything(phase: Phase, analyzer: bool) -> Situation {
    let analyzer = analyzer.then_some(Agent::Analyzer);
    Situation {
        run: RunId(1),
        phase,
        step: None,
        tree: "t".into(),
        models: 3,
        has_setup: true,
        template_for_missing: Some(".env.example".into()),
        plan_exists: true,
        answer: None,
        diff: String::new(),
        code: String::new(),
        wanted: None,
        resumed: 0,
        commands: Vec::new(),
        scripts: BTreeMap::new(),
        defaults: BTreeMap::from([("PORT".into(), "8080".into())]),
        own_tests: vec!["tests/a.rs".into()],
        candidates: 3,
        agents: analyzer.into_iter().chain([Agent::Repair]).collect(),
        asked: Vec::new(),
        instructions: None,
    }
}

/// One who heals: what it knows, and what it may do.
pub(super) struct Healer {
    pub(super) knowledge: Knowledge,
    /// The most repairs of one fault.
    pub(super) most: u32,
    /// Whether an analyzer can be asked.
    pub(super) analyzer: bool,
}

impl Healer {
    /// Lets a number of runs with so many faults at once pass.
    pub(super) fn live(&mut self, world: &mut World, runs: u32, at_once: usize) -> Score {
        let mut score = Score::default();
        for _ in 0..runs {
            score = score.plus(self.run(world, at_once));
        }
        score
    }

    /// One run: its faults show one after the other.
    fn run(&mut self, world: &mut World, at_once: usize) -> Score {
        let faults: Vec<Fault> = (0..at_once).map(|_| world.fault()).collect();
        let mut score = Score::default();
        let mut history: Vec<Tried> = Vec::new();
        let (mut healable, mut healed, mut attempts) = (true, true, 0);
        for fault in &faults {
            let seen = world.seen(fault.class);
            let failure = world.failure(fault, seen);
            healable &= is_healable(fault, &failure);
            let mut spent = (0, 0.0);
            healed &= healed && self.heal(world, fault, failure, &mut history, &mut spent);
            attempts += spent.0;
            score.cost += spent.1;
        }
        score.healable = u32::from(healable);
        if healable && healed {
            score.healed = 1;
            score.attempts = attempts;
        }
        score
    }

    fn heal(
        &mut self,
        world: &mut World,
        fault: &Fault,
        mut failure: Failure,
        history: &mut Vec<Tried>,
        (attempts, spent): &mut (u32, f64),
    ) -> bool {
        let mut at = everything(fault.phase, self.analyzer);
        loop {
            let budget = HealBudget {
                failures: *attempts + 1,
                max_retries: self.most,
                heals: 0,
                max_heals: 12,
            };
            match choose(&failure, &at, history, &budget, &self.knowledge) {
                Decision::Act {
                    remedy,
                    distribution,
                    ..
                } => {
                    *attempts += 1;
                    *spent += cost(remedy.action);
                    let before = times(history, &failure, remedy.action);
                    let needed = fault.heals.get(&remedy.action);
                    let success = needed.is_some_and(|needed| *needed <= before + 1);
                    history.push(tried(&failure, &remedy, &at, success));
                    if self.knowledge.learns() {
                        let outcome =
                            outcome(&failure, at.phase, distribution, remedy.action, success);
                        self.knowledge.see(&outcome);
                    }
                    if success {
                        return true;
                    }
                }
                Decision::Consult(Agent::Analyzer) => {
                    at.asked.push(Agent::Analyzer);
                    let again = world.seen(fault.class);
                    let before = failure.distribution();
                    let both = Distribution::of(|class| before.get(class) * again.get(class));
                    failure.error_type = both.likeliest();
                    failure.distribution = Some(both);
                }
                Decision::Consult(agent) => {
                    at.asked.push(agent);
                    at.instructions = Some("mind the edge".into());
                }
                Decision::Stop { .. } | Decision::GiveUp { .. } => return false,
            }
        }
    }
}

/// Whether any repair that there is for such a failure, once its class is known, heals it.
fn is_healable(fault: &Fault, failure: &Failure) -> bool {
    let known = Failure {
        error_type: fault.class,
        distribution: None,
        ..failure.clone()
    };
    actions(&known).into_iter().any(|action| {
        let is_made = made_for(fault.class).contains(&action);
        let is_possible = action != HealAction::TryCandidates || fault.phase > Phase::Builder;
        is_made && is_possible && fault.heals.contains_key(&action)
    })
}

fn times(history: &[Tried], failure: &Failure, action: HealAction) -> u32 {
    let same = history
        .iter()
        .filter(|tried| tried.signature == failure.signature && tried.action == action);
    same.count() as u32
}

pub(super) fn tried(failure: &Failure, remedy: &Remedy, at: &Situation, kept: bool) -> Tried {
    Tried {
        signature: failure.signature.clone(),
        action: remedy.action,
        input: remedy.input.clone(),
        kept,
        evidence: "it failed again".into(),
        resumed: at.resumed,
    }
}

pub(super) fn outcome(
    failure: &Failure,
    phase: Phase,
    distribution: Distribution,
    action: HealAction,
    success: bool,
) -> Outcome {
    Outcome {
        phase,
        signature: failure.signature.clone(),
        error_type: failure.error_type,
        distribution,
        action,
        success,
        tokens: 0,
        cost_usd: 0.0,
        cause: failure.message.clone(),
    }
}
