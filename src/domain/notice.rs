//! What is shown while a run goes on and then forgotten. Not durable, unlike events.

use super::id::{ExecutionId, RunId};
use super::phase::Phase;

/// A passing message about a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// A piece of a model's answer arrived.
    Token {
        /// The run.
        run: RunId,
        /// The execution that asked.
        execution: ExecutionId,
        /// The piece.
        text: String,
    },
    /// What is being done right now, in a few words.
    Progress {
        /// The run.
        run: RunId,
        /// The phase it happens in.
        phase: Phase,
        /// The words.
        text: String,
    },
}
