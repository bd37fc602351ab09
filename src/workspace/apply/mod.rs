//! A branch of the user's that goes to another commit, with the index and the files of its
//! checkout: all of it, or nothing.
//!
//! [`Target::find`] says which branch, [`plan()`] what would change and whether anything is in the
//! way, [`carry_out`] does it, and does it again after a kill. No hook, filter, monitor or other
//! program that the repository's configuration names is run; files are written as the person's
//! git would write them otherwise.
//!
//! The order of effects: the index is locked, objects are copied, the ref is locked where it
//! stands, new files are written beside their places, all are put in place, the ref moves, and at
//! last the index is replaced and let go. While the ref is where it was, everything can be put
//! back; once it has moved, only the index is left to do. So whoever comes after a kill sees by
//! the ref which way to go, and every file is one of two things that are on the record.

mod checkout;
mod files;
mod history;
mod index;
mod journey;
mod lock;
mod placing;
mod plan;
mod refusal;
mod target;

pub use history::{History, Relation};
pub use journey::{End, Journey, carry_out};
pub use plan::{Change, FileChange, Planned, plan};
pub use refusal::ApplyError;
pub use target::Target;
