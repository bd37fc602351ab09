//! What a run keeps in rgpt's own git directory, and the one branch that it adds to the user's.

use crate::domain::Run;
use crate::domain::id::{CommitId, TreeId};
use crate::workspace::publish;

use super::Worktrees;

impl Worktrees<'_> {
    /// The paths of all files of a tree.
    pub(super) fn files(&self, tree: &TreeId) -> anyhow::Result<Vec<String>> {
        if *tree == self.ground.repository.base_tree {
            return Ok(self.ground.repository.base_files.to_vec());
        }
        Ok(self.ground.own.list_files(tree)?)
    }

    /// The text of a file of a tree, if it is one there.
    pub(super) fn text_in(&self, tree: &TreeId, path: &str) -> anyhow::Result<Option<String>> {
        let content = self.ground.own.read_blob(tree, path)?;
        Ok(content.and_then(|content| String::from_utf8(content).ok()))
    }

    /// The paths that differ between two trees.
    pub(super) fn changed_paths(&self, a: &TreeId, b: &TreeId) -> anyhow::Result<Vec<String>> {
        Ok(self.ground.own.changed_paths(a, b)?)
    }

    /// Whether a tree is another one than a commit's.
    pub(in crate::engine) fn differs(
        &self,
        tree: &TreeId,
        commit: &CommitId,
    ) -> anyhow::Result<bool> {
        Ok(self.ground.own.tree_of(commit)? != *tree)
    }

    /// Makes a commit of the run, by the person, at the time of the run's beginning.
    pub(in crate::engine) fn commit(
        &self,
        run: &Run,
        tree: &TreeId,
        parent: &CommitId,
        message: &str,
    ) -> anyhow::Result<CommitId> {
        let identity = self.ground.repository.identity().unwrap_or_default();
        let parents = std::slice::from_ref(parent);
        let own = &self.ground.own;
        Ok(own.commit(tree, parents, message, &identity, run.created_at)?)
    }

    /// Keeps the commit that is handed over by a ref, and makes its branch in the user's repository.
    pub(in crate::engine) fn publish(&self, run: &Run, commit: &CommitId) -> anyhow::Result<()> {
        let own = &self.ground.own;
        let name = format!("refs/rgpt/run/{}", run.id);
        let before = own.read_ref(&name)?;
        own.update_ref(&name, commit, before.as_ref())?;
        crate::failpoint::hit("release.kept");
        let created = &run.created;
        let user = &self.ground.repository;
        publish::publish(own, user, commit, &created.base_commit, &created.branch)?;
        crate::failpoint::hit("release.published");
        Ok(())
    }
}
