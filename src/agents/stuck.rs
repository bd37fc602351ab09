//! Whether a model goes round in circles: a pure function of its turns, so that whoever reads the
//! same tape comes to the same.
//!
//! What counts is a whole turn: the calls that were made together, with their answers. The first
//! pattern is told to the model, once; if a pattern is there again after that, the execution ends.

use std::sync::LazyLock;

use regex::Regex;

use crate::domain::message::ToolCall;
use crate::domain::tape::ToolAnswer;

use super::conversation::Turn;

/// So many turns in a row with the same calls and the same answers are a pattern.
const SAME: u32 = 4;

/// So many turns in a row in which everything fails in the same words are a pattern.
const ERRORS: u32 = 3;

/// So many turns in which two take turns, A, B, A, B, A, B, are a pattern.
const ALTERNATING: u32 = 6;

/// What is made of a model's turns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Course {
    /// After which turn the model is told, and in which words.
    pub(super) told: Option<(usize, String)>,
    /// The pattern that went on after that.
    pub(super) stuck: Option<String>,
}

/// Looks for patterns in a model's turns.
pub(super) fn course(turns: &[Turn<'_>]) -> Course {
    let mut course = Course::default();
    let mut counts = Counts::default();
    for (at, turn) in turns.iter().enumerate() {
        counts.take(turns, at);
        let Some(pattern) = counts.pattern(turn) else {
            continue;
        };
        if course.told.is_some() {
            course.stuck = Some(pattern);
            return course;
        }
        course.told = Some((at, instruction(&pattern)));
    }
    course
}

fn instruction(pattern: &str) -> String {
    format!(
        "You are going round in circles: {pattern}. Doing it again brings nothing new. Take another way: look at \
         something you have not looked at, doubt what you took for granted, change something else; or end now \
         and say what is in the way. If the same goes on, the work is stopped."
    )
}

/// How long each pattern has gone on, up to a turn.
#[derive(Default)]
struct Counts {
    same: u32,
    errors: u32,
    alternating: u32,
}

impl Counts {
    fn take(&mut self, turns: &[Turn<'_>], at: usize) {
        let turn = &turns[at];
        if turn.calls.is_empty() || turn.pending().is_some() {
            *self = Self::default();
            return;
        }
        let before = |back: usize| at.checked_sub(back).map(|at| &turns[at]);
        let repeats = |other: Option<&Turn<'_>>| other.is_some_and(|other| is_same(other, turn));
        self.same = match repeats(before(1)) {
            true => self.same + 1,
            false => 1,
        };
        self.errors = match (fails(turn), before(1)) {
            (true, Some(last)) if self.errors > 0 && is_same_error(last, turn) => self.errors + 1,
            (fails, _) => u32::from(fails),
        };
        self.alternating = match (self.same, repeats(before(2))) {
            (1, true) => (self.alternating + 1).max(3),
            _ => 0,
        };
    }

    /// The pattern that is whole with this turn, in words.
    fn pattern(&self, turn: &Turn<'_>) -> Option<String> {
        let what = describe(turn);
        if self.same >= SAME {
            let times = self.same;
            return Some(format!(
                "{what} was called {times} times in a row, with the same answer each time"
            ));
        }
        if self.errors >= ERRORS {
            let times = self.errors;
            return Some(format!(
                "{times} times in a row the calls failed with the same error, the last was {what}"
            ));
        }
        (self.alternating >= ALTERNATING).then(|| {
            let times = self.alternating;
            format!("for {times} turns the same two calls take turns with the same answers, the last was {what}")
        })
    }
}

/// The first call of a turn, in a few words.
fn describe(turn: &Turn<'_>) -> String {
    const SHOWN: usize = 100;
    let Some(call) = turn.calls.first() else {
        return String::new();
    };
    let arguments = crate::domain::text::one_line(&call.arguments.to_string());
    match arguments.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{} {}…", call.name, &arguments[..end]),
        None => format!("{} {arguments}", call.name),
    }
}

/// Whether all calls of a turn failed.
fn fails(turn: &Turn<'_>) -> bool {
    turn.answered.iter().all(|answer| answer.is_error)
}

/// Whether two turns made the same calls and got the same answers.
fn is_same(a: &Turn<'_>, b: &Turn<'_>) -> bool {
    let is_same_call =
        |(a, b): (&ToolCall, &ToolCall)| a.name == b.name && a.arguments == b.arguments;
    a.calls.len() == b.calls.len()
        && a.answered.len() == b.answered.len()
        && a.calls.iter().zip(&b.calls).all(is_same_call)
        && a.answered
            .iter()
            .zip(&b.answered)
            .all(|(a, b)| is_same_answer(a, b))
}

/// Whether two answers to the same call are the same. How long something took is no news.
fn is_same_answer(a: &ToolAnswer, b: &ToolAnswer) -> bool {
    if a.is_error != b.is_error || a.text.len().abs_diff(b.text.len()) > 1_000 {
        return false;
    }
    a.text == b.text || untimed(&a.text) == untimed(&b.text)
}

/// Whether the calls of two turns, which need not be the same, failed in the same words.
fn is_same_error(a: &Turn<'_>, b: &Turn<'_>) -> bool {
    let failed = |turn: &Turn<'_>| -> Vec<(String, String)> {
        let pairs = turn.calls.iter().zip(&turn.answered);
        let mut failed: Vec<_> = pairs
            .map(|(call, answer)| (call.name.clone(), answer.text.clone()))
            .collect();
        failed.dedup();
        failed
    };
    failed(a) == failed(b)
}

/// A text without the times that it tells.
fn untimed(text: &str) -> String {
    static TIME: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"\b\d+(?:[.:]\d+)*\s?(?:ns|µs|us|ms|s|secs?|seconds?|m|min|minutes?)\b").ok()
    });
    match &*TIME {
        Some(time) => time.replace_all(text, "…").into_owned(),
        None => text.to_owned(),
    }
}
