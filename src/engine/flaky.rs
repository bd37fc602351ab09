//! Flaky or real, and whether what passed passes again.

use crate::config::CheckConfig;
use crate::domain::check::{CheckResult, CheckScope, CheckStatus, FlakyTest, output_label};
use crate::domain::finding::Category;
use crate::domain::id::TreeId;
use crate::store::{Quarantined, Write};
use crate::verify::{self, Suspect};

use super::drive::Drive;
use super::execution::Work;
use super::halt::Halting;
use super::site::Place;

/// The most time that running failing tests again may take in all, in milliseconds, as far as the first run tells.
const MOST_MS: u64 = 10 * 60 * 1000;

impl Drive<'_> {
    /// Excuses failing tests that are shown to be flaky: they are run again, first on the tree that is judged, then,
    /// where they pass now and then, on the base tree. Without evidence a failure is real.
    pub(super) async fn split_flaky(
        &mut self,
        work: &Work,
        name: &str,
        check: &CheckConfig,
        result: CheckResult,
    ) -> Halting<CheckResult> {
        let run = self.log.run();
        if run.created.options.require_green || result.status != CheckStatus::Failed {
            return Ok(result);
        }
        let base = run.baseline(name).cloned();
        let known = self.known_flaky(name)?;
        let mut suspects = verify::suspects(&result, base.as_ref(), &known, &self.named());
        self.run_again(work, name, check, &result, &mut suspects)
            .await?;
        let passing: Vec<&str> = suspects
            .iter()
            .filter(|suspect| suspect.has_passed())
            .map(|suspect| suspect.seen.name.as_str())
            .collect();
        if !passing.is_empty() && base.is_some() {
            let only = verify::only(check, &passing).unwrap_or_else(|| check.clone());
            suspects.retain(Suspect::has_passed);
            self.run_base_again(work, name, &only, &result, &mut suspects)
                .await?;
        }
        let flaky: Vec<FlakyTest> = suspects
            .into_iter()
            .filter(Suspect::is_flaky)
            .map(|suspect| suspect.seen)
            .collect();
        self.quarantine(name, &flaky)?;
        Ok(verify::excuse_flaky(result, flaky, check))
    }

    async fn run_again(
        &mut self,
        work: &Work,
        name: &str,
        check: &CheckConfig,
        result: &CheckResult,
        suspects: &mut [Suspect],
    ) -> Halting<()> {
        let tree = result.tree.clone();
        for _ in 0..affordable(result, verify::RERUNS) {
            let open: Vec<&str> = suspects
                .iter()
                .filter(|suspect| suspect.is_open())
                .map(|suspect| suspect.seen.name.as_str())
                .collect();
            if open.is_empty() {
                break;
            }
            let only = verify::only(check, &open).unwrap_or_else(|| check.clone());
            let again = self
                .once_more(work, (name, &only), CheckScope::Final, &tree)
                .await?;
            suspects
                .iter_mut()
                .filter(|suspect| suspect.is_open())
                .for_each(|suspect| suspect.see(&again));
        }
        Ok(())
    }

    async fn run_base_again(
        &mut self,
        work: &Work,
        name: &str,
        only: &CheckConfig,
        result: &CheckResult,
        suspects: &mut [Suspect],
    ) -> Halting<()> {
        let tree = self.log.run().created.base_tree.clone();
        if self.set_up(Place::Base).await?.is_some() {
            return Ok(());
        }
        for _ in 0..affordable(result, verify::BASE_RERUNS) {
            let again = self
                .once_more(work, (name, only), CheckScope::Base, &tree)
                .await?;
            suspects
                .iter_mut()
                .for_each(|suspect| suspect.see_base(&again));
        }
        Ok(())
    }

    /// Runs a check whose outputs are on the record already.
    async fn once_more(
        &mut self,
        work: &Work,
        (name, check): (&str, &CheckConfig),
        scope: CheckScope,
        tree: &TreeId,
    ) -> Halting<CheckResult> {
        let label = format!("{}-again", output_label(work.state.id, name, scope));
        self.run_check(&label, name, check, scope, tree).await
    }

    /// The tests of a check that have a record of failing now and then.
    fn known_flaky(&self, check: &str) -> anyhow::Result<Vec<String>> {
        let now = self.engine.clock.now();
        let known = self.engine.store.quarantined(now)?;
        Ok(known
            .into_iter()
            .filter(|entry| entry.check == check)
            .map(|entry| entry.seen.name)
            .collect())
    }

    /// Remembers tests that were shown to be flaky on the base tree, until their quarantine runs out.
    fn quarantine(&mut self, check: &str, flaky: &[FlakyTest]) -> anyhow::Result<()> {
        if self.log.recording.is_some() {
            return Ok(());
        }
        let since = self.engine.clock.now();
        let until = since + self.engine.config.healing.quarantine;
        let run = self.log.run().id;
        for seen in flaky.iter().filter(|seen| seen.base_failures > 0) {
            self.log.write(Write::Quarantine(Quarantined {
                check: check.to_owned(),
                seen: seen.clone(),
                run,
                since,
                until,
            }));
        }
        Ok(())
    }

    /// Everything has passed: each test check must pass so many times again on the same tree. The first that does
    /// not takes the place of what passed.
    pub(super) async fn hold_again(
        &mut self,
        work: &Work,
        results: &mut [CheckResult],
    ) -> Halting<()> {
        let wanted = self.engine.config.stability.reruns;
        let checks = self.engine.config.checks.clone();
        for ((name, check), result) in checks.iter().zip(results) {
            let passes = result.kind == Category::Test && result.status.acceptable();
            if !passes || result.reruns >= wanted {
                continue;
            }
            let tree = result.tree.clone();
            *result = self
                .pass_again(work, (name, check), result, &tree, wanted)
                .await?;
            self.require_repeatable_check(result)?;
            self.record_check(work.state.id, result)?;
            self.log.commit().await?;
            if !result.status.acceptable() {
                break;
            }
        }
        Ok(())
    }

    /// The result after so many more runs, or the first of these that fails.
    async fn pass_again(
        &mut self,
        work: &Work,
        (name, check): (&str, &CheckConfig),
        result: &CheckResult,
        tree: &TreeId,
        wanted: u32,
    ) -> Halting<CheckResult> {
        let mut held = result.clone();
        while held.reruns < wanted {
            // What the run before has left must not speak for or against the next one. A place with a set-up would
            // have to be set up each time.
            if self.site.setup().is_empty() {
                self.site.worktrees_mut()?.fresh(Place::Check, tree)?;
            }
            let mut again = self
                .once_more(work, (name, check), CheckScope::Final, tree)
                .await?;
            if again.status == CheckStatus::Failed {
                again = self.excuse(work, name, check, again).await?;
                again = self.split_flaky(work, name, check, again).await?;
            }
            if !again.status.acceptable() {
                let note = format!(
                    "it passed {} before on the same tree",
                    times(held.reruns + 1)
                );
                again.note = Some(match again.note.take() {
                    Some(before) => format!("{note}; {before}"),
                    None => note,
                });
                return Ok(again);
            }
            held.reruns += 1;
        }
        Ok(held)
    }
}

/// How many further runs the time of the first allows, at most `most`.
fn affordable(result: &CheckResult, most: u32) -> u32 {
    let runs = MOST_MS / result.duration_ms.max(1);
    most.min(u32::try_from(runs).unwrap_or(most))
}

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{more} times"),
    }
}
