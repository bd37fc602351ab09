//! The states of a run, by the names that `inspect` shows.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

use super::phase::Phase;

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Created, not started.
    Pending,
    /// A phase is at work.
    Running(Phase),
    /// A phase has ended well; the next begins.
    Completed(Phase),
    /// A phase failed; a remedy is to be chosen.
    Error(Phase),
    /// A remedy is chosen; the phase it names begins.
    SelfHeal,
    /// A person must act.
    AwaitingHuman,
    /// The goal is reached.
    Done,
    /// Given up for this budget.
    Failed,
    /// Given up by a person.
    Cancelled,
}

impl State {
    /// Whether no driver has anything left to do.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending => f.pad("pending"),
            Self::Running(phase) => f.pad(&format!("{phase}_running")),
            Self::Completed(phase) => f.pad(&format!("{phase}_completed")),
            Self::Error(phase) => f.pad(&format!("{phase}_error")),
            Self::SelfHeal => f.pad("self_heal"),
            Self::AwaitingHuman => f.pad("awaiting_human"),
            Self::Done => f.pad("done"),
            Self::Failed => f.pad("failed"),
            Self::Cancelled => f.pad("cancelled"),
        }
    }
}

/// A name that is no state.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown state {0:?}")]
pub struct UnknownState(String);

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        let fixed = match text {
            "pending" => Some(Self::Pending),
            "self_heal" => Some(Self::SelfHeal),
            "awaiting_human" => Some(Self::AwaitingHuman),
            "done" => Some(Self::Done),
            "failed" => Some(Self::Failed),
            "cancelled" => Some(Self::Cancelled),
            _ => None,
        };
        fixed
            .or_else(|| {
                let (phase, suffix) = text.rsplit_once('_')?;
                let phase = phase.parse().ok()?;
                match suffix {
                    "running" => Some(Self::Running(phase)),
                    "completed" => Some(Self::Completed(phase)),
                    "error" => Some(Self::Error(phase)),
                    _ => None,
                }
            })
            .ok_or_else(|| UnknownState(text.to_owned()))
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for State {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
