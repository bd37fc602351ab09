//! What the engine costs beside the models: four phases a run, one model call each, against an
//! OpenAI-compatible URL, with the real store and without files. One line of results, no verdict.
//!
//! `cargo bench --bench engine -- --mode seq --url http://127.0.0.1:8000/v1 --db-dir /var/tmp/b --n 100`

mod agents;
mod floor;
mod meter;
mod modes;
mod world;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Parser;
use serde_json::json;

/// Measures the engine; see `benches/README.md`
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// What is measured
    #[arg(long, value_enum)]
    mode: Mode,
    /// The base URL of an OpenAI-compatible server, as in `http://127.0.0.1:8000/v1`
    #[arg(long)]
    url: String,
    /// The folder of the database; made if it is not there
    #[arg(long)]
    db_dir: PathBuf,
    /// Runs
    #[arg(long, default_value_t = 1)]
    n: u32,
    /// A name for what is measured, printed with the result
    #[arg(long)]
    variant: Option<String>,
    /// What cargo gives every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mode {
    /// One run in a fresh process, from its start to the first call, and to the end
    One,
    /// Runs one after another
    Seq,
    /// Runs all at once
    Conc,
    /// Fills a database with finished runs, and one that was killed in its third phase
    Seed,
    /// Lists and resumes in a database that `seed` has filled
    Open,
    /// One synced commit and one call, again and again: what no engine can be below
    Floor,
}

#[expect(
    clippy::print_stdout,
    reason = "the result is what this program is for"
)]
fn main() -> anyhow::Result<()> {
    let started = meter::Started::now();
    let args = Arc::new(Args::parse());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(4)
        .enable_all()
        .build()?;
    // As a task, beside those of the connections: what is not a task waits for another thread.
    let measured = runtime.spawn(modes::measure(Arc::clone(&args), started));
    let mut result = runtime.block_on(measured)??;
    let fixed = json!({
        "mode": format!("{:?}", args.mode).to_lowercase(),
        "variant": args.variant,
        "n": args.n,
        "rss_kib": meter::peak_memory_kib()?,
        "db_bytes": world::database_bytes(&args.db_dir)?,
    });
    if let (Some(result), Some(fixed)) = (result.as_object_mut(), fixed.as_object()) {
        result.extend(fixed.clone());
    }
    println!("RESULT {result}");
    Ok(())
}
