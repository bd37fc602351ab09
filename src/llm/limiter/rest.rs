//! What the headers of an answer say of what is left.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::super::failure::{go_duration, http_date};

/// What providers limit.
const LIMITED: [&str; 4] = ["requests", "tokens", "input-tokens", "output-tokens"];

/// A larger number of seconds is no wait, but a point in time.
const LONGEST: f64 = 86_400.0;

/// How long a provider has nothing left, in milliseconds, if the headers of its answer say so.
pub(in crate::llm) fn rest_ms(headers: &BTreeMap<String, String>, now: Timestamp) -> Option<u64> {
    let text = |name: String| headers.get(&name).map(|value| value.trim());
    // By the server's own clock if it tells it: the two need not agree.
    let now = text("date".to_owned()).and_then(http_date).unwrap_or(now);
    let rests = LIMITED.iter().filter_map(|what| {
        let openai = (
            text(format!("x-ratelimit-remaining-{what}")),
            text(format!("x-ratelimit-reset-{what}")),
        );
        let anthropic = (
            text(format!("anthropic-ratelimit-{what}-remaining")),
            text(format!("anthropic-ratelimit-{what}-reset")),
        );
        let rests = [openai, anthropic]
            .into_iter()
            .filter_map(|told| match told {
                (Some(left), Some(reset)) if is_nothing(left) => wait(reset, now),
                _ => None,
            });
        rests.max()
    });
    rests.max()
}

fn is_nothing(left: &str) -> bool {
    left.parse::<f64>().is_ok_and(|left| left <= 0.0)
}

/// A wait as in `1m2.5s`, in seconds, or until a point in time.
fn wait(reset: &str, now: Timestamp) -> Option<u64> {
    if let Ok(until) = reset.parse::<Timestamp>() {
        let wait = until.as_millisecond().saturating_sub(now.as_millisecond());
        return Some(u64::try_from(wait).unwrap_or(0));
    }
    match reset.parse::<f64>() {
        Ok(seconds) if seconds > LONGEST => None,
        Ok(_) => go_duration(&format!("{reset}s")),
        Err(_) => go_duration(reset),
    }
}
