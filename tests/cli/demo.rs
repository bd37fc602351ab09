//! The demo: the whole pipeline, offline, with real builds and tests.

use serde_json::Value;

use crate::sandbox::{Outcome, RGPT, Sandbox, write};

fn assert_healed_and_verified(outcome: &Outcome) -> Value {
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let summary = outcome.summary();
    assert_eq!(summary["run"]["verified"], true);
    let actions: Vec<&Value> = summary["heals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|heal| {
            assert_eq!(heal["verdict"], "kept", "{heal:#}");
            &heal["heal_action"]
        })
        .collect();
    assert_eq!(actions, ["regenerate", "refine_plan", "fix_assertion"]);
    summary
}

#[test]
fn it_works_and_works_again() {
    let mut sandbox = Sandbox::bare_machine();
    let first = assert_healed_and_verified(&sandbox.rgpt(&["demo", "--json"]));
    let second = assert_healed_and_verified(&sandbox.rgpt(&["demo", "--json"]));
    assert_eq!(first["run"]["branch"], "rgpt/run-1");
    assert_eq!(second["run"]["branch"], "rgpt/run-2");
    assert_eq!(first["run"]["tree"], second["run"]["tree"]);

    sandbox.go_to(sandbox.folder().join("rgpt-demo"));
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
    sandbox.git(&["checkout", "-q", "rgpt/run-1"]);
    let tests = sandbox
        .start("cargo")
        .args(["test", "--quiet"])
        .output()
        .unwrap();
    assert!(tests.status.success(), "{tests:?}");
    assert_eq!(sandbox.processes(), [""; 0]);
}

#[test]
#[ignore = "needs unshare"]
fn its_record_leads_to_the_same_without_a_network() {
    let mut sandbox = Sandbox::bare_machine();
    let source = assert_healed_and_verified(&sandbox.rgpt(&["demo", "--json"]));
    sandbox.go_to(sandbox.folder().join("rgpt-demo"));
    std::fs::remove_file(sandbox.folder().join("script.yaml")).unwrap();
    let cut_off = |arguments: &[&str]| {
        let mut command = sandbox.start("unshare");
        Outcome::of(command.args(arguments).output().unwrap())
    };
    let alone = [
        ["--net", "--"].as_slice(),
        &["--map-root-user", "--net", "--"],
    ]
    .into_iter()
    .find(|options| cut_off(&[options, ["true"].as_slice()].concat()).code == 0)
    .expect("a network namespace of one's own");
    let replay = [RGPT, "replay", "1", "--offline", "--json"];
    let outcome = cut_off(&[alone, &replay].concat());
    let replayed = assert_healed_and_verified(&outcome);
    assert_eq!(replayed["replay"]["result"], "equal");
    assert_eq!(replayed["replay"]["notes"], serde_json::json!([]));
    assert_eq!(replayed["run"]["tree"], source["run"]["tree"]);
}

#[test]
fn it_depends_on_nothing_above_its_folder() {
    let sandbox = Sandbox::bare_machine();
    let above = sandbox.folder().to_owned();
    write(
        &above.join("Cargo.toml"),
        "[workspace]\nmembers = [\"nowhere\"]\n",
    );
    write(&above.join("clippy.toml"), "no-such-setting = true\n");
    write(
        &above.join("rust-toolchain.toml"),
        "[toolchain]\nchannel = \"none\"\n",
    );
    write(
        &above.join(".cargo/config.toml"),
        "[build]\nrustc = \"/nowhere\"\n",
    );
    write(&above.join("orchestrator.yaml"), "nonsense: true\n");
    let outcome = sandbox.rgpt(&["demo", "a folder/of my own", "--json"]);
    assert_healed_and_verified(&outcome);
    assert!(above.join("a folder/of my own/src/list.rs").is_file());
}

#[test]
fn it_does_not_touch_a_folder_that_is_something_else() {
    let sandbox = Sandbox::new();
    let before = sandbox.fingerprint();
    let outcome = sandbox.rgpt(&["demo", "docs"]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    assert!(
        outcome.stderr.contains("docs is there already"),
        "{outcome:#?}"
    );
    assert!(outcome.stderr.contains("rgpt demo DIR"), "{outcome:#?}");
    before.assert_same(&sandbox.fingerprint());
}
