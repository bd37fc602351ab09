use std::os::unix::fs::symlink;

use super::*;
use crate::workspace::git::fixture::{Fixture, contents, write};

fn refusal(fixture: &Fixture, start: &Path) -> RepositoryError {
    let error = fixture.try_open(start).unwrap_err();
    assert!(!error.hint().is_empty());
    error
}

#[test]
fn a_repository_is_opened_with_all_that_a_run_needs_to_know() {
    let fixture = Fixture::new();
    let top = fixture.repository("my project", &[("sub/deep/a.txt", "1")]);
    let user = fixture.open(&top.join("sub/deep"));
    assert_eq!(user.top, top);
    assert_eq!(user.directory, Path::new("sub/deep"));
    assert_eq!(user.git_dir, top.join(".git"));
    assert_eq!(user.branch.as_deref(), Some("main"));
    assert_eq!(
        user.base_commit.0,
        fixture.git(&top, &["rev-parse", "HEAD"])
    );
    assert_eq!(
        user.base_tree.0,
        fixture.git(&top, &["rev-parse", "HEAD^{tree}"])
    );
    assert_eq!(user.object_format, ObjectFormat::Sha1);
    assert!(!user.dirt.is_some() && !user.shallow);
    assert_eq!(user.id.len(), 16);
    assert_eq!(user.id, fixture.open(&top).id);
    assert_eq!(
        user.list_files(&user.base_tree).unwrap(),
        ["sub/deep/a.txt"]
    );
    let read = |path| user.read_blob(&user.base_tree, path).unwrap();
    assert_eq!(read("sub/deep/a.txt"), Some(b"1".to_vec()));
    assert_eq!(read("sub/deep"), None);
    assert_eq!(read("none"), None);
}

#[test]
fn opening_writes_nothing_and_counts_what_is_not_committed() {
    let fixture = Fixture::new();
    let top = fixture.repository(
        "r",
        &[("a", "1"), ("b", "1"), ("c", "1"), (".gitignore", "no")],
    );
    fixture.git(&top, &["config", "user.name", "x"]);
    write(&top.join("a"), "2");
    fixture.git(&top, &["stash"]);
    write(&top.join("a"), "3");
    write(&top.join("b"), "staged");
    fixture.git(&top, &["add", "b"]);
    std::fs::remove_file(top.join("c")).unwrap();
    write(&top.join("new"), "");
    write(&top.join("no"), "");
    let before = contents(&top);
    let user = fixture.open(&top);
    assert_eq!(
        user.dirt,
        Dirt {
            changed: 3,
            untracked: 1
        }
    );
    assert_eq!(contents(&top), before);
}

#[test]
fn what_the_person_ignores_everywhere_is_not_counted() {
    let fixture = Fixture::new();
    let top = fixture.repository("r", &[("a", "1")]);
    write(
        &fixture.path("home/.gitconfig"),
        "[core]\n\texcludesFile = ~/ignored\n",
    );
    write(&fixture.path("home/ignored"), "*.swp\n");
    write(&top.join("a.swp"), "");
    assert!(!fixture.open(&top).dirt.is_some());
}

#[test]
fn no_program_that_the_repository_names_is_run() {
    let fixture = Fixture::new();
    let top = fixture.repository(
        "r",
        &[("a", "1"), (".gitattributes", "* filter=x=y diff=x\n")],
    );
    for (key, marker) in [
        ("core.fsmonitor", "fsmonitor"),
        ("filter.x=y.clean", "clean"),
        ("filter.x=y.smudge", "smudge"),
        ("filter.x=y.process", "process"),
        ("diff.external", "external"),
        ("diff.x.textconv", "textconv"),
        ("core.pager", "pager"),
        ("core.askPass", "askpass"),
        ("gpg.program", "gpg"),
        ("uploadpack.packObjectsHook", "upload"),
        ("core.alternateRefsCommand", "alternate"),
    ] {
        fixture.git(
            &top,
            &["config", key, fixture.trap(marker).to_str().unwrap()],
        );
    }
    fixture.git(&top, &["config", "filter.x=y.required", "true"]);
    fixture.git(&top, &["config", "core.hooksPath", "hooks"]);
    for hook in [
        "post-index-change",
        "reference-transaction",
        "post-checkout",
    ] {
        let path = top.join("hooks").join(hook);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(fixture.trap(hook), path).unwrap();
    }
    write(&top.join("a"), "2");
    let user = fixture.open(&top);
    assert_eq!(
        user.dirt,
        Dirt {
            changed: 1,
            untracked: 1
        }
    );
    assert!(user.is_tracked(Path::new("a")).unwrap());
    fixture.own(&user);
    let names = std::fs::read_dir(fixture.path(""))
        .unwrap()
        .map(|e| e.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with("trap-"));
    names.sort();
    assert_eq!(names, ["cache", "home", "r", "state"]);
}

#[test]
fn a_folder_outside_of_every_repository_is_refused() {
    let fixture = Fixture::new();
    let error = refusal(&fixture, &fixture.path("home"));
    assert!(
        matches!(error, RepositoryError::NotARepository { .. }),
        "{error}"
    );
    let error = refusal(&fixture, &fixture.path("nowhere"));
    assert!(
        matches!(error, RepositoryError::Unreadable { .. }),
        "{error}"
    );
}

#[test]
fn a_repository_without_files_is_refused() {
    let fixture = Fixture::new();
    fixture.git(&fixture.path(""), &["init", "-q", "--bare", "b.git"]);
    let error = refusal(&fixture, &fixture.path("b.git"));
    assert!(matches!(error, RepositoryError::NoFiles { .. }), "{error}");
    let top = fixture.repository("r", &[]);
    let error = refusal(&fixture, &top.join(".git"));
    assert!(matches!(error, RepositoryError::NoFiles { .. }), "{error}");
}

#[test]
fn a_repository_without_a_commit_is_refused() {
    let fixture = Fixture::new();
    fixture.git(&fixture.path(""), &["init", "-q", "r"]);
    let error = refusal(&fixture, &fixture.path("r"));
    assert!(matches!(error, RepositoryError::NoCommit { .. }), "{error}");
    assert!(error.hint().contains("git commit"));
}

#[test]
fn the_base_may_be_any_commit_but_nothing_else() {
    let fixture = Fixture::new();
    let top = fixture.repository("r", &[("a", "1")]);
    let first = fixture.git(&top, &["rev-parse", "HEAD"]);
    fixture.git(&top, &["tag", "-a", "v1", "-m", "x"]);
    fixture.commit(&top, &[("a", "2")]);
    let open = |base: &str| UserRepository::open_as(&top, Some(base), fixture.person());
    assert_eq!(open("v1").unwrap().base_commit.0, first);
    assert_eq!(open("HEAD~1").unwrap().base_commit.0, first);
    for unknown in ["none", "HEAD:a", "--all", "", "a b", "@{99}"] {
        let error = open(unknown).unwrap_err();
        assert!(
            matches!(error, RepositoryError::UnknownBase { .. }),
            "{unknown}: {error}"
        );
    }
}

#[test]
fn submodules_are_refused_by_path() {
    let fixture = Fixture::new();
    let top = fixture.repository("r", &[("a", "1")]);
    let commit = fixture.git(&top, &["rev-parse", "HEAD"]);
    let entry = format!("160000,{commit},vendor/lib");
    fixture.git(&top, &["update-index", "--add", "--cacheinfo", &entry]);
    fixture.git(&top, &["commit", "-q", "-m", "x"]);
    let error = refusal(&fixture, &top);
    assert!(matches!(&error, RepositoryError::Submodule { path } if path == "vendor/lib"));
}

#[test]
fn files_kept_in_lfs_or_encrypted_are_refused_by_path() {
    let fixture = Fixture::new();
    let lfs = "# filter=git-crypt\n*.bin filter=lfs diff=lfs merge=lfs -text\n";
    let top = fixture.repository("lfs", &[("assets/.gitattributes", lfs)]);
    let error = refusal(&fixture, &top);
    assert!(matches!(&error, RepositoryError::Lfs { path } if path == "assets/.gitattributes"));
    let crypt = "secret.key filter=git-crypt diff=git-crypt\n";
    let top = fixture.repository("crypt", &[(".gitattributes", crypt)]);
    let error = refusal(&fixture, &top);
    assert!(matches!(&error, RepositoryError::GitCrypt { path } if path == ".gitattributes"));
    let top = fixture.repository(
        "off",
        &[(".gitattributes", "* -filter !filter text=auto\n")],
    );
    fixture.open(&top);
}

#[test]
fn a_partial_clone_is_refused() {
    let fixture = Fixture::new();
    let top = fixture.repository("r", &[("a", "1")]);
    fixture.git(&top, &["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", top.display());
    fixture.git(
        &fixture.path(""),
        &["clone", "-q", "--filter=blob:none", &url, "p"],
    );
    let error = refusal(&fixture, &fixture.path("p"));
    assert!(matches!(error, RepositoryError::PartialClone), "{error}");
}

#[test]
fn a_repository_of_somebody_else_is_refused_in_gits_own_words() {
    let fixture = Fixture::new();
    let top = fixture.repository("r", &[("a", "1")]);
    let mut person = fixture.person();
    person.push(("GIT_TEST_ASSUME_DIFFERENT_OWNER".into(), "1".into()));
    let error = UserRepository::open_as(&top, None, person.clone()).unwrap_err();
    assert!(
        matches!(error, RepositoryError::Ownership { .. }),
        "{error}"
    );
    assert!(error.hint().contains("safe.directory"));
    let trust = format!("[safe]\n\tdirectory = {}\n", top.display());
    write(&fixture.path("home/.gitconfig"), &trust);
    UserRepository::open_as(&top, None, person).unwrap();
}

#[test]
fn the_identity_is_the_persons_or_none() {
    let fixture = Fixture::new();
    let top = fixture.repository("r", &[]);
    let user = fixture.open(&top);
    assert_eq!(user.identity(), None);
    let settings = "[user]\n\tname = \"Zoë <x> \"\n\temail = zoe@example.org\n";
    write(&fixture.path("home/.gitconfig"), settings);
    let identity = user.identity().unwrap();
    assert_eq!(
        (identity.name.as_str(), identity.email.as_str()),
        ("Zoë x", "zoe@example.org")
    );
    fixture.git(&top, &["config", "user.name", " .,;"]);
    assert_eq!(user.identity(), None);
}

#[test]
fn a_file_is_tracked_by_the_index_the_base_or_what_a_link_leads_to() {
    let fixture = Fixture::new();
    let top = fixture.repository("r", &[("a", "1"), ("gone", "1"), ("sub/b", "1")]);
    fixture.git(&top, &["rm", "-q", "--cached", "gone"]);
    write(&top.join("staged"), "");
    fixture.git(&top, &["add", "staged"]);
    write(&top.join("new"), "");
    write(&top.join("*"), "");
    symlink("a", top.join("link")).unwrap();
    symlink("sub", top.join("folder")).unwrap();
    let user = fixture.open(&top);
    let tracked = |path: &str| user.is_tracked(Path::new(path)).unwrap();
    for path in ["a", "gone", "staged", "sub/b", "link", "folder/b"] {
        assert!(tracked(path), "{path}");
    }
    for path in ["new", "*", "none", "/etc/passwd"] {
        assert!(!tracked(path), "{path}");
    }
    assert!(user.is_tracked(&top.join("a")).unwrap());
}

#[test]
fn branches_are_found_and_their_names_judged() {
    let fixture = Fixture::new();
    let top = fixture.repository("r", &[]);
    fixture.git(&top, &["branch", "rgpt/run-1"]);
    fixture.git(&top, &["tag", "rgpt/run-2"]);
    let user = fixture.open(&top);
    assert!(user.branch_exists("rgpt/run-1").unwrap());
    assert!(!user.branch_exists("rgpt/run-2").unwrap());
    assert!(!user.branch_exists("rgpt").unwrap());
    let in_the_way = |name| user.branch_in_the_way(name).unwrap();
    assert_eq!(in_the_way("rgpt/run-2"), None);
    assert_eq!(in_the_way("rgpt/run-1/x").as_deref(), Some("rgpt/run-1"));
    assert_eq!(in_the_way("rgpt").as_deref(), Some("rgpt/run-1"));
    for (name, valid) in [
        ("rgpt/run-3", true),
        ("a..b", false),
        ("-x", false),
        ("", false),
        ("a b", false),
    ] {
        assert_eq!(user.valid_branch(name).unwrap(), valid, "{name}");
    }
}

#[test]
fn a_detached_head_a_linked_worktree_and_a_shallow_clone_are_opened() {
    let fixture = Fixture::new();
    let top = fixture.repository("r", &[("a", "1")]);
    fixture.commit(&top, &[("a", "2")]);
    fixture.git(&top, &["worktree", "add", "-q", "../linked", "-b", "other"]);
    let main = fixture.open(&top);
    let linked = fixture.open(&fixture.path("linked"));
    assert_eq!(linked.top, fixture.path("linked"));
    assert_eq!(linked.common_dir, top.join(".git"));
    assert_ne!(linked.git_dir, linked.common_dir);
    assert_eq!(linked.branch.as_deref(), Some("other"));
    assert_eq!(linked.id, main.id);
    fixture.git(&top, &["checkout", "-q", "--detach", "HEAD~1"]);
    assert_eq!(fixture.open(&top).branch, None);
    let url = format!("file://{}", fixture.path("linked").display());
    fixture.git(
        &fixture.path(""),
        &["clone", "-q", "--depth=1", &url, "shallow"],
    );
    assert!(fixture.open(&fixture.path("shallow")).shallow);
}

#[test]
fn a_checkout_needs_no_commit_and_knows_what_git_would_add() {
    let fixture = Fixture::new();
    let top = fixture.path("new");
    write(&top.join("sub/a.txt"), "");
    write(&top.join("deps/x"), "");
    write(&top.join("mine.txt"), "");
    write(&top.join(".gitignore"), "/deps/\n!/deps/kept\n");
    fixture.git(&top, &["init", "-q", "-b", "trunk"]);
    write(
        &fixture.path("home/.gitconfig"),
        "[core]\n\texcludesFile = ~/ignored\n",
    );
    write(&fixture.path("home/ignored"), "mine.txt\n");
    let before = contents(&top);
    let checkout = Checkout::around_as(&top.join("sub"), fixture.person()).unwrap();
    assert_eq!(
        (checkout.top.as_path(), checkout.directory.as_path()),
        (top.as_path(), Path::new("sub"))
    );
    assert_eq!(checkout.branch.as_deref(), Some("trunk"));
    assert_eq!(checkout.files().unwrap(), [".gitignore", "sub/a.txt"]);
    for (path, ignored) in [
        ("deps/x", true),
        ("deps/not/there", true),
        ("mine.txt", true),
        ("sub/a.txt", false),
        (":(top)sub", false),
    ] {
        assert_eq!(
            checkout.ignores(Path::new(path)).unwrap(),
            ignored,
            "{path}"
        );
    }
    assert_eq!(contents(&top), before);
    fixture.commit(&top, &[("deps/tracked", "1")]);
    let user = fixture.open(&top);
    let tracked = |folder: &str| user.tracked_below(Path::new(folder)).unwrap();
    assert_eq!(tracked("sub").as_deref(), Some("sub/a.txt"));
    assert_eq!(tracked("nowhere"), None);
    assert!(user.ignores_for_everyone(Path::new("deps/x")).unwrap());
    assert!(!user.ignores_for_everyone(Path::new("mine.txt")).unwrap());
}
