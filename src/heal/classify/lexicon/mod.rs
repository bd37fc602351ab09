//! What sentences about trouble mean: one table per family, each line with its reason.
//!
//! The tables hold classes of words, not tools' sentences: who refuses, what is missing, which limit
//! was reached. They are asked only about statements; where a sentence stands decides before what it says.

mod building;
mod checks;
mod limits;
mod locale;
mod missing;
mod network;
mod policy;

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::bytes::{RegexSet, RegexSetBuilder};

use crate::domain::failure::{Cause, ErrorType};

use super::marks::bytes;

/// One meaning: sentences with these words are of this class.
#[derive(Debug)]
pub(super) struct Rule {
    /// Family and name, stable.
    pub(super) id: &'static str,
    pub(super) class: ErrorType,
    pub(super) cause: Cause,
    /// Whether the identical command has a fair chance again.
    pub(super) retryable: bool,
    /// How sure, 0 to 1, where nothing else speaks.
    pub(super) confidence: f64,
    /// A regular expression over ASCII, case ignored.
    words: &'static str,
    /// What a person must do; `{}` stands for the group `what`.
    pub(super) action: Option<&'static str>,
}

const fn rule(id: &'static str, class: ErrorType, cause: Cause, words: &'static str) -> Rule {
    Rule {
        id,
        class,
        cause,
        retryable: false,
        confidence: 0.9,
        words,
        action: None,
    }
}

impl Rule {
    const fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// The words are common ones: they count less than those of other rules.
    const fn weak(mut self) -> Self {
        self.confidence = 0.6;
        self
    }

    const fn asking(mut self, action: &'static str) -> Self {
        self.action = Some(action);
        self
    }

    /// What a person must do, with the thing's name from the sentence.
    pub(super) fn action(&self, sentence: &str) -> Option<String> {
        let action = self.action?;
        if !action.contains("{}") {
            return Some(action.to_owned());
        }
        let pattern = bytes(&format!("(?i){}", self.words));
        let groups = pattern.captures(sentence.as_bytes())?;
        let what = ["what", "x", "y", "z", "v"]
            .into_iter()
            .find_map(|name| groups.name(name));
        let what = what.map_or(Cow::Borrowed(""), |what| {
            String::from_utf8_lossy(what.as_bytes())
        });
        Some(action.replace("{}", what.trim()))
    }
}

/// All families in the order of decision: policies, then what is missing or wrong around the
/// program where that is said precisely, the environment, the change.
const FAMILIES: [&[Rule]; 10] = [
    policy::RULES,
    missing::PRECISE,
    missing::LOCKFILE,
    limits::RULES,
    network::RULES,
    missing::RULES,
    checks::CRASHES,
    building::RULES,
    missing::VAGUE,
    checks::RULES,
];

static RULES: LazyLock<Vec<&'static Rule>> =
    LazyLock::new(|| FAMILIES.iter().copied().flatten().collect());

static SET: LazyLock<RegexSet> = LazyLock::new(|| {
    let built = RegexSetBuilder::new(RULES.iter().map(|rule| rule.words))
        .unicode(false)
        .case_insensitive(true)
        .size_limit(64 << 20)
        .dfa_size_limit(32 << 20)
        .build();
    #[expect(
        clippy::expect_used,
        reason = "the tables are constants, compiled by every test of this module"
    )]
    built.expect("the tables compile")
});

/// The longest sentence that is looked at.
const LONGEST: usize = 4096;

/// The rules that a sentence fits, in the order of decision. Sentences of the operating system in
/// other languages are read as their English ones.
pub(super) fn meanings(sentence: &str) -> impl Iterator<Item = &'static Rule> {
    let sentence = &sentence[..sentence.floor_char_boundary(LONGEST)];
    let sentence = locale::english(sentence);
    let found: Vec<usize> = SET.matches(sentence.as_bytes()).into_iter().collect();
    found
        .into_iter()
        .filter_map(|index| RULES.get(index).copied())
}
