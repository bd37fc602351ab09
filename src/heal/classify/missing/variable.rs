//! Environment variables that are not set.

use std::sync::LazyLock;

use regex::Regex;

use crate::domain::failure::{Cause, ErrorType};

use super::super::super::signature::pattern;
use super::super::verdict::Verdict;

/// A name as environment variables have it: capitals, usually with an underscore.
const NAME: &str = r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z]{4,}";
const SET: &str = "set the environment variable {} and let the check see it with `pass_env`";

/// A variable that is not set: said so, or a key that is missing where the environment is read.
pub(in super::super) fn variable(sentence: &str, near: &str) -> Option<Verdict> {
    static SAID: LazyLock<Regex> = LazyLock::new(|| {
        pattern(&format!(
            r#"(?x)
            (?P<f>{NAME})\ (?:unset|is\ unset|missing|undefined|required|not\ set|must\ (?:be|point|name|hold|contain)|has\ to|needs\ to|ist\ nicht|n'est\ pas|no\ est)
            |(?P<a>{NAME}):?[`'"\])]*\s+(?:(?:env\w*|environment)\s+(?:var\w*\s+)?)?(?:is|was|are|must\ be|has\ to\ be|needs\ to\ be|not|isn't|wasn't|should\ be|env\w*|unset|undefined|missing|required|cannot\ be)\b.*?(?:not|unset|missing|required|set|defined|empty|needed|provided|exported|undefined|present|blank)
            |(?P<b>{NAME}):\ (?:unbound\ variable|parameter|NotPresent|not\ set|required|missing|undefined|Nicht\ gesetzte)
            |(?i:missing|requires?|required|undefined|unset|need(?:s|ed)?|set|export|provide|define|expected|lacks|no|without)\b[^.\n]{{0,60}}?[\s`'"$:{{(](?P<c>[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b
            |NullPointerException:\ (?P<e>[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)$
            |\$\{{?(?P<d>{NAME})\}}?\b.*(?:not|unset|missing|required|empty)
            "#
        ))
    });
    static LOOKED_UP: LazyLock<Regex> = LazyLock::new(|| {
        pattern(&format!(
            r#"(?:KeyError|key not found|NoSuchElement\w*|Undefined (?:array key|index|variable)|missing key)\b[^A-Z]*['":` ]+(?P<name>{NAME})\b"#
        ))
    });
    let from_environment = || {
        let near = near.to_ascii_lowercase();
        [
            "environ",
            "getenv",
            "process.env",
            "env[",
            "env.fetch",
            "$_env",
            "env::var",
            "%env",
            "system.getenv",
        ]
        .iter()
        .any(|read| near.contains(read))
    };
    let said = SAID.captures(sentence).and_then(|groups| {
        let name = ["a", "b", "c", "d", "e", "f"]
            .into_iter()
            .find_map(|group| groups.name(group))?;
        let is_code = [
            "ERROR", "FATAL", "FAILED", "WARNING", "ERR_", "HTTP", "JSON", "YAML", "TOML", "EOF",
        ]
        .iter()
        .any(|word| name.as_str().starts_with(word));
        (!is_code).then(|| name.as_str().to_owned())
    });
    let name = said.or_else(|| {
        let groups = LOOKED_UP.captures(sentence)?;
        (from_environment() || sentence.contains("key not found: \""))
            .then(|| groups["name"].to_owned())
    })?;
    Some(
        Verdict::new("missing.variable", ErrorType::Config, Cause::Missing)
            .asking(SET.replace("{}", &name))
            .sure(0.93),
    )
}
