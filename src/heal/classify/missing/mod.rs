//! What is missing: whose it is decides. The project's own module or script is the change's fault, a
//! third party's is to be installed; a configuration file is to be made, a variable to be set.

mod file;
mod module;
mod variable;

use std::sync::LazyLock;

use regex::Regex;

use crate::domain::failure::{Cause, ErrorType};

use super::super::signature::pattern;
use super::facts::{Around, CommandFacts};
use super::verdict::Verdict;

pub(super) use variable::variable;

/// What `sentence` says is missing, if it says so; `near` is what stands around it.
pub(super) fn verdict(sentence: &str, near: &str, facts: &CommandFacts<'_>) -> Option<Verdict> {
    variable(sentence, near)
        .or_else(|| command(sentence, facts))
        .or_else(|| module::module(sentence, near, facts))
        .or_else(|| file::file(sentence, facts))
}

/// A shell's or a tool's words for a command that is not there.
fn command(sentence: &str, facts: &CommandFacts<'_>) -> Option<Verdict> {
    static NOT_FOUND: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^(?:\S+: )*?(?:(?:line|Zeile|ligne|línea)? ?\d+: )?(?P<name>[^\s:]+): (?:(?:command )?not found|No such file or directory|Kommando nicht gefunden|inaccessible or not found)$",
        )
    });
    let groups = NOT_FOUND.captures(sentence.trim())?;
    let name = &groups["name"];
    let plain_missing = sentence.contains("not found") || sentence.contains("gefunden");
    if !plain_missing && facts.exit_code != Some(127) {
        return None;
    }
    Some(absent_command(name, sentence, &facts.around))
}

/// A command that cannot be found: a script of the project is the plan's fault, a tool is to be installed.
pub(super) fn absent_command(name: &str, sentence: &str, around: &Around<'_>) -> Verdict {
    let is_own = name.contains('/') && !name.starts_with('/');
    let exists = is_own && is_in_project(name, around);
    if is_own && !exists {
        return Verdict::new("missing.script", ErrorType::Logic, Cause::Missing);
    }
    let verdict = Verdict::new("missing.tool", ErrorType::Config, Cause::Missing).sure(0.95);
    match exists {
        // It is there, so its interpreter is not.
        true => verdict.asking(format!("install what runs it: {}", sentence.trim())),
        false => verdict.asking(format!("install {name}, or correct the command")),
    }
}

fn is_in_project(path: &str, around: &Around<'_>) -> bool {
    let path = path.trim_start_matches("./");
    around.project_files.iter().any(|file| file == path)
}
