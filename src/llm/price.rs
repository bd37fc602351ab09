//! What calls cost: an estimate before, the bill after.

use crate::config::{ModelConfig, Price};
use crate::domain::budget::{Spending, Usage};
use crate::domain::message::ModelRequest;
pub use crate::domain::message::tokens_in;

/// Of what is counted by classes, so many per cent are reserved.
const MARGIN: u64 = 115;

/// What a provider adds to a prompt that is not in the request: the frame of each message and a
/// preamble. Those that are published are below 10 tokens a message, which the names of the fields
/// in the request make up for, and below 50 in all.
const PREAMBLE: u64 = 64;

/// What a provider adds to a prompt with tools, so that the model knows how to call one. The
/// largest that is published is 530 tokens.
const TOOL_PREAMBLE: u64 = 600;

/// The same with a margin, for what must hold the prompt and should not be much larger.
pub fn likely_tokens_of_prompt(request: &ModelRequest) -> u64 {
    with_margin(request.estimated_tokens())
}

/// The most tokens that `text` has with any tokenizer of today, by classes of bytes and in one pass.
///
/// All of them begin with the bytes of UTF-8, split a text where the class of character changes, and
/// merge within such a piece what is frequent. So for each class the worst is taken that is seen
/// where nothing is frequent:
///
/// - small letters: one token for three, beyond twelve in a row (no word) one for two;
/// - capitals: one for two, also where one only begins a word;
/// - digits: one each, since some tokenizers never merge them;
/// - blanks: a single one goes with the word behind it, otherwise one for four;
/// - punctuation and line breaks: one each;
/// - everything that is not ASCII: one for each byte, which none exceeds.
///
/// With [`MARGIN`] this is about twice what prose and code have, and three times what scripts have
/// that a tokenizer knows well. That costs headroom alone: what was not used is given back when the
/// call is answered.
pub fn most_tokens_in(text: &str) -> u64 {
    let mut rest = text.as_bytes();
    let mut tokens = 0;
    while let Some(first) = rest.first() {
        let class = Class::of(*first);
        let length = rest.iter().take_while(|byte| Class::of(**byte) == class);
        let (piece, behind) = rest.split_at(length.count());
        let next = behind.first().map(|byte| Class::of(*byte));
        let length = piece.len();
        tokens += match (class, next) {
            (Class::Small, _) => length.min(12).div_ceil(3) + length.saturating_sub(12).div_ceil(2),
            (Class::Capital, _) => length.div_ceil(2),
            (Class::Blank, Some(Class::Small | Class::Capital)) if length == 1 => 0,
            (Class::Blank, _) => length.div_ceil(4),
            (Class::Other, _) => length,
        };
        rest = behind;
    }
    with_margin(tokens as u64)
}

/// What tokenizers make of a byte.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Small,
    Capital,
    Blank,
    Other,
}

impl Class {
    fn of(byte: u8) -> Self {
        match byte {
            b'a'..=b'z' => Self::Small,
            b'A'..=b'Z' => Self::Capital,
            b' ' | b'\t' => Self::Blank,
            _ => Self::Other,
        }
    }
}

/// The most tokens that a provider can count for a request.
pub fn most_tokens_of_prompt(request: &ModelRequest) -> u64 {
    let text = serde_json::to_string(request).unwrap_or_default();
    let tools = if request.tools.is_empty() {
        0
    } else {
        TOOL_PREAMBLE
    };
    most_tokens_in(&text) + PREAMBLE + tools
}

/// The most that a call may use: the most tokens that the prompt can have and the longest answer
/// allowed, no token from a cache.
pub fn reserve(request: &ModelRequest, model: &ModelConfig) -> Spending {
    worst_case(most_tokens_of_prompt(request), request.max_output, model)
}

/// The same for a prompt of which the most tokens are known already.
pub fn worst_case(prompt: u64, max_output: u32, model: &ModelConfig) -> Spending {
    let output = model
        .max_output
        .map_or(max_output, |most| most.min(max_output));
    let worst = Usage {
        input_tokens: prompt,
        output_tokens: u64::from(output),
        ..Usage::default()
    };
    Spending {
        tokens: worst.tokens(),
        usd: cost(&worst, model.price.as_ref()),
        attempts: 1,
        wall_ms: 0,
    }
}

fn with_margin(tokens: u64) -> u64 {
    tokens.saturating_mul(MARGIN).div_ceil(100)
}

/// The cost of `usage` in US dollars; 0 without a price, whatever the server says: nothing was reserved for it.
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
    use proptest::prelude::*;

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
        let told = Usage {
            cost_usd: 0.25,
            ..usage
        };
        assert!(cost(&told, None).abs() < f64::EPSILON);
        assert!((cost(&told, Some(&plain)) - 4.5).abs() < 1e-9);
    }

    #[test]
    fn text_that_is_not_ascii_is_estimated_generously() {
        assert_eq!(tokens_in(""), 0);
        assert_eq!(tokens_in("abcde"), 2);
        assert_eq!(tokens_in("漢字"), 2);
    }

    /// How many tokens the published tokenizers make of each at most, counted or bounded by hand.
    #[test]
    fn no_kind_of_text_has_more_tokens_than_are_reserved() {
        for (text, known) in [
            ("", 0),
            ("Hello, world!", 4),
            ("The quick brown fox jumps over the lazy dog.", 10),
            ("for (int i = 0; i < n; i++) {\n\t\tx[i] = y[i] * 2;\n}", 32),
            ("{\"id\":\"a1\",\"n\":[1,2,3],\"ok\":true}", 24),
            ("3.14159265358979", 16),
            ("deadbeefcafe0123456789abcdef", 18),
            ("dGhpcyBpcyBhIHNlY3JldCBrZXkgZm9yIHRlc3Rpbmc=", 30),
            ("Das größte Übermaß", 9),
            ("漢字とかな", 10),
            ("Привет, мир", 8),
            ("🙂👩‍💻", 15),
            ("ACGTACGTTTGACCAGTACGATTA", 12),
            ("\n\n\n\n", 4),
        ] {
            let most = most_tokens_in(text);
            assert!(most >= known, "{text}: {most}");
        }
    }

    proptest! {
        #[test]
        fn what_is_reserved_is_never_less_than_what_is_estimated(text in "(\\PC|[a-z ]{1,9}|[\n\t]){0,40}") {
            prop_assert!(most_tokens_in(&text) >= tokens_in(&text));
            prop_assert!(most_tokens_in(&text) <= with_margin(text.len() as u64));
        }
    }
}
