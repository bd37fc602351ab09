//! Healing: failure evidence -> error type; error type + history -> remedy.
//!
//! Pure: no I/O, clock or async; the only randomness is jitter drawn from a hash. What goes wrong
//! enters by [`classify`] and leaves as a `Failure`; [`remedy::choose`] says what to do about it.

pub mod backoff;
pub mod candidates;
pub mod classify;
pub mod defaults;
pub mod fixes;
pub mod knowledge;
pub mod opinion;
pub mod remedy;
pub mod signature;
#[cfg(test)]
mod simulation;
pub mod stuck;

pub use crate::domain::lenient;
