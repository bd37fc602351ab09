//! What rgpt refuses: a clear error, the right exit code, and nothing changed.

use std::fs;

use serde_json::Value;

use crate::sandbox::{Outcome, Sandbox};

/// Runs a goal, and asserts that it is refused with this exit code, in words and as JSON, and that
/// neither repository nor home have changed. Returns the message and the hints.
fn refused(sandbox: &Sandbox, code: i32, arguments: &[&str]) -> (String, String) {
    let (repository, home) = (sandbox.fingerprint(), sandbox.home_fingerprint());
    let words = sandbox.rgpt(arguments);
    assert_eq!(words.code, code, "{words:#?}");
    assert_eq!(words.stdout, "");
    assert!(words.stderr.contains("error: "), "{words:#?}");
    let outcome = sandbox.rgpt(&[arguments, &["--json"]].concat());
    assert_eq!(outcome.code, code, "{outcome:#?}");
    let error = error_alone(&outcome);
    repository.assert_same(&sandbox.fingerprint());
    home.assert_same(&sandbox.home_fingerprint());
    let message = error["message"].as_str().unwrap().to_owned();
    let first = message.lines().next().unwrap();
    assert!(words.stderr.contains(first), "{words:#?}");
    let hints: Vec<&str> = error["hints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hint| hint.as_str().unwrap())
        .collect();
    assert!(!hints.is_empty(), "no hint: {error}");
    (message, hints.join("\n"))
}

/// The error, which is all that is on standard output.
fn error_alone(outcome: &Outcome) -> Value {
    let documents = serde_json::Deserializer::from_str(&outcome.stdout)
        .into_iter::<Value>()
        .collect::<Result<Vec<_>, _>>()
        .unwrap();
    assert_eq!(documents.len(), 1, "{outcome:#?}");
    let error = outcome.error();
    assert!(error["kind"].is_string(), "{error}");
    error
}

const RUN: [&str; 3] = ["run", "--goal", "greet the world"];

#[test]
fn a_folder_that_is_no_repository() {
    let sandbox = Sandbox::bare_machine();
    let (message, hint) = refused(&sandbox, 1, &RUN);
    assert!(message.contains("is not in a git repository"), "{message}");
    assert!(hint.contains("git init"), "{hint}");
}

#[test]
fn a_repository_without_a_commit() {
    let sandbox = Sandbox::bare_machine();
    sandbox.git(&["init", "-q"]);
    let (message, hint) = refused(&sandbox, 1, &RUN);
    assert!(message.contains("has no commit yet"), "{message}");
    assert!(hint.contains("git commit"), "{hint}");
}

#[test]
fn a_bare_repository() {
    let sandbox = Sandbox::bare_machine();
    sandbox.git(&["init", "-q", "--bare"]);
    let (message, hint) = refused(&sandbox, 1, &RUN);
    assert!(message.contains("bare"), "{message}");
    assert!(hint.contains("git clone"), "{hint}");
}

#[test]
fn a_repository_with_a_submodule() {
    let sandbox = Sandbox::new();
    let head = sandbox.git(&["rev-parse", "HEAD"]);
    sandbox.git(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("160000,{head},vendor/lib"),
    ]);
    sandbox.git(&["commit", "-q", "-m", "a submodule"]);
    let (message, _) = refused(&sandbox, 1, &RUN);
    assert!(message.contains("submodule at `vendor/lib`"), "{message}");
}

#[test]
fn a_repository_with_files_in_lfs() {
    let sandbox = Sandbox::new();
    sandbox.write("assets/.gitattributes", "*.png filter=lfs diff=lfs -text\n");
    sandbox.commit("large files");
    let (message, _) = refused(&sandbox, 1, &RUN);
    assert!(message.contains("`assets/.gitattributes`"), "{message}");
    assert!(message.contains("LFS"), "{message}");
}

#[test]
fn a_partial_clone() {
    let mut sandbox = Sandbox::new();
    sandbox.git(&["config", "uploadpack.allowFilter", "true"]);
    let from = format!("file://{}", sandbox.folder().display());
    let to = sandbox.outside("partial");
    sandbox.git(&[
        "clone",
        "-q",
        "--filter=blob:none",
        &from,
        to.to_str().unwrap(),
    ]);
    sandbox.go_to(to);
    let (message, hint) = refused(&sandbox, 1, &RUN);
    assert!(message.contains("partial clone"), "{message}");
    assert!(hint.contains("full clone"), "{hint}");
}

#[test]
fn a_base_that_is_no_commit() {
    let sandbox = Sandbox::new();
    let (message, _) = refused(&sandbox, 1, &[&RUN[..], &["--base", "nowhere"]].concat());
    assert!(message.contains("`nowhere` is not a commit"), "{message}");
}

#[test]
fn a_repository_without_checks() {
    let sandbox = Sandbox::new();
    sandbox.git(&["rm", "-q", "orchestrator.yaml"]);
    sandbox.commit("no checks");
    let (message, hint) = refused(&sandbox, 1, &RUN);
    assert!(message.contains("no checks are configured"), "{message}");
    assert!(hint.contains("--unverified"), "{hint}");
}

#[test]
fn a_branch_where_branches_of_runs_would_be() {
    let sandbox = Sandbox::new();
    sandbox.git(&["branch", "rgpt"]);
    let (message, hint) = refused(&sandbox, 1, &RUN);
    assert!(message.contains("`rgpt`"), "{message}");
    assert!(hint.contains("git branch -m"), "{hint}");
}

#[test]
fn a_setting_of_the_wrong_type() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "orchestrator.yaml",
        "checks:\n  test: {command: sh check.sh}\nexecution:\n  max_retries: many\n",
    );
    let (message, _) = refused(&sandbox, 1, &RUN);
    assert!(message.contains("orchestrator.yaml:4:16"), "{message}");
    assert!(message.contains("max_retries"), "{message}");
}

#[test]
fn an_unknown_setting() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "orchestrator.yaml",
        "checks:\n  test: {command: sh check.sh, timeot: 5m}\n",
    );
    let (message, hints) = refused(&sandbox, 1, &RUN);
    assert!(message.contains("orchestrator.yaml:2:32"), "{message}");
    assert!(message.contains("timeot"), "{message}");
    assert!(
        format!("{message} {hints}").contains("timeout"),
        "the nearest key is named: {message} {hints}"
    );
    let (checked, _) = refused(&sandbox, 2, &["config", "check"]);
    assert_eq!(checked, message, "config check says the same");
}

#[test]
fn a_tracked_file_that_names_a_provider_until_it_is_trusted() {
    let sandbox = Sandbox::new();
    sandbox.script_that_greets();
    let mine = "providers:\n  mine: {kind: scripted, script: /dev/null}\n";
    sandbox.write(
        "orchestrator.yaml",
        &format!("{}{mine}", sandbox.read("orchestrator.yaml")),
    );
    sandbox.commit("a provider");
    let (message, hint) = refused(&sandbox, 1, &RUN);
    assert!(message.contains("orchestrator.yaml:4:"), "{message}");
    assert!(message.contains("providers"), "{message}");
    assert!(hint.contains("rgpt config trust"), "{hint}");

    let trusted = sandbox.rgpt(&["config", "trust", "--json"]);
    assert_eq!(trusted.code, 0, "{trusted:#?}");
    assert_eq!(sandbox.rgpt(&["config", "check"]).code, 0);

    sandbox.write(
        "orchestrator.yaml",
        &format!("# changed\n{}", sandbox.read("orchestrator.yaml")),
    );
    let (message, _) = refused(&sandbox, 1, &RUN);
    assert!(message.contains("providers"), "{message}");
}

#[test]
fn a_tracked_file_is_trusted_for_one_command_when_it_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "orchestrator.yaml",
        &format!(
            "{}logging: {{level: debug}}\n",
            sandbox.read("orchestrator.yaml")
        ),
    );
    refused(&sandbox, 2, &["config", "check"]);
    let named = sandbox.rgpt(&["config", "check", "--config", "orchestrator.yaml"]);
    assert_eq!(named.code, 0, "{named:#?}");
}

#[test]
fn a_key_whose_variable_is_not_set() {
    let sandbox = Sandbox::new();
    let config = sandbox.model_config();
    let lab = "\n  lab: {kind: openai, base_url: \"http://127.0.0.1:9/v1\", api_key_env: LAB_KEY}\nmodels:\n";
    let config = config.replace("\nmodels:\n", lab);
    sandbox.person_config(&config.replace("provider: dry", "provider: lab"));
    let (message, hint) = refused(&sandbox, 1, &RUN);
    assert!(message.contains("LAB_KEY"), "{message}");
    assert!(hint.contains("export LAB_KEY"), "{hint}");
}

#[test]
fn a_model_that_is_not_configured() {
    let sandbox = Sandbox::new();
    let (message, hint) = refused(
        &sandbox,
        1,
        &[&RUN[..], &["--model", "builder=gpt-9"]].concat(),
    );
    assert!(message.contains("unknown model `gpt-9`"), "{message}");
    assert!(message.contains("known: scripted"), "{message}");
    assert!(hint.contains("rgpt config"), "{hint}");
}

#[test]
fn no_model_at_all() {
    let sandbox = Sandbox::new();
    sandbox.person_config("{}\n");
    let (message, hint) = refused(&sandbox, 1, &RUN);
    assert!(message.contains("no model"), "{message}");
    assert!(hint.contains("orchestrator.local.yaml"), "{hint}");
}

#[test]
fn a_script_that_is_not_there() {
    let sandbox = Sandbox::new();
    fs::remove_file(sandbox.outside("script.yaml")).unwrap();
    let (message, _) = refused(&sandbox, 1, &RUN);
    assert!(message.contains("script.yaml"), "{message}");
}

#[test]
fn a_goal_that_says_nothing() {
    let sandbox = Sandbox::new();
    let (message, _) = refused(&sandbox, 64, &["run", "--goal", " \n"]);
    assert!(message.contains("the goal is empty"), "{message}");
}

#[test]
fn a_goal_of_a_megabyte() {
    let sandbox = Sandbox::new();
    let file = sandbox.outside("goal.txt");
    fs::write(&file, "greet ".repeat(180_000)).unwrap();
    let file = file.to_str().unwrap();
    let (message, hint) = refused(&sandbox, 64, &["run", "--goal-file", file]);
    assert!(
        message.contains("1080000") || message.contains("1079999"),
        "{message}"
    );
    assert!(hint.contains("file"), "{hint}");
}

#[test]
fn a_goal_file_that_cannot_be_read() {
    let sandbox = Sandbox::new();
    for file in ["nowhere.txt", "docs"] {
        let (message, _) = refused(&sandbox, 1, &["run", "--goal-file", file]);
        assert!(message.contains(file), "{message}");
    }
    fs::write(sandbox.outside("binary"), [0xff, 0xfe, 0x00]).unwrap();
    let binary = sandbox.outside("binary");
    refused(
        &sandbox,
        1,
        &["run", "--goal-file", binary.to_str().unwrap()],
    );
}

#[test]
fn a_state_folder_that_cannot_be_made() {
    let sandbox = Sandbox::new();
    // A file in the way refuses everyone, root too.
    let place = sandbox.folder().join("greeting.txt/state");
    let place = place.to_str().unwrap();
    let (message, hint) = refused(&sandbox, 1, &[&RUN[..], &["--state-dir", place]].concat());
    assert!(message.contains("greeting.txt"), "{message}");
    assert!(hint.contains("--state-dir"), "{hint}");
}

#[test]
fn a_state_folder_that_is_read_only() {
    let sandbox = Sandbox::new();
    // No process may make anything beneath /proc, whoever runs it.
    let (message, hint) = refused(
        &sandbox,
        1,
        &[&RUN[..], &["--state-dir", "/proc/rgpt"]].concat(),
    );
    assert!(message.contains("/proc/rgpt"), "{message}");
    assert!(hint.contains("--state-dir"), "{hint}");
}

/// A repository with a finished run on its record.
fn with_a_record() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.script_that_greets();
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    sandbox
}

#[test]
fn a_database_of_a_newer_version() {
    let sandbox = with_a_record();
    let file = sandbox.folder().join(".rgpt/rgpt.db");
    let database = rusqlite::Connection::open(&file).unwrap();
    database.pragma_update(None, "user_version", 999).unwrap();
    drop(database);
    for verb in [&RUN[..], &["list"], &["inspect", "1"], &["resume", "1"]] {
        let (message, hint) = refused(&sandbox, 1, verb);
        assert!(message.contains("newer"), "{message}");
        assert!(message.contains("999"), "{message}");
        assert!(hint.contains("update rgpt"), "{hint}");
    }
    let (message, _) = refused(&sandbox, 2, &["db", "check"]);
    assert!(message.contains("newer"), "{message}");
}

#[test]
fn a_database_that_is_damaged() {
    let sandbox = with_a_record();
    let file = sandbox.folder().join(".rgpt/rgpt.db");
    fs::write(
        &file,
        "this is no database, but long enough to be looked at\n".repeat(200),
    )
    .unwrap();
    for verb in [&RUN[..], &["list"], &["inspect", "1"]] {
        let (message, hint) = refused(&sandbox, 1, verb);
        assert!(message.contains("database"), "{message}");
        assert!(hint.contains("rgpt db check"), "{hint}");
    }
    refused(&sandbox, 2, &["db", "check"]);
    let doctor = sandbox.rgpt(&["doctor", "--json"]);
    assert_eq!(doctor.code, 2, "{doctor:#?}");
    assert_eq!(doctor.document()["ok"], false);
}

#[test]
fn a_run_that_is_not_there() {
    let sandbox = Sandbox::new();
    for verb in ["resume", "inspect", "cancel"] {
        for name in ["7", "latest"] {
            let (message, _) = refused(&sandbox, 1, &[verb, name]);
            assert!(message.contains("no run"), "{message}");
        }
    }
    let sandbox = with_a_record();
    for verb in ["resume", "inspect", "cancel"] {
        let (message, hint) = refused(&sandbox, 1, &[verb, "--run", "7"]);
        assert!(message.contains("there is no run 7"), "{message}");
        assert!(hint.contains("rgpt list"), "{hint}");
        let (message, _) = refused(&sandbox, 64, &[verb, "seven"]);
        assert!(message.contains("seven"), "{message}");
    }
}

#[test]
fn a_run_that_is_done_has_nothing_to_go_on_with() {
    let sandbox = with_a_record();
    let (message, hint) = refused(&sandbox, 1, &["resume", "1", "--phase", "builder"]);
    assert!(message.contains("has reached its goal"), "{message}");
    assert!(hint.contains("rgpt inspect 1"), "{hint}");
    let (message, _) = refused(&sandbox, 1, &["cancel", "1"]);
    assert!(message.contains("it is done"), "{message}");
}

#[test]
fn wrong_usage() {
    let sandbox = Sandbox::new();
    let before = sandbox.fingerprint();
    let wrong: [&[&str]; 8] = [
        &[],
        &["fly"],
        &["run"],
        &["run", "--goal", "x", "--goal-file", "y"],
        &["run", "--goal", "x", "--until", "lunch"],
        &["run", "--goal", "x", "--model", "gpt"],
        &["run", "--goal", "x", "--budget-usd", "lots"],
        &["list", "--state", "asleep"],
    ];
    for arguments in wrong {
        let outcome = sandbox.rgpt(arguments);
        assert_eq!(outcome.code, 64, "{arguments:?}: {outcome:#?}");
        assert_ne!(outcome.stderr, "", "{arguments:?}");
    }
    before.assert_same(&sandbox.fingerprint());
}

#[test]
fn a_judging_verb_that_finds_something_exits_with_2() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.rgpt(&["doctor"]).code, 0);
    assert_eq!(sandbox.rgpt(&["config", "check"]).code, 0);
    sandbox.write("orchestrator.yaml", "nonsense: 1\n");
    assert_eq!(sandbox.rgpt(&["doctor"]).code, 2);
    assert_eq!(sandbox.rgpt(&["config", "check"]).code, 2);
}
