//! What became of a repair, kept beyond its run so that later choices learn from it.

use super::failure::{Distribution, ErrorType};
use super::id::Digest;
use super::phase::Phase;
use super::remedy::HealAction;

/// What became of a repair.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The phase that had failed.
    pub phase: Phase,
    /// The failure's signature.
    pub signature: Digest,
    /// The failure's likeliest class.
    pub error_type: ErrorType,
    /// How likely each class was held to be when the repair was chosen.
    pub distribution: Distribution,
    /// What was done.
    pub action: HealAction,
    /// Whether it made things strictly better.
    pub success: bool,
    /// Tokens that it used.
    pub tokens: u64,
    /// What it cost, in US dollars.
    pub cost_usd: f64,
    /// The failure in one line.
    pub cause: String,
}
