//! How the models of a phase are put in order, and why one was not asked.

use serde::{Deserialize, Serialize};

/// How the order in which an execution asks models came about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// By which rule.
    pub rule: ChoiceRule,
    /// The share of successes that the phase wants, 0 to 1, where it matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<f64>,
    /// All models that were considered, in the order in which they are asked.
    pub candidates: Vec<Candidate>,
}

/// The rules by which models are put in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChoiceRule {
    /// As they are named.
    Order,
    /// The cheapest whose drawn success meets the target first, then the others by their draw.
    Score,
    /// A person named one for this run; it comes first.
    Switched,
    /// Another one than that of the failed attempt comes first.
    AnotherModel,
    /// Models that reason better than that of the failed attempts come first.
    HigherTier,
}

/// A model that was considered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its name in the configuration.
    pub model: String,
    /// The share of successes that is expected of it, 0 to 1.
    pub mean: f64,
    /// How much was seen of it: discounted observations, without what is assumed beforehand.
    pub seen: f64,
    /// The success that was drawn for this execution, 0 to 1; none where nothing was drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draw: Option<f64>,
    /// What a typical call costs, in US dollars; none without a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<f64>,
}

/// A model that was not asked although its turn had come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PassedOver {
    /// Its name in the configuration.
    pub model: String,
    /// Why.
    pub reason: RuledOut,
}

/// What rules a model out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum RuledOut {
    /// It cannot be asked at all.
    Unusable {
        /// Why.
        message: String,
    },
    /// It calls no tools, and the request has some.
    NoTools,
    /// It cannot be held to a schema, and the request has one.
    NoJson,
    /// Prompt and answer do not fit.
    TooSmall {
        /// Its context window, in tokens.
        window: u64,
        /// What the request needs, in tokens.
        needed: u64,
    },
    /// What it is told leaves the machines of the person, and the phase is private.
    NotPrivate,
    /// It has failed too often of late, and rests.
    Resting {
        /// When it may be asked again.
        until: jiff::Timestamp,
    },
    /// Even its worst case must fit in what is left, and does not.
    TooDear {
        /// Its worst case, in US dollars.
        usd: f64,
    },
    /// It failed earlier in this call.
    Failed,
}

/// What checks said of the work of a model in one execution.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// The model's name in the configuration.
    pub model: String,
    /// The agent it worked as.
    pub agent: super::phase::Agent,
    /// What kind of task it was: the estimated complexity of a step, or `plan`, `repair`.
    pub class: String,
    /// Whether the work passed.
    pub success: bool,
}
