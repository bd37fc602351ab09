//! `apply_patch`: a unified diff of one or several files. All of it fits, or nothing is proposed.

use std::collections::BTreeMap;

use diffy::patch_set::{FileMode, FileOperation, FilePatch, ParseOptions, PatchKind, PatchSet};

use super::recount::recount;
use super::stage::{as_text, only_crlf, unchanged, with_crlf};
use super::{Held, ToolError};
use crate::domain::proposal::{ChangeSet, FileChange};
use crate::domain::tape::Denial;
use crate::policy::path::canonical;

type Part<'a> = FilePatch<'a, str>;

/// The changes that `patch` describes.
pub(super) fn changes(held: &Held, patch: &str) -> Result<ChangeSet, ToolError> {
    // Texts from a model often lack the last line end, without which the last line would not match.
    let patch = match patch.ends_with('\n') {
        true => patch.to_owned(),
        false => format!("{patch}\n"),
    };
    let patch = recount(&patch);
    let git = patch.lines().any(|line| line.starts_with("diff --git "));
    let options = if git {
        ParseOptions::gitdiff()
    } else {
        ParseOptions::unidiff()
    };
    let parts: Vec<Part<'_>> = PatchSet::parse(&patch, options)
        .collect::<Result<_, _>>()
        .map_err(|error| {
            ToolError::Mistake(format!(
                "the patch cannot be read: {error}. Give a unified diff with ---/+++ lines and \
                 `@@ -1,2 +1,2 @@` before each hunk, or use edit_file"
            ))
        })?;
    let mut all: BTreeMap<String, FileChange> = BTreeMap::new();
    let mut report = Vec::new();
    let mut failed = false;
    for part in &parts {
        match part_changes(held, part) {
            Ok(changes) => {
                for change in changes {
                    report.push(format!("{}: fits", change.path));
                    if let Some(twice) = all.insert(change.path.clone(), change) {
                        failed = true;
                        report.push(format!(
                            "{}: named twice; give its hunks together",
                            twice.path
                        ));
                    }
                }
            }
            Err(ToolError::Mistake(text)) => {
                failed = true;
                report.push(text);
            }
            Err(other) => return Err(other),
        }
    }
    if failed {
        let report = report.join("\n");
        return Err(ToolError::Mistake(format!(
            "{report}\nNothing was changed; send the whole patch again, corrected"
        )));
    }
    Ok(ChangeSet {
        changes: all.into_values().collect(),
    })
}

fn part_changes(held: &Held, part: &Part<'_>) -> Result<Vec<FileChange>, ToolError> {
    match paths(part.operation())? {
        (None, None) => Err(ToolError::Mistake(
            "a part of the patch names no file".into(),
        )),
        (from, to) => {
            refuse_links(part, to.as_deref().or(from.as_deref()).unwrap_or_default())?;
            let keep_source = part.operation().is_copy();
            file_changes(held, part, from, to, keep_source)
        }
    }
}

fn file_changes(
    held: &Held,
    part: &Part<'_>,
    from: Option<String>,
    to: Option<String>,
    keep_source: bool,
) -> Result<Vec<FileChange>, ToolError> {
    let mut changes = Vec::new();
    let source = match &from {
        Some(path) => Some(
            held.state(path)?
                .ok_or_else(|| ToolError::Mistake(format!("{path}: does not exist")))?,
        ),
        None => None,
    };
    let was_executable = source.as_ref().is_some_and(|state| state.executable);
    let content = source.map(|state| state.content);
    let shown = to.as_deref().or(from.as_deref()).unwrap_or_default();
    let after = patched(part, shown, content.as_deref().unwrap_or_default())?;
    if to.is_none() && !after.is_empty() {
        return Err(ToolError::Mistake(format!(
            "{shown}: the patch deletes the file but not all of its lines; use delete_file"
        )));
    }
    let same = from == to;
    if let Some(path) = from.filter(|_| !same && !keep_source) {
        changes.push(FileChange {
            path,
            before: content.clone(),
            after: None,
            executable: was_executable,
        });
    }
    if let Some(path) = to {
        let before = if same { content } else { held.read(&path)? };
        if !same && before.is_some() {
            return Err(ToolError::Mistake(format!("{path}: exists already")));
        }
        let same_mode = part.new_mode().is_none();
        if before.as_ref() == Some(&after) && same_mode {
            return Err(unchanged(&path));
        }
        let executable = match part.new_mode() {
            Some(mode) => *mode == FileMode::Executable,
            None => was_executable,
        };
        changes.push(FileChange {
            path,
            before,
            after: Some(after),
            executable,
        });
    }
    Ok(changes)
}

/// The source and the target of a part, canonical; none where it is `/dev/null`.
fn paths(
    operation: &FileOperation<'_, str>,
) -> Result<(Option<String>, Option<String>), ToolError> {
    let (from, to) = match operation {
        FileOperation::Create(to) => (None, Some(bare(to, "b/"))),
        FileOperation::Delete(from) => (Some(bare(from, "a/")), None),
        FileOperation::Modify { original, modified } => {
            // Only the pair is a prefix: `a/x` alone may be a file in a folder `a`.
            if original.starts_with("a/") && modified.starts_with("b/") {
                (Some(bare(original, "a/")), Some(bare(modified, "b/")))
            } else {
                (Some(original.as_ref()), Some(modified.as_ref()))
            }
        }
        FileOperation::Rename { from, to } | FileOperation::Copy { from, to } => {
            (Some(from.as_ref()), Some(to.as_ref()))
        }
    };
    Ok((
        from.map(canonical).transpose()?,
        to.map(canonical).transpose()?,
    ))
}

fn bare<'a>(path: &'a str, prefix: &str) -> &'a str {
    path.strip_prefix(prefix).unwrap_or(path)
}

fn refuse_links(part: &Part<'_>, path: &str) -> Result<(), ToolError> {
    let special =
        |mode: Option<&FileMode>| matches!(mode, Some(FileMode::Symlink | FileMode::Gitlink));
    if !special(part.new_mode()) && !special(part.old_mode()) {
        return Ok(());
    }
    Err(ToolError::Denied(Denial {
        rule: "symlink".to_owned(),
        message: format!(
            "{path} would be a symbolic link or a submodule, which no tool makes or changes; use a plain file"
        ),
        hard: true,
    }))
}

/// `content` with the hunks of `part`. A hunk must match letter for letter, but may have moved;
/// the line endings of the file are kept.
fn patched(part: &Part<'_>, path: &str, content: &[u8]) -> Result<Vec<u8>, ToolError> {
    let PatchKind::Text(patch) = part.patch() else {
        return Err(ToolError::Mistake(format!(
            "{path}: binary patches are not supported"
        )));
    };
    let text = as_text(path, content)?;
    let after = match only_crlf(text) {
        true => diffy::apply(&text.replace("\r\n", "\n"), patch)
            .map(|after| with_crlf(&after))
            .or_else(|_| diffy::apply(text, patch)),
        false => diffy::apply(text, patch),
    };
    match after {
        Ok(after) => Ok(after.into_bytes()),
        Err(error) => Err(ToolError::Mistake(format!(
            "{path}: {error}; its lines are not in the file as the patch has them, use read_file to see them"
        ))),
    }
}
