//! The words and rules of a run. Pure: no I/O, clock, async or SQL.
//!
//! A run is a list of [`Event`]s; [`Run`] is the fold over them and names the next [`Action`].
//! Start reading at [`event`], then [`run`].

pub mod action;
pub mod application;
pub mod breaker;
pub mod brief;
pub mod budget;
pub mod check;
pub mod choice;
pub mod clean;
pub mod clock;
pub mod event;
pub mod failure;
pub mod finding;
pub mod fold;
pub mod id;
pub mod lenient;
pub mod message;
mod next;
pub mod notice;
pub mod outcome;
pub mod phase;
pub mod plan;
pub mod proposal;
pub mod remedy;
pub mod replay;
pub mod response;
pub mod run;
pub mod state;
pub mod step;
pub mod tape;
pub mod text;
pub mod units;

pub use action::Action;
pub use clock::Clock;
pub use event::{Event, Record};
pub use failure::{ErrorType, Failure};
pub use id::{CommitId, Digest, ExecutionId, FindingId, HealId, RunId, StepId, TreeId};
pub use phase::{Agent, Phase};
pub use plan::Plan;
pub use run::Run;
pub use state::State;
