//! What a failure is: `rgpt classify`.

use crate::diagnose::Answer;

use super::clean;
use super::layout::hang;
use super::look::{Look, Mark, style};

/// The most failing tests that are named.
const MOST_TESTS: usize = 20;
/// The most lines of a command's output that are shown, from its end.
const MOST_LINES: usize = 40;

/// The class, why, where, and what follows.
pub(crate) fn answer(answer: &Answer, look: &Look) -> String {
    let diagnosis = &answer.diagnosis;
    if diagnosis.error_type.is_none() {
        return style::paint(
            style::GOOD.bold(),
            format!("{} nothing failed", look.sign(Mark::Good)),
        );
    }
    let head = style::paint(
        style::BAD.bold(),
        format!("{} {}", look.sign(Mark::Bad), answer.class()),
    );
    let sure = format!("{:.0} % sure", diagnosis.confidence * 100.0);
    let by = match answer.weighed {
        true => format!("weighed, {}", answer.rule),
        false => format!("by the rule {}", answer.rule),
    };
    let mut lines = vec![format!(
        "{head}  {}",
        style::paint(style::DIM, format!("{sure}, {by}"))
    )];
    if !answer.message.is_empty() {
        lines.push(hang("  ", &clean::line(&answer.message), 2, look));
    }
    lines.extend(others(answer));
    lines.extend(excerpt(answer, look));
    lines.extend(tests(answer, look));
    lines.push(String::new());
    lines.push(match diagnosis.retryable {
        true => "  Trying the same again may help.".to_owned(),
        false => "  Trying the same again will not help.".to_owned(),
    });
    if let Some(action) = answer.action_required() {
        lines.push(hang("  To do: ", &clean::line(action), 2, look));
    }
    let remedies = answer.remedies();
    if !remedies.is_empty() {
        let first: Vec<String> = remedies.into_iter().take(3).collect();
        lines.push(hang("  A run would try: ", &first.join(", "), 2, look));
    }
    lines.join("\n")
}

/// The classes that are possible besides, where there is doubt.
fn others(answer: &Answer) -> Option<String> {
    let diagnosis = &answer.diagnosis;
    let others: Vec<String> = diagnosis
        .distribution
        .ranked()
        .into_iter()
        .filter(|(class, share)| Some(*class) != diagnosis.error_type && *share >= 0.1)
        .map(|(class, share)| format!("{class} {:.0} %", share * 100.0))
        .collect();
    (!others.is_empty()).then(|| style::paint(style::DIM, format!("  or {}", others.join(", "))))
}

/// The root cause with its number, and the lines around it.
fn excerpt(answer: &Answer, look: &Look) -> Vec<String> {
    let Some(cause) = &answer.diagnosis.root_cause else {
        return Vec::new();
    };
    let mut lines = vec![String::new()];
    for (number, text) in &answer.excerpt {
        let text = clean::clean(text).replace(['\n', '\t'], " ");
        let is_it = *number == cause.line;
        let mark = if is_it {
            look.mark(Mark::Busy)
        } else {
            " ".to_owned()
        };
        let shown = if is_it {
            style::paint(style::HEAD, &text)
        } else {
            style::paint(style::DIM, &text)
        };
        lines.push(
            format!("  {mark} {number:>5}  {shown}")
                .trim_end()
                .to_owned(),
        );
    }
    lines
}

fn tests(answer: &Answer, look: &Look) -> Vec<String> {
    let mut lines = Vec::new();
    for name in answer.failing_tests.iter().take(MOST_TESTS) {
        let head = format!("  {} ", look.mark(Mark::Bad));
        lines.push(hang(&head, &clean::line(name), 4, look));
    }
    if answer.failing_tests.len() > MOST_TESTS {
        lines.push(format!(
            "  and {} more",
            answer.failing_tests.len() - MOST_TESTS
        ));
    }
    if !lines.is_empty() {
        lines.insert(0, String::new());
    }
    lines
}

/// The end of what a command said.
pub(crate) fn stream(text: &str) -> String {
    let text = clean::clean(text);
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let over = lines.len().saturating_sub(MOST_LINES);
    let mut shown: Vec<String> = Vec::new();
    if over > 0 {
        shown.push(style::paint(style::DIM, format!("[{over} lines before]")));
    }
    shown.extend(lines[over..].iter().map(|line| (*line).to_owned()));
    shown.push(String::new());
    shown.join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::cli::render::fixture;
    use crate::diagnose::{Case, diagnose};
    use crate::heal::classify::Scorer;

    fn shown(case: &serde_json::Value) -> String {
        let case = Case::read(case.to_string().as_bytes()).unwrap();
        fixture::plain(&super::answer(
            &diagnose(&case, Scorer::built_in()),
            &fixture::look(),
        ))
    }

    #[test]
    fn a_call_that_was_refused_says_what_to_do() {
        let case = json!({"kind": "provider_http_error", "http": {"status": 401, "body": "{\"error\": {\"message\": \"bad key\\u001b[2J\"}}"}});
        insta::assert_snapshot!(shown(&case), @r#"
        ✗ CONFIG_ERROR  98 % sure, by the rule call.authentication
          status 401: bad key

          ▸     1  {"error": {"message": "bad key\u001b[2J"}}

          Trying the same again will not help.
          To do: set a valid key for the provider: bad key
          A run would try: set_default, create_from_template, install_dependencies
        "#);
    }

    #[test]
    fn nothing_failed_is_one_line() {
        insta::assert_snapshot!(shown(&json!({"exit_code": 0})), @"✓ nothing failed");
    }
}
