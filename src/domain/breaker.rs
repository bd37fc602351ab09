//! What is held against a model that failed of late.

use jiff::Timestamp;

use super::id::RunId;
use super::tape::ModelFailureKind;

/// What is held against a model; a model of which nothing is known is healthy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// Failures one after the other that speak of an outage.
    pub failures: u32,
    /// The kind of the latest failure.
    pub kind: ModelFailureKind,
    /// When it was seen.
    pub at: Timestamp,
    /// Until then the model rests.
    pub until: Timestamp,
    /// Who finds out whether it is back, after its rest.
    pub probe: Option<Probe>,
}

/// A call that finds out whether a model is back. Everybody else waits for what comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The run that makes it; a claim is void when nobody drives that run.
    pub run: RunId,
    /// When the call has ended at the latest.
    pub until: Timestamp,
}
