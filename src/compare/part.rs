//! The first place where two JSON values part, in readable words.

use serde_json::Value;

/// The most characters of a value that are shown before and after the place where it parts.
const BEFORE: usize = 60;
const AFTER: usize = 100;
/// The most characters of a place's name.
const PLACE: usize = 60;

/// The first part that differs, as `place: value` on both sides; none if nothing does.
pub fn first(a: &Value, b: &Value) -> Option<(String, String)> {
    let (place, a, b) = descend(String::new(), a, b)?;
    let (a, b) = excerpts(&words(a), &words(b));
    let place = match place.is_empty() {
        true => String::new(),
        false => format!("{}: ", bounded(&escaped(&place), PLACE)),
    };
    Some((format!("{place}{a}"), format!("{place}{b}")))
}

/// At most `most` characters of a text.
pub(super) fn bounded(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

type Parted<'a> = (String, Option<&'a Value>, Option<&'a Value>);

fn descend<'a>(place: String, a: &'a Value, b: &'a Value) -> Option<Parted<'a>> {
    match (a, b) {
        (a, b) if a == b => None,
        (Value::Object(left), Value::Object(right)) => {
            let keys = left
                .keys()
                .chain(right.keys().filter(|key| !left.contains_key(*key)));
            for key in keys {
                let place = match place.is_empty() {
                    true => key.clone(),
                    false => format!("{place}.{key}"),
                };
                match (left.get(key), right.get(key)) {
                    (Some(a), Some(b)) if a == b => {}
                    (Some(a), Some(b)) => return descend(place, a, b),
                    (a, b) => return Some((place, a, b)),
                }
            }
            None
        }
        (Value::Array(left), Value::Array(right)) => {
            let at = (0..left.len().max(right.len())).find(|at| left.get(*at) != right.get(*at))?;
            let place = format!("{place}[{at}]");
            match (left.get(at), right.get(at)) {
                (Some(a), Some(b)) => descend(place, a, b),
                (a, b) => Some((place, a, b)),
            }
        }
        (a, b) => Some((place, Some(a), Some(b))),
    }
}

fn words(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "none".to_owned(),
        Some(Value::String(text)) => format!("\"{text}\""),
        Some(other) => other.to_string(),
    }
}

/// Both texts around the first character that differs, characters that cannot be seen as escapes.
fn excerpts(a: &str, b: &str) -> (String, String) {
    let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let from = same.saturating_sub(BEFORE);
    let excerpt = |text: &str| {
        let cut = if from > 0 { "…" } else { "" };
        let rest: String = text.chars().skip(from).take(same - from + AFTER).collect();
        let more = if text.chars().nth(same + AFTER).is_some() {
            "…"
        } else {
            ""
        };
        bounded(
            &format!("{cut}{}{more}", escaped(&rest)),
            2 * (BEFORE + AFTER),
        )
    };
    (excerpt(a), excerpt(b))
}

/// Characters that show nothing or turn the text around become escapes; all others stay.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        let mut shown = char.escape_debug();
        match char {
            '"' | '\'' | '\\' => escaped.push(char),
            _ if shown.len() == 1 => escaped.push(char),
            _ if char.is_alphanumeric() => escaped.push(char),
            _ => escaped.extend(shown.by_ref()),
        }
    }
    escaped
}
