//! A token bucket that counts in whole numbers: full, it holds what a minute allows, and it fills
//! steadily.

use std::time::Duration;

use tokio::time::Instant;

/// The milliseconds of a minute. Levels are counted in so many parts of one, so that what flows in
/// within a millisecond is a whole number.
const MINUTE: i128 = 60_000;

/// So much of something in a minute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    /// In a minute. At least 1.
    limit: i128,
    /// What is left, in parts; below zero after a call that needed more than a full bucket.
    level: i128,
    /// When the level was that.
    since: Instant,
}

impl Bucket {
    /// A full bucket.
    pub(super) fn full(limit: u64, now: Instant) -> Self {
        let limit = i128::from(limit.max(1));
        Self {
            limit,
            level: limit * MINUTE,
            since: now,
        }
    }

    /// Lets flow in what came until `now`.
    pub(super) fn refill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.since).as_millis();
        let elapsed = u64::try_from(elapsed).unwrap_or(u64::MAX);
        self.since += Duration::from_millis(elapsed);
        self.add(i128::from(elapsed).saturating_mul(self.limit));
    }

    /// When there will be enough for `amount`, if there is not. More than a full bucket is not waited
    /// for: what is taken beyond it is made up for afterwards.
    pub(super) fn enough_at(&self, amount: u64) -> Option<Instant> {
        let needed = i128::from(amount).min(self.limit) * MINUTE;
        let missing = needed - self.level;
        let wait = (missing + self.limit - 1) / self.limit;
        let wait = u64::try_from(wait).unwrap_or(0);
        (missing > 0).then(|| self.since + Duration::from_millis(wait))
    }

    pub(super) fn take(&mut self, amount: u64) {
        self.level -= i128::from(amount) * MINUTE;
    }

    /// What was taken turns out to have been another amount.
    pub(super) fn settle(&mut self, taken: u64, used: u64) {
        self.add((i128::from(taken) - i128::from(used)) * MINUTE);
    }

    fn add(&mut self, parts: i128) {
        let level = self.level.saturating_add(parts);
        self.level = level.min(self.limit * MINUTE);
    }
}
