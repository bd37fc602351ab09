//! `workspace.share`: dependency folders of the person's own tree, in the worktrees of a run.

use std::fs;
use std::os::unix::fs::symlink;

use crate::sandbox::{Sandbox, finish, plan, run_command, step, tools, write_file};

/// A repository whose check needs `deps`, which is ignored and shared.
fn with_dependencies() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(".gitignore", "/deps/\n");
    sandbox.write("check.sh", "test -x deps/tool && deps/tool\n");
    sandbox.write("orchestrator.yaml", "checks:\n  test: {kind: test, command: sh check.sh, report: none}\nworkspace: {share: [deps]}\n");
    sandbox.commit("a check that needs deps");
    sandbox.write("deps/tool", "#!/bin/sh\nexit 0\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(sandbox.folder().join("deps/tool"), mode).unwrap();
    sandbox.script_that_greets();
    sandbox
}

/// The lines of a failure, in words and as JSON.
fn refused(sandbox: &Sandbox) -> String {
    let outcome = sandbox.rgpt(&["run", "--goal", "greet"]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    let error = sandbox.rgpt(&["run", "--goal", "greet", "--json"]).error();
    assert_eq!(error["kind"], "CONFIG_ERROR");
    assert!(!sandbox.folder().join(".rgpt").exists(), "nothing was made");
    outcome.stderr
}

#[test]
fn a_tracked_file_may_share_a_folder_and_every_worktree_has_it() {
    let sandbox = with_dependencies();
    let before = sandbox.fingerprint();
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    assert_eq!(summary["run"]["verified"], true);
    let changed = sandbox.git(&["diff", "--name-only", "main", "rgpt/run-1"]);
    assert_eq!(changed, "greeting.txt", "it is in no commit");
    before.assert_only_branches_added(&sandbox.fingerprint());
}

#[test]
fn what_a_model_does_to_its_copy_reaches_neither_the_person_nor_the_final_checks() {
    let sandbox = with_dependencies();
    let before = sandbox.fingerprint();
    sandbox.script(&[
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[run_command(
            "printf '#!/bin/sh\\nexit 1\\n' > deps/tool; rm -rf deps/lib",
        )]),
        tools(&[write_file("greeting.txt", "hello world\n")]),
        finish("greets the world"),
    ]);
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    before.assert_only_branches_added(&sandbox.fingerprint());
}

#[test]
fn a_kill_in_the_middle_of_it_leaves_no_half_copy() {
    for place in [
        "share.aside",
        "share.copied",
        "share.aside:2",
        "share.copied:2",
    ] {
        let mut sandbox = with_dependencies();
        sandbox.set("RGPT_CRASH", place);
        assert_eq!(
            sandbox.rgpt(&["run", "--goal", "greet"]).code,
            -1,
            "{place}"
        );
        sandbox.set("RGPT_CRASH", "");
        let outcome = sandbox.rgpt(&["resume", "--json"]);
        assert_eq!(outcome.code, 0, "{place}: {outcome:#?}");
        assert_eq!(outcome.summary()["run"]["heal_count"], 0, "{place}");
    }
}

#[test]
fn a_folder_that_nobody_has_is_left_to_the_set_up() {
    let sandbox = with_dependencies();
    fs::remove_dir_all(sandbox.folder().join("deps")).unwrap();
    let setup =
        "  setup: [{command: 'mkdir deps && echo exit 0 > deps/tool && chmod +x deps/tool'}]\n";
    sandbox.write("orchestrator.local.yaml", &format!("workspace:\n{setup}"));
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
}

#[test]
fn build_output_is_refused() {
    let sandbox = with_dependencies();
    sandbox.write("orchestrator.local.yaml", "workspace: {share: [target]}\n");
    insta::assert_snapshot!(refused(&sandbox), @r"
    error: workspace.share: `target` is build output, which is not shared: a compiler would take one tree's for the other's
      hint: take it out of `workspace.share`; with `workspace.cache` a run hands its own on to the next
    ");
}

#[test]
fn an_environment_that_imports_from_the_persons_tree_is_refused() {
    let sandbox = with_dependencies();
    let place = sandbox.folder().join("src");
    sandbox.write("deps/lib/_project.pth", place.to_str().unwrap());
    let said = refused(&sandbox).replace(sandbox.folder().to_str().unwrap(), "…");
    insta::assert_snapshot!(said, @r"
    error: workspace.share: `deps/lib/_project.pth` has Python import from …/src, so a run would test your files and not its own
      hint: have each worktree install its own: take the folder out of `workspace.share` and name the command under `workspace.setup`
    ");
    let doctor = sandbox.rgpt(&["doctor"]);
    assert_eq!(doctor.code, 2);
    assert!(doctor.stdout.contains("✗ shared folders"), "{doctor:#?}");
    let checked = sandbox.rgpt(&["config", "check"]);
    assert_eq!(checked.code, 2);
    assert!(
        checked.stdout.contains("wrong: workspace.share: `deps/lib"),
        "{checked:#?}"
    );
}

#[test]
fn a_path_out_of_the_repository_is_refused_where_it_stands() {
    let sandbox = with_dependencies();
    sandbox.write("orchestrator.local.yaml", "workspace: {share: [../deps]}\n");
    let said = refused(&sandbox);
    assert!(
        said.contains("orchestrator.local.yaml:1:21: workspace.share[0]: "),
        "{said}"
    );
}

#[test]
fn what_has_become_wrong_stops_a_resume_until_it_is_right() {
    let sandbox = with_dependencies();
    assert_eq!(sandbox.rgpt(&["create", "--goal", "greet"]).code, 0);
    symlink("../../elsewhere", sandbox.folder().join("deps/out")).unwrap();
    let outcome = sandbox.rgpt(&["resume", "--json"]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    let error = outcome.error();
    assert_eq!(error["kind"], "CONFIG_ERROR");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("`deps/out` leads to ../../elsewhere"),
        "{message}"
    );
    fs::remove_file(sandbox.folder().join("deps/out")).unwrap();
    assert_eq!(sandbox.rgpt(&["resume"]).code, 0);
}
