//! The document of RSpec's `json` formatter: every example, the numbers, and what went wrong outside of examples.

use std::borrow::Cow;

use serde::Deserialize;

use super::super::found::{failed, plain_path};
use super::super::{Report, Reported, whole_milliseconds};
use super::{message, value};
use crate::domain::check::TestStatus;

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow, default)]
    messages: Vec<Cow<'a, str>>,
    #[serde(borrow)]
    examples: Vec<Example<'a>>,
    summary: Summary,
}

#[derive(Deserialize)]
struct Summary {
    example_count: u32,
    failure_count: u32,
    pending_count: u32,
    #[serde(default)]
    errors_outside_of_examples_count: u32,
}

#[derive(Deserialize)]
struct Example<'a> {
    #[serde(borrow)]
    full_description: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow, default)]
    file_path: Cow<'a, str>,
    #[serde(default)]
    line_number: u32,
    run_time: Option<f64>,
    #[serde(borrow, default)]
    exception: Option<Exception<'a>>,
}

#[derive(Deserialize)]
struct Exception<'a> {
    #[serde(borrow, default)]
    class: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    message: Option<Cow<'a, str>>,
}

pub(super) fn read(text: &str) -> Option<(Report, usize)> {
    let (document, length): (Document<'_>, usize) = value(text)?;
    let mut report = Report::default();
    let Summary {
        example_count: all,
        failure_count: failures,
        pending_count: pending,
        errors_outside_of_examples_count: outside,
    } = document.summary;
    report.counts.failed = failures;
    report.counts.skipped = pending;
    report.counts.errors = outside;
    report.counts.passed = all.saturating_sub(failures).saturating_sub(pending);
    report.counts.complete = document.examples.len() >= all as usize;
    for example in &document.examples {
        let status = match example.status.as_ref() {
            "passed" => TestStatus::Passed,
            "failed" => TestStatus::Failed,
            _ => TestStatus::Skipped,
        };
        let mut test = Reported::new(example.full_description.trim_end(), status);
        let seconds = example.run_time.unwrap_or_default();
        test.case.duration_ms = whole_milliseconds(seconds * 1000.0);
        if status == TestStatus::Failed {
            test.case.message = example.exception.as_ref().and_then(why);
            let path = plain_path(&example.file_path);
            test.location = Some(format!("{path}:{}", example.line_number));
        }
        report.name(test);
    }
    for said in document.messages.iter().take(outside as usize) {
        const HEAD: &str = "An error occurred while loading ";
        let text = said.trim_start();
        if let Some((path, rest)) = text
            .strip_prefix(HEAD)
            .and_then(|text| text.split_once('\n'))
        {
            let path = plain_path(path.trim_end().trim_end_matches('.'));
            report.name(failed(path, message(rest), None));
        }
    }
    Some((report, length))
}

fn why(exception: &Exception<'_>) -> Option<String> {
    let text = message(exception.message.as_deref()?)?;
    Some(match exception.class.as_deref() {
        Some(class) if !class.starts_with("RSpec::") => format!("{class}: {text}"),
        _ => text,
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::told::{failing, numbers, told};
    use crate::config::ReportFormat::Rspec;

    #[test]
    fn examples_have_their_full_description() {
        let text = "4 examples, 0 failures\n{\"version\":\"3.12.0\",\"examples\":[{\"id\":\"./a_spec.rb[1:1]\",\"description\":\"adds\",\"full_description\":\"Cart adds\",\"status\":\"passed\",\"file_path\":\"./a_spec.rb\",\"line_number\":2,\"run_time\":0.0002},{\"id\":\"./a_spec.rb[1:2]\",\"description\":\"nil # hash\",\"full_description\":\"Cart nil # hash\",\"status\":\"failed\",\"file_path\":\"./a_spec.rb\",\"line_number\":13,\"run_time\":6.1e-05,\"exception\":{\"class\":\"NoMethodError\",\"message\":\"undefined method `foo'\",\"backtrace\":[]}},{\"id\":\"./a_spec.rb[1:3]\",\"description\":\"later\",\"full_description\":\"Cart later\",\"status\":\"pending\",\"file_path\":\"./a_spec.rb\",\"line_number\":14}],\"summary\":{\"duration\":0.01,\"example_count\":3,\"failure_count\":1,\"pending_count\":1,\"errors_outside_of_examples_count\":0},\"summary_line\":\"3 examples, 1 failure, 1 pending\"}\n";
        let report = told(text, "", Rspec);
        assert_eq!(numbers(&report), (1, 1, 1, 0, true));
        assert_eq!(failing(&report), ["Cart nil # hash"]);
        let test = &report.tests[1];
        assert_eq!(
            test.case.message.as_deref(),
            Some("NoMethodError: undefined method `foo'")
        );
        assert_eq!(test.location.as_deref(), Some("a_spec.rb:13"));
    }

    #[test]
    fn a_file_that_cannot_be_loaded_is_an_error() {
        let text = "{\"version\":\"3.12.0\",\"messages\":[\"\\nAn error occurred while loading ./load_spec.rb.\\nFailure/Error: require \\\"nothere_x\\\"\\n\"],\"examples\":[],\"summary\":{\"duration\":5.0e-05,\"example_count\":0,\"failure_count\":0,\"pending_count\":0,\"errors_outside_of_examples_count\":1},\"summary_line\":\"0 examples\"}";
        let report = told(text, "", Rspec);
        assert_eq!(numbers(&report), (0, 0, 0, 1, true));
        assert_eq!(failing(&report), ["load_spec.rb"]);
    }
}
