//! A to-do list in a text file.

pub mod cli;
pub mod list;
pub mod store;
