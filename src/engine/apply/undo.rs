//! Taking the result out of a branch again.

use crate::domain::application::{ApplicationStatus, BranchMove, Way};
use crate::domain::id::{CommitId, RunId};
use crate::engine::Engine;
use crate::workspace::apply::{ApplyError, History, Relation, Target};
use crate::workspace::own::Merged;

use super::mover::Mover;
use super::{Result, Taken, Taking, TakingError};

impl Engine {
    /// Takes the result of a run out of the branch that it was brought into: back to where it was,
    /// if nothing has come on top since, else by a new commit. If it is no longer there, that is
    /// what was wanted.
    ///
    /// # Errors
    /// A [`TakingError`] for everything that is in the way; branch, index and files are then as
    /// they were.
    pub async fn undo(&self, id: RunId, taking: &Taking) -> Result<Taken> {
        let mut mover = Mover::of(self, id)?;
        mover.refuse_open(ApplicationStatus::Applying)?;
        if let Some(taken) = mover.finish_open(taking).await? {
            return Ok(taken);
        }
        let last = mover.run().applications.last();
        if let Some(last) = last.filter(|last| last.status() == ApplicationStatus::Undone) {
            return Ok(Taken::already(&last.apply.branch, false));
        }
        let standing = mover.run().standing_application();
        let Some(apply) = standing.map(|standing| standing.apply.clone()) else {
            return Err(TakingError::NotApplied { run: id });
        };
        let repository = &mover.ground.repository;
        let target = match Target::find(repository, Some(&apply.branch)) {
            Err(ApplyError::NoBranch { .. }) => {
                return nothing_left(mover, &apply, &apply.to, taking).await;
            }
            found => found?,
        };
        let history = History::of(repository, &mover.ground.own);
        if target.tip == apply.to {
            let planned = mover.plan(&target, Way::Back, &apply.from, Some(&apply))?;
            return mover.finish(planned, &[apply.from], taking, false).await;
        }
        match history.relation(&target.tip, &apply.to)? {
            Relation::Contained => {}
            // The branch was put back by hand.
            _ => return nothing_left(mover, &apply, &target.tip, taking).await,
        }
        match self.revert(&mover, &apply, &target)? {
            None => nothing_left(mover, &apply, &target.tip, taking).await,
            Some(to) => {
                let planned = mover.plan(&target, Way::Revert, &to, None)?;
                mover.finish(planned, &[target.tip], taking, false).await
            }
        }
    }

    /// The commit on top of the branch that takes the result out; none if that changes nothing.
    fn revert(
        &self,
        mover: &Mover<'_>,
        apply: &BranchMove,
        target: &Target,
    ) -> Result<Option<CommitId>> {
        let (run, ground) = (mover.run(), mover.ground);
        // A fast-forward may have led over other commits, too; those stay.
        let before = match apply.way {
            Way::FastForward => &run.created.base_commit,
            _ => &apply.from,
        };
        for commit in [&apply.to, before, &target.tip] {
            ground.bring(commit)?;
        }
        let tree = |commit| ground.own.tree_of(commit);
        let ours = tree(&target.tip)?;
        let reverted = match ground.own.merge(&tree(&apply.to)?, &ours, &tree(before)?)? {
            Merged::Clean(reverted) => reverted,
            Merged::Conflicts(paths) => {
                let mainline = if apply.way == Way::Merge { "-m 1 " } else { "" };
                return Err(TakingError::Conflicts {
                    branch: target.branch.clone(),
                    by_hand: format!("git revert {mainline}{}", apply.to.short()),
                    paths,
                });
            }
        };
        if reverted == ours {
            return Ok(None);
        }
        let message = format!(
            "Revert \"{}\"\n\nThis takes back what run {} brought here with {}.\n",
            run.created.title, run.id, apply.to
        );
        let parents = [target.tip.clone()];
        self.new_commit(ground, &reverted, &parents, &message)
            .map(Some)
    }
}

/// The branch, at `tip`, has nothing of the result any more: that is what was wanted.
async fn nothing_left(
    mut mover: Mover<'_>,
    apply: &BranchMove,
    tip: &CommitId,
    taking: &Taking,
) -> Result<Taken> {
    if !taking.dry_run {
        let step = BranchMove {
            branch: apply.branch.clone(),
            way: Way::Back,
            from: tip.clone(),
            to: tip.clone(),
            checked_out: false,
            files: Vec::new(),
            makes: Vec::new(),
            drops: Vec::new(),
            checks: Vec::new(),
        };
        mover.record_nothing_left(&step).await?;
    }
    Ok(Taken::already(&apply.branch, false))
}
