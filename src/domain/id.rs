//! Identifiers. Numbers are counted per run from 1 (a run's own id is counted per state directory),
//! so that the same events give the same ids wherever they are folded.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

number!(
    /// One pursuit of one goal on one repository, counted from 1 in its state directory.
    RunId(i64)
);
number!(
    /// One attempt of an agent at a phase or a step, counted from 1 in its run.
    ExecutionId(u32)
);
number!(
    /// One repair, counted from 1 in its run.
    HealId(u32)
);
number!(
    /// One finding of a check, counted from 1 in its run.
    FindingId(u32)
);
text!(
    /// A step's id as the planner named it.
    StepId
);
text!(
    /// A git tree object's id.
    TreeId
);
text!(
    /// A git commit object's id.
    CommitId
);
text!(
    /// A BLAKE3 content hash in hex: the address of a stored text.
    Digest
);

impl Digest {
    /// The address of `content`.
    pub fn of(content: &[u8]) -> Self {
        Self(blake3::hash(content).to_hex().to_string())
    }

    /// The first twelve hex digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..self.0.len().min(12)]
    }
}

impl CommitId {
    /// The first ten hex digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..self.0.len().min(10)]
    }
}
