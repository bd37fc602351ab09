//! What holds of every reader, whatever it is given.

use proptest::prelude::*;

use super::recognise;
use crate::config::ReportFormat::{self, *};

const FORMATS: [ReportFormat; 15] = [
    Auto, Nextest, Unittest, Jest, Vitest, Mocha, NodeTest, Playwright, Rspec, Minitest, Phpunit,
    Ctest, Gtest, Surefire, GoTest,
];

const FIXTURES: [&str; 17] = [
    include_str!("fixtures/unittest.txt"),
    include_str!("fixtures/nextest.txt"),
    include_str!("fixtures/jest.txt"),
    include_str!("fixtures/jest_verbose.txt"),
    include_str!("fixtures/vitest.out.txt"),
    include_str!("fixtures/vitest.err.txt"),
    include_str!("fixtures/mocha.txt"),
    include_str!("fixtures/node_spec.txt"),
    include_str!("fixtures/playwright.json"),
    include_str!("fixtures/rspec.txt"),
    include_str!("fixtures/minitest.txt"),
    include_str!("fixtures/minitest_rails.txt"),
    include_str!("fixtures/phpunit.txt"),
    include_str!("fixtures/ctest.txt"),
    include_str!("fixtures/gtest.txt"),
    include_str!("fixtures/gtest_crash.txt"),
    include_str!("fixtures/surefire.txt"),
];

fn read_all(stdout: &str, stderr: &str) {
    for format in FORMATS {
        let _ = recognise(stdout, stderr, format);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_makes_a_reader_fail(stdout in any::<String>(), stderr in any::<String>()) {
        read_all(&stdout, &stderr);
    }

    #[test]
    fn no_mixture_of_reports_makes_a_reader_fail(
        picks in prop::collection::vec((0..FIXTURES.len(), any::<prop::sample::Index>(), 0..40_usize), 0..60),
    ) {
        let mut text = String::new();
        for (fixture, line, cut) in picks {
            let lines: Vec<&str> = FIXTURES[fixture].lines().collect();
            for line in lines.iter().skip(line.index(lines.len())).take(3) {
                let cut = line.floor_char_boundary(line.len().saturating_sub(cut % 8));
                text.push_str(if cut % 3 == 0 { &line[..cut] } else { line });
                text.push('\n');
            }
        }
        read_all(&text, "");
        read_all("", &text);
    }
}
