//! Keeping only part of the objects: a copy of it, or nothing but it.
//!
//! Most objects of runs have no ref: a run's record names its trees and commits. So whoever says
//! what is to be kept gives the names that stand on the record.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use super::{ObjectFormat, OwnGit, OwnGitError};
use crate::workspace::git::{GitCommand, GitError};

impl OwnGit {
    /// The directory in `state_dir`, whatever its objects are; `None` if there is none.
    ///
    /// # Errors
    /// It is no git directory.
    pub fn existing(state_dir: &Path) -> Result<Option<Self>, OwnGitError> {
        let dir = state_dir.join("git");
        if !dir.is_dir() {
            return Ok(None);
        }
        let command = GitCommand::on(&dir, "rev-parse").arg("--show-object-format");
        let found = command.line()?;
        let format = [ObjectFormat::Sha1, ObjectFormat::Sha256]
            .into_iter()
            .find(|format| format.name() == found)
            .ok_or_else(|| command.answer(found.as_bytes()))?;
        Ok(Some(Self { dir, format }))
    }

    /// Makes a git directory at `to` with those of the objects in `names` that are here, everything
    /// that they lead to, and the refs that `keep` names.
    ///
    /// # Errors
    /// `to` cannot be written.
    pub fn copy_part(
        &self,
        to: &Path,
        names: &BTreeSet<String>,
        keep: &dyn Fn(&str) -> bool,
    ) -> Result<(), OwnGitError> {
        let copy = Self {
            dir: to.to_owned(),
            format: self.format,
        };
        copy.make()?;
        let refs: Vec<(String, String)> = self
            .refs()?
            .into_iter()
            .filter(|(name, _)| keep(name))
            .collect();
        let mut wanted = names.clone();
        wanted.extend(refs.iter().map(|(_, object)| object.clone()));
        self.pack(&wanted, to)?;
        copy.write_shallow(&self.shallow()?)?;
        let lines = refs
            .iter()
            .map(|(name, object)| format!("create {name} {object}\n"));
        copy.update_refs(lines.collect())
    }

    /// Removes the refs that `keep` does not name, and every object that neither a ref that is left
    /// nor one of `names` leads to. Nobody else may be using the directory.
    ///
    /// # Errors
    /// It cannot be written. Whatever is to be kept is still there.
    pub fn keep_only(
        &self,
        names: &BTreeSet<String>,
        keep: &dyn Fn(&str) -> bool,
    ) -> Result<(), OwnGitError> {
        let _lock = self.lock()?;
        let (kept, gone): (Vec<_>, Vec<_>) =
            self.refs()?.into_iter().partition(|(name, _)| keep(name));
        let mut wanted = names.clone();
        wanted.extend(kept.into_iter().map(|(_, object)| object));
        let pack = self.pack(&wanted, &self.dir)?;
        crate::failpoint::hit("git.packed");
        let lines = gone
            .iter()
            .map(|(name, object)| format!("delete {name} {object}\n"));
        self.update_refs(lines.collect())?;
        let packs = self.dir.join("objects/pack");
        self.io(remove_entries(&packs, |name| {
            let stem = name.split('.').next().unwrap_or_default();
            pack.as_deref() != Some(stem)
        }))?;
        crate::failpoint::hit("git.thinned");
        self.io(remove_entries(&self.dir.join("objects"), |name| {
            name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
        }))?;
        self.write_shallow(&self.shallow()?)
    }

    /// All refs and the objects they are at.
    fn refs(&self) -> Result<Vec<(String, String)>, GitError> {
        let listed = self.git("for-each-ref");
        let listed = listed.arg("--format=%(refname) %(objectname)").run()?;
        let listed = String::from_utf8_lossy(&listed);
        let pairs = listed.lines().filter_map(|line| line.split_once(' '));
        Ok(pairs
            .map(|(name, object)| (name.to_owned(), object.to_owned()))
            .collect())
    }

    fn update_refs(&self, lines: String) -> Result<(), OwnGitError> {
        if !lines.is_empty() {
            let update = self.git("update-ref").args(["--no-deref", "--stdin"]);
            update.input(lines).run()?;
        }
        Ok(())
    }

    /// Those of the names that are objects here.
    fn present(&self, names: &BTreeSet<String>) -> Result<Vec<String>, GitError> {
        // A shorter one would be an abbreviation.
        let length = self.format.zero().len();
        let asked: String = names
            .iter()
            .filter(|name| name.len() == length)
            .map(|name| format!("{name}\n"))
            .collect();
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let known = self.git("cat-file").arg("--batch-check=%(objectname)");
        let known = known.input(asked).run()?;
        let known = String::from_utf8_lossy(&known);
        Ok(known
            .lines()
            .filter(|line| line.len() == length)
            .map(str::to_owned)
            .collect())
    }

    /// Packs what is here of `names`, and everything that they lead to, into the git directory `into`.
    /// Gives the pack's name; none if there is nothing.
    fn pack(&self, names: &BTreeSet<String>, into: &Path) -> Result<Option<String>, OwnGitError> {
        let roots = self.present(names)?;
        if roots.is_empty() {
            return Ok(None);
        }
        let base = into.join("objects/pack/pack");
        let pack = self.git("pack-objects");
        let pack = pack
            .args(["--revs", "--delta-base-offset", "-q"])
            .arg(base)
            .input(roots.join("\n") + "\n");
        let hash = pack.line()?;
        Ok(Some(format!("pack-{hash}")))
    }

    /// The commits whose parents are not here.
    fn shallow(&self) -> Result<BTreeSet<String>, OwnGitError> {
        match std::fs::read_to_string(self.dir.join("shallow")) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeSet::new()),
            read => Ok(self.io(read)?.lines().map(str::to_owned).collect()),
        }
    }

    /// Says so of those of `commits` that are here.
    fn write_shallow(&self, commits: &BTreeSet<String>) -> Result<(), OwnGitError> {
        let path = self.dir.join("shallow");
        let here = self.present(commits)?;
        if here.is_empty() {
            return match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => self.io(Err(error)),
                _ => Ok(()),
            };
        }
        let text = here.join("\n") + "\n";
        let new = self.dir.join("shallow.new");
        let written = std::fs::File::create(&new).and_then(|mut file| {
            file.write_all(text.as_bytes())
                .and_then(|()| file.sync_all())
        });
        self.io(written.and_then(|()| std::fs::rename(&new, &path)))
    }
}

fn remove_entries(folder: &Path, unwanted: impl Fn(&str) -> bool) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().to_str().is_some_and(&unwanted) {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => std::fs::remove_dir_all(entry.path())?,
            false => std::fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CommitId, TreeId};
    use crate::workspace::git::fixture::Fixture;
    use crate::workspace::repository::{Identity, UserRepository};

    struct Story {
        fixture: Fixture,
        own: OwnGit,
        user: UserRepository,
        /// A tree that only a record names, and a step's commit that is like that.
        tree: TreeId,
        step: CommitId,
        /// A commit of nobody.
        forgotten: CommitId,
    }

    /// Two bases, with a commit on each.
    fn story() -> Story {
        let fixture = Fixture::new();
        let top = fixture.repository("r", &[("a", "1"), ("b", "1")]);
        let old = fixture.open(&top);
        let own = fixture.own(&old);
        let at = jiff::Timestamp::UNIX_EPOCH;
        let commit = |base: &UserRepository, tree: &TreeId, words: &str| {
            let parents = std::slice::from_ref(&base.base_commit);
            own.commit(tree, parents, words, &Identity::default(), at)
                .unwrap()
        };
        let forgotten = commit(&old, &old.base_tree, "forgotten");
        own.update_ref("refs/rgpt/run/1", &forgotten, None).unwrap();
        fixture.commit(&top, &[("a", "2"), ("c", "2")]);
        let user = fixture.open(&top);
        own.fetch_base(&user, &user.base_commit).unwrap();
        let blob = own.git("hash-object").args(["-w", "--stdin"]).input("new");
        let blob = blob.line().unwrap();
        let tree = own.git("mktree").input(format!("100644 blob {blob}\tn\n"));
        let tree = TreeId(tree.line().unwrap());
        let step = commit(&user, &tree, "step");
        Story {
            fixture,
            own,
            user,
            tree,
            step,
            forgotten,
        }
    }

    fn is_whole(own: &OwnGit) {
        let fsck = own.git("fsck").args(["--full", "--no-dangling"]);
        fsck.run().unwrap();
    }

    fn is_kept(story: &Story, own: &OwnGit) {
        is_whole(own);
        for object in [story.step.as_str(), story.tree.as_str()] {
            assert!(own.object_exists(object).unwrap(), "{object}");
        }
        assert_eq!(own.list_files(&story.tree).unwrap(), ["n"]);
        let base = own.tree_of(&story.user.base_commit).unwrap();
        assert_eq!(own.list_files(&base).unwrap(), ["a", "b", "c"]);
        assert!(!own.object_exists(story.forgotten.as_str()).unwrap());
    }

    #[test]
    fn what_the_record_names_is_kept_with_all_it_leads_to_and_the_rest_goes() {
        let story = story();
        let names = BTreeSet::from([
            story.step.0.clone(),
            story.user.base_commit.0.clone(),
            "0".repeat(40),
            "f".repeat(64),
        ]);
        let keep = |name: &str| name.ends_with(story.user.base_commit.as_str());
        let copy = story.fixture.path("copy");
        std::fs::create_dir(&copy).unwrap();
        story
            .own
            .copy_part(&copy.join("git"), &names, &keep)
            .unwrap();
        is_kept(&story, &OwnGit::existing(&copy).unwrap().unwrap());
        assert!(story.own.object_exists(story.forgotten.as_str()).unwrap());

        for _ in 0..2 {
            story.own.keep_only(&names, &keep).unwrap();
            is_kept(&story, &story.own);
        }
        let refs: Vec<String> = story.own.refs().unwrap().into_iter().map(|r| r.0).collect();
        assert_eq!(refs, [format!("refs/rgpt/base/{}", story.user.base_commit)]);

        let before = story.own.object_exists(&story.user.base_tree.0).unwrap();
        assert!(before);
        story.own.keep_only(&BTreeSet::new(), &|_| false).unwrap();
        assert!(!story.own.object_exists(story.step.as_str()).unwrap());
        story
            .own
            .fetch_base(&story.user, &story.user.base_commit)
            .unwrap();
        is_whole(&story.own);
    }
}
