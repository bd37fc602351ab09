//! A case of failure of any kind -> what it is: what `rgpt classify` says.
//!
//! Pure. [`Case`] is what is known, [`diagnose`] names it, [`Answer`] is what is told. Commands are
//! judged by the same rules as the checks of a run, models' answers and calls by what the engine
//! knows of them, plans and acts by what the gate would say.

mod action;
mod answer;
mod case;
mod command;
mod http;
mod plan;
mod response;
mod verdict;

use crate::domain::failure::ErrorType;
use crate::heal::classify::Scorer;
use crate::heal::classify::scorer::Example;

pub use answer::Answer;
pub use case::{
    Action, Attempt, Call, Case, Context, HttpAnswer, Kind, Policy, ReportFile, Request, Response,
    Unreadable,
};

/// What a case is.
pub fn diagnose(case: &Case, scorer: &Scorer) -> Answer {
    let verdict = match case.kind {
        Kind::Command | Kind::TestReport => command::judge(case, scorer),
        Kind::LlmResponse => response::judge(case),
        Kind::ProviderHttpError => http::judge(case),
        Kind::Plan => plan::judge(case),
        Kind::Action => action::judge(case),
    };
    Answer::of(case, verdict)
}

/// What the scorer is to learn from a case of this class; `group` is kept together when the
/// weights are tried out. None where no rule speaks.
pub fn example(case: &Case, class: ErrorType, group: &str) -> Option<Example> {
    command::example(case, class, group)
}

#[cfg(test)]
mod tests;
