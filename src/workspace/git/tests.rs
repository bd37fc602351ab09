use super::fixture::{Fixture, write};
use super::*;

#[test]
fn input_larger_than_a_pipe_goes_through() {
    let fixture = Fixture::new();
    let top = fixture.repository("r", &[]);
    let input = vec![b'x'; 1 << 20];
    let command = GitCommand::on(&top.join(".git"), "hash-object").arg("--stdin");
    assert_eq!(command.input(input).line().unwrap().len(), 40);
}

#[test]
fn a_failure_tells_the_command_and_what_git_said() {
    let error = GitCommand::bare("no-such-command").run().unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("`git no-such-command` failed: "), "{text}");
    assert!(text.contains("is not a git command"), "{text}");
}

#[test]
fn a_missing_folder_is_not_taken_for_a_missing_git() {
    let error = GitCommand::bare("version")
        .directory(Path::new("/nonexistent"))
        .run()
        .unwrap_err();
    assert!(matches!(error, GitError::Io { .. }), "{error}");
}

#[test]
fn a_lock_in_the_way_is_recognised() {
    let fixture = Fixture::new();
    let top = fixture.repository("r", &[("a", "1")]);
    let lock = top.join(".git/index.lock");
    write(&lock, "");
    let error = GitCommand::on(&top.join(".git"), "read-tree")
        .arg("HEAD")
        .run()
        .unwrap_err();
    assert_eq!(error.lock(), Some(lock));
}

#[test]
fn neither_the_persons_nor_the_repositorys_settings_reach_our_commands() {
    let fixture = Fixture::new();
    let top = fixture.repository("r", &[("a", "1")]);
    fixture.git(&top, &["config", "core.hooksPath", "evil"]);
    fixture.git(&top, &["config", "core.fsmonitor", "evil"]);
    let ask = |key: &str| {
        GitCommand::on(&top.join(".git"), "config")
            .args(["--get", key])
            .line()
            .unwrap()
    };
    assert_eq!(ask("core.hooksPath"), "/dev/null");
    assert_eq!(ask("core.fsmonitor"), "false");
}

#[test]
fn both_failures_of_a_pipe_are_told_by_the_side_that_knows() {
    let fixture = Fixture::new();
    let top = fixture.repository("r", &[("a", "1")]);
    let git_dir = top.join(".git");
    let good = GitCommand::on(&git_dir, "pack-objects").args(["--revs", "--stdout", "-q"]);
    let good = good.input("HEAD\n");
    let bad = GitCommand::on(&git_dir, "pack-objects").args(["--revs", "--stdout", "-q"]);
    let bad = bad.input("nothing\n");
    let sink = GitCommand::on(&git_dir, "unpack-objects").arg("-q");
    assert!(good.pipe_into(&sink).is_ok());
    assert!(
        bad.pipe_into(&sink)
            .unwrap_err()
            .stderr()
            .contains("bad revision")
    );
    let no_sink = GitCommand::on(&fixture.path("none"), "unpack-objects").arg("-q");
    assert!(
        good.pipe_into(&no_sink)
            .unwrap_err()
            .stderr()
            .contains("not a git repository")
    );
}
