//! The wish that a run stop at its next safe point.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Set by Ctrl-C or a signal; seen by the drive, and by the command that is running.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    flag: Arc<AtomicBool>,
    wake: Arc<Notify>,
}

impl Interrupt {
    /// Asks the run to stop.
    pub fn raise(&self) {
        self.flag.store(true, Ordering::SeqCst);
        self.wake.notify_waiters();
    }

    /// Whether someone asked.
    pub fn is_raised(&self) -> bool {
        self.flag.load(Ordering::SeqCst)
    }

    /// The flag itself, for what runs outside of async.
    pub fn flag(&self) -> &AtomicBool {
        &self.flag
    }

    /// Returns when someone asks.
    pub async fn raised(&self) {
        loop {
            let woken = self.wake.notified();
            if self.is_raised() {
                return;
            }
            woken.await;
        }
    }
}
