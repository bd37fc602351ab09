//! The tester's output in the form of the agent contract.

use serde_json::{Value, json};

use crate::domain::check::{CheckResult, CheckStatus, TestStatus};
use crate::domain::finding::{Category, Severity};

use super::shards::{Judged, Shard};

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

/// Whether a test check has a report by which no test ran.
pub fn ran_nothing(result: &CheckResult) -> bool {
    let ran = |counts: crate::domain::check::Counts| counts.passed + counts.failed + counts.errors;
    result.kind == Category::Test && result.report.is_some_and(|counts| ran(counts) == 0)
}

/// Makes a failure of a check that passed although it [ran nothing](ran_nothing): whoever asks for tests wants some run.
pub fn require_tests(result: &mut CheckResult) {
    if ran_nothing(result) && result.status == CheckStatus::Passed {
        result.status = CheckStatus::Failed;
        for finding in &mut result.observations {
            finding.severity = Severity::Major;
        }
    }
}

/// What `rgpt test` prints: [`tester_output`], in which every check has a say. A check without a report is one test
/// of its own name, and so is one that fails although no test of its report does; the checks themselves come on top.
pub fn test_output(judged: &[Judged], artifacts: &[String]) -> Value {
    let results: Vec<CheckResult> = judged.iter().map(|one| one.result.clone()).collect();
    let mut output = tester_output(&results, artifacts);
    for result in &results {
        let passed = result.status.acceptable();
        let told = result
            .report
            .is_some_and(|counts| passed || counts.failed + counts.errors > 0);
        if told {
            continue;
        }
        let key = if passed { "passed" } else { "failed" };
        let count = &mut output["summary"][key];
        *count = (count.as_u64().unwrap_or(0) + 1).into();
        let test = json!({
            "test_case": result.name,
            "status": key,
            "duration_ms": result.duration_ms,
            "message": why(result),
        });
        if let Some(tests) = output["results"].as_array_mut() {
            tests.push(test);
        }
    }
    output["checks"] = judged.iter().map(check).collect();
    output
}

fn check(Judged { result, shards }: &Judged) -> Value {
    let failed = !result.status.acceptable();
    let mut check = json!({
        "name": result.name,
        "kind": result.kind,
        "command": result.command,
        "status": result.status,
        "exit_code": result.exit_code,
        "duration_ms": result.duration_ms,
        "report": result.report,
        "note": result.note,
        "findings": result.observations,
        "output": failed.then_some(&result.output),
    });
    if !shards.is_empty() {
        check["shards"] = shards.iter().map(shard).collect();
    }
    check
}

fn shard(shard: &Shard) -> Value {
    json!({
        "shard": shard.shard,
        "status": shard.status,
        "exit_code": shard.exit_code,
        "duration_ms": shard.duration_ms,
        "report": shard.report,
        "empty": shard.empty,
    })
}

/// Why a check did not pass, as far as it says so itself.
fn why(result: &CheckResult) -> Option<&str> {
    let first = || result.observations.iter().max_by_key(|one| one.severity);
    let failed = !result.status.acceptable();
    let told = result
        .note
        .as_deref()
        .or_else(|| first().map(|one| one.message.as_str()));
    told.filter(|_| failed)
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
    use crate::verify::judge::tests::judged;

    fn printed(results: Vec<CheckResult>) -> Value {
        let whole = |result| Judged {
            result,
            shards: Vec::new(),
        };
        test_output(&results.into_iter().map(whole).collect::<Vec<_>>(), &[])
    }

    #[test]
    fn a_check_without_a_report_is_one_test_of_its_own_name() {
        let green = judged(Category::Test, "./check", Some(0), "", "");
        let red = CheckResult {
            output: "error: no\n".to_owned(),
            ..judged(Category::Test, "./check", Some(3), "", "error: no\n")
        };
        let output = printed(vec![green, red]);
        assert_eq!(
            output["summary"],
            json!({"passed": 1, "failed": 1, "skipped": 0, "duration": 14})
        );
        assert_eq!(
            output["results"],
            json!([
                {"test_case": "test", "status": "passed", "duration_ms": 7, "message": null},
                {"test_case": "test", "status": "failed", "duration_ms": 7, "message": "`./check` ends with exit code 3: error: no"},
            ])
        );
        assert_eq!(output["checks"][0]["output"], Value::Null);
        assert_eq!(output["checks"][1]["output"], "error: no\n");
    }

    #[test]
    fn a_failure_that_no_test_tells_of_is_told() {
        let green = "1 passed in 0.1s\n";
        let result = judged(Category::Test, "pytest", Some(2), green, "");
        let output = printed(vec![result]);
        assert_eq!(
            output["summary"],
            json!({"passed": 1, "failed": 1, "skipped": 0, "duration": 7})
        );
        assert_eq!(output["results"][0]["test_case"], "test");
    }

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

    #[test]
    fn a_check_that_ran_no_test_is_a_failure_where_tests_are_wanted() {
        let mut none = judged(
            Category::Test,
            "pytest",
            Some(0),
            "no tests ran in 0.01s\n",
            "",
        );
        assert!(ran_nothing(&none) && none.status == CheckStatus::Passed);
        require_tests(&mut none);
        let output = printed(vec![none]);
        assert_eq!(output["results"][0]["message"], "no tests ran");
        assert_eq!(output["checks"][0]["status"], "failed");
        assert_eq!(output["checks"][0]["findings"][0]["severity"], "major");
        let mut some = judged(Category::Test, "pytest", Some(0), "1 passed in 0.1s\n", "");
        require_tests(&mut some);
        assert_eq!(some.status, CheckStatus::Passed);
    }
}
