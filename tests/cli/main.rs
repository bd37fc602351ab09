//! The one integration binary: a module a topic, each driving the real program.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

mod command;
mod crash;
mod demo;
mod disk;
mod documents;
mod evidence;
mod handled;
mod hostile;
mod list_inspect;
mod reference;
mod refusals;
mod release;
mod run;
mod sandbox;
mod signals;
mod stops;
mod world;
