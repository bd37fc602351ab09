//! Texts of the shapes that outputs have, ordinary and tiresome ones.

/// Each shape's name and text of about `size` bytes.
#[expect(
    clippy::too_many_lines,
    reason = "a table: one entry a shape of output"
)]
pub(crate) fn all(size: usize) -> Vec<(&'static str, String)> {
    let fill = |line: &dyn Fn(usize) -> String, head: &str, tail: &str| {
        let mut text = head.to_owned();
        let mut number = 0;
        while text.len() < size {
            text.push_str(&line(number));
            text.push('\n');
            number += 1;
        }
        text.push_str(tail);
        text
    };
    vec![
        (
            "log",
            fill(
                &|n| {
                    format!(
                        "2026-01-01T00:00:{:02} INFO worker {n}: GET /api/{n} in {} ms",
                        n % 60,
                        n % 97
                    )
                },
                "",
                "",
            ),
        ),
        (
            "json_log",
            fill(
                &|n| {
                    format!(
                        "{{\"level\":\"info\",\"msg\":\"request {n}\",\"n\":{n},\"path\":\"/x/{n}\"}}"
                    )
                },
                "",
                "",
            ),
        ),
        (
            "colours",
            fill(
                &|n| {
                    format!(
                        "\u{1b}[32m  ok\u{1b}[0m \u{1b}[2mcase {n}\u{1b}[22m \u{1b}[33m(3 ms)\u{1b}[39m"
                    )
                },
                "",
                "",
            ),
        ),
        (
            "compiler",
            fill(
                &|n| {
                    format!(
                        "src/a{n}.c:{n}:7: warning: unused variable 'x' [-Wunused-variable]\n  {n} | int x;\n      | ^"
                    )
                },
                "",
                "",
            ),
        ),
        (
            "pytest",
            fill(
                &|n| {
                    format!("tests/test_a.py::test_{n} PASSED                              [ 10%]")
                },
                "=== test session starts ===\n",
                "==== 1 failed, 20000 passed in 3.2s ====\n",
            ),
        ),
        (
            "cargo_test",
            fill(
                &|n| format!("test module::tests::case_{n} ... ok"),
                "running 30000 tests\n",
                "\ntest result: ok. 30000 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s\n",
            ),
        ),
        (
            "go_json",
            fill(
                &|n| {
                    format!(
                        "{{\"Time\":\"2026-01-01T00:00:00Z\",\"Action\":\"output\",\"Package\":\"ex.org/a\",\"Test\":\"TestA\",\"Output\":\"line {n}\\n\"}}"
                    )
                },
                "",
                "{\"Action\":\"pass\",\"Package\":\"ex.org/a\",\"Elapsed\":1}\n",
            ),
        ),
        (
            "tap",
            fill(
                &|n| format!("ok {} - case {n}", n + 1),
                "TAP version 13\n",
                "1..100000\n",
            ),
        ),
        (
            "jest",
            fill(
                &|n| format!("  ● suite › case {n}\n\n    Error: no\n"),
                "FAIL a.test.js\n",
                "Test Suites: 1 failed, 1 total\nTests: 1 failed, 1 total\nSnapshots: 0 total\n",
            ),
        ),
        (
            "phpunit",
            fill(
                &|n| format!("\n{}) A::test{n}\nno", n + 1),
                "PHPUnit 9.6.7 by Sebastian Bergmann and contributors.\nThere were 99999 failures:\n",
                "\nTests: 99999, Assertions: 1, Failures: 99999.\n",
            ),
        ),
        (
            "starts",
            fill(&|n| format!("<testsuite>\n{{\n[{n}"), "", ""),
        ),
    ]
}
