//! The tools that only read: `read_file`, `list_files`, `search_code`. They stay beneath the held
//! directory and follow no link.

mod read;
mod search;
#[cfg(test)]
mod tests;
mod walk;

use super::edit::arguments::Arguments;
use super::edit::{Held, ToolError};
use crate::domain::message::ToolCall;

/// The paths of all files beneath a held directory but links, git's own and those that .gitignore names.
///
/// # Errors
///
/// The directory cannot be walked.
pub fn list(held: &Held) -> Result<Vec<String>, ToolError> {
    let found = walk::files(held, None)?;
    Ok(found
        .into_iter()
        .filter(|file| !file.link)
        .map(|file| file.path)
        .collect())
}

/// Answers `call`, one of the reading tools.
///
/// # Errors
///
/// [`ToolError::Mistake`] with the text for the model, [`ToolError::Denied`] for a forbidden path.
pub fn answer(held: &Held, call: &ToolCall) -> Result<String, ToolError> {
    let arguments = Arguments::of(call)?;
    match call.name.as_str() {
        "read_file" => read::read_file(held, &arguments),
        "list_files" => walk::list_files(held, &arguments),
        "search_code" => search::search_code(held, &arguments),
        name => Err(ToolError::Mistake(format!(
            "there is no reading tool `{name}`; use read_file, list_files or search_code"
        ))),
    }
}
