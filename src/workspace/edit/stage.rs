//! The edit tools: a call becomes a set of changes for the gate. Nothing is written here.

use super::arguments::Arguments;
use super::nearest::nearest;
use super::{FileState, Held, ToolError, patch};
use crate::domain::message::ToolCall;
use crate::domain::proposal::{ChangeSet, FileChange};

/// The changes that `call` asks for, against the files as they are now.
///
/// # Errors
///
/// [`ToolError::Mistake`] with the text for the model, [`ToolError::Denied`] for a forbidden path.
pub fn stage(held: &Held, call: &ToolCall) -> Result<ChangeSet, ToolError> {
    let arguments = Arguments::of(call)?;
    match call.name.as_str() {
        "edit_file" => edit_file(held, &arguments).map(one),
        "write_file" => write_file(held, &arguments).map(one),
        "delete_file" => delete_file(held, &arguments).map(one),
        "apply_patch" => patch::changes(held, arguments.text("patch")?),
        name => Err(ToolError::Mistake(format!(
            "there is no edit tool `{name}`; use edit_file, write_file, delete_file or apply_patch"
        ))),
    }
}

/// What `set` does, one line a file, as the model is told when it is applied.
pub fn describe(set: &ChangeSet) -> String {
    let lines: Vec<String> = set
        .changes
        .iter()
        .map(|change| {
            let path = &change.path;
            match (&change.before, &change.after) {
                (_, None) => format!("deleted {path}"),
                (None, Some(after)) => format!("created {path} ({} lines)", lines(after)),
                (Some(before), Some(after)) => {
                    format!(
                        "changed {path} ({} -> {} lines)",
                        lines(before),
                        lines(after)
                    )
                }
            }
        })
        .collect();
    lines.join("\n")
}

fn lines(content: &[u8]) -> usize {
    let ended = content.iter().filter(|&&byte| byte == b'\n').count();
    ended + usize::from(!content.is_empty() && !content.ends_with(b"\n"))
}

fn one(change: FileChange) -> ChangeSet {
    ChangeSet {
        changes: vec![change],
    }
}

fn write_file(held: &Held, arguments: &Arguments<'_>) -> Result<FileChange, ToolError> {
    let path = arguments.path()?;
    let content = arguments.text("content")?;
    let state = held.state(&path)?;
    let executable = state.as_ref().is_some_and(|state| state.executable);
    let before = state.map(|state| state.content);
    if before.as_deref() == Some(content.as_bytes()) {
        return Err(unchanged(&path));
    }
    Ok(FileChange {
        path,
        before,
        after: Some(content.as_bytes().to_vec()),
        executable,
    })
}

fn delete_file(held: &Held, arguments: &Arguments<'_>) -> Result<FileChange, ToolError> {
    let path = arguments.path()?;
    let Some(state) = held.state(&path)? else {
        return Err(ToolError::Mistake(format!("{path} does not exist")));
    };
    Ok(FileChange {
        path,
        before: Some(state.content),
        after: None,
        executable: state.executable,
    })
}

fn edit_file(held: &Held, arguments: &Arguments<'_>) -> Result<FileChange, ToolError> {
    let path = arguments.path()?;
    let (old, new) = (arguments.text("old_text")?, arguments.text("new_text")?);
    let Some(FileState {
        content,
        executable,
    }) = held.state(&path)?
    else {
        return Err(ToolError::Mistake(format!(
            "{path} does not exist; use write_file to create it"
        )));
    };
    if old.is_empty() {
        return Err(ToolError::Mistake(
            "old_text is empty; give the lines to replace, or use write_file for a whole file"
                .into(),
        ));
    }
    let text = as_text(&path, &content)?;
    let after = replace(&path, text, old, new)?;
    if after == text {
        return Err(unchanged(&path));
    }
    Ok(FileChange {
        path,
        after: Some(after.into_bytes()),
        before: Some(content),
        executable,
    })
}

pub(super) fn as_text<'a>(path: &str, content: &'a [u8]) -> Result<&'a str, ToolError> {
    std::str::from_utf8(content).map_err(|_| {
        ToolError::Mistake(format!(
            "{path} is not UTF-8 text, so it can only be replaced as a whole with write_file"
        ))
    })
}

pub(super) fn unchanged(path: &str) -> ToolError {
    ToolError::Mistake(format!("{path} would not change: it is already so"))
}

/// `text` with its one `old` replaced. Exact, but for line endings: those of the file are kept.
fn replace(path: &str, text: &str, old: &str, new: &str) -> Result<String, ToolError> {
    let (mut old, mut new) = (old.to_owned(), new.to_owned());
    if only_crlf(text) || (text.contains("\r\n") && !text.contains(&old)) {
        old = with_crlf(&old);
        new = with_crlf(&new);
    }
    let places = places(text, &old);
    match places.as_slice() {
        [place] => {
            let (head, tail) = (&text[..*place], &text[place + old.len()..]);
            Ok(format!("{head}{new}{tail}"))
        }
        [] => Err(ToolError::Mistake(missed(path, text, &old, &new))),
        several => {
            let numbers: Vec<String> = several
                .iter()
                .take(20)
                .map(|place| (text[..*place].matches('\n').count() + 1).to_string())
                .collect();
            Err(ToolError::Mistake(format!(
                "old_text occurs {} times in {path} (at lines {}); give more of the lines around it, \
                 so that it occurs once. Nothing was changed",
                several.len(),
                numbers.join(", ")
            )))
        }
    }
}

/// Where `wanted` occurs in `text`, overlapping occurrences too.
fn places(text: &str, wanted: &str) -> Vec<usize> {
    let mut places = Vec::new();
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find(wanted)) {
        places.push(from + at);
        from += at + text[from + at..].chars().next().map_or(1, char::len_utf8);
    }
    places
}

fn missed(path: &str, text: &str, old: &str, new: &str) -> String {
    if !new.trim().is_empty() && text.contains(new) {
        return format!(
            "old_text is not in {path}, but new_text is already there: this edit seems to be made. Nothing was changed"
        );
    }
    match nearest(text, old) {
        Some(lines) => format!(
            "old_text is not in {path}, letter for letter. The lines most like it are:\n{lines}\
             Nothing was changed; copy the real lines into old_text, without the numbers"
        ),
        None => format!(
            "old_text is not in {path}, nor anything like it. Nothing was changed; use read_file to see the file"
        ),
    }
}

pub(super) fn only_crlf(text: &str) -> bool {
    text.contains('\n') && text.matches('\n').count() == text.matches("\r\n").count()
}

pub(super) fn with_crlf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\n', "\r\n")
}
