use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

use super::*;
use crate::domain::finding::Category;
use crate::verify::judge::tests::{check, judged};

/// A pytest run of these tests.
fn pytest(tests: &[(&str, bool)]) -> CheckResult {
    let mut text = "=== short test summary info ===\n".to_owned();
    let (failed, passed): (Vec<_>, Vec<_>) = tests.iter().partition(|(_, failed)| *failed);
    for (name, _) in &passed {
        text.push_str(&format!("PASSED {name}\n"));
    }
    for (name, _) in &failed {
        text.push_str(&format!("FAILED {name} - assert 0\n"));
    }
    let (f, p) = (failed.len(), passed.len());
    text.push_str(&match f {
        0 => format!("{p} passed in 0.1s\n"),
        _ => format!("{f} failed, {p} passed in 0.1s\n"),
    });
    judged(
        Category::Test,
        "python3 -m pytest -q -rA",
        Some(i32::from(f > 0)),
        &text,
        "",
    )
}

fn suspect(runs: u32, failures: u32, base_runs: u32, base_failures: u32) -> Suspect {
    Suspect {
        seen: FlakyTest {
            name: "a.py::t".into(),
            runs,
            failures,
            base_runs,
            base_failures,
        },
        known: false,
    }
}

#[test]
fn tests_that_nobody_names_are_suspects_where_there_is_something_to_compare_with() {
    let now = pytest(&[
        ("a.py::old", true),
        ("a.py::new", true),
        ("w.py::wanted", true),
        ("a.py::known", true),
    ]);
    let base = pytest(&[("a.py::old", false), ("w.py::wanted", false)]);
    let known = ["a.py::known".to_owned()];
    let names: Vec<String> = suspects(&now, Some(&base), &known, &["make w.py::wanted pass"])
        .into_iter()
        .map(|suspect| suspect.seen.name)
        .collect();
    assert_eq!(names, ["a.py::old", "a.py::new", "a.py::known"]);
    let known = suspects(&now, None, &known, &[]);
    assert_eq!(known.len(), 1, "without a base only those with a record");
}

#[test]
fn a_failure_never_seen_before_the_change_is_real_however_seldom_it_is() {
    assert!(!suspect(6, 1, 11, 0).is_flaky());
    assert!(suspect(6, 1, 11, 1).is_flaky());
    assert!(!suspect(6, 6, 11, 2).is_flaky(), "it never passes now");
    assert!(!suspect(6, 5, 11, 1).is_flaky(), "it fails more often now");
    let known = |runs, failures| Suspect {
        known: true,
        ..suspect(runs, failures, 0, 0)
    };
    assert!(known(2, 1).is_flaky());
    assert!(!known(3, 3).is_flaky());
}

#[test]
fn what_is_flaky_no_longer_stands_in_the_way_and_says_why() {
    let now = pytest(&[("a.py::t", true), ("a.py::u", false)]);
    let flaky = vec![suspect(3, 1, 11, 2).seen];
    let check = check(Category::Test, "python3 -m pytest -q -rA");
    let excused = excuse_flaky(now, flaky, &check);
    assert_eq!(excused.status, CheckStatus::Baseline);
    assert_eq!(excused.failing_tests().count(), 0);
    assert_eq!(
        excused.note.as_deref(),
        Some("flaky: a.py::t failed 1 of 3 runs, 2 of 11 on the base tree")
    );
    let both = pytest(&[("a.py::t", true), ("a.py::real", true)]);
    let flaky = vec![suspect(3, 1, 11, 2).seen];
    let failed = excuse_flaky(both, flaky, &check);
    assert_eq!(failed.status, CheckStatus::Failed);
    let left: Vec<&str> = failed
        .failing_tests()
        .map(|test| test.name.as_str())
        .collect();
    assert_eq!(left, ["a.py::real"]);
}

/// Plays the whole procedure for a test that fails at these rates and has just failed.
fn play(rate: f64, base_rate: f64, rng: &mut ChaCha8Rng) -> bool {
    let mut draw = |rate: f64| f64::from(rng.next_u32()) / f64::from(u32::MAX) < rate;
    let mut suspect = suspect(1, 1, 1, 0);
    for _ in 0..RERUNS {
        if !suspect.is_open() {
            break;
        }
        suspect.seen.runs += 1;
        suspect.seen.failures += u32::from(draw(rate));
    }
    if suspect.has_passed() {
        for _ in 0..BASE_RERUNS {
            suspect.seen.base_runs += 1;
            suspect.seen.base_failures += u32::from(draw(base_rate));
        }
    }
    suspect.is_flaky()
}

fn share(rate: f64, base_rate: f64) -> f64 {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let times = 4_000;
    let flaky = (0..times)
        .filter(|_| play(rate, base_rate, &mut rng))
        .count();
    flaky as f64 / f64::from(times)
}

#[test]
fn no_new_regression_passes_for_flaky_and_most_flaky_tests_are_known() {
    for rate in [0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 1.0] {
        assert!(share(rate, 0.0) == 0.0, "a regression of rate {rate}");
    }
    for rate in [0.2, 0.3, 0.5] {
        assert!(
            share(rate, rate) >= 0.85,
            "a flaky test of rate {rate}: {}",
            share(rate, rate)
        );
    }
}

proptest! {
    #[test]
    fn the_exact_test_is_a_probability(n in 1_u32..12, m in 1_u32..12, a in 0_u32..12, b in 0_u32..12) {
        let (a, b) = (a.min(n), b.min(m));
        let p = fisher(a, n, b, m);
        prop_assert!((0.0..=1.0 + 1e-9).contains(&p));
        prop_assert!(fisher(0, n, b, m) > 1.0 - 1e-9);
    }
}
