//! What all protocols need to say something to a server: a model may have said nonsense, which
//! servers do not take back as it was.

use serde_json::{Value, json};

/// A temperature, by way of the shortest text, so that 0.2 is not sent as 0.20000000298023224.
pub(super) fn temperature(temperature: f32) -> Value {
    json!(temperature.to_string().parse::<f64>().ok())
}

/// The arguments of a call as an object, which alone is taken back.
pub(super) fn arguments(arguments: &Value) -> Value {
    match arguments {
        object @ Value::Object(_) => object.clone(),
        other => json!({"unreadable": other}),
    }
}

/// The name of a tool in the few characters that names may have, at most so many of them.
pub(super) fn tool_name(name: &str, most: usize) -> String {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let name: String = name
        .chars()
        .take(most)
        .map(|c| if legal(c) { c } else { '_' })
        .collect();
    if name.is_empty() {
        "_".to_owned()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_elsewhere_are_made_legal() {
        assert_eq!(tool_name("read file;", 64), "read_file_");
        assert_eq!(tool_name("", 64), "_");
        assert_eq!(tool_name(&"ß".repeat(99), 64), "_".repeat(64));
    }

    #[test]
    fn a_temperature_is_sent_as_it_was_written() {
        assert_eq!(temperature(0.2).to_string(), "0.2");
    }
}
