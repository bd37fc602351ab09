//! What a run may spend, and what it has spent.

use serde::{Deserialize, Serialize};

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
