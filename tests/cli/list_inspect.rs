//! Reading the record: `list` and `inspect`.

use serde_json::{Value, json};

use crate::sandbox::{Sandbox, finish, plan, step, tools, write_file};

/// Run 1 is done, run 2 stands still, run 3 has failed, run 4 is cancelled.
fn with_four_runs() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.script_that_greets();
    assert_eq!(sandbox.run(&["--title", "one"]).0, 0);
    assert_eq!(sandbox.run(&["--title", "two", "--budget-usd", "0"]).0, 3);
    sandbox.script(&[
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[write_file("greeting.txt", "bad world\n")]),
        finish("greets"),
    ]);
    assert_eq!(
        sandbox.run(&["--title", "three", "--max-retries", "0"]).0,
        2
    );
    assert_eq!(sandbox.run(&["--title", "four", "--budget-usd", "0"]).0, 3);
    let cancelled = sandbox.rgpt(&["cancel", "4", "--reason", "no need", "--json"]);
    assert_eq!(cancelled.code, 0, "{cancelled:#?}");
    assert_eq!(cancelled.document()["run"]["state"], "cancelled");
    sandbox
}

fn ids(sandbox: &Sandbox, arguments: &[&str]) -> Vec<i64> {
    let outcome = sandbox.rgpt(&[&["list", "--json"], arguments].concat());
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let runs = outcome.document()["runs"].as_array().unwrap().clone();
    runs.iter().map(|run| run["id"].as_i64().unwrap()).collect()
}

#[test]
fn runs_are_listed_the_latest_first_and_filtered() {
    let sandbox = with_four_runs();
    assert_eq!(ids(&sandbox, &[]), [4, 3, 2, 1]);
    assert_eq!(ids(&sandbox, &["--limit", "2"]), [4, 3]);
    assert_eq!(ids(&sandbox, &["--state", "done"]), [1]);
    assert_eq!(ids(&sandbox, &["--state", "failed"]), [3]);
    assert_eq!(ids(&sandbox, &["--state", "cancelled"]), [4]);
    assert_eq!(ids(&sandbox, &["--state", "tester_running"]), [0; 0]);
    assert_eq!(ids(&sandbox, &["--recoverable"]), [3, 2]);
    assert_eq!(ids(&sandbox, &["--recoverable", "--state", "failed"]), [3]);
}

#[test]
fn a_listed_run_is_the_run_that_inspect_shows() {
    let sandbox = with_four_runs();
    let list = sandbox.rgpt(&["list", "--json"]).document();
    for run in list["runs"].as_array().unwrap() {
        let id = run["id"].to_string();
        for arguments in [["inspect", &id, "--json"], ["inspect", "--json", &id]] {
            let document = sandbox.rgpt(&arguments).document();
            assert_eq!(&document["run"], run);
        }
    }
    let named = sandbox
        .rgpt(&["inspect", "--run", "1", "--json"])
        .document();
    assert_eq!(named["run"]["title"], "one");
    let latest = sandbox.rgpt(&["inspect", "--json"]).document();
    assert_eq!(latest["run"]["title"], "four");
    assert_eq!(
        latest["events"].as_array().unwrap().last().unwrap()["text"],
        "cancelled: no need"
    );
}

#[test]
fn without_a_record_the_list_is_empty_and_nothing_is_made() {
    let sandbox = Sandbox::new();
    let before = sandbox.fingerprint();
    let outcome = sandbox.rgpt(&["list", "--json"]);
    assert_eq!((outcome.code, outcome.document()), (0, json!({"runs": []})));
    before.assert_same(&sandbox.fingerprint());
}

#[test]
fn a_cancelled_run_goes_on_after_all() {
    let sandbox = Sandbox::new();
    sandbox.script_that_greets();
    assert_eq!(sandbox.run(&["--until", "builder"]).0, 0);
    assert_eq!(sandbox.rgpt(&["cancel"]).code, 0);
    assert_eq!(sandbox.inspect()["run"]["status"], "cancelled");
    let resumed = sandbox.rgpt(&["resume", "--json"]);
    assert_eq!(resumed.code, 0, "{resumed:#?}");
    assert_eq!(resumed.summary()["run"]["state"], "done");
}

#[test]
fn the_record_can_be_kept_elsewhere() {
    let mut sandbox = Sandbox::new();
    sandbox.script_that_greets();
    let state = sandbox.outside("state");
    sandbox.set("RGPT_STATE_DIR", state.to_str().unwrap());
    assert_eq!(sandbox.run(&[]).0, 0);
    assert!(!sandbox.folder().join(".rgpt").exists());
    assert!(state.join("rgpt.db").is_file());
    assert_eq!(ids(&sandbox, &[]), [1]);
    assert_eq!(
        ids(&sandbox, &["--state-dir", state.to_str().unwrap()]),
        [1]
    );
}

#[test]
fn the_record_is_for_its_owner_and_git_does_not_see_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::new();
    sandbox.script_that_greets();
    assert_eq!(sandbox.run(&[]).0, 0);
    let about = std::fs::metadata(sandbox.folder().join(".rgpt/rgpt.db")).unwrap();
    assert_eq!(about.permissions().mode() & 0o777, 0o600);
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
}

#[test]
fn settings_are_shown_with_where_they_come_from() {
    let mut sandbox = Sandbox::new();
    sandbox.set("RGPT_EXECUTION__MAX_RETRIES", "7");
    let document = sandbox.rgpt(&["config", "show", "--json"]).document();
    let row = |path: &str| {
        let rows = document["settings"].as_array().unwrap();
        rows.iter()
            .find(|row| row["path"] == path)
            .cloned()
            .unwrap_or(Value::Null)
    };
    assert_eq!(row("execution.max_retries")["value"], 7);
    let origin = |path: &str| row(path)["origin"].to_string();
    assert!(origin("execution.max_retries").contains("RGPT_EXECUTION__MAX_RETRIES"));
    assert!(
        origin("checks.test.command").contains("orchestrator.yaml"),
        "{document:#}"
    );
    assert_eq!(document["checks"][0]["command"], "sh check.sh");
}
