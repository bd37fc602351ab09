//! The one integration binary: a module a topic, each driving the real program.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

mod advance;
mod anthropic;
mod apply;
mod archives;
mod budgets;
mod cache;
mod canary;
mod classify;
mod command;
mod completions;
mod crash;
mod create;
mod demo;
mod diff;
mod disk;
mod documents;
mod evidence;
mod export;
mod failures;
mod faults;
mod gemini;
mod gits;
mod handled;
mod heal;
mod heal_list;
mod heals;
mod hostile;
mod init;
mod labelled;
mod list_inspect;
mod logs;
mod man;
mod models;
mod models_test;
mod models_why;
mod ollama;
mod openai;
mod reference;
mod refusals;
mod release;
mod replay;
mod responses;
mod run;
mod sandbox;
mod share;
mod signals;
mod stability;
mod stops;
mod stuck;
mod switch_model;
mod test_verb;
mod upkeep;
mod wire;
mod world;
