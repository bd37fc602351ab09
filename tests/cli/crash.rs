//! Kill it anywhere, resume it: the promises about crashes, takeovers and many processes at once.
//!
//! [`sweep`] kills the program at every named place of a run that has everything in it, and again
//! while it recovers; [`broken`] shows that the same checks catch a program that is wrong;
//! [`power`] kills at random times; [`upkeep`] kills the verbs that look after the record;
//! [`concurrency`] has many processes on one record.

mod broken;
mod case;
mod concurrency;
mod invariants;
pub(crate) mod points;
mod power;
mod processes;
mod quick;
mod scenario;
mod story;
mod sweep;
mod upkeep;
