//! The checks of a merged tree: a tree that no run has seen is not handed over unseen.

use crate::domain::application::CheckVerdict;
use crate::domain::check::{CheckResult, CheckScope, CheckStatus};
use crate::domain::id::{CommitId, TreeId};
use crate::engine::drive::Drive;
use crate::engine::halt::Halting;
use crate::engine::site::Place;
use crate::verify;

use super::mover::Mover;
use super::{Result, Taking, TakingError};

impl Mover<'_> {
    /// Runs every configured check on `tree`, in a clean checkout. A test that fails at `tip`, the
    /// user's own commit, too, is excused as far as the run itself would be.
    pub(super) async fn check(
        &mut self,
        tree: &TreeId,
        tip: &CommitId,
        taking: &Taking,
    ) -> Result<Vec<CheckVerdict>> {
        let run = self.run().id;
        if self.drive.engine.config.checks.is_empty() {
            return match taking.unverified {
                true => Ok(Vec::new()),
                false => Err(TakingError::NoChecks { run }),
            };
        }
        let tip = self.ground.own.tree_of(tip)?;
        let checked = self.drive.check_merged(tree, &tip).await;
        // The outputs are worth keeping whatever came of it.
        self.drive.log.commit().await?;
        self.drive.site.hand_on();
        let results = checked?;
        let assessment = verify::assess(&results, &self.drive.engine.config.findings);
        if !assessment.acceptable {
            return Err(TakingError::Checks {
                reasons: assessment.reasons,
            });
        }
        Ok(results.iter().map(CheckVerdict::of).collect())
    }
}

impl Drive<'_> {
    async fn check_merged(&mut self, tree: &TreeId, tip: &TreeId) -> Halting<Vec<CheckResult>> {
        self.fresh_and_set_up(Place::Check, tree).await?;
        let mut at_tip = false;
        let mut results = Vec::new();
        for (name, check) in &self.engine.config.checks.clone() {
            let label = format!("apply-{name}");
            let mut result = self
                .run_check(&label, name, check, CheckScope::Final, tree)
                .await?;
            let excusable = result.status == CheckStatus::Failed && !result.tests.is_empty();
            if excusable && !self.log.run().created.options.require_green {
                if !at_tip {
                    self.fresh_and_set_up(Place::Base, tip).await?;
                    at_tip = true;
                }
                let label = format!("apply-{name}-before");
                let before = self
                    .run_check(&label, name, check, CheckScope::Base, tip)
                    .await?;
                result = verify::excuse(result, &before, check, &self.named());
            }
            results.push(result);
        }
        Ok(results)
    }

    async fn fresh_and_set_up(&mut self, place: Place, tree: &TreeId) -> Halting<()> {
        self.site.worktrees_mut()?.fresh(place, tree)?;
        match self.set_up(place).await? {
            None => Ok(()),
            Some(failure) => Err(anyhow::anyhow!("the set-up failed: {}", failure.message).into()),
        }
    }
}
