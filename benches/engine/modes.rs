//! One function for each mode.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rgpt::domain::RunId;
use rgpt::domain::event::RunResumed;
use rgpt::engine::Engine;
use rgpt::store::Filter;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::meter::{Meter, Started, cpu_seconds};
use crate::{Args, Mode, floor, world};

/// Runs of a `seed` that are under way at a time.
const ABREAST: usize = 64;

pub(crate) async fn measure(args: Arc<Args>, started: Started) -> anyhow::Result<Value> {
    let (args, started) = (args.as_ref(), &started);
    let meter = Meter::default();
    match args.mode {
        Mode::One => one(args, started, &meter).await,
        Mode::Seq => seq(args, &meter).await,
        Mode::Conc => conc(args, &meter).await,
        Mode::Seed => seed(args, &meter).await,
        Mode::Open => open(args, started, &meter).await,
        Mode::Floor => floor(args, &meter).await,
    }
}

fn engine(args: &Args, meter: &Meter) -> anyhow::Result<Engine> {
    world::engine(&args.db_dir, &args.url, meter)
}

async fn one(args: &Args, started: &Started, meter: &Meter) -> anyhow::Result<Value> {
    let engine = engine(args, meter)?;
    let run = world::create(&engine)?;
    world::finish(&engine, run).await?;
    let run_s = started.elapsed();
    let since_first = meter.first().context("no call was made")?.elapsed();
    let first_step_s = run_s - since_first.as_secs_f64();
    Ok(json!({"first_step_s": first_step_s, "run_s": run_s, "llm_calls": meter.calls()}))
}

async fn seq(args: &Args, meter: &Meter) -> anyhow::Result<Value> {
    let engine = engine(args, meter)?;
    let (begun, cpu) = (Instant::now(), cpu_seconds());
    for _ in 0..args.n {
        let run = world::create(&engine)?;
        world::finish(&engine, run).await?;
    }
    let mut result = paced(begun.elapsed(), meter);
    result["cpu_s"] = json!(cpu_seconds() - cpu);
    result["runs_per_s"] = json!(f64::from(args.n) / begun.elapsed().as_secs_f64());
    Ok(result)
}

async fn floor(args: &Args, meter: &Meter) -> anyhow::Result<Value> {
    let engine = engine(args, meter)?;
    let (begun, cpu) = (Instant::now(), cpu_seconds());
    floor::steps(&args.db_dir, &engine.mesh, args.n).await?;
    let mut result = paced(begun.elapsed(), meter);
    result["cpu_s"] = json!(cpu_seconds() - cpu);
    Ok(result)
}

/// What is told of calls that were made one after another.
fn paced(wall: Duration, meter: &Meter) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "few enough calls")]
    let calls = meter.calls() as f64;
    let over = wall.saturating_sub(meter.time()).as_secs_f64();
    json!({
        "wall_s": wall.as_secs_f64(),
        "llm_s": meter.time().as_secs_f64(),
        "llm_calls": meter.calls(),
        "over_step_ms": over / calls * 1000.0,
    })
}

async fn conc(args: &Args, meter: &Meter) -> anyhow::Result<Value> {
    let engine = Arc::new(engine(args, meter)?);
    let (begun, cpu) = (Instant::now(), cpu_seconds());
    all(&engine, args.n, args.n as usize).await?;
    Ok(json!({
        "wall_s": begun.elapsed().as_secs_f64(),
        "llm_s": meter.time().as_secs_f64(),
        "llm_calls": meter.calls(),
        "cpu_s": cpu_seconds() - cpu,
    }))
}

/// Carries `n` runs to their ends, `abreast` of them at a time.
async fn all(engine: &Arc<Engine>, n: u32, abreast: usize) -> anyhow::Result<()> {
    let mut running = JoinSet::new();
    for _ in 0..n {
        if running.len() >= abreast {
            running.join_next().await.transpose()?.transpose()?;
        }
        let engine = Arc::clone(engine);
        running.spawn(async move {
            let maker = Arc::clone(&engine);
            let run = tokio::task::spawn_blocking(move || world::create(&maker)).await??;
            world::finish(&engine, run).await
        });
    }
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    Ok(())
}

async fn seed(args: &Args, meter: &Meter) -> anyhow::Result<Value> {
    let engine = Arc::new(engine(args, meter)?);
    let begun = Instant::now();
    all(&engine, args.n, ABREAST).await?;
    let wall_s = begun.elapsed().as_secs_f64();
    let run = world::create(&engine)?;
    until_held(&engine, run, None, meter).await?;
    Ok(json!({"wall_s": wall_s, "killed_run": run.0}))
}

/// Drives a run until its tester has a call under way, and leaves it there, as a kill would.
async fn until_held(
    engine: &Engine,
    run: RunId,
    resumed: Option<RunResumed>,
    meter: &Meter,
) -> anyhow::Result<()> {
    meter.hold_testers();
    tokio::select! {
        ended = engine.drive(run, resumed) => anyhow::bail!("run {run} ended as {}", ended?.state()),
        () = meter.held() => Ok(()),
    }
}

async fn open(args: &Args, started: &Started, meter: &Meter) -> anyhow::Result<Value> {
    let first = engine(args, meter)?;
    let some = first.store.list(Filter {
        limit: Some(20),
        ..Filter::default()
    })?;
    let list20_s = started.elapsed();
    let begun = Instant::now();
    let all = first.store.list(Filter::default())?;
    let listall_s = begun.elapsed().as_secs_f64();
    let latest = some
        .first()
        .context("there are no runs; `--mode seed` makes them")?;
    let (id, listed) = (latest.id, all.len());
    drop((some, all, first));

    let begun = Instant::now();
    let engine = engine(args, meter)?;
    until_held(&engine, id, Some(RunResumed::default()), meter).await?;
    let resume_s = begun.elapsed().as_secs_f64();
    Ok(json!({
        "list20_s": list20_s, "listall_s": listall_s, "resume_s": resume_s, "listed": listed,
    }))
}
