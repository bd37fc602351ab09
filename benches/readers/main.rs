//! What it costs to judge a check by what it printed: reports and findings recognised in texts of a given size, of which
//! nothing is known. One line of results, no verdict.
//!
//! `cargo bench --bench readers -- --kib 2048 --rounds 20`

mod texts;

use std::collections::BTreeMap;
use std::time::Instant;

use clap::Parser;
use rgpt::config::CheckConfig;
use rgpt::domain::check::CheckScope;
use rgpt::domain::finding::Category;
use rgpt::domain::id::TreeId;
use rgpt::verify::{self, RunFacts};
use serde_json::{Value, json};

/// Measures the readers; see `benches/README.md`
#[derive(Debug, Parser)]
struct Args {
    /// How long each text is
    #[arg(long, default_value_t = 2048)]
    kib: usize,
    /// How often each is read
    #[arg(long, default_value_t = 10)]
    rounds: usize,
    /// What cargo gives every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

#[expect(
    clippy::print_stdout,
    reason = "the result is what this program is for"
)]
fn main() {
    let args = Args::parse();
    let shapes: BTreeMap<&str, Value> = texts::all(args.kib * 1024)
        .into_iter()
        .map(|(name, text)| (name, measured(&text, args.rounds.max(1))))
        .collect();
    println!(
        "RESULT {}",
        json!({"kib": args.kib, "rounds": args.rounds, "shapes": shapes})
    );
}

/// The median and the longest time in milliseconds, over both kinds of checks that read most.
fn measured(text: &str, rounds: usize) -> Value {
    let mut result = serde_json::Map::new();
    for kind in [Category::Test, Category::Lint] {
        let mut times: Vec<f64> = (0..rounds).map(|_| once(kind, text)).collect();
        times.sort_by(f64::total_cmp);
        let median = times.get(rounds / 2);
        result.insert(
            kind.to_string(),
            json!({"median_ms": median, "max_ms": times.last()}),
        );
    }
    Value::Object(result)
}

fn once(kind: Category, text: &str) -> f64 {
    let check = CheckConfig::new(kind, "make check");
    let run = RunFacts {
        exit_code: Some(1),
        stdout: text.to_owned(),
        stderr: "make: *** [Makefile:1: check] Error 1\n".to_owned(),
        ..RunFacts::default()
    };
    let start = Instant::now();
    let result = verify::judge("check", &check, CheckScope::Final, TreeId::from("t"), run);
    let time = start.elapsed().as_secs_f64() * 1000.0;
    std::hint::black_box(result);
    time
}
