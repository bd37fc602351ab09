//! An engine with the real store, that works on no files.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use jiff::Timestamp;
use rgpt::bus::Bus;
use rgpt::config::{Config, Environment, ModelConfig, PhaseConfig, Provider, ProviderKind};
use rgpt::domain::{Clock, RunId, State};
use rgpt::engine::{Engine, Interrupt, NewRun};
use rgpt::llm::Mesh;
use rgpt::store::{StateDir, Store};

use crate::agents;
use crate::meter::Meter;

struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where the time comes from"
    )]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}

/// Opens the database in `folder`, for models at `url`.
pub(crate) fn engine(folder: &Path, url: &str, meter: &Meter) -> anyhow::Result<Engine> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let state = StateDir::prepare(&std::path::absolute(folder)?)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = Store::open(&state, clock.clone())?;
    let config = config(url);
    let environment = Environment::default();
    let mesh = Mesh::new(&config, environment.variables(), &clock).wrapped(|model| meter.on(model));
    Ok(Engine {
        store,
        state,
        bus: Bus::new(),
        mesh,
        config,
        ground: None,
        agents: agents::next,
        clock,
        environment,
        interrupt: Interrupt::default(),
    })
}

fn config(url: &str) -> Config {
    let mut config = Config::default();
    let provider = Provider {
        base_url: Some(url.to_owned()),
        stream: Some(false),
        ..Provider::of(ProviderKind::OpenAi)
    };
    config.providers.insert("server".to_owned(), provider);
    let model = ModelConfig::of("server", "bench");
    config.models.insert("bench".to_owned(), model);
    for phase in ["planner", "builder", "tester", "releaser"] {
        let settings = PhaseConfig {
            models: vec!["bench".to_owned()],
            ..PhaseConfig::default()
        };
        config.phases.insert(phase.to_owned(), settings);
    }
    config
}

/// Makes a run.
pub(crate) fn create(engine: &Engine) -> anyhow::Result<RunId> {
    Ok(engine.create(&NewRun {
        goal: "Measure the engine".to_owned(),
        unverified: true,
        ..NewRun::default()
    })?)
}

/// Drives a run to its end, which must be a good one.
pub(crate) async fn finish(engine: &Engine, run: RunId) -> anyhow::Result<()> {
    let run = engine.drive(run, None).await?;
    anyhow::ensure!(
        run.state() == State::Done,
        "run {} ended as {}: {:?}",
        run.id,
        run.state(),
        run.stop
    );
    Ok(())
}

/// The size of the database and its log.
pub(crate) fn database_bytes(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for name in ["rgpt.db", "rgpt.db-wal"] {
        match std::fs::metadata(folder.join(name)) {
            Ok(meta) => bytes += meta.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(bytes)
}
