//! Which tests a run wrote itself: only those may be written anew where they are wrong.

use crate::domain::failure::Failure;

/// Whether a path is where tests are by custom.
pub(super) fn is_test(path: &str) -> bool {
    let lower = path.to_lowercase();
    let (folder, file) = lower.rsplit_once('/').unwrap_or(("", &lower));
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    folder.split('/').any(|name| {
        matches!(
            name,
            "test" | "tests" | "spec" | "specs" | "__tests__" | "t"
        )
    }) || stem.starts_with("test_")
        || ["_test", "_tests", ".test", ".spec", "_spec", "-test"]
            .iter()
            .any(|end| stem.ends_with(end))
        || (stem.ends_with("test") || stem.ends_with("tests")) && file.ends_with(".java")
}

/// Whether a failing test stands in this file and was written by the run: the file is new, or what
/// was there before is untouched and has no such test.
pub(super) fn fails_of_its_own(
    path: &str,
    before: Option<&str>,
    now: &str,
    failure: &Failure,
) -> bool {
    if before.is_some_and(|before| !only_adds(before, now)) {
        return false;
    }
    let before = before.unwrap_or_default();
    if failure.failing_tests.is_empty() {
        let file = path.rsplit('/').next().unwrap_or(path);
        return before.is_empty() && failure.evidence.contains(file);
    }
    failure.failing_tests.iter().any(|test| {
        let name = own_name(test);
        !name.is_empty() && now.contains(name) && !before.contains(name)
    })
}

/// The last part of a test's full name, as it stands in the source.
fn own_name(test: &str) -> &str {
    let test = test.split_once('[').map_or(test, |(name, _)| name);
    let last = [" > ", "::", " › "].iter().fold(test, |name, between| {
        name.rsplit(between).next().unwrap_or(name)
    });
    let is_path = !last.contains(' ');
    let last = match is_path {
        true => last.rsplit(['.', '/', '#']).next().unwrap_or(last),
        false => last,
    };
    last.split_once(" (").map_or(last, |(name, _)| name).trim()
}

/// Whether every line of `before` is in `now`, in the same order.
fn only_adds(before: &str, now: &str) -> bool {
    let mut now = now.lines();
    before
        .lines()
        .all(|line| now.by_ref().any(|other| other == line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heal::classify;

    fn failing(tests: &[&str]) -> Failure {
        Failure {
            failing_tests: tests.iter().map(|test| (*test).to_owned()).collect(),
            evidence: "tests/test_new.py:3: wrong".to_owned(),
            ..classify::no_change()
        }
    }

    #[test]
    fn tests_are_where_custom_puts_them() {
        for path in [
            "tests/list.rs",
            "src/a.test.ts",
            "pkg/a_test.go",
            "test_a.py",
            "src/test/java/ATest.java",
            "spec/a_spec.rb",
        ] {
            assert!(is_test(path), "{path}");
        }
        for path in ["src/latest.rs", "contest.py", "src/attestation.ts"] {
            assert!(!is_test(path), "{path}");
        }
    }

    #[test]
    fn a_new_test_is_the_runs_own_and_an_old_one_is_not() {
        let now = "def test_old(): pass\ndef test_new(): assert 0\n";
        let own = |before: Option<&str>, test: &str| {
            fails_of_its_own("tests/test_new.py", before, now, &failing(&[test]))
        };
        assert!(own(None, "tests/test_new.py::test_new"));
        assert!(own(Some("def test_old(): pass\n"), "test_new.T.test_new"));
        assert!(!own(
            Some("def test_old(): pass\n"),
            "tests/test_new.py::test_old"
        ));
        assert!(!own(Some("def test_old(): assert 1\n"), "test_new"));
        assert!(!own(None, "elsewhere::test_other"));
    }

    #[test]
    fn without_names_only_a_new_file_that_the_failure_names_is_its_own() {
        let own = |before| fails_of_its_own("tests/test_new.py", before, "x", &failing(&[]));
        assert!(own(None));
        assert!(!own(Some("x")));
    }
}
