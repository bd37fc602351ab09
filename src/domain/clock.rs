//! The time, as something that is given.

use jiff::Timestamp;

/// Tells the time. Everything that needs it takes a clock, so that tests can give their own.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}
