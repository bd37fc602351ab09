//! The engine: performs what a run's state names, gathers evidence for the gate, and records.
//!
//! Start at [`Engine::create`] and [`Engine::drive`]. Intent, effect, record, in that order: what is
//! to be done is committed before it is done, and what came of it after.

mod ask;
mod briefing;
mod cancel;
mod checks;
mod commands;
mod create;
mod drive;
mod evidence;
mod execution;
mod halt;
mod healing;
mod interrupt;
mod recorder;
mod release;
mod site;
mod tools;

use std::path::PathBuf;
use std::sync::Arc;

use crate::bus::Bus;
use crate::config::{Config, Environment};
use crate::domain::Clock;
use crate::llm::Mesh;
use crate::store::{StateDir, Store};
use crate::workspace::own::OwnGit;
use crate::workspace::repository::UserRepository;

pub use cancel::{Cancelled, cancel};
pub use create::{CreateError, NewRun, require_models};
pub use interrupt::Interrupt;

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
    /// The user's repository, read only but for the published branch.
    pub repository: UserRepository,
    /// rgpt's own git dir.
    pub own: OwnGit,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The process environment.
    pub environment: Environment,
    /// The program that supervises commands: this one.
    pub supervisor: PathBuf,
    /// The folder under which worktrees are made.
    pub cache_home: PathBuf,
    /// Whether someone wants the run to stop.
    pub interrupt: Interrupt,
}
