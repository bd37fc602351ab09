//! Acts that were proposed, held against the policy that came with them.

mod command;
mod paths;

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::domain::failure::{Cause, ErrorType};

use super::case::{Case, Policy};
use super::verdict::{LIKELY, SURE, Verdict};

pub(super) use command::refused as refused_command;
pub(super) use paths::{escapes, protected};

/// What acts are called that run a command.
const RUNNING: [&str; 8] = [
    "run_command",
    "run",
    "shell",
    "bash",
    "exec",
    "execute",
    "execute_command",
    "run_shell",
];

/// What acts are called that need the file they name.
const NEEDING: [&str; 6] = [
    "read_file",
    "edit_file",
    "delete_file",
    "open_file",
    "view_file",
    "remove_file",
];

/// What acts are called that speak to the network by themselves.
const SPEAKING: [&str; 8] = [
    "fetch", "http", "web", "url", "download", "upload", "browse", "request",
];

/// What an act that was proposed is: refused, unusable, or none of it.
pub(super) fn judge(case: &Case) -> Verdict {
    let (tool, args) = (case.action.tool.as_str(), &case.action.args);
    let lenient = Policy::default();
    let policy = case.policy.as_ref().unwrap_or(&lenient);
    if let Some(message) = refused(tool, args, policy) {
        let verdict = Verdict::of(ErrorType::Safety, Cause::Policy, "action.refused", LIKELY);
        return verdict.because(message);
    }
    let unusable = |rule: &str, message: String, shown: &str| {
        Verdict::of(ErrorType::Llm, Cause::UnusableAnswer, rule, LIKELY)
            .because(message)
            .at(&args.to_string(), shown)
            .retryable()
    };
    if tool.is_empty() {
        return unusable("action.no_tool", "the act names no tool".to_owned(), "");
    }
    if !args.is_object() {
        let message = "the arguments of the act are no object".to_owned();
        return unusable("action.bad_arguments", message, "");
    }
    let path = text(args, &["path", "file", "file_path"]);
    let runs = RUNNING.contains(&tool);
    let lacks = match (runs, NEEDING.contains(&tool) || tool == "write_file") {
        (true, _) => command_line(args).is_none_or(|line| line.trim().is_empty()),
        (_, true) => path.is_none_or(str::is_empty),
        _ => false,
    };
    if lacks {
        let message = format!("{tool} is not told what to act on");
        return unusable("action.bad_arguments", message, "");
    }
    let path = path.unwrap_or_default();
    if !knows(tool, args) {
        let message = format!("there is no tool {tool}, or it is told nothing");
        return unusable("action.unknown_tool", message, tool);
    }
    let plain = paths::inside(path, policy);
    let plain = plain.as_str();
    let files = &case.context.project_files;
    let is_there =
        files.iter().any(|file| file == plain) || case.context.file_contents.contains_key(plain);
    if NEEDING.contains(&tool) && !files.is_empty() && !is_there {
        return unusable(
            "action.no_such_file",
            format!("there is no file {path}"),
            path,
        );
    }
    Verdict::well(
        "action.allowed",
        if case.policy.is_some() { LIKELY } else { SURE },
    )
}

/// Whether an act is one that can be carried out, by its name or by what it is given.
fn knows(tool: &str, args: &Value) -> bool {
    const TOLD: [&str; 12] = [
        "path",
        "file",
        "file_path",
        "command",
        "cmd",
        "url",
        "query",
        "pattern",
        "patch",
        "summary",
        "glob",
        "script",
    ];
    const KNOWN: [&str; 4] = ["list_files", "finish", "search", "search_code"];
    RUNNING.contains(&tool)
        || KNOWN.contains(&tool)
        || TOLD.iter().any(|key| args.get(*key).is_some())
}

/// Why a policy must refuse an act, if it must.
pub(super) fn refused(tool: &str, args: &Value, policy: &Policy) -> Option<String> {
    if let Some(line) = command_line(args) {
        let folder = text(args, &["cwd", "workdir", "working_directory"]).unwrap_or_default();
        if let Some(why) = escapes(folder, policy) {
            return Some(why);
        }
        return command::refused(&line, policy);
    }
    let keys = [
        "path",
        "file",
        "file_path",
        "to",
        "from",
        "target",
        "destination",
        "source",
        "dst",
        "src",
    ];
    let paths = keys.iter().filter_map(|key| args.get(*key)?.as_str());
    if let Some(why) = paths
        .into_iter()
        .find_map(|path| escapes(path, policy).or_else(|| protected(path, policy)))
    {
        return Some(why);
    }
    let denied = matches!(policy.network.as_str(), "deny" | "none" | "off");
    let name = tool.to_ascii_lowercase();
    let speaks = SPEAKING.iter().any(|word| name.contains(word)) || args.get("url").is_some();
    if denied && speaks {
        return Some("the network may not be used".to_owned());
    }
    let deletes = name.contains("delete") || name.contains("remove");
    let path = text(args, &["path"]).unwrap_or_default();
    if deletes && matches!(path.trim_end_matches('/'), "" | "." | "*") && args.get("path").is_some()
    {
        return Some("the whole workspace may not be deleted".to_owned());
    }
    let content = text(
        args,
        &["content", "new_text", "text", "patch", "message", "body"],
    )?;
    if SECRET.is_match(content) {
        return Some("it holds what looks like a secret".to_owned());
    }
    let is_script =
        [".sh", ".bash"].iter().any(|end| path.ends_with(end)) || content.starts_with("#!/bin/");
    let lines = content.lines().filter(|_| is_script);
    lines
        .take(1000)
        .find_map(|line| command::dangerous_line(line, policy))
}

/// The command line that an act is to run.
fn command_line(args: &Value) -> Option<String> {
    let keys = ["command", "cmd", "script", "line"];
    keys.iter().find_map(|key| match args.get(*key)? {
        Value::String(line) => Some(line.clone()),
        Value::Array(words) => {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            // What follows `sh -c` is a line, the rest are words.
            match words.as_slice() {
                [shell, "-c" | "-lc", line] if shell.ends_with("sh") => Some((*line).to_owned()),
                _ => Some(
                    words
                        .iter()
                        .map(|word| quoted(word))
                        .collect::<Vec<_>>()
                        .join(" "),
                ),
            }
        }
        _ => None,
    })
}

fn quoted(word: &str) -> String {
    match word.contains(|c: char| c.is_whitespace() || "'\"\\$`|&;<>()#*".contains(c)) {
        true => format!("'{}'", word.replace('\'', "'\\''")),
        false => word.to_owned(),
    }
}

fn text<'a>(args: &'a Value, keys: &[&str]) -> Option<&'a str> {
    keys.iter().find_map(|key| args.get(*key)?.as_str())
}

/// Keys of well-known services, and private keys.
#[expect(
    clippy::expect_used,
    reason = "the pattern is a constant, compiled by a test"
)]
static SECRET: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_[A-Za-z0-9_]{40,}|\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{24,}|\bxox[abprs]-[A-Za-z0-9-]{10,}|\bAIza[A-Za-z0-9_-]{35}|\bglpat-[A-Za-z0-9_-]{20}",
    )
    .expect("a constant pattern compiles")
});

#[cfg(test)]
mod tests;
