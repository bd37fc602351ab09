//! What the way a command ended decides whatever was said, and what is left where nothing was said.

use crate::domain::failure::{Cause, ErrorType};

use super::candidate::Candidate;
use super::choice::Chosen;
use super::command::{candidate, of_verdict, shown};
use super::diagnosis::RootCause;
use super::facts::CommandFacts;
use super::judge::Setting;
use super::log::Line;
use super::outcome::{self, Ending};
use super::statement::{Form, Statement};
use super::tools::Role;
use super::verdict::Verdict;
use super::{lexicon, marks, missing};

/// What the way it ended decides, whatever was said.
pub(super) fn decided(
    ending: Ending,
    facts: &CommandFacts<'_>,
    ranked: &[Chosen],
    statements: &[Statement],
    lines: &[Line<'_>],
) -> Option<Candidate> {
    let last = || last_line(lines);
    let head = || {
        let head = statements
            .iter()
            .find(|statement| statement.form == Form::Head);
        head.and_then(|head| lines.get(head.at)).map(root)
    };
    let limit = Verdict::new("outcome.time_limit", ErrorType::Infra, Cause::TimeLimit)
        .retryable()
        .asking("find out why the command does not end in time, or raise its time limit")
        .sure(0.97);
    match ending {
        Ending::TimeLimit => Some(of_verdict(limit, head().or_else(last))),
        Ending::Stopped => {
            let by_memory = ranked
                .iter()
                .find(|chosen| chosen.verdict.rule == "limits.memory");
            let mut verdict = Verdict::new("outcome.stopped", ErrorType::Infra, Cause::TimeLimit);
            verdict = verdict
                .retryable()
                .asking("find out who stops the command: a time limit, the memory, a person");
            verdict.retryable = by_memory.is_none();
            let killed = ranked
                .iter()
                .find(|chosen| chosen.verdict.rule == "limits.oom_killed")
                .and_then(|chosen| lines.get(chosen.line?))
                .map(root);
            Some(of_verdict(verdict, killed.or_else(head).or_else(last)))
        }
        Ending::Limit => {
            let verdict = Verdict::new("outcome.limit", ErrorType::Infra, Cause::Environment);
            Some(of_verdict(verdict, last()))
        }
        Ending::Forbidden => {
            let verdict = Verdict::new("outcome.forbidden", ErrorType::Safety, Cause::Policy);
            let bad_call = lines
                .iter()
                .find(|line| line.text.contains("Bad system call"));
            Some(of_verdict(verdict, bad_call.map(root).or_else(last)))
        }
        Ending::Died => {
            let explained = ranked.iter().find(|chosen| {
                chosen.verdict.is_around()
                    && chosen.verdict.confidence > 0.7
                    && !matches!(chosen.form, Form::Warned | Form::Head)
                    && chosen.verdict.rule != "limits.oom_killed"
            });
            if let Some(explained) = explained {
                return Some(candidate(explained.clone(), lines));
            }
            let said = ranked
                .iter()
                .find(|chosen| chosen.verdict.error_type == ErrorType::Runtime);
            let line = said.and_then(|chosen| lines.get(chosen.line?)).map(root);
            let verdict = Verdict::new("outcome.died", ErrorType::Runtime, Cause::Crash).sure(0.95);
            Some(of_verdict(verdict, line.or_else(last)))
        }
        Ending::Code(code @ (126 | 127)) => not_run(code, facts, statements, lines),
        Ending::Well | Ending::Code(_) => None,
    }
}

fn root(line: &Line<'_>) -> RootCause {
    RootCause {
        line: line.number,
        text: shown(&line.text),
    }
}

fn last_line(lines: &[Line<'_>]) -> Option<RootCause> {
    let last = lines.iter().rev().find(|line| !line.text.trim().is_empty());
    last.map(root)
}

/// A shell's codes for what it cannot find or run: the last line that says so names it.
fn not_run(
    code: i32,
    facts: &CommandFacts<'_>,
    statements: &[Statement],
    lines: &[Line<'_>],
) -> Option<Candidate> {
    let says = |line: &&Line<'_>| UNRUNNABLE.iter().any(|words| line.text.contains(words));
    let line = lines.iter().rev().find(says);
    let said = statements.iter().rev().find(|statement| {
        lexicon::meanings(&statement.text).any(|rule| rule.id == "missing.library")
    });
    if let Some(said) = said {
        let verdict = Verdict::new("missing.library", ErrorType::Config, Cause::Missing)
            .asking(format!("install the shared library: {}", said.text));
        return Some(of_verdict(verdict, lines.get(said.at).map(root)));
    }
    if line.is_none() && !statements.is_empty() {
        return None;
    }
    let text = line.map_or(facts.command, |line| line.text.as_ref());
    let generated = |file: &String| text.starts_with(&format!("{file}: line "));
    if facts.around.generated_by_model.iter().any(generated) {
        // Prose and fences in a script are taken for commands.
        let unusable = Verdict::new(
            "model.unreadable_file",
            ErrorType::Llm,
            Cause::UnusableAnswer,
        );
        return Some(of_verdict(unusable, line.map(root)));
    }
    let verdict = match code {
        126 => not_executable(text),
        _ => not_found(text, line.is_some(), facts)?,
    };
    Some(of_verdict(verdict, line.map(root)))
}

/// What shells and loaders say of a command that they cannot run.
const UNRUNNABLE: [&str; 13] = [
    "not found",
    "ermission denied",
    "xec format",
    "No such file",
    "gefunden",
    "annot execute",
    "introuvable",
    "no encontrada",
    "required file",
    "shared librar",
    "symbol lookup",
    "bad interpreter",
    "Is a directory",
];

fn not_executable(text: &str) -> Verdict {
    let refused = lexicon::meanings(text).find(|rule| rule.class == ErrorType::Safety);
    match refused {
        Some(rule) => Verdict::of(rule, text),
        None => Verdict::new("missing.execute_bit", ErrorType::Config, Cause::Missing)
            .asking(format!("make the command executable: {}", text.trim()))
            .sure(0.95),
    }
}

fn not_found(text: &str, is_said: bool, facts: &CommandFacts<'_>) -> Option<Verdict> {
    let is_name = |part: &&str| {
        !part.is_empty()
            && !part.contains(' ')
            && !UNRUNNABLE.iter().any(|word| part.contains(word))
    };
    let name = text.rsplit(": ").map(str::trim).find(is_name);
    let name = name.unwrap_or_default();
    if name.is_empty() && !is_said {
        return None;
    }
    let name = name.trim_matches(['"', '\'', '`']);
    let interpreter = [
        "bad interpreter",
        "required file not found",
        "cannot execute",
    ];
    Some(match interpreter.iter().any(|words| text.contains(words)) {
        true => Verdict::new("missing.tool", ErrorType::Config, Cause::Missing)
            .asking(format!("install what runs it: {}", text.trim())),
        false => missing::absent_command(name, text, &facts.around),
    })
}

/// Nothing that was said has a meaning: the exit code, and what the command was for.
pub(super) fn unexplained(
    ending: Ending,
    setting: &Setting<'_>,
    lines: &[Line<'_>],
) -> Vec<Candidate> {
    let Ending::Code(code) = ending else {
        return Vec::new();
    };
    let only = !setting.facts.command.contains(['|', ';', '&']);
    let program = ["curl", "pytest", "nextest", "diff", "cmp"]
        .into_iter()
        .find(|name| only && setting.facts.command.contains(name))
        .unwrap_or_default();
    let mut by_code = outcome::meaning(code, program);
    if program == "curl" && code == 22 && lines.iter().any(|line| line.text.ends_with("error: 404"))
    {
        by_code = Some(
            Verdict::new("code.curl", ErrorType::Config, Cause::Missing)
                .asking("correct the address, or put there what it names")
                .sure(0.75),
        );
    }
    let by_purpose = match setting.purpose {
        Role::Build | Role::Types => Verdict::new("outcome.build", ErrorType::Logic, Cause::Build),
        Role::Lint | Role::Format => {
            Verdict::new("outcome.lint", ErrorType::Assertion, Cause::Lint)
        }
        Role::Compare if code == 1 => {
            Verdict::new("outcome.differs", ErrorType::Assertion, Cause::Tests)
        }
        _ => Verdict::new("outcome.unexplained", ErrorType::Runtime, Cause::Crash),
    };
    let mut line = last_words(lines, setting);
    let nothing_ran = lines
        .iter()
        .find(|line| line.text.contains("[no tests to run]"));
    let mut found = Vec::new();
    if let Some(none) = nothing_ran {
        line = Some(root(none));
        let verdict = Verdict::new("building.no_tests", ErrorType::Logic, Cause::Missing);
        found.push(of_verdict(verdict.sure(0.8), line.clone()));
    }
    found.extend(by_code.map(|verdict| of_verdict(verdict, line.clone())));
    found.push(of_verdict(by_purpose.sure(0.4), line));
    found
}

/// What a program said last that reads like an error; of a linter, what it said first.
fn last_words(lines: &[Line<'_>], setting: &Setting<'_>) -> Option<RootCause> {
    let telling = |line: &&Line<'_>| !line.text.trim().is_empty() && !marks::is_frame(&line.text);
    if matches!(setting.purpose, Role::Lint | Role::Format) {
        return lines.iter().find(telling).map(root);
    }
    let starts = |line: &&Line<'_>| {
        let text = line.text.trim_start().to_ascii_lowercase();
        text.starts_with("error") || text.starts_with("fatal")
    };
    let error = lines.iter().find(|line| line.text.starts_with("curl: ("));
    let error = error.or_else(|| lines.iter().find(starts));
    error.or_else(|| lines.iter().rev().find(telling)).map(root)
}
