//! The tester: has every check run. A model, if one is named for it, reads the log of a failure.

use serde_json::Value;

use crate::domain::brief::Brief;
use crate::domain::failure::Failure;
use crate::domain::tape::{Answer, Call, TapeEntry};

use super::{AgentError, Next, Output, conversation, prompt};

pub(super) fn next(brief: &Brief, tape: &[TapeEntry]) -> Next {
    let checks = tape.iter().find_map(|entry| match &entry.answer {
        Some(Answer::Checks {
            output, failure, ..
        }) => Some((output, failure.as_deref())),
        _ => None,
    });
    match checks {
        None => Next::Act(Call::Checks),
        Some((output, None)) => Next::Done(Ok(Output {
            value: output.clone(),
            summary: summary(output),
        })),
        Some((_, Some(failure))) => failed(brief, tape, failure),
    }
}

fn failed(brief: &Brief, tape: &[TapeEntry], failure: &Failure) -> Next {
    let diagnosis = conversation::turns(tape)
        .last()
        .map(|turn| turn.words().to_owned());
    match diagnosis {
        None if !brief.context.models.names.is_empty() => ask(brief, tape, failure),
        diagnosis => {
            let mut failure = failure.clone();
            if let Some(words) = diagnosis.filter(|words| !words.trim().is_empty()) {
                failure
                    .evidence
                    .push_str("\n\nThe tester's reading of the log:\n");
                failure.evidence.push_str(words.trim());
            }
            Next::Done(Err(AgentError::Checks(Box::new(failure))))
        }
    }
}

fn ask(brief: &Brief, tape: &[TapeEntry], failure: &Failure) -> Next {
    let first = |cut| {
        let goal = prompt::goal(brief);
        let evidence = prompt::shown(&failure.evidence, cut);
        format!("{goal}\n## {}\n{evidence}", failure.message)
    };
    Next::Ask(conversation::request(brief, tape, first, Vec::new(), None))
}

fn summary(output: &Value) -> String {
    let count = |name: &str| output["summary"][name].as_u64().unwrap_or(0);
    format!(
        "{} passed, {} failed, {} skipped",
        count("passed"),
        count("failed"),
        count("skipped")
    )
}
