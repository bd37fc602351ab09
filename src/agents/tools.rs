//! The tools that agents are offered. What they do stands in the workspace.

use serde_json::{Value, json};

use crate::domain::message::ToolSpec;

/// Tools that only read.
pub const READING_TOOLS: [&str; 3] = ["read_file", "list_files", "search_code"];

/// Tools that change the worktree.
pub const ACTING_TOOLS: [&str; 5] = [
    "edit_file",
    "write_file",
    "delete_file",
    "apply_patch",
    "run_command",
];

/// The tool that ends a step.
pub(super) const FINISH: &str = "finish";

/// What the planner may use.
pub(super) fn reading() -> Vec<ToolSpec> {
    READING_TOOLS.into_iter().map(spec).collect()
}

/// What the builder may use.
pub(super) fn all() -> Vec<ToolSpec> {
    READING_TOOLS
        .into_iter()
        .chain(ACTING_TOOLS)
        .chain([FINISH])
        .map(spec)
        .collect()
}

fn spec(name: &str) -> ToolSpec {
    let mut properties = serde_json::Map::new();
    let mut required: Vec<Value> = Vec::new();
    let mut about = "";
    if let Some(tool) = TABLE.iter().find(|tool| tool.name == name) {
        about = tool.about;
        required = tool.required.iter().map(|(key, ..)| json!(key)).collect();
        for (key, kind, about) in tool.required.iter().chain(tool.optional) {
            let property = json!({"type": kind, "description": about});
            properties.insert((*key).to_owned(), property);
        }
    }
    ToolSpec {
        name: name.to_owned(),
        description: about.to_owned(),
        parameters: json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        }),
    }
}

/// Name, JSON type and meaning of an argument.
type Argument = (&'static str, &'static str, &'static str);

struct Tool {
    name: &'static str,
    about: &'static str,
    required: &'static [Argument],
    optional: &'static [Argument],
}

const PATH: Argument = ("path", "string", "path relative to the repository's root");

const TABLE: [Tool; 9] = [
    Tool {
        name: "read_file",
        about: "Shows a file with line numbers.",
        required: &[PATH],
        optional: &[
            ("start_line", "integer", "first line to show, from 1"),
            ("end_line", "integer", "last line to show"),
        ],
    },
    Tool {
        name: "list_files",
        about: "Lists files; ignored ones are left out.",
        required: &[],
        optional: &[
            ("path", "string", "folder to list"),
            ("glob", "string", "only paths that match"),
        ],
    },
    Tool {
        name: "search_code",
        about: "Finds lines that contain a text.",
        required: &[("query", "string", "what to look for")],
        optional: &[
            (
                "regex",
                "boolean",
                "whether the query is a regular expression",
            ),
            ("path", "string", "folder or file to search"),
        ],
    },
    Tool {
        name: "edit_file",
        about: "Replaces old_text, which must occur exactly once, by new_text.",
        required: &[
            PATH,
            (
                "old_text",
                "string",
                "the exact text to replace, with enough lines to be unique",
            ),
            ("new_text", "string", "the text that takes its place"),
        ],
        optional: &[],
    },
    Tool {
        name: "write_file",
        about: "Creates a file or replaces the whole of it.",
        required: &[PATH, ("content", "string", "the whole new content")],
        optional: &[],
    },
    Tool {
        name: "delete_file",
        about: "Deletes a file.",
        required: &[PATH],
        optional: &[],
    },
    Tool {
        name: "apply_patch",
        about: "Applies a unified diff, to several files if need be; all of it or nothing.",
        required: &[("patch", "string", "the unified diff")],
        optional: &[],
    },
    Tool {
        name: "run_command",
        about: "Runs a shell command in the repository; it can write only there and has no terminal.",
        required: &[("command", "string", "the command line")],
        optional: &[(
            "timeout_s",
            "integer",
            "time limit in seconds, at most 1800",
        )],
    },
    Tool {
        name: FINISH,
        about: "Ends the step. Say blocked if the step cannot be done as planned.",
        required: &[("summary", "string", "what was done, in a sentence or two")],
        optional: &[(
            "blocked",
            "string",
            "why the step cannot be done as planned, naming any file outside the scope that is needed",
        )],
    },
];
