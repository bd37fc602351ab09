//! The tester's output in the form of the agent contract.

use serde_json::{Value, json};

use crate::domain::check::{CheckResult, TestStatus};

/// The tester's output: the numbers of all reports together (tests that no report names included), every test with
/// a name, and the names of artifacts, which the caller knows. A check without a report adds only to the duration,
/// in milliseconds.
pub fn tester_output(results: &[CheckResult], artifacts: &[String]) -> Value {
    let (mut passed, mut failed, mut skipped, mut duration) = (0_u64, 0_u64, 0_u64, 0_u64);
    for result in results {
        duration = duration.saturating_add(result.duration_ms);
        if let Some(counts) = result.report {
            passed += u64::from(counts.passed);
            failed += u64::from(counts.failed) + u64::from(counts.errors);
            skipped += u64::from(counts.skipped);
        }
    }
    let tests: Vec<Value> = results
        .iter()
        .flat_map(|result| &result.tests)
        .map(|test| {
            json!({
                "test_case": test.name,
                "status": word(test.status),
                "duration_ms": test.duration_ms,
                "message": test.message,
            })
        })
        .collect();
    json!({
        "summary": {"passed": passed, "failed": failed, "skipped": skipped, "duration": duration},
        "results": tests,
        "artifacts": artifacts,
    })
}

fn word(status: TestStatus) -> &'static str {
    match status {
        TestStatus::Passed => "passed",
        TestStatus::Failed => "failed",
        TestStatus::Skipped => "skipped",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::finding::Category;
    use crate::verify::judge::tests::judged;

    #[test]
    fn tests_without_a_name_are_counted_but_not_listed() {
        let stdout = "F..\n=== FAILURES ===\n=== short test summary info ===\nFAILED a.py::test_a - assert 0\n1 failed, 2 passed in 0.1s\n";
        let result = judged(Category::Test, "pytest -q", Some(1), stdout, "");
        assert_eq!(
            tester_output(&[result], &[]),
            json!({
                "summary": {"passed": 2, "failed": 1, "skipped": 0, "duration": 7},
                "results": [{"test_case": "a.py::test_a", "status": "failed", "duration_ms": null, "message": "assert 0"}],
                "artifacts": [],
            })
        );
    }
}
