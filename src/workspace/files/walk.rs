//! `list_files`, and the walk over the tree that `search_code` shares.

use globset::{GlobBuilder, GlobMatcher};
use ignore::WalkBuilder;

use crate::workspace::edit::arguments::Arguments;
use crate::workspace::edit::{Held, ToolError};

/// The most paths of an answer.
const MAX_PATHS: usize = 1000;

/// One file or link of the tree.
pub(super) struct Found {
    /// Its path relative to the root.
    pub(super) path: String,
    /// Whether it is a link, which is named but never followed.
    pub(super) link: bool,
}

/// The files beneath `folder` (none means the root), sorted, without those that .gitignore files name and git's own.
/// Names that are not UTF-8 cannot be named by a tool and are left out.
pub(super) fn files(held: &Held, folder: Option<&str>) -> Result<Vec<Found>, ToolError> {
    if let Some(folder) = folder.filter(|folder| !held.is_folder(folder)) {
        return Err(ToolError::Mistake(format!(
            "{folder} is not a folder; use list_files without `path` to see what there is"
        )));
    }
    let root = held.path().to_owned();
    let wanted = folder.map(|folder| root.join(folder));
    // The walk begins at the root in any case, so that every .gitignore on the way counts.
    let walk = WalkBuilder::new(&root)
        .hidden(false)
        .ignore(false)
        .git_ignore(true)
        .git_exclude(false)
        .git_global(false)
        .require_git(false)
        .parents(false)
        .follow_links(false)
        .filter_entry(move |entry| {
            let on_the_way = wanted.as_ref().is_none_or(|wanted| {
                entry.path().starts_with(wanted) || wanted.starts_with(entry.path())
            });
            on_the_way && entry.file_name() != ".git"
        })
        .build();
    let mut found = Vec::new();
    // What cannot be read, or vanished meanwhile, is not there to be listed.
    for entry in walk.flatten() {
        let link = entry.path_is_symlink();
        if !link && !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let relative = entry.path().strip_prefix(&root).ok();
        if let Some(path) = relative.and_then(|path| path.to_str()) {
            found.push(Found {
                path: path.to_owned(),
                link,
            });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

pub(super) fn list_files(held: &Held, arguments: &Arguments<'_>) -> Result<String, ToolError> {
    let folder = arguments.folder()?;
    let glob = arguments.optional_text("glob")?.map(glob).transpose()?;
    let mut lines: Vec<String> = files(held, folder.as_deref())?
        .into_iter()
        .filter(|found| glob.as_ref().is_none_or(|glob| glob.is_match(&found.path)))
        .map(|found| match found.link {
            true => format!("{} (symbolic link)", found.path),
            false => found.path,
        })
        .collect();
    if lines.is_empty() {
        return Ok("no files (what .gitignore names is not listed)".to_owned());
    }
    if lines.len() > MAX_PATHS {
        let more = lines.len() - MAX_PATHS;
        lines.truncate(MAX_PATHS);
        lines.push(format!(
            "[{more} more; call list_files with a narrower `path` or `glob`]"
        ));
    }
    Ok(lines.join("\n"))
}

/// As in .gitignore, a glob without `/` holds at any depth.
fn glob(pattern: &str) -> Result<GlobMatcher, ToolError> {
    let pattern = pattern.trim_start_matches("./");
    let anywhere = if pattern.contains('/') { "" } else { "**/" };
    GlobBuilder::new(&format!("{anywhere}{pattern}"))
        .literal_separator(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| ToolError::Mistake(format!("`glob` cannot be read: {}", error.kind())))
}
