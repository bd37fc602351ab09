use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

use super::*;
use crate::domain::RunId;
use crate::workspace::git::fixture::{Fixture, contents, files, write};
use crate::workspace::repository::UserRepository;

const FILES: &[(&str, &str)] = &[
    ("a.txt", "1\r\n2\n"),
    ("src/main.rs", "fn main() {}\n"),
    ("src/deep/x", "x"),
    ("with space/ü\nline", "odd"),
    ("-dash", "-"),
    ("\"quoted\"\t", "q"),
    (".gitignore", "ignored/\n*.log\n"),
];

struct Work {
    fixture: Fixture,
    user: UserRepository,
    worktree: Worktree,
}

/// A worktree of `files`, a link and an executable.
fn work(files: &[(&str, &str)]) -> Work {
    let fixture = Fixture::new();
    let top = fixture.repository("r", files);
    write(&top.join("run.sh"), "#!/bin/sh\n");
    std::fs::set_permissions(top.join("run.sh"), PermissionsExt::from_mode(0o755)).unwrap();
    symlink("a.txt", top.join("link")).unwrap();
    fixture.commit(&top, &[]);
    let user = fixture.open(&top);
    let own = fixture.own(&user);
    let root = fixture.path("cache/run-1/r");
    let index = own.dir().join("rgpt/run-1.index");
    let worktree = Worktree::create(&own, &root, &index, &user.base_tree).unwrap();
    Work {
        fixture,
        user,
        worktree,
    }
}

fn pipe(path: &Path) {
    #[expect(
        clippy::disallowed_methods,
        reason = "the standard library cannot make a pipe here"
    )]
    let made = std::process::Command::new("mkfifo")
        .arg(path)
        .status()
        .unwrap();
    assert!(made.success());
}

impl Work {
    fn at(&self, path: &str) -> PathBuf {
        self.worktree.root().join(path)
    }

    fn restore(&self) {
        self.worktree.restore(&self.user.base_tree).unwrap();
    }

    #[track_caller]
    fn assert_restored(&self) {
        assert_eq!(files(self.worktree.root()), files(&self.user.top));
        assert_eq!(self.worktree.changes().unwrap(), []);
        assert_eq!(self.worktree.tree().unwrap(), self.user.base_tree);
    }

    fn changes(&self) -> Vec<(String, ChangeKind, u32)> {
        let changes = self.worktree.changes().unwrap().into_iter();
        changes
            .map(|change| (change.path, change.kind, change.mode))
            .collect()
    }
}

#[test]
fn a_tree_is_written_out_as_it_is() {
    let work = work(FILES);
    work.assert_restored();
    assert_eq!(
        work.worktree
            .own
            .list_files(&work.user.base_tree)
            .unwrap()
            .len(),
        FILES.len() + 2
    );
    let opened = Worktree::open(
        &work.worktree.own,
        &work.worktree.root,
        &work.worktree.index,
    )
    .unwrap();
    assert_eq!(opened.tree().unwrap(), work.user.base_tree);
    remove(work.worktree.root()).unwrap();
    let gone = Worktree::open(
        &work.worktree.own,
        &work.worktree.root,
        &work.worktree.index,
    );
    assert!(matches!(gone, Err(WorktreeError::Missing { .. })));
}

#[test]
fn an_empty_tree_is_a_tree() {
    let fixture = Fixture::new();
    let user = fixture.open(&fixture.repository("r", &[]));
    let own = fixture.own(&user);
    let (root, index) = (fixture.path("cache/r"), own.dir().join("i"));
    let worktree = Worktree::create(&own, &root, &index, &user.base_tree).unwrap();
    assert_eq!(worktree.changes().unwrap(), []);
    write(&root.join("first"), "1");
    let tree = worktree.snapshot(&["first".into()]).unwrap();
    worktree.restore(&user.base_tree).unwrap();
    assert!(!root.join("first").exists());
    worktree.restore(&tree).unwrap();
    assert!(root.join("first").exists());
}

#[test]
fn attributes_in_the_tree_never_change_bytes() {
    let attributes = "*.txt text eol=crlf\n*.e filter=evil\n*.id ident\n\
                      *.u16 working-tree-encoding=UTF-16\n*.d diff=evil merge=evil\n\
                      [attr]mine text eol=crlf\n*.m mine\n";
    let plain = &[
        ("a.txt", "1\n2\r\n3\n"),
        ("b.e", "secret\n"),
        ("c.id", "$Id$\n$Id: 0123 $\n"),
        ("d.u16", "plain\n"),
        ("e.m", "1\n"),
        ("f.d", "1\n"),
    ];
    let fixture = Fixture::new();
    let top = fixture.repository("r", plain);
    // Committed without the attributes in force, so that the blobs are these bytes.
    write(&top.join(".gitattributes"), attributes);
    fixture.git(&top, &["add", ".gitattributes"]);
    fixture.git(&top, &["commit", "-q", "-m", "attributes"]);
    let trap = fixture.trap("filter");
    for key in ["filter.evil.clean", "filter.evil.smudge"] {
        fixture.git(&top, &["config", key, trap.to_str().unwrap()]);
    }
    let user = fixture.open(&top);
    let own = fixture.own(&user);
    let (root, index) = (fixture.path("cache/r"), own.dir().join("i"));
    let worktree = Worktree::create(&own, &root, &index, &user.base_tree).unwrap();
    for (path, content) in plain {
        assert_eq!(
            std::fs::read(root.join(path)).unwrap(),
            content.as_bytes(),
            "{path}"
        );
        std::fs::write(root.join(path), format!("{content}more\r\n$Id$\n")).unwrap();
    }
    let paths: Vec<String> = plain.iter().map(|(path, _)| (*path).to_owned()).collect();
    let tree = worktree.snapshot(&paths).unwrap();
    for (path, content) in plain {
        let blob = own.read_blob(&tree, path).unwrap().unwrap();
        assert_eq!(
            blob,
            format!("{content}more\r\n$Id$\n").as_bytes(),
            "{path}"
        );
    }
    assert_eq!(worktree.changes().unwrap(), []);
    assert!(own.diff(&user.base_tree, &tree).unwrap().contains("+$Id$"));
    assert!(!fixture.path("filter").exists());
}

#[test]
fn restoring_undoes_whatever_was_done() {
    let work = work(FILES);
    write(&work.at("a.txt"), "changed");
    std::fs::remove_dir_all(work.at("src")).unwrap();
    write(&work.at("src"), "a file now");
    std::fs::remove_file(work.at("link")).unwrap();
    write(&work.at("link/inside"), "a folder now");
    std::fs::set_permissions(work.at("run.sh"), PermissionsExt::from_mode(0o644)).unwrap();
    std::fs::set_permissions(work.at("-dash"), PermissionsExt::from_mode(0o755)).unwrap();
    write(&work.at("new/folder/file"), "new");
    std::fs::create_dir_all(work.at("empty/folder")).unwrap();
    write(&work.at(".gitignore"), "*\n");
    work.restore();
    work.assert_restored();
}

#[test]
fn a_planted_link_is_replaced_and_what_it_leads_to_is_left_alone() {
    let work = work(FILES);
    let outside = work.fixture.path("home/x");
    write(&outside.join("main.rs"), "mine");
    write(&outside.join("deep/x"), "mine");
    write(&outside.join("other"), "mine");
    let before = contents(&outside);
    std::fs::remove_dir_all(work.at("src")).unwrap();
    symlink(&outside, work.at("src")).unwrap();
    std::fs::remove_file(work.at("a.txt")).unwrap();
    symlink(outside.join("main.rs"), work.at("a.txt")).unwrap();
    symlink(&outside, work.at("untracked")).unwrap();
    std::fs::remove_dir_all(work.at(".git")).unwrap();
    symlink(&outside, work.at(".git")).unwrap();
    let kinds = work.changes();
    assert!(
        kinds.contains(&("a.txt".into(), ChangeKind::Modified, 0o120_000)),
        "{kinds:?}"
    );
    assert!(
        kinds.contains(&("src/main.rs".into(), ChangeKind::Deleted, 0)),
        "{kinds:?}"
    );
    assert!(
        kinds.contains(&("src".into(), ChangeKind::Untracked, 0o120_000)),
        "{kinds:?}"
    );
    assert_eq!(
        work.worktree.read_change("src/main.rs").unwrap().after,
        None
    );
    let refused = work.worktree.read_change("a.txt");
    assert!(matches!(refused, Err(WorktreeError::NotAFile { .. })));
    let tree = work
        .worktree
        .snapshot(&["src/main.rs".into(), "src/other".into()])
        .unwrap();
    let listed = work.worktree.own.list_files(&tree).unwrap();
    assert!(
        !listed
            .iter()
            .any(|path| path == "src/main.rs" || path == "src/other")
    );
    work.restore();
    work.assert_restored();
    assert_eq!(contents(&outside), before);
    assert!(work.at(".git/HEAD").is_file());
}

#[test]
fn a_root_that_became_a_link_is_replaced() {
    let work = work(FILES);
    let outside = work.fixture.path("home/x");
    write(&outside.join("a.txt"), "mine");
    remove(work.worktree.root()).unwrap();
    symlink(&outside, work.worktree.root()).unwrap();
    assert!(matches!(
        work.worktree.changes(),
        Err(WorktreeError::Missing { .. })
    ));
    work.restore();
    work.assert_restored();
    assert_eq!(
        std::fs::read_to_string(outside.join("a.txt")).unwrap(),
        "mine"
    );
    assert_eq!(contents(&outside).len(), 1);
}

#[test]
fn build_output_survives_a_restore() {
    let work = work(FILES);
    for path in ["target/debug/x", "ignored/y", "src/node_modules/z", "b.log"] {
        write(&work.at(path), "output");
    }
    assert_eq!(work.changes(), []);
    work.restore();
    for path in ["target/debug/x", "ignored/y", "src/node_modules/z", "b.log"] {
        assert!(work.at(path).exists(), "{path}");
    }
}

#[test]
fn nested_repositories_pipes_and_closed_folders_are_cleared_away() {
    let work = work(FILES);
    work.fixture.git(&work.at("src"), &["init", "-q"]);
    std::fs::create_dir(work.at("own")).unwrap();
    work.fixture.git(&work.at("own"), &["init", "-q"]);
    work.fixture.git(
        &work.at("own"),
        &["commit", "-q", "--allow-empty", "-m", "x"],
    );
    write(&work.at("own/file"), "");
    pipe(&work.at("src/.gitignore"));
    std::fs::set_permissions(work.at("src/deep"), PermissionsExt::from_mode(0o000)).unwrap();
    write(&work.at("closed/in/file"), "");
    std::fs::set_permissions(work.at("closed/in"), PermissionsExt::from_mode(0o500)).unwrap();
    std::fs::set_permissions(work.at("closed"), PermissionsExt::from_mode(0o500)).unwrap();
    let found = work.changes();
    assert!(
        found.contains(&("own".into(), ChangeKind::Untracked, 0o040_000)),
        "{found:?}"
    );
    work.restore();
    std::fs::set_permissions(work.at("src/deep"), PermissionsExt::from_mode(0o755)).unwrap();
    work.assert_restored();
    assert!(!work.at("src/.git").exists());
}

#[test]
fn a_worktree_is_removed_whatever_its_permissions() {
    let work = work(FILES);
    let outside = work.fixture.path("home/x");
    write(&outside, "mine");
    symlink(&outside, work.at("src/out")).unwrap();
    std::fs::set_permissions(work.at("src"), PermissionsExt::from_mode(0o000)).unwrap();
    remove(work.worktree.root()).unwrap();
    assert!(!work.worktree.root().exists());
    assert!(outside.exists());
    remove(work.worktree.root()).unwrap();
}

#[test]
fn changes_are_listed_and_recorded_path_by_path() {
    let work = work(FILES);
    write(&work.at("a.txt"), "changed");
    std::fs::remove_dir_all(work.at("src/deep")).unwrap();
    write(&work.at("-new name\n"), "new");
    std::fs::set_permissions(work.at("src/main.rs"), PermissionsExt::from_mode(0o755)).unwrap();
    symlink("/etc/passwd", work.at("z")).unwrap();
    write(&work.at("by.log"), "ignored");
    // Written again with the same content: not a change.
    write(&work.at("-dash"), "-");
    let expected = [
        ("-new name\n", ChangeKind::Untracked, 0o100_644),
        ("a.txt", ChangeKind::Modified, 0o100_644),
        ("src/deep/x", ChangeKind::Deleted, 0),
        ("src/main.rs", ChangeKind::Modified, 0o100_755),
        ("z", ChangeKind::Untracked, 0o120_000),
    ];
    assert_eq!(
        work.changes(),
        expected.map(|(path, kind, mode)| (path.to_owned(), kind, mode))
    );
    let change = work.worktree.read_change("a.txt").unwrap();
    assert_eq!(change.before.as_deref(), Some(b"1\r\n2\n".as_slice()));
    assert_eq!(change.after.as_deref(), Some(b"changed".as_slice()));
    assert_eq!(
        work.worktree.read_change("-new name\n").unwrap().before,
        None
    );
    assert!(work.worktree.read_change("src/main.rs").unwrap().executable);

    let tree = work
        .worktree
        .snapshot(&["a.txt".into(), "src/deep/x".into()])
        .unwrap();
    let own = &work.worktree.own;
    assert_eq!(
        own.changed_paths(&work.user.base_tree, &tree).unwrap(),
        ["a.txt", "src/deep/x"]
    );
    let left: Vec<_> = work.changes().into_iter().map(|(path, ..)| path).collect();
    assert_eq!(left, ["-new name\n", "src/main.rs", "z"]);
    let all = work.worktree.snapshot(&left).unwrap();
    assert_eq!(work.changes(), []);
    let before = files(work.worktree.root());
    work.restore();
    work.worktree.restore(&all).unwrap();
    assert_eq!(files(work.worktree.root()), before);
}

#[test]
fn a_folder_and_a_file_may_change_places() {
    let work = work(FILES);
    std::fs::remove_dir_all(work.at("src")).unwrap();
    write(&work.at("src"), "file");
    std::fs::remove_file(work.at("a.txt")).unwrap();
    write(&work.at("a.txt/b"), "inside");
    let paths: Vec<_> = work.changes().into_iter().map(|(path, ..)| path).collect();
    let tree = work.worktree.snapshot(&paths).unwrap();
    assert_eq!(work.changes(), []);
    let before = files(work.worktree.root());
    work.restore();
    work.assert_restored();
    work.worktree.restore(&tree).unwrap();
    assert_eq!(files(work.worktree.root()), before);
}

#[test]
fn paths_that_git_lets_into_no_tree_are_refused() {
    let work = work(FILES);
    write(&work.at("src/.git/config"), "x");
    let inside = ["src/.git/config", ".git/config", "src/../a.txt"];
    for path in [&inside[..], &["../outside", "/etc/passwd", ""]].concat() {
        let refused = work.worktree.snapshot(&[path.to_owned()]);
        assert!(refused.is_err(), "{path}");
    }
    assert_eq!(work.worktree.tree().unwrap(), work.user.base_tree);
}

#[test]
fn commands_have_a_repository_of_their_own_to_spoil() {
    let work = work(FILES);
    let root = work.worktree.root();
    let before = contents(&work.user.top);
    let git = |arguments: &[&str]| work.fixture.git(root, arguments);
    assert_eq!(git(&["status", "--porcelain"]), "");
    assert_eq!(git(&["log", "--format=%an"]), "worktree");
    write(&work.at("a.txt"), "changed");
    assert!(git(&["diff"]).contains("+changed"));
    git(&["stash"]);
    assert_eq!(work.changes(), []);
    git(&["stash", "pop"]);
    assert_eq!(work.changes().len(), 1);
    git(&["commit", "-q", "-am", "theirs"]);
    git(&["reset", "-q", "--hard", "HEAD~1"]);
    assert_eq!(work.changes(), []);
    git(&["fsck", "--strict"]);
    git(&["rm", "-rqf", "."]);
    std::fs::remove_dir_all(work.at(".git")).unwrap();
    std::fs::create_dir_all(root).unwrap();
    work.restore();
    work.assert_restored();
    assert_eq!(git(&["status", "--porcelain"]), "");
    assert_eq!(contents(&work.user.top), before);
}

#[test]
fn what_commands_write_into_their_git_directory_never_runs() {
    let work = work(FILES);
    let trap = work.fixture.trap("ran");
    let trap = trap.to_str().unwrap();
    let config = format!(
        "[core]\n\trepositoryformatversion = 0\n\tfsmonitor = {trap}\n\thooksPath = {}\n\
         [filter \"e\"]\n\tclean = {trap}\n\tsmudge = {trap}\n\trequired = true\n",
        work.at("hooks").display()
    );
    write(&work.at(".git/config"), &config);
    write(&work.at(".git/info/attributes"), "* filter=e\n");
    write(&work.at(".gitattributes"), "* filter=e\n");
    for hook in [
        "post-index-change",
        "reference-transaction",
        "post-checkout",
    ] {
        let path = work.at("hooks").join(hook);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(trap, path).unwrap();
    }
    write(&work.at("a.txt"), "changed");
    let paths: Vec<_> = work.changes().into_iter().map(|(path, ..)| path).collect();
    let tree = work.worktree.snapshot(&paths).unwrap();
    work.restore();
    work.worktree.restore(&tree).unwrap();
    assert!(!work.fixture.path("ran").exists());
    assert!(
        !std::fs::read_to_string(work.at(".git/config"))
            .unwrap()
            .contains("trap")
    );
}

#[test]
fn an_interrupted_attempt_is_brought_in_order() {
    let work = work(FILES);
    write(&work.worktree.index, "not an index");
    write(&work.at(".git.new/objects/half"), "");
    write(&work.at("leftover"), "");
    work.restore();
    work.assert_restored();
    write(&work.at("leftover"), "");
    std::fs::remove_dir_all(work.at(".git")).unwrap();
    let worktree = &work.worktree;
    Worktree::create(
        &worktree.own,
        &worktree.root,
        &worktree.index,
        &work.user.base_tree,
    )
    .unwrap();
    work.assert_restored();
}

#[test]
fn an_unknown_tree_is_an_error_that_changes_nothing() {
    let work = work(FILES);
    let unknown = TreeId("1".repeat(40));
    assert!(work.worktree.restore(&unknown).is_err());
    work.assert_restored();
}

#[test]
fn written_files_have_current_times() {
    let work = work(FILES);
    let marker = work.fixture.path("marker");
    std::thread::sleep(Duration::from_millis(20));
    std::fs::write(&marker, "").unwrap();
    let before = marker.metadata().unwrap().modified().unwrap();
    std::thread::sleep(Duration::from_millis(20));
    write(&work.at("a.txt"), "changed");
    work.restore();
    let after = work.at("a.txt").metadata().unwrap().modified().unwrap();
    assert!(after > before);
}

#[test]
fn places_are_outside_of_every_repository() {
    let fixture = Fixture::new();
    let cache = fixture.path("cache");
    let at = |purpose, name| place(&cache, "0123", RunId(7), purpose, name).unwrap();
    assert_eq!(
        at(Purpose::Build, "my repo"),
        cache.join("rgpt/0123/run-7/my repo")
    );
    assert_eq!(
        at(Purpose::Check, "r"),
        cache.join("rgpt/0123/run-7-check/r")
    );
    assert_eq!(
        at(Purpose::Check, ".git"),
        cache.join("rgpt/0123/run-7-check/repository")
    );
    let top = fixture.repository("r", &[]);
    symlink(&top, fixture.path("way in")).unwrap();
    for inside in [
        top.join("cache"),
        top.join(".git/x"),
        fixture.path("way in/not/there"),
    ] {
        let refused = place(&inside, "0123", RunId(7), Purpose::Build, "r").unwrap_err();
        assert!(
            matches!(refused, PlaceError::InsideRepository { .. }),
            "{refused}"
        );
    }
    let relative = place(Path::new("x"), "0123", RunId(7), Purpose::Build, "r").unwrap_err();
    assert!(
        matches!(relative, PlaceError::Relative { .. }),
        "{relative}"
    );
}

#[test]
fn build_output_is_handed_to_exactly_one_taker() {
    let fixture = Fixture::new();
    let cache = fixture.path("cache/output");
    let finished = |name: &str| {
        let root = fixture.path(name);
        write(
            &root.join("target/CACHEDIR.TAG"),
            "Signature: 8a477f597d28d172789f06886806bc55",
        );
        write(&root.join("target/by"), name);
        root
    };
    assert!(!take_over(&cache, &fixture.path("home")).unwrap());
    assert!(hand_on(&finished("one"), &cache).unwrap());
    assert!(hand_on(&finished("two"), &cache).unwrap());
    assert!(!fixture.path("two/target").exists());
    let takers: Vec<_> = (0..8)
        .map(|n| fixture.path(&format!("taker-{n}")))
        .collect();
    let took: usize = std::thread::scope(|scope| {
        let tries = takers.iter().map(|taker| {
            std::fs::create_dir(taker).unwrap();
            let cache = &cache;
            scope.spawn(move || usize::from(take_over(cache, taker).unwrap()))
        });
        tries
            .collect::<Vec<_>>()
            .into_iter()
            .map(|t| t.join().unwrap())
            .sum()
    });
    assert_eq!(took, 1);
    let taker = takers
        .iter()
        .find(|taker| taker.join("target").exists())
        .unwrap();
    assert_eq!(
        std::fs::read_to_string(taker.join("target/by")).unwrap(),
        "two"
    );
    assert_eq!(contents(&cache).len(), 0);
}

#[test]
fn only_real_build_output_of_cargo_is_handed_on() {
    let fixture = Fixture::new();
    let cache = fixture.path("cache/output");
    let root = fixture.path("w");
    write(&root.join("target/file"), "someone's source folder");
    assert!(!hand_on(&root, &cache).unwrap());
    std::fs::remove_dir_all(root.join("target")).unwrap();
    write(&fixture.path("home/CACHEDIR.TAG"), "");
    symlink(fixture.path("home"), root.join("target")).unwrap();
    assert!(!hand_on(&root, &cache).unwrap());
    assert!(!take_over(&cache, &root).unwrap());
}
