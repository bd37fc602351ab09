//! From what a check says to findings with numbers that stay the same as long as the matter does.

use std::collections::HashMap;

use crate::domain::check::{CheckResult, CheckStatus};
use crate::domain::finding::{Category, Finding, Observation};
use crate::domain::id::FindingId;

use super::baseline::identity;

/// What a check's result changes about the findings of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbered {
    /// Findings that were not open before.
    pub new: Vec<Finding>,
    /// Open findings that are gone.
    pub resolved: Vec<FindingId>,
}

/// Compares a check's result with the findings that are `open` and gives new ones numbers from `next` on. A finding
/// is the same if check, category, message (but for its numbers) and the location's file are. A check that could not
/// be carried out resolves nothing, and a test's finding only goes when a whole report no longer tells of it.
pub fn numbering(open: &[Finding], next: FindingId, result: &CheckResult) -> Numbered {
    let mut known: HashMap<Identity, Vec<&Finding>> = HashMap::new();
    for finding in open
        .iter()
        .rev()
        .filter(|finding| finding.check == result.name)
    {
        known
            .entry(Identity::of(&finding.observation))
            .or_default()
            .push(finding);
    }
    let mut numbered = Numbered::default();
    let mut next = next.0;
    for observation in &result.observations {
        let same = known.get_mut(&Identity::of(observation)).and_then(Vec::pop);
        if same.is_none() {
            numbered.new.push(Finding {
                id: FindingId(next),
                check: result.name.clone(),
                observation: observation.clone(),
            });
            next = next.saturating_add(1);
        }
    }
    numbered.resolved = known
        .into_values()
        .flatten()
        .filter(|finding| is_evidence(result, finding.observation.category))
        .map(|finding| finding.id)
        .collect();
    numbered.resolved.sort_unstable();
    numbered
}

/// Whether this result's silence means that a finding of this category is gone.
fn is_evidence(result: &CheckResult, category: Category) -> bool {
    match result.status {
        CheckStatus::Error => false,
        CheckStatus::Passed | CheckStatus::Baseline => true,
        CheckStatus::Failed => {
            category != Category::Test || result.report.is_some_and(|counts| counts.complete)
        }
    }
}

/// What makes two observations the same.
#[derive(PartialEq, Eq, Hash)]
struct Identity {
    category: Category,
    message: String,
    file: Option<String>,
}

impl Identity {
    fn of(observation: &Observation) -> Self {
        Self {
            category: observation.category,
            message: normal_message(observation),
            file: observation
                .location
                .as_deref()
                .map(|place| file(place).to_owned()),
        }
    }
}

/// The message without what changes by itself. A test's name stays as it is: its numbers are part of it.
fn normal_message(observation: &Observation) -> String {
    match observation.message.split_once(": ") {
        Some((name, message)) if observation.category == Category::Test => {
            format!("{}: {}", identity(name), without_numbers(message))
        }
        _ => without_numbers(&observation.message),
    }
}

/// The message with every run of digits as one mark: line numbers, process ids and times change by themselves.
fn without_numbers(message: &str) -> String {
    let mut normal = String::with_capacity(message.len());
    for char in message.chars() {
        match char {
            '0'..='9' if normal.ends_with('#') => {}
            '0'..='9' => normal.push('#'),
            other => normal.push(other),
        }
    }
    normal
}

/// The file of `path:line`; a test's name stays as it is.
fn file(location: &str) -> &str {
    match location.rsplit_once(':') {
        Some((path, line)) if line.parse::<u32>().is_ok() => path,
        _ => location,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::judge::tests::judged;

    fn compile(stderr: &str) -> CheckResult {
        judged(Category::Build, "cargo build", Some(101), "", stderr)
    }

    fn numbers(numbered: &Numbered) -> (Vec<u32>, Vec<u32>) {
        (
            numbered.new.iter().map(|finding| finding.id.0).collect(),
            numbered.resolved.iter().map(|id| id.0).collect(),
        )
    }

    const ONE: &str = "error[E0308]: mismatched types\n --> src/a.rs:3:4\n";
    const ONE_MOVED: &str = "error[E0308]: mismatched types\n --> src/a.rs:30:4\n";
    const TWO: &str = "error[E0308]: mismatched types\n --> src/b.rs:3:4\n";

    #[test]
    fn a_finding_keeps_its_number_when_its_line_moves() {
        let first = numbering(&[], FindingId(1), &compile(ONE));
        assert_eq!(numbers(&first), (vec![1], vec![]));
        let second = numbering(
            &first.new,
            FindingId(2),
            &compile(&format!("{ONE_MOVED}\n{TWO}")),
        );
        assert_eq!(numbers(&second), (vec![2], vec![]));
        let third = numbering(
            &[first.new, second.new].concat(),
            FindingId(3),
            &compile(TWO),
        );
        assert_eq!(numbers(&third), (vec![], vec![1]));
    }

    #[test]
    fn a_check_that_could_not_run_resolves_nothing() {
        let first = numbering(&[], FindingId(1), &compile(ONE));
        let killed = judged(Category::Build, "cargo build", Some(137), "", "");
        let after = numbering(&first.new, FindingId(2), &killed);
        assert!(after.resolved.is_empty());
        assert_eq!(after.new.len(), 1);
    }

    #[test]
    fn tests_that_no_longer_compile_are_not_resolved() {
        let red = judged(
            Category::Test,
            "cargo test",
            Some(101),
            include_str!("report/fixtures/cargo_fast.out.txt"),
            "",
        );
        let open = numbering(&[], FindingId(1), &red).new;
        assert_eq!(open.len(), 6);
        let broken = judged(Category::Test, "cargo test", Some(101), "", ONE);
        assert_eq!(
            numbers(&numbering(&open, FindingId(7), &broken)),
            (vec![7], vec![])
        );
        let green = judged(
            Category::Test,
            "cargo test",
            Some(0),
            "\nrunning 1 test\ntest a ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n",
            "",
        );
        assert_eq!(
            numbers(&numbering(&open, FindingId(7), &green)),
            (vec![], vec![1, 2, 3, 4, 5, 6])
        );
    }

    #[test]
    fn findings_of_other_checks_are_left_alone() {
        let open = numbering(&[], FindingId(1), &compile(ONE)).new;
        let mut lint = judged(Category::Lint, "cargo clippy", Some(0), "", "");
        lint.name = "lint".to_owned();
        assert_eq!(numbering(&open, FindingId(2), &lint), Numbered::default());
    }
}
