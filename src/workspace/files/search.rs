//! `search_code`: a text or a regular expression, line by line, over the files of the tree.

use regex::{Regex, RegexBuilder};

use super::read::is_binary;
use super::walk::files;
use crate::workspace::edit::arguments::Arguments;
use crate::workspace::edit::{FileError, Held, ToolError};

/// The most hits of an answer.
const MAX_HITS: usize = 200;

/// The most characters of a line that are shown.
const MAX_LINE: usize = 240;

/// The most bytes of a compiled expression. Matching is linear in the text whatever the expression.
const MAX_REGEX: usize = 1024 * 1024;

pub(super) fn search_code(held: &Held, arguments: &Arguments<'_>) -> Result<String, ToolError> {
    let query = arguments.text("query")?;
    let regex = expression(query, arguments.flag("regex")?)?;
    let (folder, only) = place(held, arguments)?;
    let mut hits = Vec::new();
    for found in files(held, folder.as_deref())? {
        if found.link || only.as_ref().is_some_and(|only| *only != found.path) {
            continue;
        }
        let content = match held.read(&found.path) {
            Ok(Some(content)) if !is_binary(&content) => content,
            Err(error @ FileError::Io { .. }) => return Err(error.into()),
            // Gone, binary, or too large: nothing that a model could read.
            _ => continue,
        };
        for (index, line) in String::from_utf8_lossy(&content).lines().enumerate() {
            if !regex.is_match(line) {
                continue;
            }
            if hits.len() == MAX_HITS {
                hits.push(format!(
                    "[more than {MAX_HITS} hits; narrow `query` or give `path`]"
                ));
                return Ok(hits.join("\n"));
            }
            hits.push(format!(
                "{}:{}: {}",
                found.path,
                index + 1,
                cut(line, &regex)
            ));
        }
    }
    if hits.is_empty() {
        return Ok(format!("no line matches {query:?}"));
    }
    Ok(hits.join("\n"))
}

fn expression(query: &str, is_regex: bool) -> Result<Regex, ToolError> {
    if query.is_empty() {
        return Err(ToolError::Mistake("`query` is empty".into()));
    }
    let pattern = match is_regex {
        true => query.to_owned(),
        false => regex::escape(query),
    };
    RegexBuilder::new(&pattern)
        .size_limit(MAX_REGEX)
        .dfa_size_limit(MAX_REGEX)
        .build()
        .map_err(|error| ToolError::Mistake(format!("`query` is no regular expression: {error}")))
}

/// The folder to search, and the one file if `path` names a file.
fn place(
    held: &Held,
    arguments: &Arguments<'_>,
) -> Result<(Option<String>, Option<String>), ToolError> {
    let Some(path) = arguments.folder()? else {
        return Ok((None, None));
    };
    if held.is_folder(&path) {
        return Ok((Some(path), None));
    }
    if held.read(&path)?.is_none() {
        return Err(ToolError::Mistake(format!("{path} does not exist")));
    }
    let parent = path.rsplit_once('/').map(|(parent, _)| parent.to_owned());
    Ok((parent, Some(path)))
}

/// A long line is shown around its match.
fn cut(line: &str, regex: &Regex) -> String {
    let line = line.trim_end();
    if line.chars().count() <= MAX_LINE {
        return line.to_owned();
    }
    let at = regex.find(line).map_or(0, |hit| hit.start());
    let before = line[..at].chars().count().saturating_sub(MAX_LINE / 4);
    let shown: String = line.chars().skip(before).take(MAX_LINE).collect();
    let left = if before > 0 { "..." } else { "" };
    let right = if before + MAX_LINE < line.chars().count() {
        "..."
    } else {
        ""
    };
    format!("{left}{shown}{right}")
}
