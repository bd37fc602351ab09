//! Which of several patches for the same failure is taken: the checks say, then the patches'
//! agreement.
//!
//! After what the checks leave, the patch that is most alike to the others wins (self-consistency,
//! Wang et al. 2022): errors differ, and what is right is found again.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::domain::failure::Damage;
use crate::domain::id::ExecutionId;

/// A patch, and what the checks said of the tree with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// The execution that made it.
    pub execution: ExecutionId,
    /// How bad the tree is.
    pub damage: Damage,
    /// Whether something fails that passed before.
    pub breaks: bool,
    /// Its unified diff.
    pub diff: String,
}

/// The patch to take; none if none is strictly better than `before` and worse in nothing.
/// Of those, the least damage, then the one most alike to all others, then the smallest, then the
/// first.
pub fn choose(before: Damage, patches: &[Measured]) -> Option<ExecutionId> {
    let lines: Vec<BTreeSet<String>> = patches.iter().map(|one| changed(&one.diff)).collect();
    let fit = patches
        .iter()
        .enumerate()
        .filter(|(_, one)| is_fit(before, one));
    let best = fit.min_by_key(|(at, one)| {
        let alike: usize = (0..patches.len())
            .filter(|other| other != at)
            .map(|other| likeness(&lines[*at], &lines[other]))
            .sum();
        (one.damage, Reverse(alike), size(&one.diff), *at)
    });
    best.map(|(_, one)| one.execution)
}

/// Whether a patch may be taken: it is strictly better than `before`, and worse in nothing.
pub fn is_fit(before: Damage, patch: &Measured) -> bool {
    !patch.breaks && is_better(patch.damage, before)
}

/// Whether a tree is less damaged, and more in nothing. What a broken build hid from sight does not
/// count against what mends it.
fn is_better(now: Damage, before: Damage) -> bool {
    let mends_builds = now.broken_builds < before.broken_builds;
    let no_more = now.broken_builds <= before.broken_builds
        && now.failing_tests <= before.failing_tests
        && now.failing_checks <= before.failing_checks
        && now.findings <= before.findings;
    !now.unsafe_change && now < before && (mends_builds || no_more)
}

/// The changed lines of a diff, without their indentation and spacing.
fn changed(diff: &str) -> BTreeSet<String> {
    changes(diff)
        .map(|line| {
            let (sign, text) = line.split_at(1);
            let words: Vec<&str> = text.split_whitespace().collect();
            format!("{sign}{}", words.join(" "))
        })
        .filter(|line| line.len() > 1)
        .collect()
}

fn changes(diff: &str) -> impl Iterator<Item = &str> {
    let is_header = |line: &&str| line.starts_with("---") || line.starts_with("+++");
    diff.lines()
        .filter(|line| line.starts_with(['+', '-']))
        .filter(move |line| !is_header(line))
}

/// How alike two sets of lines are: their share in common, in thousandths.
fn likeness(a: &BTreeSet<String>, b: &BTreeSet<String>) -> usize {
    let common = a.intersection(b).count();
    (common * 1000)
        .checked_div(a.union(b).count())
        .unwrap_or(1000)
}

fn size(diff: &str) -> usize {
    changes(diff).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn damage(failing_tests: u32) -> Damage {
        Damage {
            failing_tests,
            failing_checks: u32::from(failing_tests > 0),
            ..Damage::default()
        }
    }

    fn patch(execution: u32, failing: u32, diff: &str) -> Measured {
        Measured {
            execution: ExecutionId(execution),
            damage: damage(failing),
            breaks: false,
            diff: diff.to_owned(),
        }
    }

    #[test]
    fn the_least_damage_wins() {
        let patches = [patch(1, 2, "+a"), patch(2, 0, "+b\n+c"), patch(3, 1, "+d")];
        assert_eq!(choose(damage(3), &patches), Some(ExecutionId(2)));
    }

    #[test]
    fn nothing_is_taken_that_is_not_better_or_breaks_something() {
        let mut breaking = patch(2, 0, "+b");
        breaking.breaks = true;
        let patches = [patch(1, 3, "+a"), breaking];
        assert_eq!(choose(damage(3), &patches), None);
        assert_eq!(choose(damage(3), &[]), None);
    }

    #[test]
    fn more_findings_are_no_price_for_fewer_failing_tests() {
        let mut noisy = patch(1, 0, "+a");
        noisy.damage.findings = 1;
        assert_eq!(choose(damage(1), &[noisy]), None);
    }

    #[test]
    fn what_a_broken_build_hid_does_not_count_against_its_repair() {
        let before = Damage {
            broken_builds: 1,
            failing_checks: 1,
            ..Damage::default()
        };
        assert_eq!(choose(before, &[patch(1, 2, "+a")]), Some(ExecutionId(1)));
    }

    #[test]
    fn among_equals_the_one_that_the_others_agree_with_wins() {
        let patches = [
            patch(1, 0, "+an odd way"),
            patch(2, 0, "+    return a + b"),
            patch(3, 0, "+return  a + b\n+# sure"),
        ];
        assert_eq!(choose(damage(1), &patches), Some(ExecutionId(2)));
    }

    #[test]
    fn then_the_smallest_then_the_first() {
        let patches = [patch(1, 0, "+a\n+b"), patch(2, 0, "+c"), patch(3, 0, "+d")];
        assert_eq!(choose(damage(1), &patches), Some(ExecutionId(2)));
    }
}
