//! What calls cost: an estimate before, the bill after.

use crate::config::{ModelConfig, Price};
use crate::domain::budget::Usage;
use crate::domain::message::ModelRequest;

use super::budget::Reserved;

/// How much more tokens a prompt may have than [`tokens_of_prompt`] estimates.
const MARGIN: f64 = 1.15;

/// An estimate of the tokens in `text`: one for four ASCII characters or one other character.
pub fn tokens_in(text: &str) -> u64 {
    let other = text.chars().filter(|c| !c.is_ascii()).count() as u64;
    let ascii = text.bytes().filter(u8::is_ascii).count() as u64;
    ascii.div_ceil(4) + other
}

/// An estimate of the tokens of a whole request: system prompt, tools, schema and conversation.
pub fn tokens_of_prompt(request: &ModelRequest) -> u64 {
    // Only numbers that are not finite cannot be written as JSON, and they have no tokens.
    serde_json::to_string(request).map_or(0, |text| tokens_in(&text))
}

/// The most that a call may use: the prompt with a margin and the longest answer allowed, no
/// token from a cache.
pub fn reserve(request: &ModelRequest, model: &ModelConfig) -> Reserved {
    let prompt = with_margin(tokens_of_prompt(request));
    let output = u64::from(
        model
            .max_output
            .map_or(request.max_output, |most| most.min(request.max_output)),
    );
    let worst = Usage {
        input_tokens: prompt,
        output_tokens: output,
        ..Usage::default()
    };
    Reserved {
        tokens: worst.tokens(),
        usd: cost(&worst, model.price.as_ref()),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "no prompt has 2^52 tokens, and a cast to u64 saturates"
)]
fn with_margin(tokens: u64) -> u64 {
    (tokens as f64 * MARGIN).ceil() as u64
}

/// The cost of `usage` in US dollars; 0 without a price.
#[expect(
    clippy::cast_precision_loss,
    reason = "beyond 2^52 tokens the last digit of the cost does not matter"
)]
pub fn cost(usage: &Usage, price: Option<&Price>) -> f64 {
    let Some(price) = price else {
        return 0.0;
    };
    let cached = usage.cached_input_tokens.min(usage.input_tokens);
    let fresh = usage.input_tokens - cached;
    let sum = fresh as f64 * price.input
        + cached as f64 * price.cached_input.unwrap_or(price.input)
        + usage.output_tokens as f64 * price.output;
    sum / 1_000_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRICE: Price = Price {
        input: 3.0,
        output: 15.0,
        cached_input: Some(0.3),
    };

    #[test]
    fn cached_tokens_cost_their_own_price_and_reasoning_is_output() {
        let usage = Usage {
            input_tokens: 1_000_000,
            cached_input_tokens: 500_000,
            output_tokens: 100_000,
            reasoning_tokens: 50_000,
            ..Usage::default()
        };
        assert!((cost(&usage, Some(&PRICE)) - (1.5 + 0.15 + 1.5)).abs() < 1e-9);
        let plain = Price {
            cached_input: None,
            ..PRICE
        };
        assert!((cost(&usage, Some(&plain)) - 4.5).abs() < 1e-9);
        assert!(cost(&usage, None).abs() < f64::EPSILON);
    }

    #[test]
    fn text_that_is_not_ascii_is_estimated_generously() {
        assert_eq!(tokens_in(""), 0);
        assert_eq!(tokens_in("abcde"), 2);
        assert_eq!(tokens_in("漢字"), 2);
    }
}
