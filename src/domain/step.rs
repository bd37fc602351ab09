//! Where a step of the plan stands.

use serde::{Deserialize, Serialize};

/// The status of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepStatus {
    /// Not begun.
    Pending,
    /// An execution is at work on it.
    Running,
    /// Done.
    Completed,
    /// It failed; a repair may begin it again.
    Failed,
    /// It will not be done, because one that it needs is not.
    Skipped,
}

impl StepStatus {
    /// The name in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}
