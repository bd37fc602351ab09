//! What a repair shows its agent: each must hold something that the failed attempt did not know.

use crate::domain::failure::Failure;
use crate::domain::remedy::HealAction;

use super::{Situation, Tried, ladder};

/// The most bytes of one section.
const SECTION: usize = 8 * 1024;

/// The evidence of a remedy; never empty.
pub(super) fn gather(
    action: HealAction,
    failure: &Failure,
    at: &Situation,
    history: &[Tried],
    wait_ms: u64,
    attempt: u32,
) -> String {
    use HealAction as A;
    let cited = || cited(failure);
    let mut sections = match action {
        A::RepairJson => return ladder::recovered(at).unwrap_or_else(cited),
        A::Backoff => vec![format!(
            "{}\nTry {} follows after {wait_ms} ms.",
            failure.message,
            attempt + 2
        )],
        A::AnotherModel | A::RerunChecks | A::InstallDependencies => vec![failure.message.clone()],
        A::CreateFromTemplate => vec![format!(
            "{}\nThe template: {}",
            failure.message,
            at.template_for_missing.as_deref().unwrap_or_default()
        )],
        A::Regenerate => vec![cited()],
        A::RegenerateConstrained => vec![
            cited(),
            "Answer with the JSON document alone: no prose, no fences, nothing left out."
                .to_owned(),
        ],
        A::FixAssertion | A::FixCrash | A::FixBuild | A::FixLint | A::FixCommand => {
            vec![
                cited(),
                titled("The code", &at.code),
                titled("The change so far", &at.diff),
            ]
        }
        A::PolicyCorrection => vec![
            cited(),
            "Do without what was refused; the rule does not change.".to_owned(),
        ],
        A::RefinePlan => vec![cited(), "Steps that are done stay as they are.".to_owned()],
        A::Replan => vec![cited(), titled("The change so far", &at.diff)],
    };
    if !matches!(action, A::Backoff | A::RerunChecks | A::AnotherModel) {
        sections.push(titled("What was tried before", &attempts(failure, history)));
    }
    sections.retain(|section| !section.is_empty());
    sections.join("\n\n")
}

/// The failure itself: its evidence, or at least its message.
fn cited(failure: &Failure) -> String {
    let mut text = failure.message.clone();
    if !failure.failing_tests.is_empty() {
        text += &format!("\nFailing tests: {}", failure.failing_tests.join(", "));
    }
    if !failure.evidence.trim().is_empty() {
        text += "\n\n";
        text += failure.evidence.trim_end();
    }
    text
}

/// One line for each repair in vain, so that no later one repeats it.
fn attempts(failure: &Failure, history: &[Tried]) -> String {
    let lines: Vec<String> = history
        .iter()
        .filter(|tried| !tried.kept)
        .map(|tried| {
            let same = if tried.signature == failure.signature {
                "for this failure"
            } else {
                "for an earlier failure"
            };
            let outcome = tried.evidence.lines().next().unwrap_or_default();
            format!("- {} {same}: {outcome}", tried.action)
        })
        .collect();
    lines.join("\n")
}

fn titled(title: &str, text: &str) -> String {
    let text = text.trim_end();
    if text.is_empty() {
        return String::new();
    }
    if text.len() <= SECTION {
        return format!("{title}:\n{text}");
    }
    let end = text.floor_char_boundary(SECTION);
    format!(
        "{title}:\n{}\n[… {} bytes more]",
        &text[..end],
        text.len() - end
    )
}
