//! What is left out of a request that does not fit: what is worth least goes first.
//!
//! The newest turns and what is to be done always stay, and every call keeps its answer. What a
//! provider worded itself is carried back as it is.

use crate::domain::brief::ModelSettings;
use crate::domain::message::{ModelRequest, ToolCall, room_for_prompt};
use crate::domain::tape::{Answer, Call, ModelFailureKind, TapeEntry};

/// How much is left out; each holds those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cut {
    /// Nothing.
    Nothing,
    /// What tools answered some turns ago.
    OldAnswers,
    /// The list of the repository's files.
    Files,
    /// The texts that are shown from the start, but for the first.
    Texts,
    /// What tools answered, and the model's long speeches, but for the last turn.
    Answers,
    /// The middle of the evidence.
    Evidence,
}

impl Cut {
    const SOME: [Self; 5] = [
        Self::OldAnswers,
        Self::Files,
        Self::Texts,
        Self::Answers,
        Self::Evidence,
    ];

    /// How many of the newest turns are shown whole.
    pub(super) fn whole_turns(self) -> usize {
        match self {
            Self::Nothing => usize::MAX,
            Self::OldAnswers | Self::Files | Self::Texts => 4,
            Self::Answers | Self::Evidence => 1,
        }
    }
}

/// The request of which as little is left out as must be: prompt and answer fit in the context
/// window where that is known, and for each request on the tape that turned out to be too long,
/// one more thing is left out. The last may be no smaller than the one before: there is nothing left.
pub(super) fn fitting(
    settings: &ModelSettings,
    tape: &[TapeEntry],
    build: impl Fn(Cut) -> ModelRequest,
) -> ModelRequest {
    let mut request = build(Cut::Nothing);
    let mut overflows = overflows(tape);
    if settings.window.is_none() && overflows == 0 {
        return request;
    }
    let room = settings
        .window
        .map(|window| room_for_prompt(window, settings.max_output));
    let mut size = request.estimated_tokens();
    for cut in Cut::SOME {
        let fits = room.is_none_or(|room| size <= room);
        if fits && overflows == 0 {
            break;
        }
        let shorter = build(cut);
        let shorter_size = shorter.estimated_tokens();
        if shorter_size < size {
            overflows = overflows.saturating_sub(usize::from(fits));
            (request, size) = (shorter, shorter_size);
        }
    }
    request
}

fn overflows(tape: &[TapeEntry]) -> usize {
    let too_long = |entry: &&TapeEntry| {
        matches!(&entry.answer, Some(Answer::ModelFailed(failure))
            if failure.kind == ModelFailureKind::ContextTooLong)
            && matches!(entry.call, Call::Model(_))
    };
    tape.iter().filter(too_long).count()
}

/// A tool's answer in a line that names the call.
pub(super) fn answer(call: &ToolCall, text: &str) -> String {
    const SHOWN: usize = 120;
    let arguments = call.arguments.to_string();
    let end = arguments.floor_char_boundary(SHOWN);
    let more = if end < arguments.len() { "…" } else { "" };
    let line = format!(
        "[{} {}{more} answered with {} bytes, left out to save room; call it again to see them]",
        call.name,
        &arguments[..end],
        text.len()
    );
    if line.len() < text.len() {
        line
    } else {
        text.to_owned()
    }
}

/// The beginning and the end of a text that is longer than `most` bytes.
pub(super) fn ends(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let head = text.floor_char_boundary(most / 2);
    let tail = text.ceil_char_boundary(text.len() - most / 2);
    let left_out = tail - head;
    format!(
        "{}\n[… {left_out} bytes left out to save room …]\n{}",
        &text[..head],
        &text[tail..]
    )
}
