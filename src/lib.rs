//! rgpt carries a goal for a software repository from plan to tested commit.
//!
//! The modules, in layer order; each imports only from those with a lower number
//! (`tests/layers.rs` enforces it):
//!
//! - 0 [`domain`]: the words and rules of a run, pure
//! - 0 [`failpoint`]: places where a test kills the process
//! - 1 [`config`]: the layers of configuration -> one checked `Config` of plain data
//! - 2 [`policy`]: the gate, the only place that can make an `Approved`
//! - 2 [`heal`]: evidence -> classified failure; failure + history -> remedy
//! - 2 [`agents`]: pure functions of (brief, tape), one file an agent
//! - 3 [`store`]: SQLite, the one door; the only SQL
//! - 3 [`llm`]: asking models: one trait, one file a protocol, the mesh
//! - 3 [`bus`]: events out, to whoever listens in this process
//! - 3 [`compare`]: two runs side by side: where they part, what differs, pure
//! - 3 [`workspace`]: worktrees, edits, confined commands; the only process spawning
//! - 4 [`verify`]: checks -> findings and verdicts, one file a report format
//! - 4 [`export`]: a run as a document to take away: Markdown, JSON, HTML, archive
//! - 4 [`upkeep`]: archives of the record, restoring one, forgetting old runs
//! - 5 [`diagnose`]: a case of failure of any kind -> what it is, pure
//! - 5 [`engine`]: the loop: perform, gather evidence for the gate, record
//! - 7 [`cli`]: one file a verb; `ui` is the only file that prints

pub mod agents;
pub mod bus;
pub mod cli;
pub mod compare;
pub mod config;
pub mod diagnose;
pub mod domain;
pub mod engine;
pub mod export;
pub mod failpoint;
pub mod heal;
pub mod llm;
pub mod policy;
pub mod store;
pub mod upkeep;
pub mod verify;
pub mod workspace;
