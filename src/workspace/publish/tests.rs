use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::*;
use crate::workspace::git::fixture::{Fixture, contents, write};
use crate::workspace::repository::Identity;
use crate::workspace::worktree::Worktree;

/// A commit on top of the base in which `a` is changed and `new/b` is new.
fn commit(fixture: &Fixture, user: &UserRepository) -> (OwnGit, CommitId) {
    let own = fixture.own(user);
    let root = fixture.path("cache/work");
    let index = own.dir().join("rgpt/run-1.index");
    let worktree = Worktree::create(&own, &root, &index, &user.base_tree).unwrap();
    write(&root.join("a"), "changed");
    write(&root.join("new/b"), "new");
    let tree = worktree.snapshot(&["a".into(), "new/b".into()]).unwrap();
    let author = Identity::default();
    let at = jiff::Timestamp::UNIX_EPOCH;
    let parents = std::slice::from_ref(&user.base_commit);
    let commit = own.commit(&tree, parents, "done", &author, at).unwrap();
    (own, commit)
}

fn without_objects(folder: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = contents(folder);
    found.retain(|path, _| !path.starts_with(".git/objects"));
    found
}

#[test]
fn exactly_one_branch_is_added_and_no_hook_runs() {
    let fixture = Fixture::new();
    let top = fixture.repository("r", &[("a", "1"), ("same", "same")]);
    for hook in [
        "reference-transaction",
        "post-receive",
        "update",
        "post-index-change",
    ] {
        let path = top.join(".git/hooks").join(hook);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(fixture.trap("hook"), path).unwrap();
    }
    let user = fixture.open(&top);
    let (own, commit) = commit(&fixture, &user);
    let _ = std::fs::remove_file(fixture.path("hook"));
    let before = without_objects(&top);
    publish(&own, &user, &commit, &user.base_commit, "rgpt/run-1").unwrap();
    publish(&own, &user, &commit, &user.base_commit, "rgpt/run-1").unwrap();
    assert!(!fixture.path("hook").exists());
    let mut after = without_objects(&top);
    after.remove(Path::new(".git/refs/heads/rgpt")).unwrap();
    after
        .remove(Path::new(".git/refs/heads/rgpt/run-1"))
        .unwrap();
    assert_eq!(after, before);
    std::fs::remove_dir_all(top.join(".git/hooks")).unwrap();
    assert_eq!(fixture.git(&top, &["show", "rgpt/run-1:new/b"]), "new");
    assert_eq!(
        fixture.git(&top, &["rev-list", "--count", "rgpt/run-1"]),
        "2"
    );
    fixture.git(&top, &["fsck", "--strict"]);
}

#[test]
fn a_linked_worktree_a_shallow_clone_and_sha256_get_their_branch() {
    let origin = Fixture::new();
    let top = origin.repository("r", &[("a", "1")]);
    origin.commit(&top, &[("a", "2")]);
    let url = format!("file://{}", top.display());
    let linked = Fixture::new();
    linked.repository("r", &[("a", "1")]);
    linked.git(
        &linked.path("r"),
        &["worktree", "add", "-q", "../work", "-b", "other"],
    );
    let shallow = Fixture::new();
    shallow.git(
        &shallow.path(""),
        &["clone", "-q", "--depth=1", &url, "work"],
    );
    let sha256 = Fixture::new();
    sha256.repository_with("work", &[("a", "1")], &["--object-format=sha256"]);
    for fixture in [linked, shallow, sha256] {
        let top = fixture.path("work");
        let user = fixture.open(&top);
        let (own, commit) = commit(&fixture, &user);
        publish(&own, &user, &commit, &user.base_commit, "rgpt/run-1").unwrap();
        assert_eq!(
            fixture.git(&top, &["rev-parse", "refs/heads/rgpt/run-1"]),
            commit.0
        );
        assert_eq!(fixture.git(&top, &["status", "--porcelain"]), "");
        fixture.git(&top, &["fsck"]);
    }
}

#[test]
fn a_name_in_use_is_refused_and_left_alone() {
    let fixture = Fixture::new();
    let top = fixture.repository("r", &[("a", "1")]);
    fixture.git(&top, &["branch", "rgpt/run-1"]);
    let user = fixture.open(&top);
    let (own, commit) = commit(&fixture, &user);
    let attempt = |branch| publish(&own, &user, &commit, &user.base_commit, branch).unwrap_err();
    for branch in ["rgpt/run-1", "rgpt", "rgpt/run-1/more"] {
        let error = attempt(branch);
        assert!(
            matches!(&error, PublishError::Taken { taken_by, .. } if taken_by == "rgpt/run-1"),
            "{error}"
        );
        assert!(error.hint().contains("git branch -m"));
    }
    assert!(matches!(attempt("a..b"), PublishError::InvalidName { .. }));
    assert_eq!(
        fixture.git(&top, &["rev-parse", "rgpt/run-1"]),
        user.base_commit.0
    );
}

#[test]
fn a_base_that_is_gone_is_told() {
    let fixture = Fixture::new();
    let top = fixture.repository("r", &[("a", "1")]);
    let user = fixture.open(&top);
    let (own, commit) = commit(&fixture, &user);
    std::fs::remove_dir_all(&top).unwrap();
    fixture.repository("r", &[("b", "other")]);
    let error = publish(&own, &user, &commit, &user.base_commit, "rgpt/run-1").unwrap_err();
    assert!(matches!(error, PublishError::BaseGone { .. }), "{error}");
}
