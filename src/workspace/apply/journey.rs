//! Making a recorded move, from wherever an earlier attempt has left it.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use super::checkout::Checkout;
use super::files::Files;
use super::index::{Indexed, Touched, touched};
use super::lock::IndexLock;
use super::placing::{Placer, Placing};
use super::refusal::ApplyError;
use super::target::is_checked_out;
use crate::domain::application::{BranchMove, FileMove};
use crate::domain::{CommitId, Digest, RunId};
use crate::failpoint;
use crate::workspace::git::{GitCommand, GitError, RefTransaction};
use crate::workspace::own::OwnGit;
use crate::workspace::publish;
use crate::workspace::repository::{Identity, UserRepository};

/// How long another git that holds the branch's lock is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// A move that is on the record, and what is needed to make it.
pub struct Journey<'a> {
    /// The user's repository.
    pub user: &'a UserRepository,
    /// rgpt's own git dir.
    pub own: &'a OwnGit,
    /// The run whose result it is about; no other process moves anything for it meanwhile.
    pub run: RunId,
    /// The state directory of its record.
    pub state: &'a Path,
    /// A folder of our own that does not outlast this.
    pub scratch: &'a Path,
    /// The move.
    pub step: &'a BranchMove,
    /// What the branch's log says of it.
    pub message: &'a str,
    /// Commits that the user's repository has, with all that they need.
    pub known: &'a [CommitId],
    /// The recorded content with this address.
    pub content: &'a dyn Fn(&Digest) -> Option<Vec<u8>>,
}

/// How a move ended.
#[derive(Debug)]
pub enum End {
    /// The branch is where it was to go, its index and files with it.
    Arrived,
    /// Something is in the way; what was done of it is taken back.
    TurnedBack(ApplyError),
}

/// Makes the move, or what is left to do of it; or takes back what was done, if it cannot be made.
/// What somebody else has changed meanwhile is never overwritten.
///
/// # Errors
/// [`ApplyError::Locked`] or [`ApplyError::Occupied`] if another process holds the index; nothing
/// was done now. With any other, the move could neither be made nor taken back. Either way it
/// stays as it is, and this is to be called again.
pub fn carry_out(journey: &Journey<'_>) -> Result<End, ApplyError> {
    let Journey {
        user, own, step, ..
    } = *journey;
    let checkout = Checkout::of(user, own, journey.scratch)?;
    let take = || IndexLock::take(&user.git_dir, journey.run, journey.state);
    let lock = step.checked_out.then(take).transpose()?;
    failpoint::hit("apply.locked");
    let walker = Walker {
        journey,
        checkout,
        files: Files::beneath(&user.top)?,
    };
    walker.walk(lock.as_ref())
}

struct Walker<'a> {
    journey: &'a Journey<'a>,
    checkout: Checkout<'a>,
    files: Files,
}

impl Walker<'_> {
    fn walk(&self, lock: Option<&IndexLock>) -> Result<End, ApplyError> {
        let Journey { user, step, .. } = *self.journey;
        for file in &step.files {
            self.files.remove_aside(&file.path)?;
        }
        let branch = || step.branch.clone();
        let tip = user.branch_tip(&step.branch)?;
        let has_moved = tip.as_ref() == Some(&step.to);
        let touched = match has_moved || tip.as_ref() == Some(&step.from) {
            true => {
                self.copy_objects()?;
                self.touched()?
            }
            false => return self.turn_back(ApplyError::Moved { branch: branch() }),
        };
        if !has_moved {
            if is_checked_out(user, &step.branch)? != step.checked_out {
                return self.turn_back(ApplyError::Switched { branch: branch() });
            }
            match self.go(&touched) {
                Ok(()) => {}
                Err(error) => return self.turn_back(error),
            }
        }
        if let Some(lock) = lock {
            self.settle_index(lock, &touched)?;
        }
        Ok(End::Arrived)
    }

    fn placer(&self) -> Placer<'_> {
        Placer {
            files: &self.files,
            content: self.journey.content,
        }
    }

    fn copy_objects(&self) -> Result<(), ApplyError> {
        let Journey {
            user,
            own,
            step,
            known,
            ..
        } = *self.journey;
        if own.object_exists(step.to.as_str())? {
            publish::copy_objects(own, user, &step.to, known)?;
        }
        failpoint::hit("apply.objects");
        Ok(())
    }

    fn touched(&self) -> Result<Vec<Touched>, ApplyError> {
        let Journey {
            user, own, step, ..
        } = *self.journey;
        match step.checked_out {
            true => touched(user, own, &step.from, &step.to),
            false => Ok(Vec::new()),
        }
    }

    /// Files, then the ref. An error leaves the ref where it was.
    fn go(&self, touched: &[Touched]) -> Result<(), ApplyError> {
        let step = self.journey.step;
        self.refuse_changed(touched)?;
        self.checkout
            .built_index(&touched.iter().collect::<Vec<_>>())?;
        let reference = self.prepare_ref()?;
        failpoint::hit("apply.prepared");
        let forward: Vec<Placing<'_>> = step.files.iter().map(Placing::forward).collect();
        self.placer().place(&forward, &step.makes, &step.drops)?;
        failpoint::hit("apply.placed");
        if let Some(reference) = reference {
            let committed = reference.commit();
            let tip = self.journey.user.branch_tip(&step.branch)?;
            if tip.as_ref() != Some(&step.to) {
                committed?;
                let branch = step.branch.clone();
                return Err(ApplyError::Moved { branch });
            }
        }
        failpoint::hit("apply.moved");
        Ok(())
    }

    /// Every touched file is as it was before or as it is to be, and the index as it was.
    fn refuse_changed(&self, touched: &[Touched]) -> Result<(), ApplyError> {
        let indexed = self.indexed(touched)?;
        let mut paths: BTreeSet<&str> = touched
            .iter()
            .filter(|one| !indexed.has(&one.path, one.before.as_ref()))
            .map(|one| one.path.as_str())
            .collect();
        for file in &self.journey.step.files {
            let found = self.files.look(&file.path)?;
            if !found.is_like(file.before.as_ref()) && !found.is_like(file.after.as_ref()) {
                paths.insert(&file.path);
            }
        }
        if paths.is_empty() {
            return Ok(());
        }
        let paths = paths.into_iter().map(str::to_owned).collect();
        Err(ApplyError::Dirty { paths })
    }

    fn indexed(&self, touched: &[Touched]) -> Result<Indexed, GitError> {
        let paths = touched.iter().map(|one| one.path.as_str()).collect();
        Indexed::read(&self.checkout, &paths)
    }

    /// Locks the branch where it is; nothing to lock if it stays there.
    fn prepare_ref(&self) -> Result<Option<RefTransaction>, ApplyError> {
        let Journey {
            user,
            step,
            message,
            ..
        } = *self.journey;
        if step.from == step.to {
            return Ok(None);
        }
        let name = format!("refs/heads/{}", step.branch);
        let who = user.identity().unwrap_or_else(Identity::default);
        let since = Instant::now();
        loop {
            let command = GitCommand::on(&user.git_dir, "update-ref").args(["-m", message]);
            let command = command.env("GIT_COMMITTER_NAME", &who.name);
            let command = command.env("GIT_COMMITTER_EMAIL", &who.email);
            let (new, old) = (step.to.as_str(), step.from.as_str());
            match RefTransaction::prepare(command, &name, new, old) {
                Ok(prepared) => return Ok(Some(prepared)),
                Err(error) if error.lock().is_some() && since.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(error) => {
                    if let Some(lock) = error.lock() {
                        return Err(ApplyError::Locked { lock });
                    }
                    return Err(
                        match user.branch_tip(&step.branch)?.as_ref() == Some(&step.from) {
                            true => error.into(),
                            false => ApplyError::Moved {
                                branch: step.branch.clone(),
                            },
                        },
                    );
                }
            }
        }
    }

    /// The index, once the branch has moved. Whatever it has that is neither the old nor the new
    /// was staged since, and stays.
    fn settle_index(&self, lock: &IndexLock, touched: &[Touched]) -> Result<(), ApplyError> {
        let indexed = self.indexed(touched)?;
        let old = touched
            .iter()
            .filter(|one| indexed.has(&one.path, one.before.as_ref()));
        let old: Vec<&Touched> = old.collect();
        if old.is_empty() {
            return Ok(());
        }
        let built = self.checkout.built_index(&old)?;
        let files = self.journey.step.files.iter();
        let files = files.filter_map(|file| Some((file.path.as_str(), file.after.as_ref()?)));
        let mut known = Vec::new();
        for (path, after) in files {
            if self.files.look(path)?.is_like(Some(after)) {
                known.push(path);
            }
        }
        self.checkout.refresh_index(&built, &known)?;
        failpoint::hit("apply.index-built");
        lock.replace_index(&built)
    }

    /// Takes back what was done of a move whose ref has not moved, or not by us: files that are as
    /// the move has them, unless the index has them so, too; then somebody else has taken over.
    fn turn_back(&self, why: ApplyError) -> Result<End, ApplyError> {
        let step = self.journey.step;
        let touched = self.touched()?;
        let indexed = self.indexed(&touched)?;
        let ours = |file: &&FileMove| {
            let one = touched.iter().find(|one| one.path == file.path);
            one.is_some_and(|one| indexed.has(&one.path, one.before.as_ref()))
        };
        let mut back = Vec::new();
        for file in step.files.iter().filter(ours) {
            let found = self.files.look(&file.path)?;
            if found.is_like(file.after.as_ref()) && !found.is_like(file.before.as_ref()) {
                back.push(Placing::back(file));
            }
        }
        let makes: Vec<String> = step.drops.iter().rev().cloned().collect();
        let drops: Vec<String> = step.makes.iter().rev().cloned().collect();
        let makes = if back.is_empty() { &[][..] } else { &makes };
        self.placer().place(&back, makes, &drops)?;
        failpoint::hit("apply.turned-back");
        Ok(End::TurnedBack(why))
    }
}
