//! Time, memory, and what happens inside of model calls.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rgpt::domain::message::ModelRequest;
use rgpt::domain::phase::Agent;
use rgpt::domain::tape::ModelFailure;
use rgpt::llm::{Called, Model, OnToken, Prepared};
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::Notify;

/// When the measured process was started.
pub(crate) struct Started(f64);

impl Started {
    /// `BENCH_T0`, a second of the monotonic clock, if whoever started the process says so; else now.
    #[expect(clippy::disallowed_methods, reason = "given from outside")]
    pub(crate) fn now() -> Self {
        let given = std::env::var("BENCH_T0");
        let given = given.ok().and_then(|text| text.parse().ok());
        Self(given.unwrap_or_else(|| seconds(ClockId::Monotonic)))
    }

    /// Seconds since then.
    pub(crate) fn elapsed(&self) -> f64 {
        seconds(ClockId::Monotonic) - self.0
    }
}

/// Processor time of this process, in seconds.
pub(crate) fn cpu_seconds() -> f64 {
    seconds(ClockId::ProcessCPUTime)
}

#[expect(clippy::cast_precision_loss, reason = "microseconds are enough")]
fn seconds(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The most memory that this process has had, in KiB.
pub(crate) fn peak_memory_kib() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.context("the system does not tell")?.parse()?)
}

/// What is known of the model calls of this process.
#[derive(Clone, Default)]
pub(crate) struct Meter(Arc<Inner>);

#[derive(Default)]
struct Inner {
    calls: AtomicU64,
    nanoseconds: AtomicU64,
    first: OnceLock<Instant>,
    hold: AtomicBool,
    held: Notify,
}

impl Meter {
    /// Calls that were answered.
    pub(crate) fn calls(&self) -> u64 {
        self.0.calls.load(Ordering::Relaxed)
    }

    /// Time inside of calls, all together.
    pub(crate) fn time(&self) -> Duration {
        Duration::from_nanos(self.0.nanoseconds.load(Ordering::Relaxed))
    }

    /// When the first call was made.
    pub(crate) fn first(&self) -> Option<Instant> {
        self.0.first.get().copied()
    }

    /// From now on the tester's calls are never answered.
    pub(crate) fn hold_testers(&self) {
        self.0.hold.store(true, Ordering::Relaxed);
    }

    /// Returns once such a call is made.
    pub(crate) async fn held(&self) {
        self.0.held.notified().await;
    }

    /// The model, measured.
    pub(crate) fn on(&self, model: Box<dyn Model>) -> Box<dyn Model> {
        Box::new(Measured {
            model,
            meter: self.clone(),
        })
    }
}

struct Measured {
    model: Box<dyn Model>,
    meter: Meter,
}

impl Measured {
    async fn measure(
        &self,
        request: &ModelRequest,
        prepared: &Prepared,
        on_token: OnToken<'_>,
    ) -> Called {
        let meter = &self.meter.0;
        let begun = Instant::now();
        meter.first.get_or_init(|| begun);
        if request.agent == Agent::Tester && meter.hold.load(Ordering::Relaxed) {
            meter.held.notify_one();
            std::future::pending::<()>().await;
        }
        let answer = self.model.call(request, prepared, on_token).await;
        let spent = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        meter.nanoseconds.fetch_add(spent, Ordering::Relaxed);
        meter.calls.fetch_add(1, Ordering::Relaxed);
        answer
    }
}

impl Model for Measured {
    fn name(&self) -> &str {
        self.model.name()
    }

    fn prepare(&self, request: &ModelRequest, used: &[u32]) -> Result<Prepared, ModelFailure> {
        self.model.prepare(request, used)
    }

    fn call<'a>(
        &'a self,
        request: &'a ModelRequest,
        prepared: &'a Prepared,
        on_token: OnToken<'a>,
    ) -> Pin<Box<dyn Future<Output = Called> + Send + 'a>> {
        Box::pin(self.measure(request, prepared, on_token))
    }
}
