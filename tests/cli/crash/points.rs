//! The places where a run can be killed: those that it passes, and those that the source names.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

/// The `k`-th (from 1) time that a process passes the place `name`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Point {
    pub(super) name: String,
    pub(super) k: usize,
}

impl Point {
    pub(super) fn new(name: &str, k: usize) -> Self {
        Self {
            name: name.to_owned(),
            k,
        }
    }

    /// Whether the place is one of those whose names begin like this.
    pub(super) fn is_of(&self, family: &str) -> bool {
        self.name.starts_with(family)
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.k)
    }
}

/// How often each place was passed.
pub(super) fn passed(log: &Path) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in std::fs::read_to_string(log).unwrap_or_default().lines() {
        *counts.entry(line.to_owned()).or_default() += 1;
    }
    counts
}

/// Every point of a run: each pass of each place.
pub(super) fn swept(passed: &BTreeMap<String, usize>) -> Vec<Point> {
    passed
        .iter()
        .flat_map(|(name, &count)| (1..=count).map(move |k| Point::new(name, k)))
        .collect()
}

/// Where to kill the recovery from `first`: always the same, and early, so that it is mostly reached.
pub(super) fn while_recovering(first: &Point, passed: &BTreeMap<String, usize>) -> Point {
    let seed = number(first);
    let at = usize::try_from(seed % passed.len() as u64).unwrap_or(0);
    let (name, count) = passed.iter().nth(at).unwrap();
    let most = (*count).min(4) as u64;
    Point::new(name, usize::try_from(seed / 1_000 % most).unwrap_or(0) + 1)
}

/// A number made of a value, always the same.
pub(super) fn number(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// The names of all places in `src/`.
pub(crate) fn declared() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = std::fs::read_to_string(&path).unwrap();
                let after = source.split("failpoint::hit(\"").skip(1);
                names.extend(after.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
            }
        }
    }
    names
}
