//! Whether a model that was asked the same before is asked again.

use serde_json::{Value, json};

use crate::openai::{CHAT, sandbox_with};
use crate::sandbox::Sandbox;
use crate::wire::fake::Fake;
use crate::wire::{self, greeting, replies};

/// A machine where answers are repeated as `cache` says, and its server.
fn machine(cache: &str, replies: &[Value]) -> (Sandbox, Fake) {
    let server = wire::server(CHAT, replies, |_, _| None);
    (sandbox_at(&server, cache), server)
}

fn sandbox_at(server: &Fake, cache: &str) -> Sandbox {
    let sandbox = sandbox_with(server, true);
    let config = sandbox.outside("home/.config/rgpt/config.yaml");
    let config = std::fs::read_to_string(config).unwrap();
    sandbox.person_config(&format!("{config}cache: {cache}\n"));
    sandbox
}

/// The same words, twice.
fn twice(replies: Vec<Value>) -> Vec<Value> {
    [replies.clone(), replies].concat()
}

#[test]
fn with_always_the_same_goal_asks_nobody_and_ends_in_the_same_tree() {
    let (sandbox, server) = machine("always", &replies());
    let (code, first) = sandbox.run(&[]);
    assert_eq!(code, 0, "{first:#}");
    assert_eq!(server.seen().len(), 7);
    let (code, second) = sandbox.run(&[]);
    assert_eq!(code, 0, "{second:#}");
    assert_eq!(server.seen().len(), 7, "nobody is asked");
    assert_eq!(second["run"]["tree"], first["run"]["tree"]);
    assert_eq!(
        second["heals"].as_array().map(Vec::len),
        first["heals"].as_array().map(Vec::len)
    );
    let usage = &second["run"]["usage"];
    assert_eq!(
        (&usage["model_calls"], &usage["output_tokens"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(usage["cost_usd"], 0.0);

    let checked = sandbox.rgpt(&["db", "check", "--json"]);
    assert_eq!(checked.code, 0, "{checked:#?}");
    let replayed = sandbox.rgpt(&["replay", "--run", "2", "--offline", "--json"]);
    assert_eq!(replayed.code, 0, "{replayed:#?}");
    assert_eq!(replayed.summary()["run"]["tree"], first["run"]["tree"]);
    assert_eq!(server.seen().len(), 7);
}

#[test]
fn with_never_or_within_a_run_the_next_run_asks_again() {
    for cache in ["never", "run"] {
        let (sandbox, server) = machine(cache, &twice(greeting()));
        let (_, first) = sandbox.run(&[]);
        let (code, second) = sandbox.run(&[]);
        assert_eq!(code, 0, "{second:#}");
        assert_eq!(server.seen().len(), 6, "{cache}");
        assert_eq!(second["run"]["tree"], first["run"]["tree"]);
    }
}

#[test]
fn what_a_forgotten_run_was_told_is_asked_again() {
    let (sandbox, server) = machine("always", &twice(greeting()));
    assert_eq!(sandbox.run(&[]).0, 0);
    let pruned = sandbox.rgpt(&[
        "db",
        "prune",
        "--run",
        "1",
        "--no-archive",
        "--yes",
        "--json",
    ]);
    assert_eq!(pruned.code, 0, "{pruned:#?}");
    let (code, second) = sandbox.run(&[]);
    assert_eq!(code, 0, "{second:#}");
    assert_eq!(server.seen().len(), 6);
}
