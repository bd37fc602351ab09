//! Making commits and the one new branch.

use anyhow::Context as _;

use crate::config::ReleaseCommits;
use crate::domain::brief::Brief;
use crate::domain::id::{CommitId, TreeId};
use crate::domain::tape::Answer;
use crate::workspace::publish;

use super::drive::Drive;
use super::halt::Halting;

impl Drive<'_> {
    /// The internal commit of a step; none if it changed nothing.
    pub(super) fn commit_step(&self, brief: &Brief, tree: &TreeId) -> Halting<Option<CommitId>> {
        let run = self.log.run();
        let before = self.engine.own.tree_of(&run.head)?;
        if before == *tree {
            return Ok(None);
        }
        let step = brief
            .task
            .step
            .as_ref()
            .context("only a step has a commit of its own")?;
        let message = format!("{}\n\n{}\n", step.name.trim(), step.description.trim());
        Ok(Some(self.commit(tree, &run.head, &message)?))
    }

    /// The commit that is handed over, and its branch in the user's repository.
    pub(super) async fn release(&mut self, message: &str) -> Halting<Answer> {
        if !self.is_verified() && !self.log.run().created.options.unverified {
            return Err(anyhow::anyhow!(
                "not every configured check was seen to pass on this tree, so nothing is handed over"
            )
            .into());
        }
        self.log.commit().await?;
        let message = &self.candid(message);
        let run = self.log.run();
        let commit = match self.engine.config.release.commits {
            ReleaseCommits::One => self.commit(&run.tree, &run.created.base_commit, message)?,
            ReleaseCommits::PerStep if self.engine.own.tree_of(&run.head)? == run.tree => {
                run.head.clone()
            }
            ReleaseCommits::PerStep => self.commit(&run.tree, &run.head, message)?,
        };
        crate::failpoint::hit("release.committed");
        let name = format!("refs/rgpt/run/{}", run.id);
        let before = self.engine.own.read_ref(&name)?;
        self.engine
            .own
            .update_ref(&name, &commit, before.as_ref())?;
        crate::failpoint::hit("release.kept");
        publish::publish(
            &self.engine.own,
            &self.engine.repository,
            &commit,
            &run.created.base_commit,
            &run.created.branch,
        )?;
        crate::failpoint::hit("release.published");
        Ok(Answer::Committed {
            commit,
            tree: run.tree.clone(),
            branch: Some(run.created.branch.clone()),
        })
    }

    /// A commit that was not seen to pass the checks says so itself.
    fn candid(&self, message: &str) -> String {
        if self.is_verified() {
            return message.to_owned();
        }
        let message = message.trim_end();
        format!("{message}\n\nUnverified: no check has passed on this tree.\n")
    }

    fn commit(&self, tree: &TreeId, parent: &CommitId, message: &str) -> anyhow::Result<CommitId> {
        let identity = self.engine.repository.identity().unwrap_or_default();
        let at = self.log.run().created_at;
        Ok(self
            .engine
            .own
            .commit(tree, std::slice::from_ref(parent), message, &identity, at)?)
    }
}
