//! Checks on several trees side by side, each in a clean checkout of its own. What they say decides
//! among patches and stands nowhere else; the tester looks at the chosen tree again.

use std::time::Instant;

use crate::config::CheckConfig;
use crate::domain::check::{CheckResult, CheckScope, CheckStatus};
use crate::domain::finding::Category;
use crate::domain::id::TreeId;
use crate::verify::{self, RunFacts};
use crate::workspace::written::Watch;

use super::drive::Drive;
use super::halt::Halting;
use super::interrupt::Interrupt;
use super::site::{Place, Worktrees};

/// What is the same for every lane.
struct Course<'a> {
    worktrees: &'a Worktrees<'a>,
    /// The checks in their order, with whatever repairs have set for them.
    checks: &'a [(String, CheckConfig)],
    setup: &'a [CheckConfig],
    /// What the checks said of the base tree, where they ran there.
    base: &'a [CheckResult],
    /// The texts that say what the run is for.
    named: &'a [&'a str],
    wanted: &'a Interrupt,
    /// When the time of the run is over.
    until: Option<Instant>,
}

impl Drive<'_> {
    /// Runs all checks on these trees at once, each in a lane of its own. Results count only if the
    /// run is not to stop: a command that was cut short says nothing.
    pub(super) fn run_lanes(&mut self, trees: &[TreeId]) -> Halting<Vec<Vec<CheckResult>>> {
        let pairs: Vec<(Place, &TreeId)> = Place::LANES.into_iter().zip(trees).collect();
        for (place, tree) in &pairs {
            self.site.worktrees_mut()?.fresh(*place, tree)?;
        }
        let configured = self.engine.config.checks.iter();
        let checks: Vec<(String, CheckConfig)> = configured
            .map(|(name, check)| (name.clone(), self.equipped(check)))
            .collect();
        let setup = self.site.setup().iter().map(super::commands::as_check);
        let setup: Vec<CheckConfig> = setup.map(|check| self.equipped(&check)).collect();
        let run = self.log.run();
        let base = checks.iter().filter_map(|(name, _)| run.baseline(name));
        let base: Vec<CheckResult> = match run.created.options.require_green {
            true => Vec::new(),
            false => base.cloned().collect(),
        };
        let named = self.named();
        let course = Course {
            worktrees: self.site.worktrees()?,
            checks: &checks,
            setup: &setup,
            base: &base,
            named: &named,
            wanted: &self.wanted,
            until: self.time_left().map(|left| Instant::now() + left),
        };
        let ended = tokio::task::block_in_place(|| {
            std::thread::scope(|scope| {
                let course = &course;
                let lanes = pairs
                    .iter()
                    .map(|(place, tree)| scope.spawn(move || course.run(*place, tree)));
                let lanes: Vec<_> = lanes.collect();
                let ended = lanes.into_iter().map(|lane| lane.join());
                ended.collect::<Vec<_>>()
            })
        });
        self.safe_point()?;
        let mut results = Vec::new();
        for lane in ended {
            let lane =
                lane.map_err(|_| anyhow::anyhow!("a lane of checks broke; this is a bug"))?;
            results.push(lane?);
        }
        Ok(results)
    }
}

impl Course<'_> {
    /// Sets a place up and runs the checks there until a build is broken, as the tester does.
    fn run(&self, place: Place, tree: &TreeId) -> anyhow::Result<Vec<CheckResult>> {
        let mut results = Vec::new();
        for (number, setup) in (1..).zip(self.setup) {
            let label = format!("setup-{}-{number}", place.name());
            let result = self.check(place, tree, (&label, "setup"), setup)?;
            if !result.status.acceptable() {
                return Ok(vec![result]);
            }
        }
        for (name, check) in self.checks {
            let label = format!("{}-{name}", place.name());
            let mut result = self.check(place, tree, (&label, name), check)?;
            let base = self.base.iter().find(|base| base.name == *name);
            if let Some(base) = base.filter(|_| result.status == CheckStatus::Failed) {
                result = verify::excuse(result, base, check, self.named);
            }
            let broken = check.kind == Category::Build && !result.status.acceptable();
            results.push(result);
            if broken {
                break;
            }
        }
        Ok(results)
    }

    fn check(
        &self,
        place: Place,
        tree: &TreeId,
        (label, name): (&str, &str),
        check: &CheckConfig,
    ) -> anyhow::Result<CheckResult> {
        let worktrees = self.worktrees;
        let (reports, _) = worktrees.watch(place, check, &[verify::whole(check)])?;
        let mut spec = worktrees.trusted(place, check, label);
        if let Some(until) = self.until {
            let left = until.saturating_duration_since(Instant::now());
            anyhow::ensure!(!left.is_zero(), "the time of the run is over");
            spec.timeout = spec.timeout.min(left);
        }
        let output = worktrees.run(&spec, self.wanted.flag())?;
        let folder = worktrees.folder(place, &check.cwd).display().to_string();
        let mut facts = RunFacts::of(&output, folder)?;
        facts.written = reports
            .into_iter()
            .next()
            .map(Watch::end)
            .unwrap_or_default();
        let result = verify::judge(name, check, CheckScope::Final, tree.clone(), facts);
        if worktrees.tracked_changes(place)?.is_some() {
            worktrees.rewrite(place, tree)?;
        }
        Ok(result)
    }
}
