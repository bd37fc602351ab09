//! How long to wait before trying again.

/// Full jitter: a wait drawn evenly from 0 to `base_ms`·2^`attempt`, at most `cap_ms`.
///
/// Spreads the callers that a shared outage has synchronised (Brooker, "Exponential Backoff And
/// Jitter", AWS 2015). The draw comes from a hash of `seed` and `attempt`, so that a resumed or
/// replayed run waits as long as it did before.
pub fn full_jitter(seed: &str, attempt: u32, base_ms: u64, cap_ms: u64) -> u64 {
    let factor = 1_u64.checked_shl(attempt).unwrap_or(u64::MAX);
    let ceiling = base_ms.saturating_mul(factor).min(cap_ms);
    let hash = blake3::hash(format!("{seed}\0{attempt}").as_bytes());
    let mut draw = [0; 8];
    draw.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_le_bytes(draw) % ceiling.saturating_add(1).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::full_jitter;

    proptest! {
        #[test]
        fn a_wait_stays_below_its_ceiling_and_is_the_same_every_time(
            seed in ".*", attempt in 0_u32..200, cap in 1_u64..100_000
        ) {
            let wait = full_jitter(&seed, attempt, 500, cap);
            prop_assert!(wait <= cap);
            prop_assert!(wait <= 500_u64.saturating_mul(1_u64.checked_shl(attempt).unwrap_or(u64::MAX)));
            prop_assert_eq!(wait, full_jitter(&seed, attempt, 500, cap));
        }
    }

    #[test]
    fn waits_of_different_callers_differ() {
        let waits: std::collections::BTreeSet<_> = (0..50)
            .map(|run| full_jitter(&run.to_string(), 4, 500, 30_000))
            .collect();
        assert!(waits.len() > 45);
    }
}
