//! Variables that are missing and whose defaults stand in a committed template.
//!
//! A secret is never set, nor what only looks like a value: a placeholder in a template says that
//! there is none.

use std::collections::BTreeMap;

/// The longest value that is a default, in bytes.
const LONGEST: usize = 200;

/// A name with one of these in it is a secret's.
const SECRETS: [&str; 24] = [
    "KEY",
    "TOKEN",
    "SECRET",
    "PASS",
    "PWD",
    "CREDENTIAL",
    "PRIVATE",
    "AUTH",
    "DSN",
    "CERT",
    "SALT",
    "SIGN",
    "WEBHOOK",
    "COOKIE",
    "SESSION",
    "LICENSE",
    "CONNECTION_STRING",
    "ACCOUNT",
    "JWT",
    "BEARER",
    "HMAC",
    "SEED",
    "_PIN",
    "_SK",
];

/// A value with one of these in it, in lower case, says that there is none.
const PLACEHOLDERS: [&str; 24] = [
    "change",
    "your",
    "placeholder",
    "replace",
    "todo",
    "fixme",
    "xxx",
    "<",
    ">",
    "example",
    "dummy",
    "insert",
    "fill",
    "sample",
    "***",
    "...",
    "…",
    "$",
    "`",
    "secret",
    "password",
    "token",
    "none",
    "null",
];

/// The variables that a template, as `.env.example`, sets: `NAME=value` on a line, perhaps quoted
/// or after `export`. Comments and all other lines are passed over; the first word on a variable
/// stands.
pub fn read_template(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (name, value) in text.lines().filter_map(assignment) {
        found.entry(name).or_insert(value);
    }
    found
}

/// The variables that `words` name (those of a failure that misses some) and that a template has a
/// default for.
pub fn missing(words: &str, templates: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let is_of_name = |letter: char| letter == '_' || letter.is_ascii_alphanumeric();
    let names = words.split(|letter| !is_of_name(letter));
    names
        .filter_map(|name| templates.get_key_value(name))
        .filter(|(name, value)| !is_secret(name) && is_default(value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn assignment(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    is_name(name).then(|| (name.to_owned(), plain(value.trim()).to_owned()))
}

fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters
        .next()
        .is_some_and(|first| first == '_' || first.is_ascii_alphabetic())
        && letters.all(|letter| letter == '_' || letter.is_ascii_alphanumeric())
}

/// A value without its quotes, or without the comment after it.
fn plain(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote) {
            return rest.split(quote).next().unwrap_or_default();
        }
    }
    let end = value.find(" #").unwrap_or(value.len());
    value[..end].trim_end()
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    SECRETS.iter().any(|word| name.contains(word))
}

/// How tokens begin that services issue.
const ISSUED: [&str; 9] = [
    "sk_",
    "sk-",
    "pk_live",
    "ghp_",
    "gho_",
    "github_pat",
    "xox",
    "eyj",
    "akia",
];

/// Whether a value is meant to be used as it stands.
fn is_default(value: &str) -> bool {
    let lower = value.to_lowercase();
    !value.is_empty()
        && value.len() <= LONGEST
        && !value.chars().any(char::is_control)
        && !PLACEHOLDERS.iter().any(|word| lower.contains(word))
        && !holds_credentials(value)
        && !ISSUED.iter().any(|start| lower.starts_with(start))
        && !value
            .split(|letter: char| !letter.is_ascii_alphanumeric())
            .any(is_random)
}

/// `scheme://user:word@host`, or anything in front of an `@` in an address.
fn holds_credentials(value: &str) -> bool {
    let after_scheme = value.split_once("://").map(|(_, rest)| rest);
    after_scheme.is_some_and(|rest| rest.contains('@'))
}

/// Whether a word looks drawn at random: long, with digits among its letters.
fn is_random(word: &str) -> bool {
    word.len() >= 16
        && word.chars().any(|letter| letter.is_ascii_digit())
        && word.chars().any(|letter| letter.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEMPLATE: &str = "\
# the service
export APP_PORT=8080
LOG_LEVEL = \"info\" # or debug
DATABASE_URL=postgres://localhost/app_dev
OTHER_URL=postgres://me:hush@localhost/app
API_KEY=abc
STRIPE_SECRET=sk_test
MAIL_HOST=<your host>
REGION=changeme
CACHE_ID=9f86d081884c7d659a2feaa0c55ad015
EMPTY=
APP_PORT=9090
not a line
";

    fn set(words: &str) -> Vec<(String, String)> {
        missing(words, &read_template(TEMPLATE))
            .into_iter()
            .collect()
    }

    #[test]
    fn a_missing_variable_gets_the_default_of_the_template() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(set("KeyError: 'APP_PORT'"), [pair("APP_PORT", "8080")]);
        assert_eq!(set("LOG_LEVEL is not set"), [pair("LOG_LEVEL", "info")]);
        assert_eq!(
            set("DATABASE_URL must be set"),
            [pair("DATABASE_URL", "postgres://localhost/app_dev")]
        );
    }

    #[test]
    fn secrets_placeholders_and_what_was_drawn_at_random_are_never_set() {
        let words = "API_KEY STRIPE_SECRET MAIL_HOST REGION EMPTY OTHER_URL CACHE_ID are not set";
        assert_eq!(set(words), []);
    }

    #[test]
    fn what_the_failure_does_not_name_is_not_set() {
        assert_eq!(set("APP_PORTS and XLOG_LEVEL are not set"), []);
        assert_eq!(set(""), []);
    }

    proptest! {
        #[test]
        fn no_secret_is_set_whatever_the_template(name in "[A-Z_]{0,6}(KEY|TOKEN|PASSWORD|SECRET)[A-Z_]{0,3}", value in ".{0,40}") {
            let template = read_template(&format!("{name}={value}\n"));
            let words = format!("{name} is not set");
            prop_assert!(missing(&words, &template).is_empty());
        }

        #[test]
        fn any_text_is_read(text in ".{0,200}", words in ".{0,80}") {
            for (name, value) in missing(&words, &read_template(&text)) {
                prop_assert!(words.contains(&name) && !value.is_empty());
            }
        }
    }
}
