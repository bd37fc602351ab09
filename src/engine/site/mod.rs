//! Where a run works. A run without ground works on no files: whatever it would do to them is left
//! out, which is what tests and measurements of the rest want.

mod commands;
mod evidence;
mod history;
mod templates;
mod worktrees;

use std::collections::BTreeSet;

use anyhow::Context as _;

use crate::config::SetupConfig;
use crate::domain::id::{CommitId, TreeId};
use crate::domain::{Failure, Run};

use super::Engine;

pub(super) use commands::part_label;
pub(super) use worktrees::{Place, Worktrees};

/// The run's worktrees, if it has ground to work on.
pub(super) struct Site<'e>(Option<Worktrees<'e>>);

impl<'e> Site<'e> {
    /// The site of a run; nothing is made yet.
    pub(super) fn of(engine: &'e Engine, run: &Run) -> anyhow::Result<Self> {
        let ground = engine.ground.as_ref();
        let worktrees = ground.map(|ground| Worktrees::of(engine, ground, run));
        Ok(Self(worktrees.transpose()?))
    }

    /// The worktrees, for what cannot be done without.
    pub(super) fn worktrees(&self) -> anyhow::Result<&Worktrees<'e>> {
        self.0.as_ref().context(NO_FILES)
    }

    /// The same, to be changed.
    pub(super) fn worktrees_mut(&mut self) -> anyhow::Result<&mut Worktrees<'e>> {
        self.0.as_mut().context(NO_FILES)
    }

    /// Makes the builder's worktree hold `tree`, whatever a crash left.
    pub(super) fn prepare(&mut self, tree: &TreeId) -> anyhow::Result<()> {
        self.0.as_mut().map_or(Ok(()), |it| it.prepare(tree))
    }

    /// Puts a place back to a tree; if it is beyond that, it is made anew.
    pub(super) fn restore(&mut self, place: Place, tree: &TreeId) -> anyhow::Result<()> {
        self.0.as_mut().map_or(Ok(()), |it| it.restore(place, tree))
    }

    /// Puts the builder's worktree back to a tree, with nothing left of what a repair did there.
    pub(super) fn put_back(&mut self, tree: &TreeId) -> anyhow::Result<()> {
        self.0.as_mut().map_or(Ok(()), |it| it.put_back(tree))
    }

    /// Hands a finished run's build output on, and removes its worktrees. Failing is harmless.
    pub(super) fn hand_on(&mut self) {
        if let Some(worktrees) = &mut self.0 {
            worktrees.hand_on();
        }
    }

    /// The set-up commands of the repository.
    pub(super) fn setup(&self) -> &[SetupConfig] {
        self.0.as_ref().map_or(&[], Worktrees::setup)
    }

    /// The paths of all files of a tree.
    pub(super) fn files(&self, tree: &TreeId) -> anyhow::Result<Vec<String>> {
        self.0.as_ref().map_or(Ok(Vec::new()), |it| it.files(tree))
    }

    /// The text of a file in the builder's worktree, if it is one.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        let content = self.0.as_ref()?.held().read(path).ok()??;
        String::from_utf8(content).ok()
    }

    /// The text of a file of a tree, if it is one there.
    pub(super) fn text_in(&self, tree: &TreeId, path: &str) -> anyhow::Result<Option<String>> {
        let worktrees = self.0.as_ref();
        worktrees.map_or(Ok(None), |it| it.text_in(tree, path))
    }

    /// The names of the variables that every check has.
    pub(super) fn variables_of_checks(&self) -> BTreeSet<String> {
        let worktrees = self.0.as_ref();
        worktrees.map_or_else(BTreeSet::new, Worktrees::variables_of_checks)
    }

    /// Whether the run stands where it began. Where there are no files, the change counts as made.
    pub(super) fn is_unchanged(&self, run: &Run, tree: &TreeId) -> bool {
        self.0.is_some() && *tree == run.created.base_tree
    }

    /// The change between two trees, capped.
    pub(super) fn diff(&self, a: &TreeId, b: &TreeId) -> anyhow::Result<String> {
        let worktrees = self.0.as_ref();
        worktrees.map_or(Ok(String::new()), |it| it.diff(a, b))
    }

    /// The paths that differ between two trees.
    pub(super) fn changed_paths(&self, a: &TreeId, b: &TreeId) -> anyhow::Result<Vec<String>> {
        let worktrees = self.0.as_ref();
        worktrees.map_or(Ok(Vec::new()), |it| it.changed_paths(a, b))
    }

    /// The lines around the places in the repository that a failure names.
    pub(super) fn code_around(&self, failure: &Failure) -> String {
        let worktrees = self.0.as_ref();
        worktrees.map_or_else(String::new, |it| it.code_around(failure))
    }

    /// Whether a tree is another one than a commit's.
    pub(super) fn differs(&self, tree: &TreeId, commit: &CommitId) -> anyhow::Result<bool> {
        let worktrees = self.0.as_ref();
        worktrees.map_or(Ok(false), |it| it.differs(tree, commit))
    }
}

const NO_FILES: &str = "this run works on no files";
