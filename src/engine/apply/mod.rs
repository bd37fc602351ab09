//! Bringing the result of a run into a branch of the user's, and taking it back.
//!
//! [`Engine::apply`] and [`Engine::undo`] find out what is to be done, record it whole, and have
//! the workspace do it. What an earlier attempt has begun is finished or taken back first.

mod checks;
mod error;
mod mover;
mod undo;

use crate::domain::application::{ApplicationStatus, BranchMove, Way};
use crate::domain::event::RunDone;
use crate::domain::id::{CommitId, RunId, TreeId};
use crate::domain::{Run, State};
use crate::workspace::apply::{ApplyError, FileChange, History, Relation, Target};
use crate::workspace::own::Merged;

use super::{Engine, Ground};
use mover::Mover;

pub use error::TakingError;

/// What a person wants of an apply or an undo.
#[derive(Clone, Debug, Default)]
pub struct Taking {
    /// The branch; the one that is checked out if none is named.
    pub branch: Option<String>,
    /// Whether a result that no check has seen is taken, too.
    pub unverified: bool,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// What an apply or an undo has done, or would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What came of it.
    pub result: TakenResult,
    /// The branch that it is about.
    pub branch: String,
    /// The move; none if there was nothing to do.
    pub step: Option<BranchMove>,
    /// The files that change.
    pub changes: Vec<FileChange>,
    /// Whether the checks were seen to pass on the tree that the branch goes to.
    pub verified: bool,
}

/// What came of an apply or an undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenResult {
    /// It is done.
    Done,
    /// There was nothing to do.
    Already,
    /// It can be done; nothing was, since only that was asked.
    Possible,
}

impl TakenResult {
    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Already => "already",
            Self::Possible => "possible",
        }
    }
}

impl Taken {
    fn already(branch: &str, verified: bool) -> Self {
        Self {
            result: TakenResult::Already,
            branch: branch.to_owned(),
            step: None,
            changes: Vec::new(),
            verified,
        }
    }
}

type Result<T> = std::result::Result<T, TakingError>;

/// A way for a branch, and the commit at its end.
struct Route {
    way: Way,
    to: CommitId,
    tree: TreeId,
    /// Commits that the user's repository has, so that what they need is not copied.
    known: Vec<CommitId>,
}

impl Engine {
    /// Brings the result of a run into a branch. If it is there already, that is what was wanted.
    ///
    /// # Errors
    /// A [`TakingError`] for everything that is in the way; branch, index and files are then as
    /// they were.
    pub async fn apply(&self, id: RunId, taking: &Taking) -> Result<Taken> {
        let mut mover = Mover::of(self, id)?;
        mover.refuse_open(ApplicationStatus::Undoing)?;
        if let Some(taken) = mover.finish_open(taking).await? {
            return Ok(taken);
        }
        let (run, ground) = (mover.run(), mover.ground);
        let done = match (&run.done, run.state()) {
            (Some(done), State::Done) => done.clone(),
            (_, state) => return Err(TakingError::NotDone { run: id, state }),
        };
        if let Some(standing) = run.standing_application() {
            return Ok(Taken::already(&standing.apply.branch, done.verified));
        }
        if !done.verified && !taking.unverified {
            return Err(TakingError::Unverified { run: id });
        }
        let target = Target::find(&ground.repository, taking.branch.as_deref())?;
        let history = History::of(&ground.repository, &ground.own);
        let route = match history.relation(&target.tip, &done.commit)? {
            Relation::Contained => None,
            Relation::Behind => Some(Route {
                way: Way::FastForward,
                to: done.commit.clone(),
                tree: done.tree.clone(),
                known: vec![run.created.base_commit.clone()],
            }),
            Relation::Apart(base) => self.merge(ground, run, &done, &target, &base)?,
            Relation::Unrelated => {
                let branch = target.branch;
                return Err(ApplyError::Unrelated { branch }.into());
            }
        };
        match route {
            Some(route) => mover.take(&target, &route, taking).await,
            None => Ok(Taken::already(&target.branch, done.verified)),
        }
    }

    /// The commit that joins branch and result; none if that changes nothing in the branch.
    fn merge(
        &self,
        ground: &Ground,
        run: &Run,
        done: &RunDone,
        target: &Target,
        base: &CommitId,
    ) -> Result<Option<Route>> {
        for commit in [&target.tip, base] {
            ground.bring(commit)?;
        }
        let ours = ground.own.tree_of(&target.tip)?;
        let base = ground.own.tree_of(base)?;
        let merged = match ground.own.merge(&base, &ours, &done.tree)? {
            Merged::Clean(merged) => merged,
            Merged::Conflicts(paths) => {
                return Err(TakingError::Conflicts {
                    branch: target.branch.clone(),
                    by_hand: format!("git merge {}", done.branch),
                    paths,
                });
            }
        };
        if merged == ours {
            return Ok(None);
        }
        let (from, into) = (&done.branch, &target.branch);
        let message = format!("Merge {from} into {into}\n\n{}\n", run.created.title);
        let parents = [target.tip.clone(), done.commit.clone()];
        let to = self.new_commit(ground, &merged, &parents, &message)?;
        Ok(Some(Route {
            way: Way::Merge,
            to,
            tree: merged,
            known: vec![target.tip.clone(), run.created.base_commit.clone()],
        }))
    }

    /// A commit by the person, of now: its parents are of today.
    fn new_commit(
        &self,
        ground: &Ground,
        tree: &TreeId,
        parents: &[CommitId],
        message: &str,
    ) -> Result<CommitId> {
        let identity = ground.repository.identity().unwrap_or_default();
        let now = self.clock.now();
        Ok(ground.own.commit(tree, parents, message, &identity, now)?)
    }
}

impl Ground {
    /// Makes sure that rgpt's own git dir has a commit of the user's.
    fn bring(&self, commit: &CommitId) -> Result<()> {
        if !self.own.object_exists(commit.as_str())? {
            self.own.fetch_base(&self.repository, commit)?;
        }
        Ok(())
    }
}
