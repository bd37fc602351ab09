//! Where work happens: isolated worktrees, edits beneath a held directory, confined commands. The
//! only part that starts processes.
//!
//! A run reads the user's repository through [`repository`], keeps its objects in [`own`], works in
//! a [`worktree`] and hands over one branch through [`publish`].

pub mod apply;
pub mod artifacts;
pub mod command;
pub mod confine;
pub mod container;
pub mod edit;
pub mod environment;
pub mod files;
pub mod git;
pub mod listing;
pub mod own;
pub mod project;
pub mod publish;
pub mod repository;
pub mod runner;
pub mod share;
pub mod supervisor;
pub mod worktree;
pub mod written;
