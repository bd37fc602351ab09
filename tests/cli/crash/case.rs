//! One case: a fresh world, a kill, a kill while recovering, the end; and what is wrong with it.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::invariants::{self, Expected};
use super::points::{Point, while_recovering};
use super::scenario;
use crate::world::{Outcome, World};

/// So often a run that is no longer killed is gone on with, until that counts as never ending.
const PATIENCE: usize = 3;

/// Cases that run side by side.
const WORKERS: usize = 2;

/// A place for worlds, always the same, so that paths are the same in each of them.
pub(super) struct Bench {
    untouched: World,
    place: PathBuf,
    log: PathBuf,
    pub(super) expected: Expected,
}

/// A run that was killed and came to its end, or did not.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) kills: usize,
    pub(super) wrong: Vec<String>,
}

impl Bench {
    /// Prepares `folder`, and has the run there once without disturbing it.
    pub(super) fn new(folder: &Path) -> Self {
        let untouched = scenario::untouched(&folder.join("untouched"));
        let (place, log) = (folder.join("world"), folder.join("passed"));
        let world = untouched.copy_to(&place);
        let user = invariants::user(&world);
        let env = [("RGPT_CRASH_LOG", log.to_str().unwrap())];
        let outcome = scenario::begin(&world, &env);
        let last = outcome.stdout.lines().last();
        assert_eq!(outcome.code, Some(0), "{last:?} {}", outcome.stderr);
        let expected = Expected::of(&world, user, &log);
        Self {
            untouched,
            place,
            log,
            expected,
        }
    }

    /// One for each worker.
    pub(super) fn some(folder: &Path) -> Vec<Self> {
        let places = (0..WORKERS).map(|worker| folder.join(worker.to_string()));
        places
            .map(|place| {
                std::fs::create_dir(&place).unwrap();
                Self::new(&place)
            })
            .collect()
    }

    /// A world in which nothing has happened yet.
    pub(super) fn fresh(&self) -> World {
        self.untouched.copy_to(&self.place)
    }

    /// Kills the run at `point`, and its recovery at another one.
    pub(super) fn killed_at(&self, point: &Point) -> Case {
        self.killed_in(point, None)
    }

    /// The same in a deliberately broken variant of the program.
    pub(super) fn killed_in(&self, point: &Point, variant: Option<&str>) -> Case {
        let world = self.fresh();
        let _ = std::fs::remove_file(&self.log);
        let place = point.to_string();
        let log = ("RGPT_CRASH_LOG", self.log.to_str().unwrap());
        let broken = variant.map(|variant| ("RGPT_BROKEN", variant));
        let env = |crash: &[(&'static str, &str)]| -> Vec<(String, String)> {
            let all = broken.iter().chain(crash);
            all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };

        let first = scenario::begin(&world, &borrowed(&env(&[("RGPT_CRASH", &place), log])));
        if !first.was_killed() {
            let wrong = vec![format!("it was not killed there: {first:?}")];
            return Case { kills: 0, wrong };
        }
        let mut wrong = invariants::at_the_kill(&world, point, &self.log, &self.expected);
        let mut kills = 1;
        let second = while_recovering(point, &self.expected.passed).to_string();
        let recovery = scenario::go_on(&world, &borrowed(&env(&[("RGPT_CRASH", &second)])));
        kills += usize::from(recovery.was_killed());
        wrong.extend(to_the_end(&world, recovery, &borrowed(&env(&[]))));
        wrong.extend(invariants::at_the_end(&world, &self.expected, kills));
        Case { kills, wrong }
    }
}

/// Tries each of `items` on one of `benches`; gives the cases in the order of the items.
pub(super) fn side_by_side<T: Sync>(
    benches: &[Bench],
    items: &[T],
    case: impl Fn(&Bench, &T) -> Case + Sync,
) -> Vec<Case> {
    let next = AtomicUsize::new(0);
    let cases = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for bench in benches {
            let (next, cases, case) = (&next, &cases, &case);
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { break };
                    let done = case(bench, item);
                    cases.lock().unwrap().push((at, done));
                }
            });
        }
    });
    let mut cases = cases.into_inner().unwrap();
    cases.sort_by_key(|(at, _)| *at);
    cases.into_iter().map(|(_, case)| case).collect()
}

fn borrowed(env: &[(String, String)]) -> Vec<(&str, &str)> {
    env.iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

/// Goes on until the program ends by itself; what is wrong if that is not with success.
pub(super) fn to_the_end(world: &World, mut last: Outcome, env: &[(&str, &str)]) -> Option<String> {
    for _ in 0..PATIENCE {
        match last.code {
            Some(0) => return None,
            Some(_) => break,
            None => last = scenario::go_on(world, env),
        }
    }
    (last.code != Some(0)).then(|| format!("it ends with {last:?}"))
}
