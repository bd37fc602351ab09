//! `rgpt man`: the manual.

use crate::completions::verbs;
use crate::sandbox::Sandbox;

#[test]
fn the_page_names_every_verb_and_every_exit_code() {
    let sandbox = Sandbox::bare_machine();
    let outcome = sandbox.rgpt(&["man"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    for verb in verbs() {
        let entry = format!("rgpt\\-{}(1)", verb.replace('-', "\\-"));
        assert!(outcome.stdout.contains(&entry), "{verb} is missing");
    }
    assert!(outcome.stdout.contains("Exit codes"), "{}", outcome.stdout);
    let json = sandbox.rgpt(&["man", "--json"]).document();
    assert_eq!(json["name"], "rgpt.1");
    assert_eq!(
        json["page"].as_str().unwrap().trim_end(),
        outcome.stdout.trim_end()
    );
}

#[test]
fn every_command_has_a_page_of_its_own() {
    let sandbox = Sandbox::bare_machine();
    let outcome = sandbox.rgpt(&["man", "--dir", "share/man1"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert!(
        outcome.stdout.contains("pages are in share/man1"),
        "{outcome:#?}"
    );
    for verb in verbs() {
        let page = sandbox.read(&format!("share/man1/rgpt-{verb}.1"));
        assert!(page.contains(".SH SYNOPSIS"), "{page}");
    }
    assert!(
        sandbox
            .read("share/man1/rgpt-db-check.1")
            .contains("rgpt db check")
    );
    let json = sandbox
        .rgpt(&["man", "--dir", "share/man1", "--json"])
        .document();
    let written = json["written"].as_array().unwrap();
    assert!(written.contains(&"share/man1/rgpt.1".into()), "{json}");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let sandbox = Sandbox::bare_machine();
    sandbox.write("file", "");
    let outcome = sandbox.rgpt(&["man", "--dir", "file"]);
    assert_eq!(outcome.code, 1);
    assert!(
        outcome.stderr.contains("cannot write file: "),
        "{outcome:#?}"
    );
    assert!(
        outcome.stderr.contains("rgpt man --dir DIR"),
        "{outcome:#?}"
    );
}

#[test]
#[ignore = "needs man"]
fn man_reads_the_page() {
    let sandbox = Sandbox::bare_machine();
    sandbox.write("rgpt.1", &sandbox.rgpt(&["man"]).stdout);
    let output = sandbox
        .start("man")
        .args(["--warnings", "-l", "rgpt.1"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(
        text.contains("GENERAL") || text.contains("General Commands Manual"),
        "{text}"
    );
    assert!(text.contains("rgpt-advance(1)"), "{text}");
}
