//! What has been learned of repairs: shown, and forgotten.

use std::sync::Arc;

use jiff::Timestamp;
use rgpt::domain::failure::{Distribution, ErrorType};
use rgpt::domain::id::{Digest, HealId};
use rgpt::domain::outcome::Outcome;
use rgpt::domain::remedy::HealAction;
use rgpt::domain::{Clock, Phase, RunId};
use rgpt::store::{Batch, StateDir, Store, Write};
use serde_json::json;

use crate::sandbox::{Sandbox, keys};

struct Past;

impl Clock for Past {
    fn now(&self) -> Timestamp {
        "2026-01-02T03:04:05Z".parse().unwrap()
    }
}

/// A repository in which a failing test was mended four times of five, in three cases the same.
fn experienced() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.script_that_greets();
    assert_eq!(sandbox.run(&[]).0, 0);
    let state = StateDir::prepare(&sandbox.folder().join(".rgpt")).unwrap();
    let store = Store::open(&state, Arc::new(Past)).unwrap();
    let driver = store.drive(RunId(1)).unwrap();
    for (heal, (signature, success)) in (1..).zip([
        ("a", true),
        ("b", false),
        ("a", true),
        ("c", true),
        ("a", true),
    ]) {
        let outcome = Outcome {
            phase: Phase::Tester,
            signature: Digest::of(signature.as_bytes()),
            error_type: ErrorType::Assertion,
            distribution: Distribution::certain(ErrorType::Assertion),
            action: HealAction::FixAssertion,
            success,
            tokens: 900,
            cost_usd: 0.01,
            cause: format!(
                "check \"test\" failed with exit code 1, test {signature}: left != right"
            ),
        };
        let heal = HealId(heal);
        let write = Write::Outcome { heal, outcome };
        store.commit_blocking(&driver, Batch::of(write)).unwrap();
    }
    sandbox
}

#[test]
fn what_helps_is_shown_as_it_was_seen_beside_what_was_assumed() {
    let sandbox = experienced();
    let document = sandbox.rgpt(&["heal", "--list", "--json"]).document();
    let repairs = document["repairs"].as_array().unwrap();
    let fix = repairs
        .iter()
        .find(|one| one["error_type"] == "ASSERTION_ERROR" && one["action"] == "fix_assertion")
        .unwrap();
    assert_eq!(
        keys(fix),
        [
            "error_type",
            "action",
            "success",
            "assumed",
            "hits",
            "tries",
            "seen",
            "cost"
        ]
    );
    assert_eq!((&fix["hits"], &fix["tries"]), (&json!(4), &json!(5)));
    assert!(fix["success"].as_f64() > fix["assumed"].as_f64());
    let plays = document["playbook"].as_array().unwrap();
    assert_eq!(plays.len(), 3);
    assert_eq!(
        (&plays[0]["hits"], &plays[0]["misses"], &plays[0]["first"]),
        (&json!(3), &json!(0), &json!(true))
    );
    let text = sandbox.rgpt(&["heal", "--list"]).stdout;
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    assert!(
        text.contains("3 of 3 *") && text.contains("4 of 5"),
        "{text}"
    );
}

#[test]
fn what_is_forgotten_is_shown_no_more() {
    let sandbox = experienced();
    let signature = Digest::of(b"a");
    let outcome = sandbox.rgpt(&["heal", "--forget", &signature.as_str()[..8]]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let said = format!(
        "Forgotten: what became of 3 repairs of failure {}.\n",
        &signature.as_str()[..12]
    );
    assert_eq!(outcome.stdout, said);
    let document = sandbox.rgpt(&["heal", "--list", "--json"]).document();
    assert_eq!(document["playbook"].as_array().unwrap().len(), 2);
    let document = sandbox
        .rgpt(&["heal", "--forget", "all", "--json"])
        .document();
    assert_eq!(document["outcomes"], 2);
    let text = sandbox.rgpt(&["heal", "--list"]).stdout;
    assert!(text.contains("No repair is on record yet"), "{text}");
}

#[test]
fn what_names_no_failure_is_refused_with_what_to_type() {
    let sandbox = experienced();
    for (name, code) in [("0000000000", 1), ("xyz", 64), ("ab", 64)] {
        let outcome = sandbox.rgpt(&["heal", "--forget", name]);
        assert_eq!(outcome.code, code, "{outcome:#?}");
        assert!(outcome.stderr.contains("rgpt heal --list"), "{outcome:#?}");
    }
    let outcome = sandbox.rgpt(&["heal", "--list", "--action", "replan"]);
    assert_eq!(outcome.code, 64, "{outcome:#?}");
}

#[test]
fn without_a_record_there_is_what_is_assumed() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.rgpt(&["heal", "--list"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert!(outcome.stdout.contains("fix_assertion"), "{outcome:#?}");
    assert!(
        !sandbox.folder().join(".rgpt").exists(),
        "looking makes nothing"
    );
}
