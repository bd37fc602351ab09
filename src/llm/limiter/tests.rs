//! Who is let through when. The clock stands still unless everybody waits.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use proptest::prelude::*;
use tokio::task::JoinSet;
use tokio::time::{advance, sleep, timeout};

use super::*;

const NONE: ProviderLimits = ProviderLimits {
    in_flight: None,
    requests_per_minute: None,
    tokens_per_minute: None,
};

fn limiter(limits: ProviderLimits) -> Arc<Limiter> {
    Arc::new(Limiter::new(limits))
}

fn one_at_a_time() -> Arc<Limiter> {
    limiter(ProviderLimits {
        in_flight: Some(1),
        ..NONE
    })
}

async fn admit(limiter: &Arc<Limiter>, run: i64, tokens: u64) -> Permit {
    limiter.clone().admit(RunId(run), tokens).await
}

/// Whether a call would be let through without waiting.
async fn is_open(limiter: &Arc<Limiter>, tokens: u64) -> bool {
    let admitted = tokio::select! {
        biased;
        permit = admit(limiter, 99, tokens) => Some(permit),
        () = std::future::ready(()) => None,
    };
    admitted.is_some()
}

/// How long it takes until a call is let through, in milliseconds.
async fn wait_for(limiter: &Arc<Limiter>, tokens: u64) -> (u128, Permit) {
    let begun = Instant::now();
    let permit = admit(limiter, 1, tokens).await;
    (begun.elapsed().as_millis(), permit)
}

#[tokio::test(start_paused = true)]
async fn without_limits_nobody_waits() {
    let limiter = limiter(NONE);
    let mut permits = Vec::new();
    for _ in 0..1_000 {
        let (waited, permit) = wait_for(&limiter, u64::MAX).await;
        assert_eq!(waited, 0);
        permits.push(permit);
    }
}

#[tokio::test(start_paused = true)]
async fn calls_at_once_are_as_many_as_permitted() {
    let limiter = limiter(ProviderLimits {
        in_flight: Some(2),
        ..NONE
    });
    let first = admit(&limiter, 1, 0).await;
    let second = admit(&limiter, 1, 0).await;
    assert!(!is_open(&limiter, 0).await);
    first.settle(0);
    assert!(is_open(&limiter, 0).await);
    drop(second);
    assert!(is_open(&limiter, 0).await);
    assert!(limiter.state().admitted.is_empty());
    assert!(limiter.state().lines.is_empty());
}

#[tokio::test(start_paused = true)]
async fn calls_of_a_minute_come_steadily_once_the_first_are_made() {
    let limiter = limiter(ProviderLimits {
        requests_per_minute: Some(6),
        ..NONE
    });
    for expected in [0, 0, 0, 0, 0, 0, 10_000, 10_000] {
        let (waited, permit) = wait_for(&limiter, 0).await;
        assert_eq!(waited, expected);
        permit.settle(0);
    }
    advance(Duration::from_secs(3_600)).await;
    for expected in [0, 0, 0, 0, 0, 0, 10_000] {
        let (waited, permit) = wait_for(&limiter, 0).await;
        assert_eq!(waited, expected, "no more than a minute is saved up");
        permit.settle(0);
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_are_reserved_and_settled_to_what_was_used() {
    let limiter = limiter(ProviderLimits {
        tokens_per_minute: Some(6_000),
        ..NONE
    });
    let (waited, first) = wait_for(&limiter, 5_000).await;
    assert_eq!(waited, 0);
    assert!(!is_open(&limiter, 2_000).await);
    first.settle(1_000);
    let (waited, second) = wait_for(&limiter, 5_000).await;
    assert_eq!(waited, 0, "4,000 tokens came back");
    // More than was reserved: the next wait for it.
    second.settle(6_000);
    let (waited, third) = wait_for(&limiter, 1_000).await;
    assert_eq!(waited, 20_000);
    drop(third);
    let (waited, _) = wait_for(&limiter, 1_000).await;
    assert_eq!(waited, 0, "a call that was not made has used nothing");
}

#[tokio::test(start_paused = true)]
async fn a_call_larger_than_a_minute_allows_is_made_and_made_up_for() {
    let limiter = limiter(ProviderLimits {
        tokens_per_minute: Some(600),
        ..NONE
    });
    let (waited, large) = wait_for(&limiter, 1_800).await;
    assert_eq!(waited, 0);
    large.settle(1_800);
    let (waited, _) = wait_for(&limiter, 10).await;
    assert_eq!(waited, 121_000);
}

#[tokio::test(start_paused = true)]
async fn tokens_that_come_back_wake_whoever_waits_for_the_clock() {
    let limiter = limiter(ProviderLimits {
        tokens_per_minute: Some(60),
        ..NONE
    });
    let held = admit(&limiter, 1, 60).await;
    let waiting = tokio::spawn({
        let limiter = limiter.clone();
        async move { wait_for(&limiter, 60).await.0 }
    });
    sleep(Duration::from_secs(5)).await;
    held.settle(0);
    assert_eq!(waiting.await.expect("waited"), 5_000);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_has_nothing_left_rests_until_then_and_a_minute_at_most() {
    let limiter = limiter(NONE);
    limiter.rest(Duration::from_millis(1_234));
    limiter.rest(Duration::from_millis(5));
    assert_eq!(wait_for(&limiter, 0).await.0, 1_234);
    limiter.rest(Duration::from_secs(3_600));
    assert_eq!(wait_for(&limiter, 0).await.0, 60_000);
}

#[tokio::test(start_paused = true)]
async fn whoever_stops_waiting_is_not_waited_for() {
    let limiter = one_at_a_time();
    let held = admit(&limiter, 1, 0).await;
    let patience = Duration::from_secs(1);
    assert!(timeout(patience, admit(&limiter, 2, 0)).await.is_err());
    // Let through and dropped before it noticed.
    let mut unaware = Box::pin(admit(&limiter, 3, 0));
    assert!(timeout(patience, &mut unaware).await.is_err());
    drop(held);
    assert_eq!(limiter.state().admitted.len(), 1);
    drop(unaware);
    assert!(limiter.state().admitted.is_empty());
    assert!(is_open(&limiter, 0).await);
}

/// The runs in the order in which their calls are let through, each call ended at once.
async fn order(limiter: &Arc<Limiter>, calls: &[i64]) -> Vec<i64> {
    let held = admit(limiter, 0, 0).await;
    let made = Arc::new(Mutex::new(Vec::new()));
    let mut all = JoinSet::new();
    for run in calls.iter().copied() {
        let (limiter, made) = (limiter.clone(), made.clone());
        all.spawn(async move {
            let permit = admit(&limiter, run, 0).await;
            made.lock().expect("lock").push(run);
            permit.settle(0);
        });
        // It stands in line before the next one comes.
        tokio::task::yield_now().await;
    }
    drop(held);
    while all.join_next().await.is_some() {}
    Arc::into_inner(made)
        .expect("alone")
        .into_inner()
        .expect("lock")
}

#[tokio::test(start_paused = true)]
async fn runs_take_turns() {
    let calls = [1, 1, 1, 1, 2, 2, 3];
    let order = order(&one_at_a_time(), &calls).await;
    assert_eq!(order, [1, 2, 3, 1, 2, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_large_call_is_not_starved_by_small_ones() {
    let limiter = limiter(ProviderLimits {
        tokens_per_minute: Some(600),
        ..NONE
    });
    admit(&limiter, 1, 600).await.settle(600);
    let large = tokio::spawn({
        let limiter = limiter.clone();
        async move { wait_for(&limiter, 600).await.0 }
    });
    tokio::task::yield_now().await;
    let flood = tokio::spawn({
        let limiter = limiter.clone();
        async move {
            for _ in 0..100 {
                admit(&limiter, 2, 10).await.settle(10);
            }
        }
    });
    assert_eq!(large.await.expect("waited"), 60_000);
    flood.abort();
}

/// A call of a schedule.
#[derive(Clone, Debug)]
struct Plan {
    run: i64,
    after_ms: u64,
    tokens: u64,
    used: u64,
    takes_ms: u64,
    /// Whoever wants the call gives up after so long, waiting or calling.
    patience_ms: Option<u64>,
}

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let plan = (0..4_i64, 0..3_000_u64, 0..900_u64, 0..900_u64, 0..2_000_u64).prop_flat_map(
        |(run, after_ms, tokens, used, takes_ms)| {
            prop::option::weighted(0.3, 0..5_000_u64).prop_map(move |patience_ms| Plan {
                run,
                after_ms,
                tokens,
                used,
                takes_ms,
                patience_ms,
            })
        },
    );
    prop::collection::vec(plan, 1..60)
}

fn limits() -> impl Strategy<Value = ProviderLimits> {
    use prop::option::of;
    (of(1..5_u32), of(1..200_u32), of(1..2_000_u64)).prop_map(
        |(in_flight, requests_per_minute, tokens_per_minute)| ProviderLimits {
            in_flight,
            requests_per_minute,
            tokens_per_minute,
        },
    )
}

/// Carries out one call of a schedule; whether it was made.
async fn carry_out(limiter: Arc<Limiter>, plan: Plan, busy: Arc<AtomicUsize>, most: usize) -> bool {
    sleep(Duration::from_millis(plan.after_ms)).await;
    /// Counts down however the call ends.
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_sub(1, SeqCst);
        }
    }
    let call = async {
        let permit = admit(&limiter, plan.run, plan.tokens).await;
        assert!(
            busy.fetch_add(1, SeqCst) < most,
            "more at once than permitted"
        );
        let counted = Counted(busy.clone());
        sleep(Duration::from_millis(plan.takes_ms)).await;
        drop(counted);
        permit.settle(plan.used);
    };
    let patience = plan
        .patience_ms
        .map_or(Duration::MAX, Duration::from_millis);
    timeout(patience, call).await.is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_is_wanted_and_given_up_the_limits_hold_and_all_come_through(
        limits in limits(),
        plans in plans(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let most = limits.in_flight.map_or(usize::MAX, |most| most as usize);
        runtime.block_on(async {
            let limiter = limiter(limits);
            let busy = Arc::new(AtomicUsize::new(0));
            let mut all = JoinSet::new();
            for plan in plans.clone() {
                let patient = plan.patience_ms.is_none();
                let call = carry_out(limiter.clone(), plan, busy.clone(), most);
                all.spawn(async move { (patient, call.await) });
            }
            // With the clock of the test, a wait without end would be a wait of a year.
            let year = Duration::from_secs(365 * 24 * 3_600);
            let end = timeout(year, async {
                while let Some(done) = all.join_next().await {
                    let (patient, made) = done.expect("no panic");
                    assert!(made || !patient, "a call was forgotten");
                }
            });
            assert!(end.await.is_ok(), "somebody waits for ever");
            let state = limiter.state();
            assert!(state.admitted.is_empty() && state.lines.is_empty());
        });
    }

    #[test]
    fn nobody_waits_for_more_than_one_call_of_each_other_run(
        flood in 1..40_usize,
        others in prop::collection::vec(1..6_i64, 1..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let calls = [vec![0; flood], others].concat();
        let order = runtime.block_on(order(&one_at_a_time(), &calls));
        prop_assert_eq!(order.len(), calls.len());
        // Between two calls of a run, or before its first, no other run has two.
        for run in 0..6 {
            let mut since: Vec<i64> = Vec::new();
            let left = order.iter().filter(|made| **made == run).count();
            let mut seen = 0;
            for made in &order {
                if *made == run {
                    since.clear();
                    seen += 1;
                } else if seen < left {
                    prop_assert!(!since.contains(made), "{run} waits in {order:?}");
                    since.push(*made);
                }
            }
        }
    }
}

#[test]
fn headers_say_how_long_nothing_is_left() {
    let now: jiff::Timestamp = "2026-11-01T10:00:00Z".parse().expect("a time");
    let rest = |headers: &[(&str, &str)]| {
        let pairs = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        rest_ms(&pairs.collect(), now)
    };
    let openai = |left, reset| {
        rest(&[
            ("x-ratelimit-remaining-requests", left),
            ("x-ratelimit-reset-requests", reset),
        ])
    };
    assert_eq!(openai("0", "1m2.5s"), Some(62_500));
    assert_eq!(openai("0", "20"), Some(20_000));
    assert_eq!(openai("1", "1m2.5s"), None);
    for nonsense in ["", "soon", "-3", "1762000000"] {
        assert_eq!(openai("0", nonsense), None, "{nonsense}");
    }
    assert_eq!(
        rest(&[
            ("anthropic-ratelimit-input-tokens-remaining", "0"),
            (
                "anthropic-ratelimit-input-tokens-reset",
                "2026-11-01T10:00:09Z"
            ),
            ("anthropic-ratelimit-requests-remaining", "0"),
            ("anthropic-ratelimit-requests-reset", "2026-11-01T10:00:07Z"),
            ("anthropic-ratelimit-tokens-remaining", "5"),
            ("anthropic-ratelimit-tokens-reset", "2026-11-01T10:05:00Z"),
        ]),
        Some(9_000)
    );
    assert_eq!(
        rest(&[
            ("date", "Sun, 01 Nov 2026 10:00:05 GMT"),
            ("anthropic-ratelimit-tokens-remaining", "0"),
            ("anthropic-ratelimit-tokens-reset", "2026-11-01T10:00:09Z"),
        ]),
        Some(4_000)
    );
    assert_eq!(rest(&[]), None);
}
