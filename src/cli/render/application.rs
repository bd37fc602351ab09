//! What `rgpt apply` and `rgpt undo` have done, or would do.

use serde_json::{Value, json};

use crate::domain::RunId;
use crate::domain::application::{BranchMove, Way};
use crate::engine::{Taken, TakenResult};
use crate::workspace::apply::{Change, FileChange};

use super::layout::{count, fit, hang, pad, width};
use super::look::{Look, Mark, style};

use super::document::Doc;
use super::units;
use crate::export::words::short;

/// So many files are listed for people.
const LISTED: usize = 20;

/// The document of `--json`: one object under the verb's name.
pub(crate) fn document(verb: &str, run: RunId, taken: &Taken) -> Value {
    let step = taken.step.as_ref();
    let files: Vec<Value> = taken.changes.iter().map(file).collect();
    // A commit that is not made yet will be another one by then.
    let made = |step: &&BranchMove| {
        taken.result == TakenResult::Done || matches!(step.way, Way::FastForward | Way::Back)
    };
    json!({verb: {
        "run": run,
        "result": taken.result.as_str(),
        "branch": taken.branch,
        "way": step.map(|step| step.way),
        "from": step.map(|step| &step.from),
        "to": step.filter(made).map(|step| &step.to),
        "checked_out": step.map(|step| step.checked_out),
        "files": files,
        "checks": step.map(|step| step.checks.as_slice()).unwrap_or_default(),
        "verified": taken.verified,
    }})
}

fn file(change: &FileChange) -> Value {
    let word = match change.change {
        Change::Added => "added",
        Change::Changed => "changed",
        Change::Deleted => "deleted",
    };
    json!({
        "path": change.path,
        "change": word,
        "added": change.lines.map(|(added, _)| added),
        "removed": change.lines.map(|(_, removed)| removed),
    })
}

/// The same for people, from that document.
pub(crate) fn told(verb: &str, document: &Value, look: &Look) -> String {
    let taken = Doc(document).at(verb);
    let mut parts = vec![sentence(verb, taken, look)];
    parts.extend(files(taken, look));
    parts.extend(checks(taken, look));
    parts.extend(next(verb, taken, look));
    parts.join("\n\n")
}

fn sentence(verb: &str, taken: Doc<'_>, look: &Look) -> String {
    let (run, branch) = (taken.word("run"), taken.word("branch"));
    let to = taken.text("to").map(|to| format!(" {}", short(&to)));
    let to = to.unwrap_or_default();
    let result = taken.word("result");
    let text = match (verb, result.as_str()) {
        ("apply", "already") => format!("the result of run {run} is in {branch} already"),
        (_, "already") => format!("run {run} is no longer applied to {branch}"),
        ("apply", result) => {
            let proof = match (taken.is("verified"), result, taken.word("way").as_str()) {
                (true, ..) => ", verified",
                (false, "possible", "merge") => ", once the checks have passed on the merge",
                (false, ..) => ", unverified",
            };
            let way = match taken.word("way").as_str() {
                "merge" => "merge commit",
                _ => "fast-forward to",
            };
            format!("run {run} into {branch}, {way}{to}{proof}")
        }
        _ => match taken.word("way").as_str() {
            "revert" => format!("run {run} out of {branch}, revert commit{to}"),
            _ => format!("run {run} out of {branch}, back to{to}"),
        },
    };
    let word = match (verb, result.as_str()) {
        (_, "already") => "Nothing to do",
        (_, "possible") => "Possible",
        ("apply", _) => "Applied",
        _ => "Undone",
    };
    let mark = if result == "possible" {
        Mark::Waiting
    } else {
        Mark::Good
    };
    let text = hang(
        &format!("{} ", look.mark(mark)),
        &format!("{word}: {text}"),
        6,
        look,
    );
    text.replacen(word, &style::paint(mark.style().bold(), word), 1)
}

fn files(taken: Doc<'_>, look: &Look) -> Option<String> {
    let all: Vec<Doc<'_>> = taken.list("files").collect();
    if all.is_empty() {
        return None;
    }
    let sum = |key| all.iter().filter_map(|file| file.number(key)).sum::<u64>();
    let number = count(all.len() as u64, "file", "files");
    let head = format!("Files ({number}, +{} -{})", sum("added"), sum("removed"));
    let mut lines = vec![style::paint(style::HEAD, head)];
    let room = look.width.saturating_sub(26);
    let listed = || all.iter().take(LISTED);
    let columns = listed()
        .map(|file| width(&file.word("path")))
        .max()?
        .min(room);
    for file in listed() {
        let path = pad(&fit(&file.word("path"), columns, look), columns);
        let change = match file.word("change").as_str() {
            "added" => "new ",
            "deleted" => "gone ",
            _ => "",
        };
        let size = match (file.number("added"), file.number("removed")) {
            (Some(added), Some(removed)) => format!("+{added} -{removed}"),
            _ => "binary".to_owned(),
        };
        let what = style::paint(style::DIM, format!("{change}{size}"));
        lines.push(format!("  {path}  {what}"));
    }
    if all.len() > LISTED {
        lines.push(format!("  and {} more", all.len() - LISTED));
    }
    Some(lines.join("\n"))
}

fn checks(taken: Doc<'_>, look: &Look) -> Option<String> {
    let all: Vec<Doc<'_>> = taken.list("checks").collect();
    let columns = all.iter().map(|check| width(&check.word("name"))).max()?;
    let mut lines = vec![style::paint(style::HEAD, "Checks of the merge")];
    for check in all {
        let status = check.word("status");
        let time = check
            .number("duration_ms")
            .map(units::duration)
            .unwrap_or_default();
        let name = pad(&check.word("name"), columns);
        lines.push(format!(
            "  {} {name}  {status}, {time}",
            look.mark(Mark::of(&status))
        ));
    }
    Some(lines.join("\n"))
}

fn next(verb: &str, taken: Doc<'_>, look: &Look) -> Option<String> {
    let (run, flags) = (taken.word("run"), &look.repeated);
    let (command, what) = match (verb, taken.word("result").as_str()) {
        (_, "already") => return None,
        (verb, "possible") => (format!("rgpt {verb} --run {run}{flags}"), "do it"),
        ("apply", _) => (format!("rgpt undo --run {run}{flags}"), "take it back"),
        _ => (
            format!("rgpt apply --run {run}{flags}"),
            "take it after all",
        ),
    };
    let command = style::paint(style::ACCENT, command);
    let what = style::paint(style::DIM, what);
    Some(format!(
        "{}\n  {command}  {what}",
        style::paint(style::HEAD, "Next")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::render::fixture;

    fn shown(verb: &str, document: &Value) -> String {
        fixture::plain(&told(verb, document, &fixture::look()))
    }

    #[test]
    fn a_merge_tells_what_was_checked() {
        let document = json!({"apply": {
            "run": 3, "result": "done", "branch": "main", "way": "merge",
            "from": "aaaaaaaaaaaa", "to": "4f1c9d02abf6e1", "verified": true,
            "files": [
                {"path": "src/list.rs", "change": "changed", "added": 12, "removed": 3},
                {"path": "docs/a\u{202e}b.md", "change": "added", "added": 7, "removed": 0},
                {"path": "logo.png", "change": "deleted", "added": null, "removed": null},
            ],
            "checks": [{"name": "test", "status": "passed", "duration_ms": 1040}],
        }});
        insta::assert_snapshot!(shown("apply", &document), @r"
        ✓ Applied: run 3 into main, merge commit 4f1c9d02ab, verified

        Files (3 files, +19 -3)
          src/list.rs         +12 -3
          docs/a<U+202E>b.md  new +7 -0
          logo.png            gone binary

        Checks of the merge
          ✓ test  passed, 1.0 s

        Next
          rgpt undo --run 3  take it back
        ");
    }

    #[test]
    fn nothing_to_do_is_one_line() {
        let document = json!({"apply": {"run": 3, "result": "already", "branch": "main"}});
        insta::assert_snapshot!(shown("apply", &document), @"✓ Nothing to do: the result of run 3 is in main already");
        let document = json!({"undo": {"run": 3, "result": "already", "branch": "main"}});
        insta::assert_snapshot!(shown("undo", &document), @"✓ Nothing to do: run 3 is no longer applied to main");
    }

    #[test]
    fn a_dry_run_says_what_would_be() {
        let document = json!({"apply": {
            "run": 3, "result": "possible", "branch": "main", "way": "merge", "to": null,
            "verified": false, "files": [], "checks": [],
        }});
        insta::assert_snapshot!(shown("apply", &document), @r"
        · Possible: run 3 into main, merge commit, once the checks have passed on the
          merge

        Next
          rgpt apply --run 3  do it
        ");
    }
}
