//! What runs may spend, and what they have spent.
//!
//! A call is made only if even its worst case fits under every cap: of the run, of the phase in it,
//! and of the day, which all runs share. What it may use is reserved on the record before it is
//! made; if nobody learns what became of it, all of that counts as spent.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::event::StopReason;
use super::phase::Phase;
use super::units;

/// The limits of a run. `None` means no limit of that kind.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Failures of one phase before the run is given up.
    pub max_retries: u32,
    /// Heals of the whole run before it is given up.
    pub max_heals: u32,
    /// Money, in US dollars.
    pub usd: Option<f64>,
    /// Tokens, in and out together.
    pub tokens: Option<u64>,
    /// Wall time of the driver, in milliseconds.
    pub wall_ms: Option<u64>,
    /// Model calls, each attempt for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u64>,
}

impl Limits {
    /// What is capped of them.
    pub fn caps(&self) -> Caps {
        Caps {
            usd: self.usd,
            tokens: self.tokens,
            wall_ms: self.wall_ms,
            attempts: self.attempts,
        }
    }
}

/// The most that may be spent of each kind. `None` means no limit of that kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Caps {
    /// Money, in US dollars.
    pub usd: Option<f64>,
    /// Tokens, in and out together.
    pub tokens: Option<u64>,
    /// Model calls, each attempt for itself.
    pub attempts: Option<u64>,
    /// Time at work, in milliseconds.
    pub wall_ms: Option<u64>,
}

/// What is spent or reserved; of a call that is about to be made, the most that it may use.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spending {
    /// Money, in US dollars.
    pub usd: f64,
    /// Tokens, in and out together.
    pub tokens: u64,
    /// Model calls, each attempt for itself.
    pub attempts: u64,
    /// Time at work, in milliseconds.
    pub wall_ms: u64,
}

impl std::ops::AddAssign for Spending {
    fn add_assign(&mut self, other: Self) {
        self.usd += other.usd;
        self.tokens = self.tokens.saturating_add(other.tokens);
        self.attempts = self.attempts.saturating_add(other.attempts);
        self.wall_ms = self.wall_ms.saturating_add(other.wall_ms);
    }
}

impl Caps {
    /// Whether `ask` fits beside what is `spent`; `scope` is what the caps are of.
    ///
    /// # Errors
    /// The first cap that it would pass.
    pub fn admit(&self, scope: Scope, spent: Spending, ask: Spending) -> Result<(), Shortfall> {
        match self.lack(spent, ask) {
            Some(lack) => Err(Shortfall { scope, lack }),
            None => Ok(()),
        }
    }

    fn lack(&self, spent: Spending, ask: Spending) -> Option<Lack> {
        let over = |cap: Option<u64>, spent: u64, ask: u64| {
            cap.filter(|cap| spent.saturating_add(ask) > *cap)
        };
        if let Some(cap) = over(self.attempts, spent.attempts, ask.attempts) {
            let (spent, ask) = (spent.attempts, ask.attempts);
            return Some(Lack::Attempts { cap, spent, ask });
        }
        if let Some(cap) = over(self.tokens, spent.tokens, ask.tokens) {
            let (spent, ask) = (spent.tokens, ask.tokens);
            return Some(Lack::Tokens { cap, spent, ask });
        }
        let usd = spent.usd + ask.usd;
        // A sum that is no number must not pass for one within the limit.
        if let Some(cap) = self.usd.filter(|cap| usd.is_nan() || usd > *cap) {
            let (spent, ask) = (spent.usd, ask.usd);
            return Some(Lack::Usd { cap, spent, ask });
        }
        let cap = self.wall_ms.filter(|cap| spent.wall_ms >= *cap)?;
        let spent = spent.wall_ms;
        Some(Lack::Wall { cap, spent })
    }
}

/// What a cap is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One run.
    Run,
    /// The executions of a phase in one run.
    Phase(Phase),
    /// All runs of a record, on one UTC day.
    Day,
}

impl Scope {
    /// Its name in a sentence.
    fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Phase(phase) => phase.as_str(),
            Self::Day => "day",
        }
    }
}

/// What there is too little of: the cap, what was spent or reserved before, and what was asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "the same three everywhere")]
pub enum Lack {
    /// Money, in US dollars.
    Usd { cap: f64, spent: f64, ask: f64 },
    /// Tokens.
    Tokens { cap: u64, spent: u64, ask: u64 },
    /// Model calls.
    Attempts { cap: u64, spent: u64, ask: u64 },
    /// Time, in milliseconds.
    Wall { cap: u64, spent: u64 },
}

/// A cap that is in the way of a call. Displayed as what the cap is, what is spent, and what was
/// asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shortfall {
    /// What the cap is of.
    pub scope: Scope,
    /// What it leaves too little of.
    pub lack: Lack,
}

impl Shortfall {
    /// Why the run stands still.
    pub fn reason(&self) -> StopReason {
        match self.lack {
            Lack::Usd { .. } => StopReason::BudgetUsd,
            Lack::Tokens { .. } => StopReason::BudgetTokens,
            Lack::Attempts { .. } => StopReason::BudgetAttempts,
            Lack::Wall { .. } => StopReason::WallTime,
        }
    }

    /// What a person must do before the run can go on; none if a flag of `resume` is enough.
    pub fn remedy(&self) -> Option<String> {
        let key = match self.lack {
            Lack::Usd { .. } => "usd",
            Lack::Tokens { .. } => "tokens",
            Lack::Attempts { .. } => "attempts",
            Lack::Wall { .. } => "wall",
        };
        match self.scope {
            Scope::Run => None,
            Scope::Phase(phase) => Some(format!("raise phases.{phase}.budget.{key}")),
            Scope::Day => Some(format!(
                "go on tomorrow (days begin at 00:00 UTC), or raise budget.day.{key}"
            )),
        }
    }

    /// The least cap with which the call would fit: US dollars, tokens, calls or milliseconds.
    pub fn needs(&self) -> f64 {
        match self.lack {
            Lack::Usd { spent, ask, .. } => spent + ask,
            Lack::Tokens { spent, ask, .. } | Lack::Attempts { spent, ask, .. } => {
                float(spent.saturating_add(ask))
            }
            Lack::Wall { spent, .. } => float(spent.saturating_add(1)),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts beyond 2^52 are no budget"
)]
fn float(count: u64) -> f64 {
    count as f64
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {}'s budget of ", self.scope.name())?;
        match self.lack {
            Lack::Usd { cap, spent, ask } => {
                let (cap, spent, ask) = (money(cap), money(spent), money(ask));
                write!(
                    f,
                    "{cap} USD: {spent} is spent or reserved, the next call may cost {ask}"
                )
            }
            Lack::Tokens { cap, spent, ask } => write!(
                f,
                "{cap} tokens: {spent} are used or reserved, the next call may use {ask}"
            ),
            Lack::Attempts { cap, .. } => {
                let s = if cap == 1 { "" } else { "s" };
                write!(f, "{cap} model call{s} is used up")
            }
            Lack::Wall { cap, .. } => {
                write!(f, "{} of time is used up", units::duration(cap))
            }
        }
    }
}

/// Money without its sign: cents, and as many places as it takes to see small amounts.
fn money(usd: f64) -> String {
    let cents = usd * 100.0;
    if usd >= 1.0 || (cents - cents.round()).abs() < 1e-9 {
        format!("{usd:.2}")
    } else if usd >= 0.001 {
        format!("{usd:.4}")
    } else {
        format!("{usd:.6}")
    }
}

/// What model calls used. Input holds cached tokens, output holds reasoning tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Model calls made.
    #[serde(default)]
    pub model_calls: u64,
    /// Prompt tokens, cached ones included.
    #[serde(default)]
    pub input_tokens: u64,
    /// Prompt tokens that came from a provider's cache.
    #[serde(default)]
    pub cached_input_tokens: u64,
    /// Generated tokens, hidden reasoning included.
    #[serde(default)]
    pub output_tokens: u64,
    /// Generated tokens that were hidden reasoning.
    #[serde(default)]
    pub reasoning_tokens: u64,
    /// Cost in US dollars.
    #[serde(default)]
    pub cost_usd: f64,
}

impl Usage {
    /// All tokens, in and out.
    pub fn tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.model_calls += other.model_calls;
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.cached_input_tokens = self
            .cached_input_tokens
            .saturating_add(other.cached_input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.reasoning_tokens = self.reasoning_tokens.saturating_add(other.reasoning_tokens);
        self.cost_usd += other.cost_usd;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn caps(usd: f64, tokens: u64, attempts: u64) -> Caps {
        Caps {
            usd: Some(usd),
            tokens: Some(tokens),
            attempts: Some(attempts),
            wall_ms: None,
        }
    }

    fn spending(usd: f64, tokens: u64, attempts: u64) -> Spending {
        Spending {
            usd,
            tokens,
            attempts,
            wall_ms: 0,
        }
    }

    proptest! {
        /// Each call uses some part of what it reserved; a lost one counts as all of it.
        #[test]
        fn whatever_calls_are_made_the_caps_hold(
            calls in prop::collection::vec((0_u64..600, 0.0_f64..0.6, 0_u64..=4), 0..80),
        ) {
            let caps = caps(1.0, 1_000, 20);
            let mut spent = Spending::default();
            for (tokens, usd, quarters) in calls {
                if caps.admit(Scope::Run, spent, spending(usd, tokens, 1)).is_ok() {
                    spent.tokens += tokens * quarters / 4;
                    spent.usd += usd * float(quarters) / 4.0;
                    spent.attempts += 1;
                }
                prop_assert!(spent.tokens <= 1_000 && spent.usd <= 1.0 && spent.attempts <= 20);
            }
        }
    }

    #[test]
    fn a_call_that_does_not_fit_names_scope_cap_and_what_was_asked() {
        let limits = Caps {
            wall_ms: Some(600_000),
            ..caps(2.0, 100, 3)
        };
        let told = |scope, spent, ask| {
            let short = limits.admit(scope, spent, ask).expect_err("does not fit");
            let remedy = short.remedy().unwrap_or_default();
            format!(
                "{}: {short}; {remedy} ({})",
                short.reason().as_str(),
                short.needs()
            )
        };
        let spent = spending(1.93, 60, 2);
        let late = Spending {
            wall_ms: 600_000,
            ..spent
        };
        let builder = Scope::Phase(Phase::Builder);
        let all = [
            told(Scope::Day, spent, spending(0.12, 40, 1)),
            told(Scope::Run, spent, spending(0.07, 41, 1)),
            told(builder, spent, spending(0.0, 0, 2)),
            told(builder, late, spending(0.0, 0, 1)),
            told(Scope::Run, spending(0.00004, 0, 0), spending(2.5, 0, 1)),
        ];
        insta::assert_snapshot!(all.join("\n"), @r"
        budget_usd: the day's budget of 2.00 USD: 1.93 is spent or reserved, the next call may cost 0.12; go on tomorrow (days begin at 00:00 UTC), or raise budget.day.usd (2.05)
        budget_tokens: the run's budget of 100 tokens: 60 are used or reserved, the next call may use 41;  (101)
        budget_attempts: the builder's budget of 3 model calls is used up; raise phases.builder.budget.attempts (4)
        wall_time: the builder's budget of 10 m 0 s of time is used up; raise phases.builder.budget.wall (600001)
        budget_usd: the run's budget of 2.00 USD: 0.000040 is spent or reserved, the next call may cost 2.50;  (2.50004)
        ");
        let nothing = spending(f64::NAN, 0, 1);
        assert!(
            limits
                .admit(Scope::Run, Spending::default(), nothing)
                .is_err()
        );
        assert_eq!(
            limits.admit(Scope::Run, spent, spending(0.07, 40, 1)),
            Ok(())
        );
        assert_eq!(
            Caps::default().admit(Scope::Day, late, spending(9e9, 1 << 60, 9)),
            Ok(())
        );
    }
}
