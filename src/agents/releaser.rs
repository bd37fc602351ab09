//! The releaser: has the commit made. A model, if one is named for it, writes the notes.

use serde_json::json;

use crate::domain::brief::Brief;
use crate::domain::plan::Plan;
use crate::domain::tape::{Answer, Call, TapeEntry};

use super::{Next, Output, conversation, prompt};

/// The commit message where none is configured.
const TEMPLATE: &str = "{title}\n\n{summary}\n\nGoal: {goal}\nRgpt-Run: {run}\n";

/// Lines of a commit message are not longer than this where they can be broken.
const WIDTH: usize = 72;

pub(super) fn next(brief: &Brief, tape: &[TapeEntry]) -> Next {
    let committed = tape.iter().find_map(|entry| match &entry.answer {
        Some(Answer::Committed {
            commit,
            tree,
            branch,
        }) => Some((commit, tree, branch)),
        _ => None,
    });
    if let Some((commit, tree, branch)) = committed {
        return Next::Done(Ok(Output {
            value: json!({"commit": commit, "tree": tree, "branch": branch}),
            summary: format!("commit {}", commit.short()),
        }));
    }
    let notes = conversation::turns(tape)
        .last()
        .map(|turn| turn.words().trim().to_owned());
    match notes {
        None if !brief.context.models.names.is_empty() => ask(brief, tape),
        notes => commit(brief, notes.filter(|notes| !notes.is_empty())),
    }
}

fn ask(brief: &Brief, tape: &[TapeEntry]) -> Next {
    let first = |cut| prompt::builder(brief, cut);
    Next::Ask(conversation::request(brief, tape, first, Vec::new(), None))
}

fn commit(brief: &Brief, notes: Option<String>) -> Next {
    let planned = || brief.task.plan.as_ref().map(changes).unwrap_or_default();
    let summary = notes.unwrap_or_else(planned);
    let template = brief.context.commit_template.as_deref().unwrap_or(TEMPLATE);
    let message = template
        .replace("{title}", &one_line(&brief.task.title))
        .replace("{goal}", &one_line(&brief.task.goal))
        .replace("{run}", &brief.run_id.to_string())
        .replace("{summary}", &summary);
    Next::Act(Call::Commit {
        message: wrap(&message),
    })
}

/// A plan as the body of a commit message.
fn changes(plan: &Plan) -> String {
    let steps = plan.steps.iter().map(|step| format!("- {}", step.name));
    let lines: Vec<String> = (!plan.summary.trim().is_empty())
        .then(|| plan.summary.trim().to_owned())
        .into_iter()
        .chain(steps)
        .collect();
    lines.join("\n")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Breaks long lines between words, except the first; control characters are dropped.
fn wrap(message: &str) -> String {
    let mut lines = Vec::new();
    for (index, line) in message.trim_end().lines().enumerate() {
        let line: String = line.chars().filter(|c| !c.is_control()).collect();
        if index == 0 || line.chars().count() <= WIDTH {
            lines.push(line.trim_end().to_owned());
            continue;
        }
        let mut current = String::new();
        for word in line.split(' ') {
            if !current.is_empty() && current.chars().count() + 1 + word.chars().count() > WIDTH {
                lines.push(std::mem::take(&mut current));
            }
            if !current.is_empty() {
                current.push(' ');
            }
            current.push_str(word);
        }
        lines.push(current);
    }
    lines.join("\n") + "\n"
}
