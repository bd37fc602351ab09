use std::os::unix::fs::symlink;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

fn tree(files: &[(&str, &str)]) -> (TempDir, Held) {
    let dir = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let held = Held::open(dir.path()).unwrap();
    (dir, held)
}

fn ask(held: &Held, tool: &str, arguments: Value) -> Result<String, String> {
    let call = ToolCall {
        id: "1".into(),
        name: tool.into(),
        arguments,
    };
    answer(held, &call).map_err(|error| error.to_string())
}

#[test]
fn a_file_is_read_with_numbers() {
    let (_dir, held) = tree(&[("a.txt", "one\ntwo\r\nthree")]);
    assert_eq!(
        ask(&held, "read_file", json!({"path": "a.txt"})).unwrap(),
        "    1| one\n    2| two\n    3| three\n"
    );
    assert_eq!(
        ask(
            &held,
            "read_file",
            json!({"path": "./a.txt", "start_line": 2, "end_line": "2"})
        )
        .unwrap(),
        "    2| two\n"
    );
}

#[test]
fn a_long_file_says_how_to_read_on() {
    let long = "x\n".repeat(4500);
    let (_dir, held) = tree(&[
        ("long", &long),
        ("wide", &"y".repeat(3000)),
        ("big", &("z".repeat(1000) + "\n").repeat(100)),
    ]);
    let first = ask(&held, "read_file", json!({"path": "long"})).unwrap();
    assert!(first.ends_with(
        "2000| x\n[long has 4500 lines; to read on, call read_file with start_line 2001]\n"
    ));
    let last = ask(
        &held,
        "read_file",
        json!({"path": "long", "start_line": 4001}),
    )
    .unwrap();
    assert!(last.ends_with("4500| x\n"));
    let wide = ask(&held, "read_file", json!({"path": "wide"})).unwrap();
    assert!(wide.ends_with("[... 1000 bytes more]\n"));
    let big = ask(&held, "read_file", json!({"path": "big"})).unwrap();
    assert!(big.len() < 70_000 && big.contains("to read on"));
}

#[test]
fn what_cannot_be_read_is_named() {
    let (_dir, held) = tree(&[("empty", ""), ("binary", "a\0b"), ("a/b", "x")]);
    assert_eq!(
        ask(&held, "read_file", json!({"path": "empty"})).unwrap(),
        "empty is empty"
    );
    assert_eq!(
        ask(&held, "read_file", json!({"path": "binary"})).unwrap(),
        "binary is a binary file of 3 bytes"
    );
    for (arguments, part) in [
        (json!({"path": "none"}), "does not exist"),
        (json!({"path": "a"}), "a is a folder"),
        (json!({"path": "../x"}), "cannot be used as a path"),
        (json!({"path": ".git/config"}), "git's own folder"),
        (json!({"path": "a/b", "start_line": 2}), "has only 1 lines"),
        (
            json!({"path": "a/b", "start_line": 3, "end_line": 2}),
            "is before",
        ),
        (
            json!({"path": "a/b", "start_line": "x"}),
            "must be a whole number",
        ),
        (
            json!({"path": 1}),
            "`path` of read_file must be text, not 1",
        ),
        (json!({}), "read_file needs `path`"),
        (json!([]), "must be a JSON object"),
    ] {
        let error = ask(&held, "read_file", arguments).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn files_are_listed_sorted_without_ignored_ones_and_git() {
    let (_dir, held) = tree(&[
        (".gitignore", "target/\n*.log\n"),
        (".git/config", "x"),
        ("src/b.rs", ""),
        ("src/a.rs", ""),
        ("src/deep/.gitignore", "secret\n"),
        ("src/deep/secret", ""),
        ("src/deep/c.rs", ""),
        ("target/debug/x", ""),
        ("a.log", ""),
        (".hidden", ""),
    ]);
    let list = |arguments| ask(&held, "list_files", arguments).unwrap();
    assert_eq!(
        list(json!({})),
        ".gitignore\n.hidden\nsrc/a.rs\nsrc/b.rs\nsrc/deep/.gitignore\nsrc/deep/c.rs"
    );
    assert_eq!(
        list(json!({"path": "src/deep/"})),
        "src/deep/.gitignore\nsrc/deep/c.rs"
    );
    assert_eq!(
        list(json!({"path": ".", "glob": "*.rs"})),
        "src/a.rs\nsrc/b.rs\nsrc/deep/c.rs"
    );
    assert_eq!(list(json!({"glob": "src/*.rs"})), "src/a.rs\nsrc/b.rs");
    assert!(list(json!({"glob": "*.py"})).starts_with("no files"));
    let error = ask(&held, "list_files", json!({"path": "src/a.rs"})).unwrap_err();
    assert!(error.contains("is not a folder"), "{error}");
}

#[test]
fn ignore_files_above_the_tree_do_not_count() {
    let (dir, _) = tree(&[(".gitignore", "*\n"), ("tree/a", "x")]);
    let held = Held::open(&dir.path().join("tree")).unwrap();
    assert_eq!(ask(&held, "list_files", json!({})).unwrap(), "a");
}

#[test]
fn many_files_are_capped() {
    let (dir, held) = tree(&[]);
    for number in 0..1005 {
        std::fs::write(dir.path().join(format!("f{number}")), "").unwrap();
    }
    let list = ask(&held, "list_files", json!({})).unwrap();
    assert!(list.ends_with("\n[5 more; call list_files with a narrower `path` or `glob`]"));
}

#[test]
fn texts_and_expressions_are_found() {
    let (_dir, held) = tree(&[
        ("src/a.rs", "fn one() {}\nfn two(a: [u8]) {}\n"),
        ("src/b.rs", "one();\n"),
        ("binary", "one\0"),
    ]);
    let search = |arguments| ask(&held, "search_code", arguments).unwrap();
    assert_eq!(
        search(json!({"query": "one("})),
        "src/a.rs:1: fn one() {}\nsrc/b.rs:1: one();"
    );
    assert_eq!(
        search(json!({"query": "[u8]"})),
        "src/a.rs:2: fn two(a: [u8]) {}"
    );
    assert_eq!(
        search(json!({"query": "^fn \\w+\\(a", "regex": true})),
        "src/a.rs:2: fn two(a: [u8]) {}"
    );
    assert_eq!(
        search(json!({"query": "one", "path": "src/b.rs"})),
        "src/b.rs:1: one();"
    );
    assert_eq!(
        search(json!({"query": "three"})),
        "no line matches \"three\""
    );
    for (arguments, part) in [
        (
            json!({"query": "(", "regex": true}),
            "no regular expression",
        ),
        (
            json!({"query": "a{1000}{1000}", "regex": true}),
            "no regular expression",
        ),
        (json!({"query": ""}), "is empty"),
        (json!({"query": "x", "path": "none"}), "does not exist"),
        (json!({"query": "x", "regex": "yes"}), "true or false"),
    ] {
        let error = ask(&held, "search_code", arguments).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn hits_and_long_lines_are_capped() {
    let wide = format!("{}needle{}\n", "a".repeat(1000), "b".repeat(1000));
    let (_dir, held) = tree(&[("many", &"hit\n".repeat(300)), ("wide", &wide)]);
    let many = ask(&held, "search_code", json!({"query": "hit"})).unwrap();
    assert_eq!(many.lines().count(), 201);
    let wide = ask(&held, "search_code", json!({"query": "needle"})).unwrap();
    assert!(wide.contains("needle") && wide.len() < 300, "{wide}");
}

#[test]
fn links_are_named_but_never_followed() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "needle").unwrap();
    let (dir, held) = tree(&[("a", "x")]);
    symlink(outside.path(), dir.path().join("folder")).unwrap();
    symlink(outside.path().join("secret"), dir.path().join("file")).unwrap();
    assert_eq!(
        ask(&held, "list_files", json!({})).unwrap(),
        "a\nfile (symbolic link)\nfolder (symbolic link)"
    );
    assert!(
        ask(&held, "search_code", json!({"query": "needle"}))
            .unwrap()
            .starts_with("no line")
    );
    for (tool, path) in [
        ("read_file", "file"),
        ("read_file", "folder/secret"),
        ("list_files", "folder"),
        ("search_code", "folder"),
        ("search_code", "folder/secret"),
    ] {
        let answer = ask(&held, tool, json!({"path": path, "query": "needle"}));
        assert!(answer.is_err(), "{tool} {path}: {answer:?}");
    }
}

#[test]
fn an_unknown_tool_is_named() {
    let (_dir, held) = tree(&[]);
    let error = ask(&held, "cat", json!({})).unwrap_err();
    assert!(
        error.contains("`cat`") && error.contains("read_file"),
        "{error}"
    );
}
