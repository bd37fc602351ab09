//! What moving a branch would change, and whether anything of the user's is in the way. Nothing
//! of theirs is changed here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::checkout::Checkout;
use super::files::{Files, Found, split};
use super::history::with_objects_of;
use super::index::{Indexed, Touched, touched};
use super::refusal::{ApplyError, at};
use super::target::Target;
use crate::domain::CommitId;
use crate::domain::application::{BranchMove, FileMove, FileOnDisk, Way};
use crate::workspace::git::{GitCommand, GitError, path_text, records};
use crate::workspace::own::OwnGit;
use crate::workspace::repository::UserRepository;

/// What happens to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Added,
    /// It is another one than before.
    Changed,
    /// It is gone.
    Deleted,
}

/// A file that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// Its path from the top of the repository.
    pub path: String,
    /// What happens to it.
    pub change: Change,
    /// Lines that come and go; none for what is no text.
    pub lines: Option<(u64, u64)>,
}

/// A move that can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The move.
    pub step: BranchMove,
    /// The contents that it speaks of, which are to be on the record with it.
    pub contents: Vec<Vec<u8>>,
    /// The same for people.
    pub changes: Vec<FileChange>,
}

/// Plans the way of a branch to the commit `to`, which `user` or `own` has. `undoes` is the move
/// that this one takes back exactly. `scratch` is a folder of our own that does not outlast this.
///
/// # Errors
/// An [`ApplyError`] for everything that is in the way.
pub fn plan(
    (user, own): (&UserRepository, &OwnGit),
    scratch: &Path,
    target: &Target,
    (way, to): (Way, &CommitId),
    undoes: Option<&BranchMove>,
) -> Result<Planned, ApplyError> {
    let touched = touched(user, own, &target.tip, to)?;
    let changes = changes(user, own, &target.tip, to, &touched)?;
    let mut planned = Planned {
        step: BranchMove {
            branch: target.branch.clone(),
            way,
            from: target.tip.clone(),
            to: to.clone(),
            checked_out: target.checked_out,
            files: Vec::new(),
            makes: Vec::new(),
            drops: Vec::new(),
            checks: Vec::new(),
        },
        contents: Vec::new(),
        changes,
    };
    if target.checked_out && !touched.is_empty() {
        let checkout = Checkout::of(user, own, scratch)?;
        let undoes = undoes.filter(|undoes| undoes.checked_out);
        let files = Files::beneath(&user.top)?;
        let mut survey = Survey {
            checkout,
            files,
            touched: &touched,
        };
        survey.fill(&mut planned, undoes)?;
    }
    Ok(planned)
}

/// The checkout, looked at with a move in mind.
struct Survey<'a> {
    checkout: Checkout<'a>,
    files: Files,
    touched: &'a [Touched],
}

impl Survey<'_> {
    fn fill(
        &mut self,
        planned: &mut Planned,
        undoes: Option<&BranchMove>,
    ) -> Result<(), ApplyError> {
        let (from, to) = (planned.step.from.clone(), planned.step.to.clone());
        let all: Vec<&str> = self.touched.iter().map(|one| one.path.as_str()).collect();
        for commit in [&from, &to] {
            self.checkout.refuse_filtered(commit.as_str(), &all)?;
        }
        self.refuse_hidden()?;
        self.refuse_dirty()?;
        self.refuse_same_names(&to)?;
        planned.step.drops = match undoes {
            Some(undoes) => undoes.makes.iter().rev().cloned().collect(),
            None => self.emptied(),
        };
        self.refuse_obstacles()?;
        self.refuse_unwritable(&all)?;
        // Says whether git lets all paths into an index, before anything depends on it.
        self.checkout
            .built_index(&self.touched.iter().collect::<Vec<_>>())?;
        planned.step.makes = self.missing_folders();

        let restored: BTreeMap<&str, Option<&FileOnDisk>> = undoes
            .into_iter()
            .flat_map(|undoes| &undoes.files)
            .map(|file| (file.path.as_str(), file.before.as_ref()))
            .collect();
        let wanted = self.touched.iter().filter(|one| one.after.is_some());
        let wanted = wanted.map(|one| one.path.as_str());
        let wanted: Vec<&str> = wanted.filter(|path| !restored.contains_key(path)).collect();
        let mut written = self.checkout.write_out(to.as_str(), &wanted)?;
        for path in all {
            let before = match self.files.look(path)? {
                Found::File(file, content) => {
                    planned.contents.push(content);
                    Some(file)
                }
                _ => None,
            };
            let after = match restored.get(path) {
                Some(restored) => restored.cloned(),
                None => written.remove(path).map(|(file, content)| {
                    planned.contents.push(content);
                    file
                }),
            };
            planned.step.files.push(FileMove {
                path: path.to_owned(),
                before,
                after,
            });
        }
        Ok(())
    }

    fn refuse_hidden(&self) -> Result<(), ApplyError> {
        let mut hidden = self.indexed()?.hidden;
        let sparse = self.checkout.git("config");
        let sparse = sparse
            .args(["--type=bool", "--get", "core.sparseCheckout"])
            .ask()?;
        if sparse.is_some_and(|answer| answer.starts_with(b"true")) {
            // What is left out of a sparse checkout are mostly whole folders.
            let new = self.touched.iter().filter(|one| one.before.is_none());
            let new = new.map(|one| one.path.as_str());
            let left_out = new.filter(|path| !self.files.is_folder(split(path).0));
            hidden.extend(left_out.map(str::to_owned));
        }
        refuse(hidden, |paths| ApplyError::Hidden { paths })
    }

    fn indexed(&self) -> Result<Indexed, GitError> {
        let paths = self.touched.iter().map(|one| one.path.as_str()).collect();
        Indexed::read(&self.checkout, &paths)
    }

    /// Neither staged nor unstaged changes may be in a touched file.
    fn refuse_dirty(&self) -> Result<(), ApplyError> {
        let indexed = self.indexed()?;
        let mut dirty = Vec::new();
        let mut there = Vec::new();
        for Touched { path, before, .. } in self.touched {
            if !indexed.has(path, before.as_ref()) {
                dirty.push(path.clone());
            } else if before.is_some() {
                match self.files.look(path)? {
                    Found::File(..) => there.push(path.as_str()),
                    _ => dirty.push(path.clone()),
                }
            }
        }
        dirty.extend(self.checkout.modified(&there)?);
        dirty.sort();
        refuse(dirty, |paths| ApplyError::Dirty { paths })
    }

    /// Something untracked, ignored or not, where a new file goes or a folder for it.
    fn refuse_obstacles(&self) -> Result<(), ApplyError> {
        let gone: BTreeSet<&str> = self.gone().collect();
        let mut obstacles = BTreeSet::new();
        for one in self.touched.iter().filter(|one| one.after.is_some()) {
            let path = one.path.as_str();
            match self.files.look(path)? {
                Found::Nothing => {}
                Found::File(..) if one.before.is_some() => {}
                Found::Folder => obstacles.extend(self.stranger_in(path, &gone)?),
                Found::File(..) | Found::Blocked => {
                    obstacles.insert(path.to_owned());
                }
            }
            for folder in folders_above(path) {
                let found = self.files.look(folder)?;
                let file = matches!(found, Found::File(..)) && !gone.contains(folder);
                if file || found == Found::Blocked {
                    obstacles.insert(folder.to_owned());
                }
            }
        }
        refuse(obstacles.into_iter().collect(), |paths| {
            ApplyError::InTheWay { paths }
        })
    }

    /// Something in a folder that does not go with the files that are gone.
    fn stranger_in(
        &self,
        folder: &str,
        gone: &BTreeSet<&str>,
    ) -> Result<Option<String>, ApplyError> {
        let place = self.checkout.user.top.join(folder);
        let mut empty = true;
        for entry in at(&place, std::fs::read_dir(&place))? {
            let entry = at(&place, entry)?;
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            empty = false;
            let stranger = match at(&place, entry.file_type())?.is_dir() {
                true => self.stranger_in(&path, gone)?,
                false => (!gone.contains(path.as_str())).then_some(path),
            };
            if stranger.is_some() {
                return Ok(stranger);
            }
        }
        Ok(empty.then(|| folder.to_owned()))
    }

    fn refuse_unwritable(&self, all: &[&str]) -> Result<(), ApplyError> {
        match all
            .iter()
            .find_map(|path| self.files.unwritable_above(path))
        {
            None => Ok(()),
            Some(folder) => Err(ApplyError::Unwritable {
                folder: self.checkout.user.top.join(folder),
            }),
        }
    }

    fn refuse_same_names(&self, to: &CommitId) -> Result<(), ApplyError> {
        let setting = self.checkout.git("config");
        let setting = setting
            .args(["--type=bool", "--get", "core.ignoreCase"])
            .ask()?;
        if !setting.is_some_and(|answer| answer.starts_with(b"true")) {
            return Ok(());
        }
        let command = self.checkout.git("ls-tree");
        let answer = command
            .args(["-r", "-z", "--name-only", "--full-tree", to.as_str()])
            .run()?;
        let all: Vec<String> = records(&answer).map(path_text).collect();
        let mut names: BTreeMap<String, &str> = BTreeMap::new();
        let new = self.touched.iter().filter(|one| one.after.is_some());
        for one in new {
            names.insert(one.path.to_lowercase(), &one.path);
        }
        for other in &all {
            if let Some(path) = names
                .get(&other.to_lowercase())
                .filter(|path| *path != other)
            {
                return Err(ApplyError::SameName {
                    path: (*path).to_owned(),
                    other: other.clone(),
                });
            }
        }
        Ok(())
    }

    fn gone(&self) -> impl Iterator<Item = &str> {
        let gone = self.touched.iter().filter(|one| one.after.is_none());
        gone.map(|one| one.path.as_str())
    }

    /// The folders of files that go, the innermost first: git removes them if they are empty.
    fn emptied(&self) -> Vec<String> {
        let folders: BTreeSet<&str> = self.gone().flat_map(folders_above).collect();
        // A folder comes before everything in it.
        folders.into_iter().rev().map(str::to_owned).collect()
    }

    /// The folders that files need and that are not there, the outermost first.
    fn missing_folders(&self) -> Vec<String> {
        let here = self.touched.iter().filter(|one| one.after.is_some());
        let folders: BTreeSet<&str> = here.flat_map(|one| folders_above(&one.path)).collect();
        let missing = folders
            .into_iter()
            .filter(|folder| !self.files.is_folder(folder));
        missing.map(str::to_owned).collect()
    }
}

/// The folders above a path, the innermost first; the top is not among them.
fn folders_above(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(split(path).0), |folder| Some(split(folder).0))
        .take_while(|folder| !folder.is_empty())
}

fn refuse(
    paths: Vec<String>,
    why: impl FnOnce(Vec<String>) -> ApplyError,
) -> Result<(), ApplyError> {
    if paths.is_empty() {
        Ok(())
    } else {
        Err(why(paths))
    }
}

fn changes(
    user: &UserRepository,
    own: &OwnGit,
    from: &CommitId,
    to: &CommitId,
    touched: &[Touched],
) -> Result<Vec<FileChange>, ApplyError> {
    let command = with_objects_of(own, GitCommand::on(&user.git_dir, "diff-tree"));
    let command = command.args(["-r", "-z", "--numstat", "--no-renames"]);
    let command = command.args(["--no-ext-diff", "--no-textconv", from.as_str(), to.as_str()]);
    let answer = command.run()?;
    let mut lines: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for record in records(&answer) {
        let record = path_text(record);
        let mut parts = record.splitn(3, '\t');
        let numbers = (parts.next(), parts.next());
        if let (Some(added), Some(removed)) = numbers
            && let (Ok(added), Ok(removed)) = (added.parse(), removed.parse())
        {
            let path = parts.next().unwrap_or_default().to_owned();
            lines.insert(path, (added, removed));
        }
    }
    let change = |one: &Touched| FileChange {
        path: one.path.clone(),
        change: match (&one.before, &one.after) {
            (None, _) => Change::Added,
            (_, None) => Change::Deleted,
            _ => Change::Changed,
        },
        lines: lines.get(&one.path).copied(),
    };
    Ok(touched.iter().map(change).collect())
}
