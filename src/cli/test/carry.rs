//! Carrying out one check: its parts side by side, its verdict, what it leaves.

use std::path::Path;

use crate::cli::Global;
use crate::cli::failure::Failure;
use crate::cli::ui::Ui;
use crate::config::CheckConfig;
use crate::domain::check::CheckScope;
use crate::domain::id::TreeId;
use crate::engine::Interrupt;
use crate::verify::{self, Judged, Part, RunFacts};
use crate::workspace::artifacts::Gathering;
use crate::workspace::command::CommandOutput;
use crate::workspace::container::Containers;
use crate::workspace::runner::{Bench, Job, RunError};
use crate::workspace::written::Watch;

use super::keep::Keeper;
use super::live::Live;
use super::project::Project;
use super::scratch::Scratch;

/// Carries out checks one after another.
pub(super) struct Carrier<'a> {
    project: &'a Project,
    ui: &'a Ui,
    interrupt: &'a Interrupt,
    keeper: Keeper,
    // Removed before the folder in which they keep what is said to them.
    containers: Containers,
    scratch: Scratch,
}

impl<'a> Carrier<'a> {
    pub(super) fn new(
        project: &'a Project,
        global: &Global,
        ui: &'a Ui,
        interrupt: &'a Interrupt,
    ) -> Result<Self, Failure> {
        let scratch = Scratch::make(&project.environment)?;
        Ok(Self {
            containers: Containers::new(project.environment.variables(), scratch.own()),
            keeper: Keeper::new(project, global)?,
            project,
            ui,
            interrupt,
            scratch,
        })
    }

    /// The names of what was kept.
    pub(super) fn finish(self) -> Vec<String> {
        self.keeper.tell(self.ui);
        self.keeper.names
    }

    /// Runs a check where the project is, and judges it. Only the repository, caches and a private temporary folder
    /// can be written. A check that cannot be cut into the configured number of shards runs as a whole, unless the
    /// person `insists`.
    pub(super) fn carry_out(
        &mut self,
        name: &str,
        check: &CheckConfig,
        insists: bool,
    ) -> Result<Judged, Failure> {
        let project = self.project;
        let folder = project.folder(check);
        if !self.ui.is_json() {
            let place = folder.display();
            self.ui
                .note(&format!("{name} in {place}: {}", check.command));
        }
        let parts = self.parts(name, check, &folder, insists)?;
        let directory = project.directory.join(&check.cwd);
        let watches = parts
            .iter()
            .map(|part| Watch::begin(&project.top, &directory, &part.report_files))
            .collect::<Result<Vec<_>, _>>()?;
        let own = self.scratch.own();
        let left = Gathering::begin(&project.top, &directory, &check.artifacts, own)?;
        let outputs = self.run(name, check, &folder, &parts)?;
        if self.interrupt.is_raised() || outputs.iter().any(|output| output.cancelled) {
            return Err(interrupted(name));
        }
        let mut runs = Vec::new();
        for ((part, output), watch) in parts.into_iter().zip(&outputs).zip(watches) {
            let mut facts = RunFacts::of(output, folder.display().to_string())?;
            facts.written = watch.end();
            runs.push((part, facts));
        }
        let mut named: Vec<String> = Vec::new();
        for (_, facts) in &runs {
            named.extend(verify::named_files(facts));
        }
        self.keeper.keep(name, left, &named, self.ui);
        let (scope, tree) = (CheckScope::Final, TreeId::from(""));
        Ok(verify::judge_parts(name, check, scope, &tree, runs))
    }

    fn parts(
        &self,
        name: &str,
        check: &CheckConfig,
        folder: &Path,
        insists: bool,
    ) -> Result<Vec<Part>, Failure> {
        match verify::parts(check, check.shards, folder) {
            Ok(parts) => Ok(parts),
            Err(why) if insists => Err(Failure::config(format!("check {name}: {why}"), why.hint())),
            Err(why) => {
                self.ui.note(&format!("{name} runs as a whole: {why}"));
                Ok(vec![verify::whole(check)])
            }
        }
    }

    fn run(
        &mut self,
        name: &str,
        check: &CheckConfig,
        folder: &Path,
        parts: &[Part],
    ) -> Result<Vec<CommandOutput>, Failure> {
        let tmp = self.scratch.tmp();
        let bench = Bench {
            supervisor: &self.project.supervisor,
            variables: self.project.environment.variables(),
            root: &self.project.top,
            tmp: &tmp,
            confined: self.project.confined,
        };
        let jobs: Vec<Job> = parts
            .iter()
            .map(|part| {
                let label = format!("{name}-{}", part.shard);
                Job {
                    line: part.line.clone(),
                    env: part.env.clone(),
                    spool: self.scratch.out(&label),
                    own: (!part.is_whole()).then_some(label),
                }
            })
            .collect();
        let (containers, interrupt) = (&mut self.containers, self.interrupt);
        let live = Live::new(name, parts.len(), self.ui);
        let outputs = live.while_running(|ended| {
            let cwd = (folder, check.timeout);
            bench.run(containers, check, cwd, &jobs, (interrupt.flag(), ended))
        });
        outputs.map_err(|error| match error {
            _ if interrupt.is_raised() => interrupted(name),
            error => failed(name, &error),
        })
    }
}

fn interrupted(name: &str) -> Failure {
    Failure::interrupted(
        format!("the check {name} was interrupted"),
        "run it again: rgpt test",
    )
}

fn failed(name: &str, error: &RunError) -> Failure {
    let message = format!("check {name}: {error}");
    match (error.is_configuration(), error.hint()) {
        (true, Some(hint)) => Failure::config(message, hint),
        (_, hint) => Failure::infra(message, hint),
    }
}
