//! How long a log takes: `cargo bench --bench classify`. One line comes out: `RESULT {json}`. Nothing is asserted.

use std::fmt::Write as _;
use std::time::Instant;

use rgpt::diagnose::{Case, diagnose};
use rgpt::heal::classify::Scorer;
use serde_json::{Map, json};

/// How often each is done; the fastest counts, since others share the machine.
const ROUNDS: usize = 7;

/// What builds say, with one failure in the middle.
fn ordinary(bytes: usize) -> String {
    let line = "[12:03:04] INFO worker-7 processed batch 4711 of orders in 12 ms, queue depth 3, error count 0\n";
    let half = line.repeat(bytes / line.len() / 2);
    format!("{half}error[E0308]: mismatched types\n --> src/lib.rs:1:21\n{half}")
}

/// Nothing but what may state a cause, in an order that means nothing.
fn dense(bytes: usize) -> String {
    let words = [
        "error:",
        "failed",
        "panicked at",
        "timed out",
        "refused",
        "assert",
        "expected",
        "Traceback",
        "File \"a.py\", line 3",
        "Error: ENOENT no such file",
        "FAIL",
        "ok",
        "test",
        "---",
        "src/lib.rs:12:3:",
    ];
    let mut text = String::with_capacity(bytes + 200);
    let mut seed: usize = 1;
    while text.len() < bytes {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let end = if seed.is_multiple_of(7) { '\n' } else { ' ' };
        let _ = write!(text, "{}{end}", words[(seed >> 33) % words.len()]);
    }
    text
}

#[expect(clippy::print_stdout, reason = "the result of a measurement")]
fn main() {
    let mut result = Map::new();
    for (name, make) in [
        ("ordinary", ordinary as fn(usize) -> String),
        ("dense", dense),
    ] {
        let mut took = Vec::new();
        for mebibytes in [2, 4] {
            let case = Case {
                exit_code: Some(101),
                stderr: make(mebibytes << 20),
                ..Case::default()
            };
            let fastest = (0..ROUNDS).map(|_| {
                let begun = Instant::now();
                let answer = diagnose(&case, Scorer::built_in());
                let ms = begun.elapsed().as_secs_f64() * 1000.0;
                if answer.diagnosis.error_type.is_some() {
                    ms
                } else {
                    f64::NAN
                }
            });
            took.push(fastest.fold(f64::INFINITY, f64::min));
        }
        result.insert(
            name.to_owned(),
            json!({"ms_2_mib": took[0], "ms_4_mib": took[1], "ratio": took[1] / took[0]}),
        );
    }
    println!("RESULT {}", json!(result));
}
