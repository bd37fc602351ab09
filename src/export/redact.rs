//! Values that must not leave the machine, taken out of everything that does.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};

use serde_json::Value;

/// What stands in the place of a secret.
const MARK: &str = "[redacted]";

/// Shorter values are words that stand in many places, not keys.
const LEAST: usize = 8;

/// Variables whose names hold one of these are taken for secrets.
const TELLING: [&str; 5] = ["KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL"];

/// The values of the environment that are secret now.
#[derive(Clone, Default)]
pub struct Redaction {
    /// The longest first, so that one that holds another goes whole.
    values: Vec<String>,
}

impl Redaction {
    /// The values of the variables that `named` names (those of providers' keys), and of all whose
    /// own names tell.
    pub fn of<'a>(
        variables: &BTreeMap<String, String>,
        named: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let named: BTreeSet<&str> = named.into_iter().collect();
        let secret = |name: &str| {
            let upper = name.to_ascii_uppercase();
            named.contains(name) || TELLING.iter().any(|word| upper.contains(word))
        };
        let values: BTreeSet<&str> = variables
            .iter()
            .filter(|(name, value)| secret(name) && value.trim().len() >= LEAST)
            .map(|(_, value)| value.trim())
            .collect();
        let mut values: Vec<String> = values.into_iter().map(str::to_owned).collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Self { values }
    }

    /// Whether nothing is secret.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The text without secrets.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for value in &self.values {
            if text.contains(value.as_str()) {
                text = Cow::Owned(text.replace(value.as_str(), MARK));
            }
        }
        text
    }

    /// The document without secrets.
    pub fn value(&self, value: &mut Value) {
        if self.is_empty() {
            return;
        }
        match value {
            Value::String(text) => {
                if let Cow::Owned(clean) = self.text(text) {
                    *text = clean;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(fields) => {
                let redacted = std::mem::take(fields).into_iter().map(|(key, mut field)| {
                    self.value(&mut field);
                    (self.text(&key).into_owned(), field)
                });
                *fields = redacted.collect();
            }
            _ => {}
        }
    }

    /// The bytes without secrets.
    pub fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut clean = Vec::with_capacity(bytes.len());
        // A `Vec` takes whatever is written to it.
        drop(self.copy(&mut &bytes[..], &mut clean));
        clean
    }

    /// Copies everything but secrets, in pieces; one that lies across two pieces is found all the
    /// same.
    ///
    /// # Errors
    /// What reading or writing met.
    pub fn copy(&self, from: &mut impl Read, to: &mut impl Write) -> io::Result<u64> {
        if self.is_empty() {
            return io::copy(from, to);
        }
        let held_back = self.values.first().map_or(0, |longest| longest.len() - 1);
        let mut piece = vec![0; 64 * 1024];
        let mut rest: Vec<u8> = Vec::new();
        let mut total = 0;
        loop {
            let count = match from.read(&mut piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            rest.extend_from_slice(&piece[..count]);
            let sure = if count == 0 {
                rest.len()
            } else {
                rest.len().saturating_sub(held_back)
            };
            let mut at = 0;
            while at < sure {
                match self.secret_at(&rest[at..]) {
                    Some(length) => {
                        to.write_all(MARK.as_bytes())?;
                        total += MARK.len() as u64;
                        at += length;
                    }
                    None => {
                        let plain = self.plain(&rest[at..sure]);
                        to.write_all(&rest[at..at + plain])?;
                        total += plain as u64;
                        at += plain;
                    }
                }
            }
            rest.drain(..at.min(rest.len()));
            if count == 0 {
                return Ok(total);
            }
        }
    }

    fn secret_at(&self, bytes: &[u8]) -> Option<usize> {
        let found = self
            .values
            .iter()
            .find(|value| bytes.starts_with(value.as_bytes()));
        found.map(String::len)
    }

    /// How many bytes, at least one, come before the next that may begin a secret.
    fn plain(&self, bytes: &[u8]) -> usize {
        let begins = |byte: &u8| self.values.iter().any(|value| value.as_bytes()[0] == *byte);
        let next = bytes.iter().skip(1).position(begins);
        next.map_or(bytes.len(), |position| position + 1)
    }
}

/// How many secrets there are, never which.
impl std::fmt::Debug for Redaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redaction({} values)", self.values.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn secrets() -> Redaction {
        let variables = [
            ("LAB", "hunter2-hunter2"),
            ("OPENAI_API_KEY", "sk-aaaaaaaa"),
            ("LONGER_TOKEN", "sk-aaaaaaaabbbb"),
            ("EDITOR_KEYS", "vi"),
            ("PATH", "/usr/bin:/bin"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Redaction::of(&variables.into(), ["LAB"])
    }

    #[test]
    fn keys_go_and_words_stay() {
        let text = "vi /usr/bin:/bin hunter2-hunter2 sk-aaaaaaaabbbb sk-aaaaaaaa!";
        let clean = "vi /usr/bin:/bin [redacted] [redacted] [redacted]!";
        assert_eq!(secrets().text(text), clean);
        assert_eq!(secrets().bytes(text.as_bytes()), clean.as_bytes());
        let mut document = json!({"a": ["x sk-aaaaaaaa"], "sk-aaaaaaaa": 1});
        secrets().value(&mut document);
        assert_eq!(document, json!({"a": ["x [redacted]"], "[redacted]": 1}));
    }

    struct Drops<'a>(&'a [u8], usize);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(self.1).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_give_the_same(
            text in "(sk-a{8}|b{4}|hunter2-|sk-|[ha\n]|é){0,12}", drop in 1_usize..20,
        ) {
            let mut copied = Vec::new();
            secrets().copy(&mut Drops(text.as_bytes(), drop), &mut copied).expect("copies");
            let copied = String::from_utf8(copied).expect("still text");
            prop_assert!(!copied.contains("sk-aaaaaaaa") && !copied.contains("hunter2-hunter2"));
            prop_assert_eq!(copied, secrets().text(&text));
        }
    }
}
