//! What a repair shows its agent: each must hold something that the failed attempt did not know.

use crate::domain::failure::Failure;
use crate::domain::remedy::HealAction;

use super::{Situation, Tried, ladder};

/// The most bytes of one section.
const SECTION: usize = 8 * 1024;

const DONE_STAYS: &str = "Steps that are done stay as they are.";

/// The evidence of a remedy; never empty. `worked_before` says what the playbook knows of it.
pub(super) fn gather(
    action: HealAction,
    failure: &Failure,
    at: &Situation,
    history: &[Tried],
    (wait_ms, attempt): (u64, u32),
    worked_before: Option<String>,
) -> String {
    use HealAction as A;
    let mut sections = match action {
        A::RepairJson => return ladder::recovered(at).unwrap_or_else(|| cited(failure)),
        // What the builder reads as its instructions, so nothing else may stand there.
        A::PatchInstructions => {
            return at.instructions.clone().unwrap_or_else(|| cited(failure));
        }
        A::Backoff => vec![format!(
            "{}\nTry {} follows after {wait_ms} ms.",
            failure.message,
            attempt + 2
        )],
        _ => free(action, failure, at).unwrap_or_else(|| asked(action, failure, at)),
    };
    if !matches!(action, A::Backoff | A::RerunChecks | A::AnotherModel) {
        sections.push(titled("What was tried before", &attempts(failure, history)));
    }
    sections.extend(worked_before);
    sections.retain(|section| !section.is_empty());
    sections.join("\n\n")
}

/// The evidence of repairs that ask no model anything new.
fn free(action: HealAction, failure: &Failure, at: &Situation) -> Option<Vec<String>> {
    use HealAction as A;
    Some(match action {
        A::AnotherModel | A::RerunChecks | A::InstallDependencies => vec![failure.message.clone()],
        A::CreateFromTemplate => vec![format!(
            "{}\nThe template: {}",
            failure.message,
            at.template_for_missing.as_deref().unwrap_or_default()
        )],
        A::ApplyFixes => vec![
            cited(failure),
            titled("What mends it", &ladder::commands(failure, at).join("\n")),
        ],
        A::SetDefault => vec![failure.message.clone(), titled("Set", &set(failure, at))],
        _ => return None,
    })
}

/// What an agent is shown.
fn asked(action: HealAction, failure: &Failure, at: &Situation) -> Vec<String> {
    use HealAction as A;
    let mut sections = vec![cited(failure)];
    let code = || titled("The code", &at.code);
    let change = || titled("The change so far", &at.diff);
    match action {
        A::FixAssertion
        | A::FixCrash
        | A::FixBuild
        | A::FixLint
        | A::FixCommand
        | A::TryCandidates
        | A::FreeForm => sections.extend([code(), change()]),
        A::RegenerateConstrained if !ladder::is_of_a_check(failure) => sections.push(
            "Answer with the JSON document alone: no prose, no fences, nothing left out."
                .to_owned(),
        ),
        A::PolicyCorrection => {
            sections.push("Do without what was refused; the rule does not change.".to_owned());
        }
        A::RefinePlan => sections.push(DONE_STAYS.to_owned()),
        A::Replan => sections.extend([DONE_STAYS.to_owned(), change()]),
        A::SplitStep => sections.push(format!(
            "The step {} is too much for one answer: split it into steps that each need few \
             words. {DONE_STAYS}",
            at.step.as_ref().map_or("", |step| step.as_str())
        )),
        A::RegenerateTest => sections.extend([
            format!(
                "The fix of the code did not help, so the test itself may be wrong. Write the \
                 failing tests anew from the goal and the criteria, not from what the code does; \
                 change these files only: {}",
                at.own_tests.join(", ")
            ),
            code(),
            change(),
        ]),
        _ => {}
    }
    sections
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

/// The variables that are set, one a line.
fn set(failure: &Failure, at: &Situation) -> String {
    let lines = ladder::defaults(failure, at).into_iter();
    let lines: Vec<String> = lines
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    lines.join("\n")
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
