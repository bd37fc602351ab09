//! Copying the commit that a run starts from out of the user's repository.

use std::io::Write;

use super::{OwnGit, OwnGitError};
use crate::domain::CommitId;
use crate::workspace::git::{GitCommand, GitError};
use crate::workspace::repository::UserRepository;

const PINNED: &str = "refs/rgpt/base/";

impl OwnGit {
    /// Brings in `commit` with its tree, without its history, and keeps it by a ref. What earlier
    /// runs brought in is not copied again. Does nothing if it is here already.
    ///
    /// # Errors
    /// `commit` is not in `user`'s repository, or the disk is full.
    pub fn fetch_base(&self, user: &UserRepository, commit: &CommitId) -> Result<(), OwnGitError> {
        let pin = format!("{PINNED}{commit}");
        if self.dir.join(&pin).is_file() {
            return Ok(());
        }
        let _lock = self.lock()?;
        if self.read_ref(&pin)?.is_some() {
            return Ok(());
        }
        // What `git upload-pack` does for `fetch --depth=1`, without its hooks and ownership rules.
        // Every commit is cut off from its parents: what is known is a tree, not what came before it.
        let mut wanted = format!("--shallow {commit}\n{commit}\n");
        for known in self.known_to(user)? {
            wanted.push_str(&format!("--shallow {known}\n^{known}\n"));
        }
        let pack = GitCommand::on(&user.git_dir, "pack-objects");
        let pack = pack.args([
            "--revs",
            "--thin",
            "--shallow",
            "--delta-base-offset",
            "--stdout",
        ]);
        let pack = pack.arg("-q").input(wanted);
        let unpack = self.git("index-pack").args(["--stdin", "--fix-thin"]);
        pack.pipe_into(&unpack)?;
        crate::failpoint::hit("git.fetched");
        // Before the ref, so that no ref ever leads to a commit whose parents are missed.
        self.cut_history_at(commit)?;
        self.update_ref(&pin, commit, None)?;
        crate::failpoint::hit("git.pinned");
        Ok(())
    }

    /// The bases of earlier runs that the user's repository still has.
    fn known_to(&self, user: &UserRepository) -> Result<Vec<String>, GitError> {
        let pinned = self
            .git("for-each-ref")
            .args(["--format=%(objectname)", PINNED])
            .run()?;
        if pinned.is_empty() {
            return Ok(Vec::new());
        }
        let there = GitCommand::on(&user.git_dir, "cat-file");
        let there = there
            .arg("--batch-check=%(objectname) %(objecttype)")
            .input(pinned)
            .run()?;
        let there = String::from_utf8_lossy(&there);
        let commits = there
            .lines()
            .filter_map(|line| line.strip_suffix(" commit"));
        Ok(commits.map(str::to_owned).collect())
    }

    /// Adds `commit` to the commits whose parents are not here. Under the lock.
    fn cut_history_at(&self, commit: &CommitId) -> Result<(), OwnGitError> {
        let path = self.dir.join("shallow");
        let mut text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            read => self.io(read)?,
        };
        if text.lines().any(|line| line == commit.as_str()) {
            return Ok(());
        }
        text.push_str(commit.as_str());
        text.push('\n');
        let new = self.dir.join("shallow.new");
        let written = std::fs::File::create(&new).and_then(|mut file| {
            file.write_all(text.as_bytes())
                .and_then(|()| file.sync_all())
        });
        self.io(written.and_then(|()| std::fs::rename(&new, &path)))
    }
}
