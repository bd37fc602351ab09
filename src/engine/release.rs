//! Making commits and the one new branch.

use anyhow::Context as _;

use crate::config::ReleaseCommits;
use crate::domain::brief::Brief;
use crate::domain::id::{CommitId, TreeId};
use crate::domain::tape::Answer;

use super::drive::Drive;
use super::halt::Halting;

impl Drive<'_> {
    /// The internal commit of a step; none if it changed nothing.
    pub(super) async fn commit_step(
        &mut self,
        brief: &Brief,
        tree: &TreeId,
    ) -> Halting<Option<CommitId>> {
        if !self.site.differs(tree, &self.log.run().head)? {
            return Ok(None);
        }
        self.log.commit().await?;
        let step = brief
            .task
            .step
            .as_ref()
            .context("only a step has a commit of its own")?;
        let message = format!("{}\n\n{}\n", step.name.trim(), step.description.trim());
        let run = self.log.run();
        let commit = self
            .site
            .worktrees()?
            .commit(run, tree, &run.head, &message)?;
        crate::failpoint::hit("step.committed");
        Ok(Some(commit))
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
        let worktrees = self.site.worktrees()?;
        let base = &run.created.base_commit;
        let commit = match self.engine.config.release.commits {
            ReleaseCommits::One => worktrees.commit(run, &run.tree, base, message)?,
            ReleaseCommits::PerStep if !worktrees.differs(&run.tree, &run.head)? => {
                run.head.clone()
            }
            ReleaseCommits::PerStep => worktrees.commit(run, &run.tree, &run.head, message)?,
        };
        crate::failpoint::hit("release.committed");
        worktrees.publish(run, &commit)?;
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
}
