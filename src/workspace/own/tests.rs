use super::*;
use crate::workspace::git::fixture::{Fixture, contents};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn fsck(own: &OwnGit) {
    own.git("fsck")
        .args(["--connectivity-only", "--no-dangling"])
        .run()
        .unwrap();
}

#[test]
fn the_base_comes_over_without_its_history_and_leaves_the_source_as_it_was() {
    let fixture = Fixture::new();
    let top = fixture.repository("r", &[("a", "old"), ("same", "same")]);
    let first = fixture.git(&top, &["rev-parse", "HEAD"]);
    fixture.commit(&top, &[("a", "new")]);
    let before = contents(&top);
    let user = fixture.open(&top);
    let own = fixture.own(&user);
    own.fetch_base(&user, &user.base_commit).unwrap();
    assert_eq!(contents(&top), before);
    assert_eq!(own.tree_of(&user.base_commit).unwrap(), user.base_tree);
    assert!(!own.object_exists(&first).unwrap());
    assert_eq!(
        own.read_blob(&user.base_tree, "a").unwrap(),
        Some(b"new".to_vec())
    );
    assert!(!own.dir().join("objects/info/alternates").exists());
    assert!(!own.dir().join("hooks").exists());
    fsck(&own);
}

#[test]
fn a_later_base_brings_only_what_is_new() {
    let fixture = Fixture::new();
    let top = fixture.repository("r", &[("a", "1"), ("b", "1"), ("sub/c", "1")]);
    let own = fixture.own(&fixture.open(&top));
    fixture.commit(&top, &[("a", "2")]);
    fixture.commit(&top, &[("a", "3")]);
    let count = || {
        let packs = std::fs::read_dir(own.dir().join("objects/pack")).unwrap();
        let index = packs
            .map(|e| e.unwrap().path())
            .filter(|p| p.extension().unwrap() == "idx");
        index
            .map(|path| {
                let shown = GitCommand::on(own.dir(), "verify-pack").arg("-v").arg(path);
                let shown = String::from_utf8(shown.run().unwrap()).unwrap();
                shown
                    .lines()
                    .filter(|l| {
                        [" commit ", " tree ", " blob "]
                            .iter()
                            .any(|t| l.contains(t))
                    })
                    .count()
            })
            .sum::<usize>()
    };
    let before = count();
    let user = fixture.open(&top);
    own.fetch_base(&user, &user.base_commit).unwrap();
    // A commit, its root tree and the one blob, and at most their delta bases once more.
    assert!(count() - before <= 6, "{} objects came", count() - before);
    fsck(&own);
}

#[test]
fn an_earlier_commit_may_come_after_a_later_one() {
    let fixture = Fixture::new();
    let top = fixture.repository("r", &[("a", "1")]);
    let first = CommitId(fixture.git(&top, &["rev-parse", "HEAD"]));
    fixture.commit(&top, &[("a", "2")]);
    let user = fixture.open(&top);
    let own = fixture.own(&user);
    own.fetch_base(&user, &first).unwrap();
    let tree = own.tree_of(&first).unwrap();
    assert_eq!(own.read_blob(&tree, "a").unwrap(), Some(b"1".to_vec()));
    fsck(&own);
}

#[test]
fn a_base_that_the_repository_no_longer_has_is_no_hindrance() {
    let fixture = Fixture::new();
    let top = fixture.repository("r", &[("a", "1")]);
    let own = fixture.own(&fixture.open(&top));
    std::fs::remove_dir_all(&top).unwrap();
    fixture.repository("r", &[("b", "other")]);
    let user = fixture.open(&top);
    own.fetch_base(&user, &user.base_commit).unwrap();
    fsck(&own);
}

#[test]
fn shallow_clones_linked_worktrees_and_sha256_are_sources_too() {
    let fixture = Fixture::new();
    let top = fixture.repository("r", &[("a", "1")]);
    fixture.commit(&top, &[("a", "2")]);
    fixture.git(&top, &["worktree", "add", "-q", "../linked", "-b", "other"]);
    fixture.commit(&fixture.path("linked"), &[("a", "3")]);
    let url = format!("file://{}", top.display());
    fixture.git(
        &fixture.path(""),
        &["clone", "-q", "--depth=1", &url, "shallow"],
    );
    for name in ["shallow", "linked"] {
        let user = fixture.open(&fixture.path(name));
        fsck(&fixture.own(&user));
    }
    let top = fixture.repository_with("256", &[("a", "1")], &["--object-format=sha256"]);
    let user = fixture.open(&top);
    assert_eq!(user.object_format, ObjectFormat::Sha256);
    let refused = OwnGit::open(&fixture.path("state"), &user).unwrap_err();
    assert!(
        matches!(refused, OwnGitError::ObjectFormat { .. }),
        "{refused}"
    );
    let state = fixture.path("state256");
    std::fs::create_dir(&state).unwrap();
    let own = OwnGit::open(&state, &user).unwrap();
    own.fetch_base(&user, &user.base_commit).unwrap();
    let commit = own.commit(
        &user.base_tree,
        std::slice::from_ref(&user.base_commit),
        "x",
        &Identity::default(),
        at(0),
    );
    assert_eq!(commit.unwrap().0.len(), 64);
    fsck(&own);
}

#[test]
fn the_same_commit_has_the_same_id_everywhere() {
    let make = || {
        let fixture = Fixture::new();
        let top = fixture.repository("r", &[("a", "1")]);
        let user = fixture.open(&top);
        let own = fixture.own(&user);
        let author = Identity {
            name: "Zoë".into(),
            email: "z@example.org".into(),
        };
        let parents = std::slice::from_ref(&user.base_commit);
        let commit = own
            .commit(
                &user.base_tree,
                parents,
                "subject\n\nbody\n",
                &author,
                at(1_700_000_000),
            )
            .unwrap();
        let text = own
            .git("cat-file")
            .args(["commit", commit.as_str()])
            .run()
            .unwrap();
        (commit, String::from_utf8(text).unwrap())
    };
    let (first, text) = make();
    assert_eq!(make().0, first);
    assert!(
        text.contains("author Zoë <z@example.org> 1700000000 +0000\n"),
        "{text}"
    );
    assert!(
        text.contains("committer Zoë <z@example.org> 1700000000 +0000\n"),
        "{text}"
    );
    assert!(text.ends_with("\n\nsubject\n\nbody\n"), "{text}");
}

#[test]
fn a_ref_moves_only_from_where_it_was_believed_to_be() {
    let fixture = Fixture::new();
    let user = fixture.open(&fixture.repository("r", &[("a", "1")]));
    let own = fixture.own(&user);
    let commits: Vec<_> = (0..3)
        .map(|n| {
            own.commit(&user.base_tree, &[], "x", &Identity::default(), at(n))
                .unwrap()
        })
        .collect();
    let name = "refs/rgpt/run/1";
    own.update_ref(name, &commits[0], None).unwrap();
    own.update_ref(name, &commits[0], None).unwrap();
    own.update_ref(name, &commits[1], Some(&commits[0]))
        .unwrap();
    own.update_ref(name, &commits[1], Some(&commits[0]))
        .unwrap();
    let error = own
        .update_ref(name, &commits[2], Some(&commits[0]))
        .unwrap_err();
    assert!(
        matches!(&error, OwnGitError::Conflict { found: Some(found), .. } if *found == commits[1]),
        "{error}"
    );
    let error = own.update_ref(name, &commits[2], None).unwrap_err();
    assert!(matches!(error, OwnGitError::Conflict { .. }), "{error}");
    assert_eq!(own.read_ref(name).unwrap().as_ref(), Some(&commits[1]));
}

#[test]
fn a_half_made_directory_is_made_again() {
    let fixture = Fixture::new();
    let user = fixture.open(&fixture.repository("r", &[("a", "1")]));
    std::fs::create_dir_all(fixture.path("state/git.new/objects")).unwrap();
    std::fs::write(fixture.path("state/git.new/HEAD"), "half").unwrap();
    fsck(&fixture.own(&user));
    assert!(!fixture.path("state/git.new").exists());
}

#[test]
fn a_lock_left_by_a_killed_process_is_waited_for_and_then_removed() {
    let fixture = Fixture::new();
    let user = fixture.open(&fixture.repository("r", &[("a", "1")]));
    let own = fixture.own(&user);
    let lock = own.dir().join("refs/rgpt/run-lock.lock");
    std::fs::write(&lock, "").unwrap();
    own.update_ref("refs/rgpt/run-lock", &user.base_commit, None)
        .unwrap();
    assert!(!lock.exists());
}

#[test]
fn differences_are_told_in_full() {
    let fixture = Fixture::new();
    let top = fixture.repository("r", &[("a", "one\ntwo\n"), ("ü b", "x\n")]);
    std::fs::write(top.join("bin"), [0, 1, 2]).unwrap();
    fixture.commit(&top, &[]);
    let user = fixture.open(&top);
    let own = fixture.own(&user);
    fixture.commit(
        &top,
        &[
            ("a", "one\nthree\n"),
            ("new", "n\n"),
            (".gitattributes", "* -diff\n"),
        ],
    );
    fixture.git(&top, &["mv", "ü b", "renamed"]);
    std::fs::write(top.join("bin"), [0, 1, 3]).unwrap();
    fixture.commit(&top, &[]);
    let later = fixture.open(&top);
    own.fetch_base(&later, &later.base_commit).unwrap();
    let (a, b) = (&user.base_tree, &later.base_tree);
    let diff = own.diff(a, b).unwrap();
    assert!(diff.contains("-two\n+three\n"), "{diff}");
    assert!(diff.contains("deleted file"), "{diff}");
    assert!(
        diff.contains("Binary files a/bin and b/bin differ"),
        "{diff}"
    );
    assert_eq!(
        own.changed_paths(a, b).unwrap(),
        [".gitattributes", "a", "bin", "new", "renamed", "ü b"]
    );
    assert_eq!(own.diff(a, a).unwrap(), "");
}

#[test]
fn eight_at_once_share_one_directory() {
    let fixture = Fixture::new();
    let top = fixture.repository("r", &[("a", "0")]);
    let users: Vec<_> = (0..8)
        .map(|n| {
            fixture.commit(&top, &[("a", &n.to_string())]);
            fixture.open(&top)
        })
        .collect();
    let state = fixture.path("state");
    std::thread::scope(|scope| {
        for (number, user) in users.iter().enumerate() {
            let state = &state;
            scope.spawn(move || {
                let own = OwnGit::open(state, user).unwrap();
                own.fetch_base(user, &user.base_commit).unwrap();
                let name = format!("refs/rgpt/run/{number}");
                own.update_ref(&name, &user.base_commit, None).unwrap();
            });
        }
    });
    let own = OwnGit::open(&state, &users[0]).unwrap();
    for user in &users {
        assert_eq!(own.tree_of(&user.base_commit).unwrap(), user.base_tree);
    }
    fsck(&own);
}
