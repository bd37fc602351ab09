//! Answers in several parts: a model pauses, what it said is sent back as it is, and it goes on.

use crate::domain::message::{Message, ModelAnswer, ModelRequest};
use crate::domain::tape::{ModelFailure, ModelFailureKind};

use super::price;

/// The most times that a model that pauses is asked to go on.
pub(super) const MOST: usize = 4;

/// An answer of fewer tokens is not worth asking for.
const LEAST: u64 = 256;

/// The request for what follows on what the model said before it paused, within what was reserved
/// for the whole call; `None` if too little is left of that.
pub(super) fn continued(request: &ModelRequest, said: &ModelAnswer) -> Option<ModelRequest> {
    let reserved = price::most_tokens_of_prompt(request) + u64::from(request.max_output);
    let mut request = request.clone();
    request.messages.push(Message::Assistant {
        text: said.text.clone(),
        tool_calls: said.tool_calls.clone(),
        native: said.native.clone(),
    });
    let prompt = price::most_tokens_of_prompt(&request);
    let room = reserved.saturating_sub(said.usage.tokens().saturating_add(prompt));
    request.max_output =
        u32::try_from(room).map_or(request.max_output, |room| room.min(request.max_output));
    (room >= LEAST).then_some(request)
}

/// Two parts of one answer.
pub(super) fn joined(begun: ModelAnswer, rest: ModelAnswer) -> ModelAnswer {
    let mut whole = begun;
    whole.text.push_str(&rest.text);
    whole.tool_calls.extend(rest.tool_calls);
    whole.finish = rest.finish;
    whole.usage += rest.usage;
    // However many requests it took, it was one call.
    whole.usage.model_calls = 1;
    match (&mut whole.native, rest.native) {
        (Some(native), Some(rest)) => native.parts.extend(rest.parts),
        (native @ None, rest) => *native = rest,
        (Some(_), None) => {}
    }
    whole
}

/// A failure after a part of the answer was paid for.
pub(super) fn half_way(mut failure: ModelFailure) -> ModelFailure {
    if !failure.kind.may_have_cost() {
        failure.kind = ModelFailureKind::Truncated;
    }
    failure
}
