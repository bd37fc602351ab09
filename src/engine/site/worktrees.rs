//! A run's worktrees: made, brought to a tree, read, and handed on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::config::{Config, Environment, Sandbox};
use crate::domain::Run;
use crate::domain::id::TreeId;
use crate::domain::proposal::ChangeSet;
use crate::domain::remedy::HealAction;
use crate::engine::{Engine, Ground};
use crate::workspace::confine;
use crate::workspace::container::Containers;
use crate::workspace::edit::Held;
use crate::workspace::share;
use crate::workspace::worktree::{self, DiskChange, Purpose, Worktree};

/// Which of the run's worktrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::engine) enum Place {
    /// The builder works here.
    Build,
    /// The final checks run here.
    Check,
    /// The checks run here on the base tree.
    Base,
    /// The checks choose among patches here.
    FirstLane,
    /// The same, side by side with the first.
    SecondLane,
}

impl Place {
    pub(super) const ALL: [Self; 5] = [
        Self::Build,
        Self::Check,
        Self::Base,
        Self::FirstLane,
        Self::SecondLane,
    ];

    /// Where checks run side by side.
    pub(in crate::engine) const LANES: [Self; 2] = [Self::FirstLane, Self::SecondLane];

    pub(in crate::engine) fn name(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Check => "check",
            Self::Base => "base",
            Self::FirstLane => "lane-1",
            Self::SecondLane => "lane-2",
        }
    }

    fn purpose(self) -> Purpose {
        match self {
            Self::Build => Purpose::Build,
            Self::Check => Purpose::Check,
            Self::Base => Purpose::Base,
            Self::FirstLane => Purpose::FirstLane,
            Self::SecondLane => Purpose::SecondLane,
        }
    }
}

/// The run's places on disk, and what is needed to work there.
pub(in crate::engine) struct Worktrees<'e> {
    pub(super) ground: &'e Ground,
    pub(super) config: &'e Config,
    pub(super) environment: &'e Environment,
    pub(super) roots: BTreeMap<Place, PathBuf>,
    /// The project's folder, relative to each root.
    pub(super) directory: PathBuf,
    trees: BTreeMap<Place, Worktree>,
    held: Option<Held>,
    /// The run's private folders for temporary files, one for each place.
    tmp: PathBuf,
    /// Where whole outputs of commands are kept.
    pub(super) spool: PathBuf,
    /// Build output of finished runs.
    cache: PathBuf,
    /// Whether commands are confined here.
    pub(in crate::engine) confined: bool,
    /// The containers of checks that want one.
    pub(super) containers: Containers,
    /// Whether a repair makes files from their templates.
    pub(super) templates: bool,
}

impl<'e> Worktrees<'e> {
    /// The places of a run; nothing is made yet.
    pub(in crate::engine) fn of(
        engine: &'e Engine,
        ground: &'e Ground,
        run: &Run,
    ) -> anyhow::Result<Self> {
        let top = Path::new(&run.created.repository);
        let name = top
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let id = record_id(engine, ground);
        let mut roots = BTreeMap::new();
        for place in Place::ALL {
            let root = worktree::place(&ground.cache_home, &id, run.id, place.purpose(), &name)?;
            roots.insert(place, root);
        }
        let parent = roots[&Place::Build]
            .parent()
            .map(Path::to_owned)
            .unwrap_or_default();
        let spool = engine.state.artifacts.join(format!("run-{}", run.id));
        Ok(Self {
            containers: Containers::new(engine.environment.variables(), &spool),
            ground,
            config: &engine.config,
            environment: &engine.environment,
            directory: PathBuf::from(&run.created.directory),
            tmp: parent.with_extension("tmp"),
            spool,
            roots,
            trees: BTreeMap::new(),
            held: None,
            cache: ground.cache_home.join("rgpt").join(id).join("build-output"),
            confined: confine::probe().available() && engine.config.policy.sandbox == Sandbox::Auto,
            templates: run.heals.iter().any(|heal| {
                heal.remedy.action == HealAction::CreateFromTemplate && heal.kept != Some(false)
            }),
        })
    }

    /// Makes the builder's worktree stand where the record stands, whatever a crash left.
    pub(in crate::engine) fn prepare(&mut self, tree: &TreeId) -> anyhow::Result<()> {
        std::fs::create_dir_all(&self.spool)
            .with_context(|| format!("cannot make {}", self.spool.display()))?;
        self.ready(Place::Build, tree)?;
        let held = Held::open(&self.roots[&Place::Build])?;
        // Where they are ignored, restoring the tree leaves them.
        held.remove_leftovers()?;
        self.held = Some(held);
        Ok(())
    }

    /// Makes a place hold exactly `tree`.
    pub(in crate::engine) fn ready(&mut self, place: Place, tree: &TreeId) -> anyhow::Result<()> {
        let root = self.roots[&place].clone();
        if let Some(known) = self.trees.get(&place) {
            if known.tree()? == *tree && (place == Place::Build || known.changes()?.is_empty()) {
                return Ok(());
            }
            return self.restore(place, tree);
        }
        for folder in [self.tmp(place), self.home()] {
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        match Worktree::open(&self.ground.own, &root, &self.index(place)) {
            Ok(known) => {
                self.trees.insert(place, known);
                self.restore(place, tree)
            }
            Err(_) => self.make(place, tree),
        }?;
        let (ground, shared) = (self.ground, &self.config.workspace.share);
        share::bring(
            &ground.repository,
            &self.directory,
            shared,
            &self.trees[&place],
        )?;
        Ok(())
    }

    fn make(&mut self, place: Place, tree: &TreeId) -> anyhow::Result<()> {
        let root = self.roots[&place].clone();
        // Before it is there: a kill in between must not leave a new worktree with an old mark.
        self.forget_setup_of(place)?;
        share::forget(&root)?;
        let made = Worktree::create(&self.ground.own, &root, &self.index(place), tree)?;
        if self.config.workspace.cache {
            worktree::take_over(&self.cache(place), &root)?;
        }
        self.trees.insert(place, made);
        if self.templates {
            self.create_from_templates(place, tree)?;
        }
        Ok(())
    }

    /// Makes a place anew: nothing is there but the tree and the build output that compilers keep
    /// apart. What an earlier check left, ignored files included, has no say in a verdict.
    pub(in crate::engine) fn fresh(&mut self, place: Place, tree: &TreeId) -> anyhow::Result<()> {
        let root = &self.roots[&place];
        if self.config.workspace.cache && root.is_dir() {
            worktree::hand_on(root, &self.cache(place))?;
        }
        self.clear(place)?;
        self.ready(place, tree)?;
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
    fn index(&self, place: Place) -> PathBuf {
        let above = self.roots[&place].parent().and_then(Path::file_name);
        let above = above.unwrap_or_default().to_string_lossy();
        let folder = self.ground.own.dir().join("rgpt");
        folder.join(format!("{above}-{}", place.name()))
    }

    fn cache(&self, place: Place) -> PathBuf {
        self.cache.join(place.name())
    }

    /// Hands a finished run's build output on, and removes its worktrees. Failing is harmless.
    pub(in crate::engine) fn hand_on(&mut self) {
        self.held = None;
        for (place, root) in &self.roots {
            if self.config.workspace.cache
                && let Err(error) = worktree::hand_on(root, &self.cache(*place))
            {
                tracing::warn!(%error, "build output was not handed on");
            }
            let above = root.parent().unwrap_or(root);
            for left in [above, &self.index(*place)] {
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
    pub(in crate::engine) fn held(&self) -> &Held {
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
    pub(in crate::engine) fn restore(&mut self, place: Place, tree: &TreeId) -> anyhow::Result<()> {
        let Some(worktree) = self.trees.get(&place) else {
            return self.ready(place, tree);
        };
        if let Err(error) = worktree.restore(tree) {
            tracing::warn!(%error, "a worktree is made anew");
            self.clear(place)?;
            self.ready(place, tree)?;
            if place == Place::Build {
                self.held = Some(Held::open(&self.roots[&place])?);
            }
        }
        Ok(())
    }

    /// Puts the builder's worktree back to a tree with nothing else in it but the build output that
    /// compilers keep apart: what a repair that is taken back has left, ignored files included, is
    /// gone.
    pub(in crate::engine) fn put_back(&mut self, tree: &TreeId) -> anyhow::Result<()> {
        // They are ignored files, made by a repair that was kept, perhaps.
        if self.templates {
            return self.restore(Place::Build, tree);
        }
        self.held = None;
        self.fresh(Place::Build, tree)?;
        self.held = Some(Held::open(&self.roots[&Place::Build])?);
        Ok(())
    }

    /// Writes a tree out again in a place that is made.
    pub(in crate::engine) fn rewrite(&self, place: Place, tree: &TreeId) -> anyhow::Result<()> {
        let worktree = self.trees.get(&place);
        let worktree = worktree.with_context(|| format!("the {} is not made", place.name()))?;
        Ok(worktree.restore(tree)?)
    }

    /// Takes these paths, as they are on disk, into the tree.
    pub(in crate::engine) fn snapshot(&self, paths: &[String]) -> anyhow::Result<TreeId> {
        Ok(self.build().snapshot(paths)?)
    }

    /// What differs on disk from the tree.
    pub(in crate::engine) fn changes(&self) -> anyhow::Result<Vec<DiskChange>> {
        Ok(self.build().changes()?)
    }

    /// One such difference as a proposal.
    pub(in crate::engine) fn change_set(&self, change: &DiskChange) -> anyhow::Result<ChangeSet> {
        Ok(ChangeSet {
            changes: vec![self.build().read_change(&change.path)?],
        })
    }

    /// Tracked files that a check has changed, if any.
    pub(in crate::engine) fn tracked_changes(
        &self,
        place: Place,
    ) -> anyhow::Result<Option<Vec<String>>> {
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

    /// The private folder for temporary files of the commands in a place.
    pub(in crate::engine) fn tmp(&self, place: Place) -> PathBuf {
        self.tmp.join(place.name())
    }

    /// The private home of a model's commands.
    pub(in crate::engine) fn home(&self) -> PathBuf {
        self.tmp(Place::Build).join("home")
    }
}

/// A name for the repository and the record together.
fn record_id(engine: &Engine, ground: &Ground) -> String {
    worktree::record_id(&ground.repository.id, &engine.state.root)
}
