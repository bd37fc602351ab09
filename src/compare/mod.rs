//! Two runs side by side: do their events say the same, where do they part, what differs in the end?
//!
//! Pure: no I/O, clock or async. What is a run's own (ids, names made of them, times, costs, temporary
//! paths) never counts; trees, verdicts and the words of people and models do. Start at
//! [`difference`] for two events, at [`RunDiff::of`] for two whole runs.

mod course;
mod event;
mod findings;
mod part;
mod plans;
mod runs;
mod tape;
mod verdicts;
mod words;

pub use course::{Pairing, first_divergence, is_course};
pub use event::{difference, difference_in_texts};
pub use findings::{FindingChanges, FindingWords};
pub use part::first as first_difference;
pub use plans::{ChangedStep, PlanChanges, StepWords};
pub use runs::{Ending, HealWords, Lineage, Pair, PhaseModels, RunDiff, Side};
pub use tape::{TapeParting, parting};
pub use verdicts::{CheckChange, TestChanges};

#[cfg(test)]
mod tests;
