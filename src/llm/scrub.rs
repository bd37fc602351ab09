//! Taking keys out of whatever a server sends back, in each form in which they may be written.
//!
//! A key is looked for as it is, in base64 (of any alphabet, wherever in a longer text it began) and
//! in hex; and each of these letter by letter, any of which may be escaped as JSON, URLs or HTML do.
//! Where no key is, nothing is copied and nothing changes.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::{Called, OnToken};
use crate::domain::message::ModelAnswer;
use crate::domain::tape::Exchange;

/// What stands in the place of a key.
const MARK: &str = "[key]";

/// What does where only letters are allowed: in names and ids.
const PLAIN_MARK: &str = "key";

/// What stands in the place of bytes that may hold a key in pieces.
const LEFT_OUT: &[u8] = b"[left out: the answer repeats a key]";

/// A key shorter than this is no secret, and taking it out would tear words apart.
const SHORTEST_KEY: usize = 8;

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const FOR_URLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Keys, and the forms in which they are looked for.
#[derive(Clone)]
pub(super) struct Scrubber {
    /// The longest first, so that one that holds another goes whole.
    needles: Vec<Needle>,
    /// The bytes with which one of them may begin.
    begins: [bool; 256],
}

#[derive(Clone, PartialEq, Eq)]
struct Needle {
    letters: Vec<u8>,
    case: Case,
}

/// What capitals and small letters are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    /// Different.
    AsIs,
    /// The same: in hex, and in the names of headers, which are all made small.
    Any,
}

/// What stands at a place of a text.
enum Match {
    /// A key, of so many bytes.
    Whole(usize),
    /// The text ends before one can tell.
    Begun,
    /// No key.
    No,
}

impl Scrubber {
    /// Of these keys.
    pub(super) fn new<'k>(keys: impl IntoIterator<Item = &'k str>) -> Self {
        let long = keys.into_iter().map(str::trim);
        // What is not ASCII cannot be sent, so it is no key.
        let long = long.filter(|key| key.len() >= SHORTEST_KEY && key.is_ascii());
        let mut needles: Vec<Needle> = Vec::new();
        for needle in long.flat_map(|key| forms(key.as_bytes())) {
            if !needles.contains(&needle) {
                needles.push(needle);
            }
        }
        needles.sort_by_key(|needle| std::cmp::Reverse(needle.letters.len()));
        let mut begins = [false; 256];
        for needle in &needles {
            let first = needle.letters[0];
            for first in [
                first,
                first.to_ascii_lowercase(),
                first.to_ascii_uppercase(),
            ] {
                begins[usize::from(first)] = true;
            }
            for escape in *b"%\\&" {
                begins[usize::from(escape)] = true;
            }
        }
        Self { needles, begins }
    }

    /// The text without keys.
    pub(super) fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.text_with(text, MARK)
    }

    fn text_with<'t>(&self, text: &'t str, mark: &str) -> Cow<'t, str> {
        match self.without(text.as_bytes(), mark, Case::AsIs) {
            // A key is ASCII, so whole characters are taken out.
            Some(open) => Cow::Owned(String::from_utf8_lossy(&open).into_owned()),
            None => Cow::Borrowed(text),
        }
    }

    /// The bytes without keys, if there is one in them.
    fn without(&self, bytes: &[u8], mark: &str, case: Case) -> Option<Vec<u8>> {
        let mut open = Vec::new();
        let (mut at, mut copied) = (0, 0);
        while let Some(next) = self.next(bytes, at) {
            at = next;
            match self.at(&bytes[at..], case) {
                Match::Whole(length) => {
                    open.extend_from_slice(&bytes[copied..at]);
                    open.extend_from_slice(mark.as_bytes());
                    at += length;
                    copied = at;
                }
                Match::Begun | Match::No => at += 1,
            }
        }
        if copied == 0 {
            return None;
        }
        open.extend_from_slice(&bytes[copied..]);
        Some(open)
    }

    /// The next place where a key may begin.
    fn next(&self, bytes: &[u8], from: usize) -> Option<usize> {
        let rest = bytes.get(from..)?;
        let begins = |byte: &u8| self.begins[usize::from(*byte)];
        rest.iter().position(begins).map(|at| from + at)
    }

    fn at(&self, bytes: &[u8], case: Case) -> Match {
        let mut found = Match::No;
        for needle in &self.needles {
            match needle.at(bytes, case) {
                Match::Whole(length) => return Match::Whole(length),
                Match::Begun => found = Match::Begun,
                Match::No => {}
            }
        }
        found
    }

    /// The document without keys; whether there was one.
    fn value(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => self.string(text, MARK),
            Value::Array(items) => {
                let mut any = false;
                items.iter_mut().for_each(|item| any |= self.value(item));
                any
            }
            Value::Object(fields) => {
                let mut any = false;
                fields
                    .values_mut()
                    .for_each(|field| any |= self.value(field));
                let is_named = |name: &String| matches!(self.text(name), Cow::Owned(_));
                if fields.keys().any(is_named) {
                    let open = std::mem::take(fields).into_iter();
                    *fields = open
                        .map(|(name, field)| (self.text(&name).into_owned(), field))
                        .collect();
                    any = true;
                }
                any
            }
            Value::Number(_) | Value::Bool(_) | Value::Null => false,
        }
    }

    fn string(&self, text: &mut String, mark: &str) -> bool {
        let open = match self.text_with(text, mark) {
            Cow::Owned(open) => open,
            Cow::Borrowed(_) => return false,
        };
        *text = open;
        true
    }

    /// What came of a call, without keys. `turn` is the number of messages before it, `caught` says
    /// that there was a key in the words that were handed on.
    pub(super) fn called(&self, mut called: Called, turn: usize, caught: bool) -> Called {
        if self.needles.is_empty() {
            return called;
        }
        let in_pieces = match &mut called.result {
            Ok(answer) => self.answer(answer, turn) || caught,
            Err(failure) => {
                self.string(&mut failure.message, MARK);
                caught
            }
        };
        for exchange in &mut called.exchanges {
            self.exchange(exchange);
            if in_pieces {
                // What is put together in the answer may be in many pieces there.
                exchange.received = LEFT_OUT.to_vec();
            }
        }
        called
    }

    fn answer(&self, answer: &mut ModelAnswer, turn: usize) -> bool {
        let mut any = self.string(&mut answer.text, MARK);
        for (number, call) in (1..).zip(&mut answer.tool_calls) {
            any |= self.string(&mut call.name, PLAIN_MARK);
            any |= self.value(&mut call.arguments);
            if self.string(&mut call.id, PLAIN_MARK) {
                // It pairs a call with its answer, so no two of a conversation may be the same.
                call.id.push_str(&format!("_{turn}_{number}"));
                any = true;
            }
        }
        if let Some(native) = &mut answer.native {
            any |= self.string(&mut native.by, MARK);
            native
                .parts
                .iter_mut()
                .for_each(|part| any |= self.value(part));
        }
        any
    }

    fn exchange(&self, exchange: &mut Exchange) {
        if let Some(open) = self.without(&exchange.received, MARK, Case::AsIs) {
            exchange.received = open;
        }
        let headers = std::mem::take(&mut exchange.headers).into_iter();
        let open = |(name, value): (String, String)| {
            let named = self.without(name.as_bytes(), PLAIN_MARK, Case::Any);
            let name = named.map_or(name, |open| String::from_utf8_lossy(&open).into_owned());
            (name, self.text(&value).into_owned())
        };
        exchange.headers = headers.map(open).collect();
    }
}

/// How many keys there are is no secret, but nothing else.
impl fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scrubber({} forms of keys)", self.needles.len())
    }
}

impl Needle {
    fn at(&self, bytes: &[u8], case: Case) -> Match {
        let case = if self.case == Case::Any {
            self.case
        } else {
            case
        };
        let mut at = 0;
        for wanted in &self.letters {
            match letter(*wanted, case, &bytes[at..]) {
                Match::Whole(length) => at += length,
                other => return other,
            }
        }
        Match::Whole(at)
    }
}

/// Whether `bytes` begin with the letter, as it is or escaped.
fn letter(wanted: u8, case: Case, bytes: &[u8]) -> Match {
    let same = |found: u8| match case {
        Case::Any => found.eq_ignore_ascii_case(&wanted),
        Case::AsIs => found == wanted,
    };
    match bytes.first() {
        None => Match::Begun,
        Some(found) if same(*found) => Match::Whole(1),
        Some(b'%' | b'\\' | b'&') => match unescaped(bytes) {
            Some((found, length)) if same(found) => Match::Whole(length),
            None if bytes.len() < LONGEST_ESCAPE => Match::Begun,
            _ => Match::No,
        },
        Some(_) => Match::No,
    }
}

/// The bytes of the longest escape of one letter, as in `\\u006b` and `&#0107;`.
const LONGEST_ESCAPE: usize = 8;

/// The letter that is escaped at the beginning of `bytes`, and the length of its escape.
fn unescaped(bytes: &[u8]) -> Option<(u8, usize)> {
    let code = |digits: &[u8], radix: u32| {
        let digits = std::str::from_utf8(digits).ok()?;
        u8::from_str_radix(digits, radix).ok()
    };
    match bytes {
        [b'%', rest @ ..] => Some((code(rest.get(..2)?, 16)?, 3)),
        [b'&', b'#', rest @ ..] => {
            let end = rest
                .iter()
                .take(LONGEST_ESCAPE)
                .position(|byte| *byte == b';')?;
            let letter = match &rest[..end] {
                [b'x' | b'X', digits @ ..] => code(digits, 16),
                digits => code(digits, 10),
            };
            Some((letter?, end + 3))
        }
        [b'\\', ..] => {
            // What is written within a text within a text is escaped more than once.
            let slashes = bytes.iter().take(LONGEST_ESCAPE);
            let slashes = slashes.take_while(|byte| **byte == b'\\').count();
            match &bytes[slashes..] {
                [b'u', rest @ ..] => Some((code(rest.get(..4)?, 16)?, slashes + 5)),
                [b'x', rest @ ..] => Some((code(rest.get(..2)?, 16)?, slashes + 3)),
                [letter, ..] if !letter.is_ascii_alphanumeric() => Some((*letter, slashes + 1)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The forms of a key.
fn forms(key: &[u8]) -> Vec<Needle> {
    let exact = |letters: Vec<u8>| Needle {
        letters,
        case: Case::AsIs,
    };
    let mut forms = vec![exact(key.to_vec())];
    for alphabet in [STANDARD, FOR_URLS] {
        forms.extend((0..3).map(|before| exact(base64(key, before, alphabet))));
    }
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    forms.push(Needle {
        letters: hex.into_bytes(),
        case: Case::Any,
    });
    forms
}

/// What every base64 text holds in which so many bytes (0 to 2, or three more) come before the key:
/// the letters that say nothing of what is beside it.
fn base64(key: &[u8], before: usize, alphabet: &[u8; 64]) -> Vec<u8> {
    let bits: Vec<u8> = std::iter::repeat_n(&0, before)
        .chain(key)
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1))
        .collect();
    let begin = (before * 8).div_ceil(6);
    let letters = bits.chunks_exact(6).skip(begin);
    letters
        .map(|bits| {
            let index = bits.iter().fold(0, |index, bit| index << 1 | bit);
            alphabet[usize::from(index)]
        })
        .collect()
}

/// Takes keys out of a stream of words, and hands the rest on. What may be the beginning of a key is
/// held back until one can tell.
pub(super) struct Sieve<'a> {
    scrubber: &'a Scrubber,
    hand_on: OnToken<'a>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    back: String,
    /// Whether a key has passed.
    caught: bool,
}

impl<'a> Sieve<'a> {
    pub(super) fn new(scrubber: &'a Scrubber, hand_on: OnToken<'a>) -> Self {
        Self {
            scrubber,
            hand_on,
            held: Mutex::default(),
        }
    }

    /// Takes the next words.
    pub(super) fn take(&self, words: &str) {
        if self.scrubber.needles.is_empty() {
            return (self.hand_on)(words);
        }
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.back.push_str(words);
        let open = self.sift(&mut held);
        if !open.is_empty() {
            (self.hand_on)(&open);
        }
    }

    /// Hands on what was held back: nothing more comes. Whether there was a key in the words.
    pub(super) fn finish(self) -> bool {
        let held = self
            .held
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        if !held.back.is_empty() {
            (self.hand_on)(&held.back);
        }
        held.caught
    }

    /// Takes from what is held back all of which is known what it is.
    fn sift(&self, held: &mut Held) -> String {
        let bytes = held.back.as_bytes();
        let mut open = String::new();
        let (mut at, mut copied) = (0, 0);
        let mut caught = false;
        let known = loop {
            let Some(next) = self.scrubber.next(bytes, at) else {
                break bytes.len();
            };
            at = next;
            match self.scrubber.at(&bytes[at..], Case::AsIs) {
                Match::Whole(length) => {
                    open.push_str(&held.back[copied..at]);
                    open.push_str(MARK);
                    at += length;
                    copied = at;
                    caught = true;
                }
                Match::Begun => break at,
                Match::No => at += 1,
            }
        };
        open.push_str(&held.back[copied..known]);
        held.back.drain(..known);
        held.caught |= caught;
        open
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::domain::budget::Usage;
    use crate::domain::message::{FinishReason, Native, ToolCall};
    use crate::domain::tape::{ModelFailure, ModelFailureKind};

    const KEY: &str = "sk-proj-Ab3/d+f6_hIj9kLmNoPqRs~T";

    fn scrubber() -> Scrubber {
        Scrubber::new([KEY, "gsk_0123456789abcdef", "short", " \n"])
    }

    fn plain_base64(bytes: &[u8]) -> String {
        let padded: Vec<u8> = bytes.iter().copied().chain([0, 0]).collect();
        let whole = base64(&padded[..bytes.len().div_ceil(3) * 3], 0, STANDARD);
        String::from_utf8(whole).unwrap()
    }

    fn escaped(form: impl Fn(u8) -> String) -> String {
        KEY.bytes().map(form).collect()
    }

    #[test]
    fn base64_is_what_everyone_means_by_it() {
        assert_eq!(plain_base64(b"Man is"), "TWFuIGlz");
        assert_eq!(base64(b"\xfb\xff\xbf", 0, FOR_URLS), b"-_-_");
    }

    #[test]
    fn a_key_is_found_in_every_form_and_place() {
        let forms = [
            KEY.to_owned(),
            escaped(|byte| format!("%{byte:02X}")),
            escaped(|byte| format!("%{byte:02x}")),
            escaped(|byte| format!("\\u{byte:04x}")),
            escaped(|byte| format!("\\\\u{byte:04X}")),
            escaped(|byte| format!("\\x{byte:02x}")),
            escaped(|byte| format!("&#{byte};")),
            escaped(|byte| format!("&#x{byte:x};")),
            escaped(|byte| format!("{byte:02x}")),
            escaped(|byte| format!("{byte:02X}")),
            KEY.replace('/', "\\/").replace('~', "%7E"),
        ];
        let scrubber = scrubber();
        for form in &forms {
            assert_eq!(scrubber.text(&format!("<{form}>ü")), "<[key]>ü", "{form}");
            assert_eq!(scrubber.text(&format!("{form}{form}")), "[key][key]");
        }
        for before in ["", "x", "xy", "Authorization: Bearer ", "user:"] {
            let whole = plain_base64(format!("{before}{KEY}").as_bytes());
            for text in [whole.replace('+', "-").replace('/', "_"), whole] {
                let open = scrubber.text(&text);
                let kept = open.replace(MARK, "");
                assert!(
                    open.contains(MARK) && kept.len() < before.len() * 4 / 3 + 8,
                    "{open}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_key_stays_byte_by_byte() {
        let scrubber = scrubber();
        for text in [
            "",
            "short",
            "sk-proj-Ab3/d",
            "%%\\\\&#;",
            "größe 🙂",
            &KEY[1..],
        ] {
            assert!(matches!(scrubber.text(text), Cow::Borrowed(_)), "{text}");
        }
        assert_eq!(format!("{scrubber:?}"), "Scrubber(11 forms of keys)");
    }

    fn answer() -> ModelAnswer {
        let call = |id: &str| ToolCall {
            id: id.to_owned(),
            name: format!("read_{KEY}"),
            arguments: json!({"path": [KEY], KEY: 1.0}),
        };
        ModelAnswer {
            text: format!("it is {KEY}"),
            tool_calls: vec![call(KEY), call(KEY)],
            finish: FinishReason::ToolCalls,
            usage: Usage::default(),
            native: Some(Native {
                by: "chat/m".into(),
                parts: vec![json!({"signature": KEY})],
            }),
        }
    }

    #[test]
    fn nothing_of_a_call_holds_a_key() {
        let exchange = Exchange {
            headers: [(
                format!("x-ratelimit-{}", KEY.to_lowercase()),
                format!("Bearer {KEY}"),
            )]
            .into(),
            received: format!("{{\"a\": \"{KEY}\"}}").into_bytes(),
            ..Exchange::default()
        };
        let failure = ModelFailure::new(ModelFailureKind::BadRequest, format!("no {KEY}"));
        for result in [Ok(answer()), Err(failure)] {
            let exchanges = vec![exchange.clone()];
            let called = scrubber().called(Called { result, exchanges }, 4, false);
            assert!(!format!("{called:?}").contains("sk-proj"), "{called:?}");
            let bytes = String::from_utf8_lossy(&called.exchanges[0].received).into_owned();
            assert!(!bytes.contains("sk-proj"));
            if let Ok(answer) = called.result {
                let ids = [&answer.tool_calls[0].id, &answer.tool_calls[1].id];
                assert_eq!(ids, ["key_4_1", "key_4_2"]);
                assert_eq!(bytes.as_bytes(), LEFT_OUT);
            } else {
                assert_eq!(bytes, "{\"a\": \"[key]\"}");
            }
        }
    }

    proptest! {
        #[test]
        fn words_in_any_pieces_are_sifted_alike(
            words in prop::collection::vec("(sk-|sk-proj-Ab3/d\\+f6_hIj9kLmNoPqRs~T|gsk_0123456789abcdef|[a-z%\\\\ ]|ü)", 0..12),
            cuts in prop::collection::vec(1_usize..9, 1..20),
        ) {
            let text = words.concat();
            let handed = Mutex::new(String::new());
            let hand_on = |words: &str| handed.lock().unwrap().push_str(words);
            let scrubber = scrubber();
            let sieve = Sieve::new(&scrubber, &hand_on);
            let letters: Vec<char> = text.chars().collect();
            let (mut rest, mut cuts) = (letters.as_slice(), cuts.iter().cycle());
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
                sieve.take(&piece.iter().collect::<String>());
                rest = behind;
            }
            let caught = sieve.finish();
            let expected = scrubber.text(&text).into_owned();
            prop_assert_eq!(caught, expected != text);
            prop_assert_eq!(handed.into_inner().unwrap(), expected);
        }
    }
}
