//! Three trees made into one, by git's own rules, where no driver, filter or attribute of the
//! user's has a say.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use super::{OwnGit, OwnGitError};
use crate::domain::{CommitId, TreeId};
use crate::workspace::git::{GitError, Version, git_version, path_text, records};
use crate::workspace::repository::Identity;

/// The first git that merges without files.
const MERGES_TREES: Version = Version {
    major: 2,
    minor: 38,
};

/// What a merge comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merged {
    /// One tree.
    Clean(TreeId),
    /// Both sides changed the same places of these files.
    Conflicts(Vec<String>),
}

/// How trees are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    /// `git merge-tree`: follows renamed files, too.
    Trees,
    /// File by file, for a git that lacks the other.
    Files,
}

/// The blob of a file at each of the three stages, from 1, with its mode.
type Stages = [Option<(String, String)>; 3];

impl OwnGit {
    /// What comes of it when what was done from `base` to `theirs` is done to `ours`.
    ///
    /// # Errors
    /// A tree is not here, or the disk is full.
    pub fn merge(
        &self,
        base: &TreeId,
        ours: &TreeId,
        theirs: &TreeId,
    ) -> Result<Merged, OwnGitError> {
        let method = if git_version()? >= MERGES_TREES {
            Method::Trees
        } else {
            Method::Files
        };
        self.merge_by(method, base, ours, theirs)
    }

    fn merge_by(
        &self,
        method: Method,
        base: &TreeId,
        ours: &TreeId,
        theirs: &TreeId,
    ) -> Result<Merged, OwnGitError> {
        match method {
            Method::Trees => Ok(self.merge_trees(base, ours, theirs)?),
            Method::Files => {
                let scratch = self.io(tempdir(&self.dir))?;
                let merged = self.merge_files(base, ours, theirs, &scratch);
                self.io(std::fs::remove_dir_all(&scratch))?;
                merged
            }
        }
    }

    /// The history here is cut off, so the three get commits of their own: git then finds the base.
    fn merge_trees(
        &self,
        base: &TreeId,
        ours: &TreeId,
        theirs: &TreeId,
    ) -> Result<Merged, GitError> {
        let commit = |tree: &TreeId, parents: &[CommitId]| {
            let nobody = Identity::default();
            self.commit(
                tree,
                parents,
                "to be merged",
                &nobody,
                Timestamp::UNIX_EPOCH,
            )
        };
        let base = [commit(base, &[])?];
        let (ours, theirs) = (commit(ours, &base)?, commit(theirs, &base)?);
        let command = self.git("merge-tree").args([
            "--write-tree",
            "-z",
            "--name-only",
            "--no-messages",
            ours.as_str(),
            theirs.as_str(),
        ]);
        let (clean, answer) = command.verdict()?;
        let mut answers = records(&answer).map(path_text);
        let tree = answers.next().ok_or_else(|| command.answer(&answer))?;
        if clean {
            return Ok(Merged::Clean(TreeId(tree)));
        }
        let mut paths: Vec<String> = answers.collect();
        paths.dedup();
        Ok(Merged::Conflicts(paths))
    }

    fn merge_files(
        &self,
        base: &TreeId,
        ours: &TreeId,
        theirs: &TreeId,
        scratch: &Path,
    ) -> Result<Merged, OwnGitError> {
        let index = scratch.join("index");
        let git = |subcommand: &str| self.git(subcommand).env("GIT_INDEX_FILE", &index);
        let trees = [base.as_str(), ours.as_str(), theirs.as_str()];
        git("read-tree")
            .args(["-i", "-m", "--aggressive"])
            .args(trees)
            .run()?;
        let answer = git("ls-files").args(["--unmerged", "-z"]).run()?;
        let mut unmerged: BTreeMap<String, Stages> = BTreeMap::new();
        for record in records(&answer) {
            let record = path_text(record);
            let mut words = record.splitn(3, ' ');
            let (mode, object) = (words.next(), words.next());
            let stage_and_path = words.next().and_then(|rest| rest.split_once('\t'));
            if let (Some(mode), Some(object), Some((stage, path))) = (mode, object, stage_and_path)
                && let Ok(stage @ 1..=3) = stage.parse::<usize>()
            {
                let stages = unmerged.entry(path.to_owned()).or_default();
                stages[stage - 1] = Some((mode.to_owned(), object.to_owned()));
            }
        }
        let mut conflicts = Vec::new();
        let mut entries = Vec::new();
        let zero = self.object_format().zero();
        for (path, stages) in unmerged {
            match self.merge_file(&stages, scratch)? {
                Some((mode, object)) => {
                    entries.extend(format!("0 {zero}\t{path}\0{mode} {object}\t{path}\0").bytes());
                }
                None => conflicts.push(path),
            }
        }
        if !conflicts.is_empty() {
            return Ok(Merged::Conflicts(conflicts));
        }
        git("update-index")
            .args(["-z", "--index-info"])
            .input(entries)
            .run()?;
        Ok(Merged::Clean(TreeId(git("write-tree").line()?)))
    }

    /// The merged file's mode and blob; none where both sides changed the same lines, or more than
    /// lines.
    fn merge_file(
        &self,
        stages: &Stages,
        scratch: &Path,
    ) -> Result<Option<(String, String)>, OwnGitError> {
        let [Some(base), Some(ours), Some(theirs)] = stages else {
            return Ok(None);
        };
        let plain = |side: &(String, String)| side.0.starts_with("100");
        if ![base, ours, theirs].into_iter().all(plain) {
            return Ok(None);
        }
        // A mode that only one side changed is changed.
        let mode = if ours.0 == base.0 { &theirs.0 } else { &ours.0 };
        let names = ["ours", "base", "theirs"];
        for (name, (_, object)) in names.into_iter().zip([ours, base, theirs]) {
            let content = self.objects().blob(object)?;
            self.io(std::fs::write(scratch.join(name), content))?;
        }
        let merge = self.git("merge-file").directory(scratch);
        let merge = merge.args(["-p", "-q"]).args(names);
        let merged = match merge.run() {
            Ok(merged) => merged,
            // The code is the number of conflicts, or says that it is no text.
            Err(GitError::Failed { code: Some(_), .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let object = self
            .git("hash-object")
            .args(["-w", "--stdin"])
            .input(merged);
        Ok(Some((mode.clone(), object.line()?)))
    }
}

/// A new folder of our own. It has no name that anybody else would use.
fn tempdir(dir: &Path) -> std::io::Result<std::path::PathBuf> {
    let folder = dir
        .join("rgpt")
        .join(format!("merge-{}", std::process::id()));
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

#[cfg(test)]
mod tests;
