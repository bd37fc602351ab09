//! `rgpt completions`: scripts that shells understand and that know every verb.

use std::io::Write as _;
use std::process::Stdio;

use crate::sandbox::Sandbox;

/// The verbs that `rgpt --help` lists.
pub(crate) fn verbs() -> Vec<String> {
    let help = rgpt::cli::help_block();
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let (commands, _) = commands.split_once("\n\n").unwrap();
    let names = commands.lines().filter_map(|line| {
        let line = line
            .strip_prefix("  ")
            .filter(|line| !line.starts_with(' '))?;
        Some(line.split(' ').next()?.to_owned())
    });
    names.filter(|name| name != "help").collect()
}

#[test]
fn every_shell_gets_a_script_with_every_verb() {
    let sandbox = Sandbox::bare_machine();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let outcome = sandbox.rgpt(&["completions", shell]);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{shell}");
        for verb in verbs() {
            assert!(outcome.stdout.contains(&verb), "{shell} lacks {verb}");
        }
        let json = sandbox.rgpt(&["completions", shell, "--json"]).document();
        assert_eq!(json["shell"], shell);
        assert_eq!(
            json["script"].as_str().unwrap().trim_end(),
            outcome.stdout.trim_end()
        );
    }
}

#[test]
fn the_script_for_bash_completes_a_verb() {
    let sandbox = Sandbox::bare_machine();
    let script = sandbox.rgpt(&["completions", "bash"]).stdout;
    let ask = "COMP_WORDS=(rgpt adv); COMP_CWORD=1; _rgpt rgpt adv rgpt; echo \"${COMPREPLY[@]}\"";
    let mut bash = sandbox
        .start("bash")
        .args(["--noprofile", "--norc", "-eu"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = bash.stdin.take().unwrap();
    writeln!(input, "{script}\n{ask}").unwrap();
    drop(input);
    let output = bash.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said, "");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "advance\n");
}

#[test]
fn another_shell_is_wrong_usage_and_the_known_ones_are_named() {
    let outcome = Sandbox::bare_machine().rgpt(&["completions", "tcsh"]);
    assert_eq!(outcome.code, 64);
    assert!(
        outcome.stderr.contains("bash, elvish, fish"),
        "{outcome:#?}"
    );
}
