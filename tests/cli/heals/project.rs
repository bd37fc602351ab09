//! Projects with a planted bug. Start at [`Project::new`].

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::sandbox::{Sandbox, plan, step, write};

/// It names the tests that fail on the base, too: they are not excused.
const GOAL: &str = "add what is missing: test_done, test_more, test_mode, test_env, test_it, test_last and \
                    the cheapest pass";

/// A copy of a project of `tests/fixtures/heals`, and a model with words to say.
pub(super) struct Project {
    pub(super) sandbox: Sandbox,
}

impl Project {
    pub(super) fn new(name: &str) -> Self {
        let sandbox = Sandbox::named(name);
        for file in ["check.sh", "greeting.txt", "docs/notes.txt"] {
            fs::remove_file(sandbox.folder().join(file)).unwrap();
        }
        let from = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures/heals")
            .join(name);
        copy(&from, sandbox.folder());
        sandbox.commit("the project");
        sandbox.person_config(&format!(
            "{}  repair: {{models: [scripted]}}\n",
            sandbox.model_config()
        ));
        Self { sandbox }
    }

    /// Adds files to the project, and commits them.
    pub(super) fn with(self, files: &[(&str, &str)]) -> Self {
        for (path, content) in files {
            self.sandbox.write(path, content);
        }
        self.sandbox.commit("more files");
        self
    }

    /// Adds to the person's configuration.
    pub(super) fn configured(self, more: &str) -> Self {
        let path = self.sandbox.outside("home/.config/rgpt/config.yaml");
        let before = fs::read_to_string(&path).unwrap();
        write(&path, &(before + more));
        self
    }

    /// Gives the model its words.
    pub(super) fn says(self, replies: &[Value]) -> Self {
        self.sandbox.script(replies);
        self
    }

    /// Runs the goal, and returns exit code and summary.
    pub(super) fn run(&self, arguments: &[&str]) -> (i32, Value) {
        let goal = ["run", "--json", "--goal", GOAL];
        let outcome = self.sandbox.rgpt(&[&goal, arguments].concat());
        (outcome.code, outcome.summary())
    }

    /// Runs the goal; it must end healed, by this repair among others. Returns the summary.
    pub(super) fn heals(&self, error_type: &str, action: &str) -> Value {
        let (code, summary) = self.run(&[]);
        assert_eq!(code, 0, "{}", told(&summary));
        self.was_healed(&summary, error_type, action);
        summary
    }

    /// The kept repair, which the timeline must tell with cause, action, evidence and change.
    pub(super) fn was_healed(&self, summary: &Value, error_type: &str, action: &str) {
        let heals = summary["heals"].as_array().unwrap();
        let kept = |heal: &&Value| heal["heal_action"] == action && heal["verdict"] == "kept";
        let heal = heals.iter().find(kept);
        let heal = heal.unwrap_or_else(|| panic!("no {action} was kept\n{}", told(summary)));
        assert_eq!(heal["error_type"], error_type, "{}", told(summary));
        let output = &heal["heal_output"];
        for key in ["message", "root_cause", "evidence"] {
            let text = output[key].as_str().unwrap_or_default();
            assert!(!text.trim().is_empty(), "{key}: {output:#}");
        }
        let shown = self.sandbox.rgpt(&["inspect", "latest"]).stdout;
        for word in ["root cause", action, "evidence", "outcome"] {
            assert!(shown.contains(word), "{word} is not in\n{shown}");
        }
        if heal["before_tree"] != heal["after_tree"] {
            assert!(
                output["diff"].as_str().unwrap().starts_with("diff --git"),
                "{output:#}"
            );
            assert!(shown.contains("diff --git"), "{shown}");
        }
        assert!(
            shown.lines().all(|line| line.chars().count() <= 80),
            "{shown}"
        );
    }

    /// The run done again from the record alone must come to the same.
    pub(super) fn replays(&self) {
        let outcome = self.sandbox.rgpt(&["replay", "1", "--offline", "--json"]);
        assert_eq!(outcome.code, 0, "{outcome:#?}");
    }
}

/// A run in short: its repairs and what happened.
pub(super) fn told(summary: &Value) -> String {
    let events = summary["events"].as_array().unwrap();
    let lines = events
        .iter()
        .map(|event| format!("{} {}", event["type"], event["text"]));
    format!(
        "{:#}\n{}",
        summary["heals"],
        lines.collect::<Vec<_>>().join("\n")
    )
}

/// A plan of one step on these files.
pub(super) fn one_step(files: &[&str]) -> Value {
    plan(&[step("step-1", files)])
}

/// Words of the repair agent.
pub(super) fn repair(reply: Value) -> Value {
    let mut said = json!({"agent": "repair"});
    let fields = reply.as_object().unwrap().clone();
    said.as_object_mut().unwrap().extend(fields);
    said
}

/// A tool call that changes a piece of a file.
pub(super) fn edit(path: &str, old: &str, new: &str) -> Value {
    json!({"name": "edit_file", "arguments": {"path": path, "old_text": old, "new_text": new}})
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
