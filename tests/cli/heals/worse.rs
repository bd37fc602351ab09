//! Repairs that make things worse leave no trace.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::project::{Project, edit, one_step, told};
use crate::sandbox::{Sandbox, finish, run_command, tools};

/// Everything in the builder's worktree but its throw-away `.git`: modes and content.
fn worktree(sandbox: &Sandbox) -> BTreeMap<PathBuf, String> {
    let cache = sandbox.outside("home/.cache/rgpt");
    let mut found = BTreeMap::new();
    for record in fs::read_dir(cache).unwrap().flatten() {
        let root = record.path().join("run-1");
        if root.is_dir() {
            collect(&root, &root, &mut found);
        }
    }
    found
}

fn collect(root: &Path, folder: &Path, found: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if entry.file_name() == ".git" {
            continue;
        }
        let about = fs::symlink_metadata(&path).unwrap();
        let mode = about.permissions().mode();
        let what = if about.is_dir() {
            collect(root, &path, found);
            format!("folder {mode:o}")
        } else if about.is_symlink() {
            format!("link {:?}", fs::read_link(&path).unwrap())
        } else {
            format!("{mode:o} {}", blake3::hash(&fs::read(&path).unwrap()))
        };
        found.insert(path.strip_prefix(root).unwrap().to_owned(), what);
    }
}

const TEST: &str = "import unittest\n\nimport todo\n\n\nclass DoneTest(unittest.TestCase):\n    \
     def test_done(self):\n        things = todo.Todo()\n        things.add(\"milk\")\n        \
     things.done(\"milk\")\n        self.assertEqual(things.open(), [])\n";

fn broken() -> Project {
    Project::new("todo").with(&[("test_done.py", TEST)])
}

fn add_done() -> serde_json::Value {
    let last = "        return list(self.items)\n";
    let code = format!("{last}\n    def done(self, text):\n        pass\n");
    tools(&[edit("todo.py", last, &code)])
}

#[test]
fn a_repair_that_makes_things_worse_leaves_the_tree_byte_identical() {
    let mess = "chmod +x todo.py; mkdir -p empty/folder left; echo x > left/untracked.txt; \
                echo y > build.log; mkdir -p __pycache__; echo z > __pycache__/by-product; \
                rm test_todo.py; ln -s todo.py link";
    let project = broken().says(&[
        one_step(&["todo.py"]),
        add_done(),
        finish("done"),
        tools(&[
            run_command(mess),
            edit(
                "todo.py",
                "self.items.append(text)",
                "self.items.append(None)",
            ),
        ]),
        finish("worse"),
    ]);
    let (code, summary) = project.run(&["--max-retries", "0"]);
    assert_eq!(code, 2, "{}", told(&summary));
    let (tree, mut before) = (summary["run"]["tree"].clone(), worktree(&project.sandbox));
    // What checks have left there goes with what the repair has left.
    before.retain(|path, _| !path.starts_with("todo/__pycache__"));
    assert!(
        before.contains_key(Path::new("todo/todo.py")),
        "{before:#?}"
    );
    let outcome = project.sandbox.rgpt(&["heal", "1", "--json"]);
    let summary = outcome.summary();
    assert_eq!(
        summary["heals"][0]["verdict"],
        "restored",
        "{}",
        told(&summary)
    );
    assert_eq!(summary["run"]["tree"], tree);
    assert_eq!(worktree(&project.sandbox), before);
    let diff = summary["heals"][0]["heal_output"]["diff"].as_str().unwrap();
    assert!(diff.contains("self.items.append(None)"), "{diff}");
}

#[test]
fn one_failing_test_for_another_is_not_better() {
    // What is tried mends `test_done` and one more, and breaks `test_adds`.
    let more = TEST
        .replace("DoneTest", "MoreTest")
        .replace("test_done", "test_more");
    let project = broken().with(&[("test_more.py", &more)]).says(&[
        one_step(&["todo.py"]),
        add_done(),
        finish("done"),
        tools(&[
            edit(
                "todo.py",
                "        pass\n",
                "        self.items.remove(text)\n",
            ),
            edit("todo.py", "return len(self.items)", "return 0"),
        ]),
        finish("two for one"),
    ]);
    let (code, summary) = project.run(&["--max-retries", "1"]);
    assert_eq!(code, 2, "{}", told(&summary));
    let heal = &summary["heals"][0];
    assert_eq!(heal["verdict"], "restored", "{}", told(&summary));
    assert_eq!(heal["before_tree"], summary["run"]["tree"]);
    let message = heal["heal_output"]["message"].as_str().unwrap();
    assert!(
        message.contains("what ran or passed before does not now"),
        "{message}"
    );
    assert!(message.contains("test_adds"), "{message}");
}

#[test]
fn no_patch_is_taken_where_none_is_better() {
    let patch = |body: &str| {
        json!({"agent": "builder", "contains": "of 2.",
            "tools": [edit("todo.py", "        pass\n", &format!("        {body}\n"))]})
    };
    let project = broken()
        .configured("healing: {learn: false, candidates: 2}\n")
        .says(&[
            one_step(&["todo.py"]),
            add_done(),
            finish("done"),
            tools(&[edit("todo.py", "        pass\n", "        return 1\n")]),
            finish("no better"),
            json!({"agent": "repair", "text": "nothing to say"}),
            patch("return 2"),
            finish("no better either"),
            patch("raise ValueError"),
            finish("worse"),
        ]);
    let (code, summary) = project.run(&["--max-retries", "2"]);
    assert_eq!(code, 2, "{}", told(&summary));
    let heals = summary["heals"].as_array().unwrap();
    let tried = heals
        .iter()
        .find(|heal| heal["heal_action"] == "try_candidates");
    let tried = tried.unwrap_or_else(|| panic!("{}", told(&summary)));
    assert_eq!(tried["verdict"], "restored", "{}", told(&summary));
    assert_eq!(tried["before_tree"], summary["run"]["tree"]);
}
