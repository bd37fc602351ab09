use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::domain::message::ToolCall;
use crate::domain::proposal::{ChangeSet, FileChange};
use crate::policy::{Approved, Decision, Gate, Rules};

fn tree(files: &[(&str, &str)]) -> (TempDir, Held) {
    let dir = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let held = Held::open(dir.path()).unwrap();
    (dir, held)
}

fn approved(set: ChangeSet) -> Approved<ChangeSet> {
    match Gate::new(&Rules::default()).unwrap().judge_edit(set) {
        Decision::Allow(approved) => approved,
        Decision::Deny(denial) => panic!("{denial:?}"),
    }
}

fn change(path: &str, before: Option<&str>, after: Option<&str>) -> FileChange {
    FileChange {
        path: path.to_owned(),
        before: before.map(|text| text.as_bytes().to_vec()),
        after: after.map(|text| text.as_bytes().to_vec()),
        executable: false,
    }
}

fn set(changes: &[FileChange]) -> Approved<ChangeSet> {
    approved(ChangeSet {
        changes: changes.to_vec(),
    })
}

fn ask(held: &Held, tool: &str, arguments: Value) -> Result<ChangeSet, ToolError> {
    let call = ToolCall {
        id: "1".into(),
        name: tool.into(),
        arguments,
    };
    stage(held, &call)
}

/// Stages, approves and applies; answers what was done.
fn act(held: &Held, tool: &str, arguments: Value) -> String {
    let set = ask(held, tool, arguments).unwrap();
    let text = describe(&set);
    held.apply(&approved(set)).unwrap();
    text
}

fn mistake(held: &Held, tool: &str, arguments: Value) -> String {
    match ask(held, tool, arguments).unwrap_err() {
        ToolError::Mistake(text) => text,
        other => panic!("{other:?}"),
    }
}

/// Every path beneath `root` with its kind and content.
fn picture(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let kind = fs::symlink_metadata(&path).unwrap();
        let content = if kind.is_symlink() {
            format!("-> {}", fs::read_link(&path).unwrap().display())
        } else if kind.is_dir() {
            all.extend(picture(&path));
            "folder".to_owned()
        } else {
            format!("{:o} {}", kind.mode(), fs::read_to_string(&path).unwrap())
        };
        all.insert(path, content);
    }
    all
}

#[test]
fn an_edit_replaces_the_one_place_and_keeps_the_mode() {
    let (dir, held) = tree(&[("run.sh", "echo a\necho b\n")]);
    let path = dir.path().join("run.sh");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let done = act(
        &held,
        "edit_file",
        json!({"path": "run.sh", "old_text": "echo b", "new_text": "echo c\necho d"}),
    );
    assert_eq!(done, "changed run.sh (2 -> 3 lines)");
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "echo a\necho c\necho d\n"
    );
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o755);
}

#[test]
fn an_edit_that_misses_shows_the_nearest_lines() {
    let (_dir, held) = tree(&[("a.rs", "fn a() {\n    one();\n}\n")]);
    let text = mistake(
        &held,
        "edit_file",
        json!({"path": "a.rs", "old_text": "fn a() {\n  one()\n}", "new_text": "x"}),
    );
    assert!(
        text.contains("    1| fn a() {\n    2|     one();\n    3| }\n"),
        "{text}"
    );
    let text = mistake(
        &held,
        "edit_file",
        json!({"path": "a.rs", "old_text": "two", "new_text": "one();"}),
    );
    assert!(text.contains("already there"), "{text}");
}

#[test]
fn an_edit_that_fits_several_places_counts_them() {
    let (_dir, held) = tree(&[("a", "x\naaa\nx\n")]);
    let text = mistake(
        &held,
        "edit_file",
        json!({"path": "a", "old_text": "x\n", "new_text": "y"}),
    );
    assert!(
        text.contains("2 times") && text.contains("lines 1, 3"),
        "{text}"
    );
    let text = mistake(
        &held,
        "edit_file",
        json!({"path": "a", "old_text": "aa", "new_text": "b"}),
    );
    assert!(
        text.contains("2 times"),
        "overlapping places are two: {text}"
    );
}

#[test]
fn line_endings_of_the_file_are_kept() {
    let (dir, held) = tree(&[("crlf", "a\r\nb\r\nc\r\n"), ("mixed", "a\r\nb\nc\r\n")]);
    act(
        &held,
        "edit_file",
        json!({"path": "crlf", "old_text": "a\nb\n", "new_text": "a\nx\ny\n"}),
    );
    assert_eq!(
        fs::read_to_string(dir.path().join("crlf")).unwrap(),
        "a\r\nx\r\ny\r\nc\r\n"
    );
    act(
        &held,
        "edit_file",
        json!({"path": "crlf", "old_text": "x", "new_text": "1\n2"}),
    );
    assert_eq!(
        fs::read_to_string(dir.path().join("crlf")).unwrap(),
        "a\r\n1\r\n2\r\ny\r\nc\r\n"
    );
    act(
        &held,
        "edit_file",
        json!({"path": "mixed", "old_text": "b\n", "new_text": "x\n"}),
    );
    assert_eq!(
        fs::read_to_string(dir.path().join("mixed")).unwrap(),
        "a\r\nx\nc\r\n"
    );
}

#[test]
fn files_are_written_in_new_folders_and_deleted() {
    let (dir, held) = tree(&[("old", "x")]);
    assert_eq!(
        act(
            &held,
            "write_file",
            json!({"path": "a/b/c.txt", "content": "1\n2"})
        ),
        "created a/b/c.txt (2 lines)"
    );
    let path = dir.path().join("a/b/c.txt");
    assert_eq!(fs::read_to_string(&path).unwrap(), "1\n2");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o644);
    assert_eq!(
        act(&held, "write_file", json!({"path": "old", "content": ""})),
        "changed old (1 -> 0 lines)"
    );
    assert_eq!(
        act(&held, "delete_file", json!({"path": "old"})),
        "deleted old"
    );
    assert!(!dir.path().join("old").exists());
}

#[test]
fn wrong_calls_are_told_what_is_wrong() {
    let (dir, held) = tree(&[("a", "x"), ("d/e", "x")]);
    fs::write(dir.path().join("latin"), b"\xe4").unwrap();
    for (tool, arguments, part) in [
        (
            "edit_file",
            json!({"path": "none", "old_text": "x", "new_text": "y"}),
            "use write_file",
        ),
        (
            "edit_file",
            json!({"path": "a", "old_text": "", "new_text": "y"}),
            "old_text is empty",
        ),
        (
            "edit_file",
            json!({"path": "a", "old_text": "x", "new_text": "x"}),
            "already so",
        ),
        (
            "edit_file",
            json!({"path": "a", "old_text": "x"}),
            "edit_file needs `new_text`",
        ),
        (
            "edit_file",
            json!({"path": "latin", "old_text": "x", "new_text": "y"}),
            "not UTF-8",
        ),
        (
            "edit_file",
            json!({"path": "d", "old_text": "x", "new_text": "y"}),
            "d is a folder",
        ),
        (
            "write_file",
            json!({"path": "a", "content": "x"}),
            "already so",
        ),
        (
            "write_file",
            json!({"path": "a/b", "content": "x"}),
            "beneath something that is not a folder",
        ),
        (
            "write_file",
            json!({"path": "a", "content": ["x"]}),
            "`content` of write_file must be text",
        ),
        ("delete_file", json!({"path": "none"}), "does not exist"),
        ("apply_patch", json!({"patch": "hello"}), "cannot be read"),
        ("rename_file", json!({}), "no edit tool `rename_file`"),
        ("write_file", json!("x"), "must be a JSON object"),
    ] {
        let text = mistake(&held, tool, arguments);
        assert!(text.contains(part), "{tool}: {text}");
    }
    let error = ask(&held, "write_file", json!({"path": "../x", "content": "x"})).unwrap_err();
    assert!(matches!(error, ToolError::Denied(denial) if denial.rule == "path-escape"));
}

#[test]
fn a_patch_changes_creates_deletes_and_renames() {
    let (dir, held) = tree(&[
        ("src/a.rs", "one\ntwo\nthree\n"),
        ("gone", "x\n"),
        ("from", "same\n"),
    ]);
    let patch = "diff --git a/src/a.rs b/src/a.rs\n--- a/src/a.rs\n+++ b/src/a.rs\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n\
        diff --git a/new.sh b/new.sh\nnew file mode 100755\n--- /dev/null\n+++ b/new.sh\n@@ -0,0 +1 @@\n+echo\n\
        diff --git a/gone b/gone\ndeleted file mode 100644\n--- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n\
        diff --git a/from b/to\nsimilarity index 100%\nrename from from\nrename to to\n";
    let done = act(&held, "apply_patch", json!({"patch": patch}));
    assert_eq!(
        done,
        "deleted from\ndeleted gone\ncreated new.sh (1 lines)\nchanged src/a.rs (3 -> 3 lines)\ncreated to (1 lines)"
    );
    assert_eq!(
        fs::read_to_string(dir.path().join("src/a.rs")).unwrap(),
        "one\n2\nthree\n"
    );
    assert_eq!(
        fs::metadata(dir.path().join("new.sh")).unwrap().mode() & 0o777,
        0o755
    );
    assert_eq!(fs::read_to_string(dir.path().join("to")).unwrap(), "same\n");
    assert!(!dir.path().join("gone").exists() && !dir.path().join("from").exists());
}

#[test]
fn a_plain_patch_needs_no_prefixes_and_keeps_line_endings() {
    let (dir, held) = tree(&[
        ("a.txt", "one\r\ntwo\r\n"),
        ("b.txt", "x\n"),
        ("a/b", "y\n"),
    ]);
    let patch = "--- a.txt\n+++ a.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n--- a/b.txt\n+++ b/b.txt\n@@ -1 +1 @@\n-x\n+z\n\
        --- a/b\n+++ a/b\n@@ -1 +1 @@\n-y\n+w";
    act(&held, "apply_patch", json!({"patch": patch}));
    assert_eq!(
        fs::read_to_string(dir.path().join("a.txt")).unwrap(),
        "one\r\n2\r\n"
    );
    assert_eq!(fs::read_to_string(dir.path().join("b.txt")).unwrap(), "z\n");
    assert_eq!(fs::read_to_string(dir.path().join("a/b")).unwrap(), "w\n");
}

#[test]
fn a_patch_with_wrong_counts_is_applied_whole() {
    let (dir, held) = tree(&[("a", "one\ntwo\nthree\n")]);
    let patch = "--- a/a\n+++ b/a\n@@ -1,1 +1,1 @@\n one\n-two\n+2\n three\n";
    act(&held, "apply_patch", json!({"patch": patch}));
    assert_eq!(
        fs::read_to_string(dir.path().join("a")).unwrap(),
        "one\n2\nthree\n"
    );
}

#[test]
fn a_patch_of_which_a_part_does_not_fit_changes_nothing_and_says_which() {
    let (_dir, held) = tree(&[("a", "one\n"), ("b", "two\n")]);
    let patch = "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-one\n+1\n--- a/b\n+++ b/b\n@@ -1 +1 @@\n-three\n+3\n\
        --- a/none\n+++ b/none\n@@ -1 +1 @@\n-x\n+y\n--- /dev/null\n+++ b/a\n@@ -0,0 +1 @@\n+x\n";
    let text = mistake(&held, "apply_patch", json!({"patch": patch}));
    for part in [
        "a: fits",
        "b: error applying hunk #1",
        "none: does not exist",
        "a: exists already",
        "Nothing was changed",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn a_patch_cannot_make_a_link_or_leave_the_tree() {
    let (_dir, held) = tree(&[]);
    let link = "diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n";
    let escape = "--- /dev/null\n+++ b/../x\n@@ -0,0 +1 @@\n+x\n";
    for (patch, rule) in [(link, "symlink"), (escape, "path-escape")] {
        let error = ask(&held, "apply_patch", json!({"patch": patch})).unwrap_err();
        assert!(
            matches!(&error, ToolError::Denied(denial) if denial.rule == rule && denial.hard),
            "{error:?}"
        );
    }
}

#[test]
fn a_file_that_changed_meanwhile_is_a_conflict() {
    let (dir, held) = tree(&[("a", "new"), ("b", "x")]);
    let before = picture(dir.path());
    for changes in [
        [
            change("b", Some("x"), Some("y")),
            change("a", Some("old"), Some("z")),
        ],
        [change("b", Some("x"), None), change("c", Some("old"), None)],
        [change("d/e", None, Some("y")), change("a", None, Some("z"))],
    ] {
        let error = held.apply(&set(&changes)).unwrap_err();
        assert!(matches!(error, ApplyError::Conflict { .. }), "{error}");
        assert_eq!(picture(dir.path()), before);
    }
}

#[test]
fn links_pipes_and_large_files_are_refused() {
    let (dir, held) = tree(&[("real", "x")]);
    symlink("real", dir.path().join("link")).unwrap();
    symlink("nowhere", dir.path().join("dangling")).unwrap();
    let pipe = dir.path().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        FileType::Fifo,
        Mode::from_raw_mode(0o644),
        0,
    )
    .unwrap();
    let large = fs::File::create(dir.path().join("large")).unwrap();
    large.set_len(MAX_READ + 1).unwrap();
    assert!(matches!(held.read("link"), Err(FileError::Symlink { .. })));
    assert!(matches!(
        held.read("dangling"),
        Err(FileError::Symlink { .. })
    ));
    assert!(matches!(held.read("pipe"), Err(FileError::Special { .. })));
    assert!(matches!(
        held.read("large"),
        Err(FileError::TooLarge { .. })
    ));
    assert!(matches!(held.read("."), Err(FileError::Folder { .. })));
    assert!(matches!(
        held.read("real/x"),
        Err(FileError::NotAFolder { .. })
    ));
    assert!(held.read("../x").is_err());
    assert_eq!(held.read("none/x").unwrap(), None);
}

#[test]
fn the_walk_for_old_kernels_refuses_the_same() {
    let (dir, held) = tree(&[("a/b", "x")]);
    symlink("a", dir.path().join("link")).unwrap();
    symlink("b", dir.path().join("a/inner")).unwrap();
    let open = |path: &str| held.walk(path, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC);
    assert!(open("a/b").is_ok() && open(".").is_ok());
    assert_eq!(open("link/b").err(), Some(Errno::LOOP));
    assert_eq!(open("a/inner").err(), Some(Errno::LOOP));
    assert_eq!(open("a/../a/b").err(), Some(Errno::XDEV));
    assert_eq!(open("/etc").err(), Some(Errno::XDEV));
    assert_eq!(open("a/b/c").err(), Some(Errno::NOTDIR));
}

#[test]
fn a_hard_link_to_a_file_outside_is_replaced_not_written_through() {
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret");
    fs::write(&secret, "outside").unwrap();
    let (dir, held) = tree(&[]);
    fs::hard_link(&secret, dir.path().join("a")).unwrap();
    held.apply(&set(&[change("a", Some("outside"), Some("inside"))]))
        .unwrap();
    assert_eq!(fs::read_to_string(&secret).unwrap(), "outside");
    assert_eq!(fs::read_to_string(dir.path().join("a")).unwrap(), "inside");
}

#[test]
fn a_folder_swapped_for_a_link_after_staging_gets_nothing_outside() {
    let outside = tempfile::tempdir().unwrap();
    let (dir, held) = tree(&[("d/a", "x")]);
    let set = set(&[change("d/a", Some("x"), Some("y"))]);
    fs::rename(dir.path().join("d"), dir.path().join("moved")).unwrap();
    symlink(outside.path(), dir.path().join("d")).unwrap();
    assert!(held.apply(&set).is_err());
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn leftovers_of_a_killed_apply_are_removed_and_nothing_else() {
    let staged = format!(".rgpt-staged-{}", "0".repeat(32));
    let (dir, held) = tree(&[
        (&staged, "x"),
        (&format!("a/b/{staged}"), "x"),
        (&format!(".git/{staged}"), "x"),
        (".rgpt-staged-mine", "x"),
        ("a/c", "x"),
    ]);
    symlink("a", dir.path().join("link")).unwrap();
    assert_eq!(held.remove_leftovers().unwrap(), 2);
    assert!(!dir.path().join(&staged).exists());
    assert!(dir.path().join(".git").join(&staged).exists());
    assert!(dir.path().join(".rgpt-staged-mine").exists() && dir.path().join("a/c").exists());
}

/// Changes of a small world: files that are there, that are not, beneath files, beneath links.
fn changes() -> impl Strategy<Value = Vec<FileChange>> {
    let path = prop::sample::select(vec![
        "a",
        "b",
        "d/x",
        "d/e/y",
        "new",
        "new/deep/z",
        "a/under",
        "link",
        "out/x",
        "out/sub/x",
        "d",
    ]);
    let content = || prop::option::of(prop::sample::select(vec!["one", "two", ""]));
    prop::collection::btree_map(path, (content(), content(), any::<bool>()), 1..5).prop_map(|map| {
        map.into_iter()
            .map(|(path, (before, after, executable))| FileChange {
                executable,
                ..change(path, before, after)
            })
            .collect()
    })
}

fn small_world() -> (TempDir, TempDir, Held) {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("x"), "one").unwrap();
    let (dir, held) = tree(&[("a", "one"), ("b", "two"), ("d/x", "one"), ("d/e/y", "")]);
    symlink(outside.path(), dir.path().join("out")).unwrap();
    symlink(outside.path().join("x"), dir.path().join("link")).unwrap();
    (dir, outside, held)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_is_applied_lands_inside_and_all_of_it_or_nothing(changes in changes()) {
        let (dir, outside, held) = small_world();
        let (inside_before, outside_before) = (picture(dir.path()), picture(outside.path()));
        let set = ChangeSet { changes: changes.clone() };
        let Decision::Allow(set) = Gate::new(&Rules::default()).unwrap().judge_edit(set) else {
            return Ok(());
        };
        match held.apply(&set) {
            Ok(()) => for change in &changes {
                prop_assert_eq!(&held.read(&change.path).unwrap(), &change.after);
            },
            Err(error) => {
                let half = matches!(error, ApplyError::HalfDone { .. });
                prop_assert!(!half, "{}", error);
                prop_assert_eq!(picture(dir.path()), inside_before);
            }
        }
        prop_assert_eq!(picture(outside.path()), outside_before);
    }

    #[test]
    fn a_failure_between_two_renames_takes_everything_back(fails_after in 0_usize..5) {
        let (dir, _outside, held) = small_world();
        let before = picture(dir.path());
        let set = ChangeSet { changes: vec![
            change("a", Some("one"), Some("1")),
            change("b", Some("two"), None),
            change("d/x", Some("one"), Some("2")),
            change("new/deep/z", None, Some("3")),
            change("d/e/y", Some(""), None),
        ] };
        let mut done = 0;
        let result = held.apply_each(&set, || {
            done += 1;
            if done > fails_after { Err(io::Error::other("injected")) } else { Ok(()) }
        });
        prop_assert!(matches!(result, Err(ApplyError::File(_))));
        prop_assert_eq!(picture(dir.path()), before);
    }
}
