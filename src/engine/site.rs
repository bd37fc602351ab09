//! Where a run works: its worktrees, what is set up in them, and the commands that run there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::config::Sandbox;
use crate::domain::id::TreeId;
use crate::domain::proposal::ChangeSet;
use crate::domain::remedy::HealAction;
use crate::domain::{Digest, Run};
use crate::workspace::confine;
use crate::workspace::edit::Held;
use crate::workspace::worktree::{self, DiskChange, Purpose, Worktree};

use super::Engine;
use super::execution::tree_on;

/// Which of the run's worktrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// The builder works here.
    Build,
    /// The final checks run here.
    Check,
    /// The checks run here on the base tree.
    Base,
}

impl Place {
    pub(super) const ALL: [Self; 3] = [Self::Build, Self::Check, Self::Base];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Check => "check",
            Self::Base => "base",
        }
    }

    fn purpose(self) -> Purpose {
        match self {
            Self::Build => Purpose::Build,
            Self::Check => Purpose::Check,
            Self::Base => Purpose::Base,
        }
    }
}

/// The run's places on disk.
pub(super) struct Site {
    pub(super) roots: BTreeMap<Place, PathBuf>,
    /// The project's folder, relative to each root.
    pub(super) directory: PathBuf,
    trees: BTreeMap<Place, Worktree>,
    pub(super) held: Option<Held>,
    /// The run's private folders for temporary files, one for each place.
    tmp: PathBuf,
    /// Where whole outputs of commands are kept.
    pub(super) spool: PathBuf,
    /// Whether commands are confined here.
    pub(super) confined: bool,
    /// Whether a repair makes files from their templates.
    pub(super) templates: bool,
}

impl Site {
    /// The places of a run; nothing is made yet.
    pub(super) fn of(engine: &Engine, run: &Run) -> anyhow::Result<Self> {
        let top = Path::new(&run.created.repository);
        let name = top
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let id = record_id(engine);
        let mut roots = BTreeMap::new();
        for place in Place::ALL {
            let root = worktree::place(&engine.cache_home, &id, run.id, place.purpose(), &name)?;
            roots.insert(place, root);
        }
        let parent = roots[&Place::Build]
            .parent()
            .map(Path::to_owned)
            .unwrap_or_default();
        Ok(Self {
            directory: PathBuf::from(&run.created.directory),
            tmp: parent.with_extension("tmp"),
            spool: engine.state.artifacts.join(format!("run-{}", run.id)),
            roots,
            trees: BTreeMap::new(),
            held: None,
            confined: confine::probe().available() && engine.config.policy.sandbox == Sandbox::Auto,
            templates: run.heals.iter().any(|heal| {
                heal.remedy.action == HealAction::CreateFromTemplate && heal.kept != Some(false)
            }),
        })
    }

    /// Makes the builder's worktree stand where the record stands, whatever a crash left.
    pub(super) fn prepare(&mut self, engine: &Engine, run: &Run) -> anyhow::Result<()> {
        let tree = match run.running_execution() {
            Some(execution) => {
                let tape = engine.store.tape(run.id, execution.id)?;
                tree_on(&tape).unwrap_or_else(|| execution.tree.clone())
            }
            None => run.tree.clone(),
        };
        std::fs::create_dir_all(&self.spool)
            .with_context(|| format!("cannot make {}", self.spool.display()))?;
        self.ready(engine, Place::Build, &tree)?;
        let held = Held::open(&self.roots[&Place::Build])?;
        // Where they are ignored, restoring the tree leaves them.
        held.remove_leftovers()?;
        self.held = Some(held);
        Ok(())
    }

    /// Makes a place hold exactly `tree`.
    pub(super) fn ready(
        &mut self,
        engine: &Engine,
        place: Place,
        tree: &TreeId,
    ) -> anyhow::Result<()> {
        let root = self.roots[&place].clone();
        if let Some(known) = self.trees.get(&place) {
            if known.tree()? == *tree && (place == Place::Build || known.changes()?.is_empty()) {
                return Ok(());
            }
            return self.restore(engine, place, tree);
        }
        for folder in [self.tmp(place), self.home()] {
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        match Worktree::open(&engine.own, &root, &self.index(engine, place)) {
            Ok(known) => {
                self.trees.insert(place, known);
                self.restore(engine, place, tree)
            }
            Err(_) => self.make(engine, place, tree),
        }
    }

    fn make(&mut self, engine: &Engine, place: Place, tree: &TreeId) -> anyhow::Result<()> {
        let root = self.roots[&place].clone();
        // Before it is there: a kill in between must not leave a new worktree with an old mark.
        self.forget_setup_of(place)?;
        let made = Worktree::create(&engine.own, &root, &self.index(engine, place), tree)?;
        if engine.config.workspace.cache {
            worktree::take_over(&self.cache(engine, place), &root)?;
        }
        self.trees.insert(place, made);
        if self.templates {
            self.create_from_templates(engine, place, tree)?;
        }
        Ok(())
    }

    /// Makes a place anew: nothing is there but the tree and the build output that compilers keep
    /// apart. What an earlier check left, ignored files included, has no say in a verdict.
    pub(super) fn fresh(
        &mut self,
        engine: &Engine,
        place: Place,
        tree: &TreeId,
    ) -> anyhow::Result<()> {
        let root = &self.roots[&place];
        if engine.config.workspace.cache && root.is_dir() {
            worktree::hand_on(root, &self.cache(engine, place))?;
        }
        self.clear(place)?;
        self.ready(engine, place, tree)?;
        // Tests may keep files here from one run to the next.
        worktree::remove(&self.folder(place, "target/tmp"))?;
        Ok(())
    }

    /// Removes everything of a place.
    fn clear(&mut self, place: Place) -> anyhow::Result<()> {
        self.trees.remove(&place);
        let root = &self.roots[&place];
        for left in [root.parent().unwrap_or(root), &self.tmp(place)] {
            if worktree::remove(left).is_err() {
                // Paths that are too long for that are not for this.
                std::fs::remove_dir_all(left)
                    .with_context(|| format!("cannot remove {}", left.display()))?;
            }
        }
        Ok(())
    }

    /// The worktree's index in rgpt's own git directory.
    fn index(&self, engine: &Engine, place: Place) -> PathBuf {
        let above = self.roots[&place].parent().and_then(Path::file_name);
        let above = above.unwrap_or_default().to_string_lossy();
        let folder = engine.own.dir().join("rgpt");
        folder.join(format!("{above}-{}", place.name()))
    }

    fn cache(&self, engine: &Engine, place: Place) -> PathBuf {
        engine
            .cache_home
            .join("rgpt")
            .join(record_id(engine))
            .join("build-output")
            .join(place.name())
    }

    /// Hands a finished run's build output on, and removes its worktrees. Failing is harmless.
    pub(super) fn hand_on(&mut self, engine: &Engine) {
        self.held = None;
        for (place, root) in &self.roots {
            if engine.config.workspace.cache
                && let Err(error) = worktree::hand_on(root, &self.cache(engine, *place))
            {
                tracing::warn!(%error, "build output was not handed on");
            }
            let above = root.parent().unwrap_or(root);
            for left in [above, &self.index(engine, *place)] {
                if let Err(error) = worktree::remove(left) {
                    tracing::warn!(%error, "a worktree was not removed");
                }
                crate::failpoint::hit("worktree.removed");
            }
        }
        if let Err(error) = worktree::remove(&self.tmp) {
            tracing::warn!(%error, "the run's temporary folder was not removed");
        }
    }

    /// The builder's worktree, for edits beneath it.
    #[expect(
        clippy::expect_used,
        reason = "a drive prepares its site before any action"
    )]
    pub(super) fn held(&self) -> &Held {
        self.held.as_ref().expect("the site is prepared")
    }

    #[expect(
        clippy::expect_used,
        reason = "a drive prepares its site before any action"
    )]
    fn build(&self) -> &Worktree {
        self.trees.get(&Place::Build).expect("the site is prepared")
    }

    /// Puts a place back to a tree; if it is beyond that, it is made anew.
    pub(super) fn restore(
        &mut self,
        engine: &Engine,
        place: Place,
        tree: &TreeId,
    ) -> anyhow::Result<()> {
        let Some(worktree) = self.trees.get(&place) else {
            return self.ready(engine, place, tree);
        };
        if let Err(error) = worktree.restore(tree) {
            tracing::warn!(%error, "a worktree is made anew");
            self.clear(place)?;
            self.ready(engine, place, tree)?;
            if place == Place::Build {
                self.held = Some(Held::open(&self.roots[&place])?);
            }
        }
        Ok(())
    }

    /// Takes these paths, as they are on disk, into the tree.
    pub(super) fn snapshot(&self, paths: &[String]) -> anyhow::Result<TreeId> {
        Ok(self.build().snapshot(paths)?)
    }

    /// What differs on disk from the tree.
    pub(super) fn changes(&self) -> anyhow::Result<Vec<DiskChange>> {
        Ok(self.build().changes()?)
    }

    /// One such difference as a proposal.
    pub(super) fn change_set(&self, change: &DiskChange) -> anyhow::Result<ChangeSet> {
        Ok(ChangeSet {
            changes: vec![self.build().read_change(&change.path)?],
        })
    }

    /// Tracked files that a check has changed, if any.
    pub(super) fn tracked_changes(&self, place: Place) -> anyhow::Result<Option<Vec<String>>> {
        let Some(worktree) = self.trees.get(&place) else {
            return Ok(None);
        };
        let paths: Vec<String> = worktree
            .changes()?
            .into_iter()
            .filter(|change| change.kind != worktree::ChangeKind::Untracked)
            .map(|change| change.path)
            .collect();
        Ok((!paths.is_empty()).then_some(paths))
    }

    /// The paths that differ between two trees.
    pub(super) fn changed_paths(
        &self,
        engine: &Engine,
        a: &TreeId,
        b: &TreeId,
    ) -> anyhow::Result<Vec<String>> {
        Ok(engine.own.changed_paths(a, b)?)
    }

    /// Whether there is no file at a path in one of the run's worktrees.
    pub(super) fn lacks(&self, path: &str) -> bool {
        self.made_roots()
            .any(|root| root.join(path).symlink_metadata().is_err())
    }

    /// Creates the files that committed templates stand for, where the builder's worktree has
    /// them, as ignored files of a place.
    fn create_from_templates(
        &self,
        engine: &Engine,
        place: Place,
        tree: &TreeId,
    ) -> anyhow::Result<()> {
        for file in engine.own.list_files(tree)? {
            let wanted = super::healing::template_of(&file);
            if wanted.is_some_and(|target| self.exists_in_build(target)) {
                self.create_from_template(place, &file)?;
            }
        }
        Ok(())
    }

    fn exists_in_build(&self, path: &str) -> bool {
        self.roots[&Place::Build]
            .join(path)
            .symlink_metadata()
            .is_ok()
    }

    /// Creates the file that a committed template stands for, as an ignored file of a place.
    pub(super) fn create_from_template(&self, place: Place, template: &str) -> anyhow::Result<()> {
        let root = &self.roots[&place];
        let Some(target) = super::healing::template_of(template).filter(|_| root.is_dir()) else {
            return Ok(());
        };
        let (from, to) = (root.join(template), root.join(target));
        if from.is_file() && to.symlink_metadata().is_err() {
            // Made aside and renamed, so that a kill leaves no half of it.
            let aside = root.with_file_name(".rgpt-template");
            std::fs::copy(&from, &aside)
                .and_then(|_| std::fs::rename(&aside, &to))
                .with_context(|| format!("cannot make {}", to.display()))?;
            crate::failpoint::hit("template.copied");
        }
        Ok(())
    }

    /// The roots of the worktrees that have been made, by this drive or an earlier one.
    fn made_roots(&self) -> impl Iterator<Item = &PathBuf> {
        self.roots.values().filter(|root| root.is_dir())
    }

    /// The private folder for temporary files of the commands in a place.
    pub(super) fn tmp(&self, place: Place) -> PathBuf {
        self.tmp.join(place.name())
    }

    /// The private home of a model's commands.
    pub(super) fn home(&self) -> PathBuf {
        self.tmp(Place::Build).join("home")
    }
}

/// A name for the repository and the record together: two records of one repository each have
/// their own run 1.
fn record_id(engine: &Engine) -> String {
    let names = format!("{}\0{}", engine.repository.id, engine.state.root.display());
    Digest::of(names.as_bytes()).0[..16].to_owned()
}
