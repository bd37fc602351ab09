//! What `rgpt test` costs beside the tests that it runs, and what shards gain, as ratios: a suite that sleeps, alone
//! and through rgpt. One line of results, no verdict.
//!
//! `cargo bench --bench runner -- --mode overhead --seconds 4 --rounds 5`

#![expect(clippy::unwrap_used, reason = "a measurement fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use clap::Parser;
use serde_json::json;

/// Measures `rgpt test`; see `benches/README.md`
#[derive(Debug, Parser)]
struct Args {
    /// What is measured
    #[arg(long, value_enum)]
    mode: Mode,
    /// How long the suite sleeps
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// How often everything is done; the median counts
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// A folder for the project; made, and left there
    #[arg(long)]
    dir: PathBuf,
    /// What cargo gives every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    /// The suite through rgpt, as a multiple of the suite alone
    Overhead,
    /// The suite in four shards, as a multiple of one
    Shards,
}

/// Sleeps for the part of the time that its shard has, and says how each of eight tests went.
const SUITE: &str = r#"n=0
while [ $n -lt 8 ]; do
  n=$((n + 1))
  [ $((n % $3)) -eq $(($2 % $3)) ] || continue
  sleep "$1"
  i=$((i + 1))
  echo "ok $i - test $n"
done
echo "1..$i"
"#;

#[expect(
    clippy::print_stdout,
    reason = "the result is what this program is for"
)]
fn main() {
    let args = Args::parse();
    project(&args);
    let mut pairs = Vec::new();
    for _ in 0..args.rounds.max(1) {
        pairs.push(match args.mode {
            Mode::Overhead => (alone(&args), through(&args, 1)),
            Mode::Shards => (through(&args, 1), through(&args, 4)),
        });
    }
    let mut ratios: Vec<f64> = pairs.iter().map(|(base, other)| other / base).collect();
    ratios.sort_by(f64::total_cmp);
    let result = json!({
        "mode": format!("{:?}", args.mode).to_lowercase(),
        "rounds": pairs.len(),
        "base_s": pairs.iter().map(|(base, _)| base).collect::<Vec<_>>(),
        "other_s": pairs.iter().map(|(_, other)| other).collect::<Vec<_>>(),
        "ratio": ratios[ratios.len() / 2],
        "lowest": ratios[0],
        "highest": ratios[ratios.len() - 1],
    });
    println!("RESULT {result}");
}

/// A repository with the suite and a check that runs it.
fn project(args: &Args) {
    std::fs::create_dir_all(&args.dir).unwrap();
    let each = args.seconds / 8.0;
    let config = format!(
        "checks: {{test: {{command: 'sh suite.sh {each} {{shard}} {{shards}}', report: tap}}}}\n"
    );
    std::fs::write(args.dir.join("suite.sh"), SUITE).unwrap();
    std::fs::write(args.dir.join("orchestrator.local.yaml"), config).unwrap();
    let git = |words: &[&str]| seconds(command("git", &args.dir).args(words));
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    let who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"];
    git(&[&who[..], &["commit", "-q", "--allow-empty", "-m", "suite"]].concat());
}

fn alone(args: &Args) -> f64 {
    let each = (args.seconds / 8.0).to_string();
    seconds(command("sh", &args.dir).args(["suite.sh", &each, "1", "1"]))
}

fn through(args: &Args, shards: u32) -> f64 {
    let shards = shards.to_string();
    let rgpt = env!("CARGO_BIN_EXE_rgpt");
    seconds(command(rgpt, &args.dir).args(["test", "--json", "--shards", &shards]))
}

#[expect(
    clippy::disallowed_methods,
    reason = "starting programs is what is measured"
)]
fn command(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// How long a command takes that ends well.
fn seconds(command: &mut Command) -> f64 {
    let began = Instant::now();
    assert!(command.status().unwrap().success(), "{command:?}");
    began.elapsed().as_secs_f64()
}
