//! The text of the file that the repository gets: only what was found, each setting explained.

use std::fmt::Write as _;

use serde_json::Value;

use crate::config::{CheckConfig, Network, ReportFormat};

use super::super::render::clean;
use super::survey::Survey;

/// Where comments begin.
const COLUMN: usize = 38;

/// The whole file.
pub(super) fn shared(survey: &Survey) -> String {
    let mut text = String::from(
        "# How rgpt works on this repository. Commit this file: it is the same for everyone.\n\
         # Models and keys are yours alone: they belong in orchestrator.local.yaml, out of git.\n\
         # What is in force: rgpt config show. Every key there is: rgpt config schema.\n",
    );
    checks(survey, &mut text);
    workspace(survey, &mut text);
    policy(survey, &mut text);
    release(survey, &mut text);
    text.push_str(
        "\n# What one run may spend; before it would go beyond, it stops and can go on later. These are\n\
         # the limits without this section. In a file that git tracks they may only be lower.\n\
         #budget:\n\
         #  usd: 5.0\n\
         #  tokens: 2000000\n\
         #  wall: 2h\n",
    );
    text
}

fn checks(survey: &Survey, text: &mut String) {
    if survey.checks.is_empty() {
        text.push_str(
            "\n# The commands that decide whether a run has reached its goal. Nothing was found that says how\n\
             # this project is built or tested: take the `#` away and put your own commands in.\n\
             #checks:\n\
             #  build:\n\
             #    command: make\n\
             #  test:\n\
             #    command: make test\n",
        );
        return;
    }
    let _ = write!(
        text,
        "\n# detected: {}\n\
         # These commands decide whether a run has reached its goal. rgpt runs them itself, in this\n\
         # order, in a clean checkout. Each is a line for `sh -c`; take away or add what you like.\n\
         checks:\n",
        found(survey)
    );
    let mut explained = Explained::default();
    for (name, check) in &survey.checks {
        let _ = writeln!(text, "  {}:", scalar(name));
        check_settings(check, &mut explained, text);
    }
}

/// The languages, and what fixes their dependencies.
fn found(survey: &Survey) -> String {
    let languages: Vec<String> = survey.kinds.iter().map(|kind| capitalized(kind)).collect();
    match survey.lock_files.as_slice() {
        [] => languages.join(", "),
        files => format!("{}, with {}", languages.join(", "), files.join(", ")),
    }
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// The comments that have been made: each once, where its key is met first.
#[derive(Default)]
struct Explained(Vec<&'static str>);

impl Explained {
    fn line(&mut self, line: &str, comment: &'static str) -> String {
        if self.0.contains(&comment) {
            return format!("{line}\n");
        }
        self.0.push(comment);
        commented(line, comment)
    }
}

fn commented(line: &str, comment: &str) -> String {
    format!("{line:<COLUMN$} # {comment}\n")
}

fn check_settings(check: &CheckConfig, explained: &mut Explained, text: &mut String) {
    let kind = format!("    kind: {}", check.kind);
    text.push_str(&explained.line(&kind, "build | test | lint | security | custom"));
    let _ = writeln!(text, "    command: {}", scalar(&check.command));
    if check.cwd != "." {
        let line = format!("    cwd: {}", scalar(&check.cwd));
        text.push_str(&explained.line(&line, "where it runs"));
    }
    // By way of JSON, which writes them as a file does.
    let settings = serde_json::to_value(check).unwrap_or_default();
    let line = format!(
        "    timeout: {}",
        settings["timeout"].as_str().unwrap_or("15m")
    );
    text.push_str(&explained.line(&line, "after that it is stopped and has failed"));
    if check.report != ReportFormat::Auto
        && let Some(report) = settings["report"].as_str()
    {
        let line = format!("    report: {report}");
        text.push_str(&explained.line(&line, "how its output is read"));
    }
    if !check.report_files.is_empty() {
        let globs: Vec<String> = check.report_files.iter().map(|glob| quoted(glob)).collect();
        let line = format!("    report_files: [{}]", globs.join(", "));
        text.push_str(&explained.line(&line, "the files that hold its report"));
    }
    if !check.env.is_empty() {
        text.push_str("    env:\n");
        for (name, value) in &check.env {
            let _ = writeln!(text, "      {name}: {}", quoted(value));
        }
    }
}

fn workspace(survey: &Survey, text: &mut String) {
    let dependencies = survey.dependencies.join(", ");
    let share = commented(
        &format!("#  share: [{dependencies}]"),
        "or copy this ignored folder of yours, as it is",
    );
    if !survey.setup.is_empty() {
        text.push_str(
            "\n# A run works in a worktree of its own, where nothing is installed. These run once in it.\n\
             workspace:\n  setup:\n",
        );
        for setup in &survey.setup {
            let _ = writeln!(text, "    - command: {}", scalar(&setup.command));
            let network = match setup.network {
                Network::None => "none",
                Network::Loopback => "loopback",
                Network::Host => "host",
            };
            let network = format!("      network: {network}");
            text.push_str(&commented(&network, "none | loopback | host"));
        }
        if !dependencies.is_empty() {
            text.push_str(&share);
        }
    } else if !dependencies.is_empty() {
        let _ = write!(
            text,
            "\n# A run works in a worktree of its own, where nothing is installed. What it needs, a command\n\
             # can install or your own can be copied.\n\
             #workspace:\n\
             #  setup: [{{command: …, network: host}}]\n{share}"
        );
    }
}

fn policy(survey: &Survey, text: &mut String) {
    if survey.protected.is_empty() {
        return;
    }
    text.push_str(
        "\n# What no agent may change, besides what never is: secrets, git's own files, rgpt's own files,\n\
         # whatever tools run without being asked.\n\
         policy:\n  protected:\n",
    );
    for glob in &survey.protected {
        let _ = writeln!(text, "    - {}", scalar(glob));
    }
}

fn release(survey: &Survey, text: &mut String) {
    let yours = match &survey.branch {
        Some(branch) => format!("{} stays", clean::line(branch)),
        None => "your branches stay".to_owned(),
    };
    let _ = write!(
        text,
        "\n# What becomes of a success: a new branch, rgpt/run-<number>; {yours} as it is.\nrelease:\n"
    );
    text.push_str(&commented("  mode: branch", "only branch for now"));
    text.push_str(&commented("  commits: one", "one | per_step"));
}

/// A text as a value or key of YAML: plain where nothing in it could mean anything else.
fn scalar(text: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "_-./ =+,@%^~()'\"*$<>|;&!".contains(c);
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '.' || c == '/')
        && !text.ends_with(' ')
        && text.chars().all(harmless)
        && serde_yaml::from_str::<Value>(text).is_ok_and(|read| read == text);
    if plain { text.to_owned() } else { quoted(text) }
}

/// In quotes, with everything that cannot be seen written as a number.
fn quoted(text: &str) -> String {
    let mut shown = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                shown.push('\\');
                shown.push(c);
            }
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            c if clean::is_hidden(c) => {
                let _ = write!(shown, "\\U{:08x}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    shown.push('"');
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Value {
        serde_yaml::from_str(&format!("a:\n  {text}: {text}\n")).unwrap()
    }

    #[test]
    fn commands_stay_readable() {
        for command in [
            "cargo test --workspace --locked --no-fail-fast",
            "python3 -m compileall -q -x '(^|/)venv/' .",
            "sh -c \"make && make test\" > out",
        ] {
            assert_eq!(scalar(command), command);
        }
        for odd in [
            "true",
            "null",
            "1e3",
            "a: b",
            "a #b",
            "- a",
            "",
            "~",
            "yes ",
            "\u{202e}x",
        ] {
            assert!(scalar(odd).starts_with('"'), "{odd:?}");
        }
        assert_eq!(scalar("a\u{202e}\u{1b}\n"), r#""a\U0000202e\U0000001b\n""#);
    }

    proptest! {
        #[test]
        fn a_text_is_read_as_it_was(text in r#"[a-z'"\\#:\-{}\[\],&*!|>%@` \n\t\u{7f}\u{85}\u{202e}\u{feff}é\PC]{0,12}"#) {
            let value = read(&scalar(&text));
            prop_assert_eq!(&value["a"][text.as_str()], &Value::from(text.clone()));
            prop_assert_eq!(serde_yaml::from_str::<Value>(&quoted(&text)).unwrap(), Value::from(text));
        }
    }
}
