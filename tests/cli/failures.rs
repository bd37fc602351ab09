//! What goes wrong over all runs.

use crate::sandbox::{Sandbox, finish, plan, step, tools, write_file};

/// Two runs that fail in the same way: the first is healed, the second is not.
fn two_runs() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.script_that_mends();
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    sandbox.script(&[
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[write_file("greeting.txt", "bad world\n")]),
        finish("greets"),
    ]);
    let (code, summary) = sandbox.run(&["--max-retries", "0"]);
    assert_eq!(code, 2, "{summary:#}");
    sandbox
}

#[test]
fn the_same_failure_stands_once_with_what_healed_it() {
    let sandbox = two_runs();
    let document = sandbox
        .rgpt(&["inspect", "--failures", "--json"])
        .document();
    assert_eq!(document["run"], serde_json::Value::Null);
    assert_eq!(document["kinds"], 1, "{document:#}");
    let failure = &document["failures"][0];
    assert_eq!(
        (&failure["count"], &failure["runs"]),
        (&2.into(), &2.into())
    );
    assert_eq!(failure["last_run"], 2);
    assert_eq!(failure["origin"], "code");
    assert_eq!(
        (&failure["healed"], &failure["open"]),
        (&1.into(), &true.into())
    );
    assert_eq!(failure["open_runs"], serde_json::json!([2]));
    assert_eq!(failure["heals"][0]["hits"], 1);
    assert_eq!(failure["heals"][0]["tries"], 1);
    let rates = &document["rates"];
    assert_eq!(
        (&rates["runs"], &rates["runs_failed"], &rates["runs_open"]),
        (&2.into(), &2.into(), &1.into())
    );
    assert!(
        rates["raw"].as_f64() > rates["healed"].as_f64(),
        "{rates:#}"
    );

    let shown = sandbox.rgpt(&["inspect", "--failures"]).stdout;
    assert!(shown.starts_with("Failures of all runs (1)\n"), "{shown}");
    assert!(
        shown.contains("in tester, twice in 2 runs: open"),
        "{shown}"
    );
    assert!(shown.contains("rgpt heal --run 2"), "{shown}");
    assert!(
        shown.lines().all(|line| line.chars().count() <= 80),
        "{shown}"
    );
}

#[test]
fn a_run_says_what_failed_at_all_and_what_still_does() {
    let sandbox = two_runs();
    let document = sandbox
        .rgpt(&["inspect", "1", "--failures", "--json"])
        .document();
    assert_eq!(document["run"], 1);
    assert_eq!(document["failures"][0]["open"], false);
    assert_eq!(document["rates"]["phases_failed"], 1);
    assert_eq!(document["rates"]["phases_open"], 0);
    let whole = sandbox.rgpt(&["inspect", "1", "--json"]).document();
    assert_eq!(whole["rates"], document["rates"]);
    assert_eq!(whole["failures"][0]["healed_by"], 1);
    assert_eq!(whole["heals"][0]["origin"], "code");
    let shown = sandbox.rgpt(&["inspect", "1"]).stdout;
    assert!(
        shown.contains("1 of 4 phases failed (25 %), 0 still do after healing"),
        "{shown}"
    );
}

#[test]
fn a_replay_from_the_record_does_not_count_again() {
    let sandbox = two_runs();
    let before = sandbox
        .rgpt(&["inspect", "--failures", "--json"])
        .document();
    let outcome = sandbox.rgpt(&["replay", "1", "--offline", "--json"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let after = sandbox
        .rgpt(&["inspect", "--failures", "--json"])
        .document();
    assert_eq!(after, before);
    assert_eq!(sandbox.rgpt(&["db", "check"]).code, 0);
}

#[test]
fn where_nothing_failed_and_where_nothing_is_it_says_so() {
    let sandbox = Sandbox::new();
    let empty = sandbox.rgpt(&["inspect", "--failures"]);
    assert_eq!(empty.code, 0, "{empty:#?}");
    assert_eq!(empty.stdout, "no failures on the record of all runs\n");
    let unknown = sandbox.rgpt(&["inspect", "7", "--failures", "--json"]);
    assert_eq!(unknown.code, 1, "{unknown:#?}");
    let limit = sandbox.rgpt(&["inspect", "--limit", "3"]);
    assert_eq!(limit.code, 64, "{limit:#?}");
}
