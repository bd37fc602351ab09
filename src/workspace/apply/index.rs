//! The user's index: what it says of the files that are touched, and one that says the new.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::checkout::{Checkout, listed};
use super::history::with_objects_of;
use super::refusal::{ApplyError, at};
use crate::domain::CommitId;
use crate::workspace::git::{GitCommand, GitError, SUBMODULE, records};
use crate::workspace::own::OwnGit;
use crate::workspace::repository::UserRepository;

/// A file as trees and the index have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) mode: u32,
    pub(super) object: String,
}

/// A file that two commits have differently; nothing where one has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Touched {
    pub(super) path: String,
    pub(super) before: Option<Entry>,
    pub(super) after: Option<Entry>,
}

/// The files that differ between two commits, in the order of paths.
pub(super) fn touched(
    user: &UserRepository,
    own: &OwnGit,
    from: &CommitId,
    to: &CommitId,
) -> Result<Vec<Touched>, ApplyError> {
    let command = with_objects_of(own, GitCommand::on(&user.git_dir, "diff-tree"));
    let command = command.args(["-r", "-z", "--raw", "--full-index", "--no-renames"]);
    let command = command.args([from.as_str(), to.as_str()]);
    let answer = command.run()?;
    let mut touched = Vec::new();
    // Pairs of `:<mode> <mode> <object> <object> <letter>` and the path.
    let mut fields = records(&answer);
    while let (Some(meta), Some(path)) = (fields.next(), fields.next()) {
        let sides = parse_sides(meta).ok_or_else(|| command.answer(meta))?;
        let [before, after] = sides.map(|entry| (entry.mode != 0).then_some(entry));
        let Ok(path) = String::from_utf8(path.to_vec()) else {
            let path = String::from_utf8_lossy(path).into_owned();
            let why = "has a name that is not UTF-8";
            return Err(ApplyError::Unsupported { path, why });
        };
        if [&before, &after]
            .into_iter()
            .flatten()
            .any(|entry| entry.mode == SUBMODULE)
        {
            let why = "is a submodule";
            return Err(ApplyError::Unsupported { path, why });
        }
        touched.push(Touched {
            path,
            before,
            after,
        });
    }
    Ok(touched)
}

fn parse_sides(meta: &[u8]) -> Option<[Entry; 2]> {
    let meta = std::str::from_utf8(meta).ok()?.strip_prefix(':')?;
    let words: Vec<&str> = meta.split(' ').collect();
    let entry = |mode: usize, object: usize| {
        Some(Entry {
            mode: u32::from_str_radix(words.get(mode)?, 8).ok()?,
            object: (*words.get(object)?).to_owned(),
        })
    };
    Some([entry(0, 2)?, entry(1, 3)?])
}

/// What the index has of some paths.
#[derive(Debug, Default)]
pub(super) struct Indexed {
    entries: BTreeMap<String, Entry>,
    /// Those that git was told not to look at.
    pub(super) hidden: Vec<String>,
    /// Those that are not merged yet.
    unmerged: BTreeSet<String>,
}

impl Indexed {
    /// Reads the user's index.
    pub(super) fn read(checkout: &Checkout<'_>, paths: &BTreeSet<&str>) -> Result<Self, GitError> {
        let command = checkout.git("ls-files").args(["-z", "--stage", "-v"]);
        let answer = command.run()?;
        let mut indexed = Self::default();
        // `<letter> <mode> <object> <stage>\t<path>`
        for record in records(&answer) {
            let mut halves = record.splitn(2, |byte| *byte == b'\t');
            let (meta, path) = (halves.next(), halves.next().unwrap_or_default());
            let Ok(path) = std::str::from_utf8(path) else {
                continue;
            };
            if !paths.contains(path) {
                continue;
            }
            let meta = String::from_utf8_lossy(meta.unwrap_or_default()).into_owned();
            let words: Vec<&str> = meta.split(' ').collect();
            let &[letter, mode, object, stage] = words.as_slice() else {
                return Err(command.answer(record));
            };
            if stage != "0" {
                indexed.unmerged.insert(path.to_owned());
            }
            if letter.starts_with(|c: char| c == 'S' || c.is_lowercase()) {
                indexed.hidden.push(path.to_owned());
            }
            let mode = u32::from_str_radix(mode, 8).map_err(|_| command.answer(record))?;
            let object = object.to_owned();
            indexed
                .entries
                .insert(path.to_owned(), Entry { mode, object });
        }
        Ok(indexed)
    }

    /// Whether the index has exactly `entry` at `path`.
    pub(super) fn has(&self, path: &str, entry: Option<&Entry>) -> bool {
        self.entries.get(path) == entry && !self.unmerged.contains(path)
    }
}

impl Checkout<'_> {
    /// Those of `paths`, which are files on disk, that are not what the index says, by git's own
    /// judgement.
    pub(super) fn modified(&self, paths: &[&str]) -> Result<Vec<String>, ApplyError> {
        let copy = self.copy_of_index("seen.index")?;
        let there = |command: GitCommand| command.env("GIT_INDEX_FILE", &copy);
        // Where only times differ, contents are compared, so that what is listed is changed.
        refresh(&there(self.git("add")), paths)?;
        let answer = there(self.git("diff-files"))
            .args(["-z", "--raw", "--no-renames"])
            .run()?;
        let wanted: BTreeSet<&[u8]> = paths.iter().map(|path| path.as_bytes()).collect();
        let found = records(&answer).skip(1).step_by(2);
        let found = found.filter(|path| wanted.contains(path));
        Ok(found
            .map(|path| String::from_utf8_lossy(path).into_owned())
            .collect())
    }

    /// An index that has the `after` of each entry, and is the user's otherwise. It does not know
    /// yet what the files look like: [`Self::refresh_index`].
    pub(super) fn built_index(&self, touched: &[&Touched]) -> Result<PathBuf, ApplyError> {
        let copy = self.copy_of_index("built.index")?;
        let there = |command: GitCommand| command.env("GIT_INDEX_FILE", &copy);
        let mut input = String::new();
        // A folder must be gone before a file can take its place, and the other way round.
        let (gone, here): (Vec<&Touched>, Vec<&Touched>) =
            touched.iter().partition(|one| one.after.is_none());
        let zero = self.own.object_format().zero();
        for Touched { path, .. } in gone {
            input.push_str(&format!("0 {zero}\t{path}\0"));
        }
        for Touched { path, after, .. } in &here {
            if let Some(Entry { mode, object }) = after {
                input.push_str(&format!("{mode:o} {object}\t{path}\0"));
            }
        }
        let update = there(self.git("update-index")).args(["-z", "--index-info"]);
        let words = update.input(input).complaints()?;
        // git leaves a path out that it does not let into an index, and calls that a success.
        if words.contains("Ignoring path") {
            let path = words.trim_start_matches("Ignoring path").trim().to_owned();
            let why = "is no path that git lets into an index";
            return Err(ApplyError::Unsupported { path, why });
        }
        Ok(copy)
    }

    /// Has `index` know the files at `paths` as they are on disk.
    pub(super) fn refresh_index(&self, index: &Path, paths: &[&str]) -> Result<(), GitError> {
        refresh(&self.git("add").env("GIT_INDEX_FILE", index), paths)
    }

    fn copy_of_index(&self, name: &str) -> Result<PathBuf, ApplyError> {
        let (index, copy) = (self.user.git_dir.join("index"), self.scratch.join(name));
        copy_if_there(&index, &copy)?;
        Ok(copy)
    }
}

fn copy_if_there(from: &Path, to: &Path) -> Result<(), ApplyError> {
    match std::fs::copy(from, to) {
        // No index is an empty one.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        copied => at(from, copied.map(drop)),
    }
}

/// Has git look at the files anew, without taking anything of them into the index.
fn refresh(add: &GitCommand, paths: &[&str]) -> Result<(), GitError> {
    if paths.is_empty() {
        return Ok(());
    }
    let add = add
        .clone()
        .args(["--refresh", "--pathspec-from-file=-", "--pathspec-file-nul"]);
    add.input(listed(paths)).run().map(drop)
}
