//! The engine: performs what a run's state names, gathers evidence for the gate, and records.
//!
//! Start at [`Engine::create`] and [`Engine::drive`]. Intent, effect, record, in that order: what is
//! to be done is committed before it is done, and what came of it after.

mod admission;
mod apply;
mod ask;
mod attempt;
mod briefing;
mod budget;
mod cancel;
mod checks;
mod commands;
mod consulting;
mod create;
mod drive;
mod execution;
mod flaky;
mod fork;
mod halt;
mod healing;
mod interrupt;
mod lanes;
mod learning;
mod ledger;
mod own_tests;
mod patches;
mod recorder;
mod release;
mod repeat;
mod replay;
mod settings;
mod site;
mod situation;
mod story;
mod stuck;
mod summary;
mod switching;
mod templates;
#[cfg(test)]
mod tests;
mod tools;

use std::path::PathBuf;
use std::sync::Arc;

use crate::agents::Next;
use crate::bus::Bus;
use crate::config::{Config, Environment};
use crate::domain::Clock;
use crate::domain::brief::Brief;
use crate::domain::tape::TapeEntry;
use crate::llm::Mesh;
use crate::store::{StateDir, Store};
use crate::workspace::own::OwnGit;
use crate::workspace::repository::UserRepository;

pub use apply::{Taken, TakenResult, Taking, TakingError};
pub use briefing::model_names;
pub use cancel::{Cancelled, cancel};
pub use create::{CreateError, NewRun, require_models};
pub use fork::{ForkError, ForkPoint, NewReplay, recorded_config};
pub use interrupt::Interrupt;
pub use replay::Unrepeatable;

/// What an agent wants next, given its brief and its tape: [`agents::next`](crate::agents::next), or
/// whatever a test puts in its place.
pub type Agents = fn(&Brief, &[TapeEntry]) -> Next;

/// A repository, and where to work on it.
pub struct Ground {
    /// The user's repository, read only but for the published branch.
    pub repository: UserRepository,
    /// rgpt's own git dir.
    pub own: OwnGit,
    /// The program that supervises commands: this one.
    pub supervisor: PathBuf,
    /// The folder under which worktrees are made.
    pub cache_home: PathBuf,
}

/// Everything a run needs around it.
pub struct Engine {
    /// The record.
    pub store: Store,
    /// Where the state lies.
    pub state: StateDir,
    /// Who listens.
    pub bus: Bus,
    /// Who answers.
    pub mesh: Mesh,
    /// The effective configuration.
    pub config: Config,
    /// What runs work on. Without it they work on no files.
    pub ground: Option<Ground>,
    /// How the agents decide.
    pub agents: Agents,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The process environment.
    pub environment: Environment,
    /// Whether someone wants the run to stop.
    pub interrupt: Interrupt,
}
