//! The whole run as one JSON document.

use std::io::{self, Write};

use serde::ser::{Error as _, SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::{ArtifactFile, Export, FORMAT_VERSION, Output, Redaction, Tape, Wire};
use crate::domain::clean;

/// Writes what `inspect --json` shows and beside it the patch, the briefs, the tapes, what went over
/// the wire (without its bytes), every event whole and what the checks printed. Outputs are read
/// while they are written, one at a time.
///
/// What a terminal would obey or hide is escaped, which makes no difference to a program.
///
/// # Errors
/// What writing, or reading a file of the run, met.
pub fn json(export: &Export, to: &mut dyn Write) -> io::Result<()> {
    let mut writer = serde_json::Serializer::with_formatter(&mut *to, Visible::default());
    Whole(export).serialize(&mut writer)?;
    to.write_all(b"\n")
}

struct Whole<'e>(&'e Export);

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let export = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("format_version", &FORMAT_VERSION)?;
        map.serialize_entry("rgpt", env!("CARGO_PKG_VERSION"))?;
        for (key, value) in export.document.as_object().into_iter().flatten() {
            if key != "events" {
                map.serialize_entry(key, value)?;
            }
        }
        map.serialize_entry("patch", &export.patch_text().ok())?;
        map.serialize_entry("patch_missing", &export.patch.as_ref().err())?;
        let tapes: Vec<Value> = export.tapes.iter().map(tape).collect();
        map.serialize_entry("tapes", &tapes)?;
        let exchanges: Vec<Value> = export.exchanges.iter().map(Wire::object).collect();
        map.serialize_entry("exchanges", &exchanges)?;
        map.serialize_entry("outputs", &Outputs(export))?;
        map.serialize_entry("events", &export.events)?;
        map.end()
    }
}

/// A tape as programs read it, here and in the archive.
pub(super) fn tape(tape: &Tape) -> Value {
    json!({
        "execution": tape.execution,
        "brief": tape.brief,
        "system": tape.system,
        "entries": tape.entries,
    })
}

struct Outputs<'e>(&'e Export);

impl Serialize for Outputs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let checks = self.0.doc().list("checks");
        let mut list = serializer.serialize_seq(Some(self.0.outputs.len()))?;
        for (output, check) in self.0.outputs.iter().zip(checks) {
            list.serialize_element(&OneOutput {
                output,
                check: check.0,
                redaction: &self.0.redaction,
            })?;
        }
        list.end()
    }
}

struct OneOutput<'e> {
    output: &'e Output,
    check: &'e Value,
    redaction: &'e Redaction,
}

impl Serialize for OneOutput<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &self.output.name)?;
        for key in ["name", "scope", "tree"] {
            let to = if key == "name" { "check" } else { key };
            map.serialize_entry(to, &self.check[key])?;
        }
        map.serialize_entry("text", &self.output.text)?;
        for file in &self.output.whole {
            let stream = file.artifact.name.rsplit('.').next().unwrap_or("output");
            map.serialize_entry(
                stream,
                &text_of(file, self.redaction).map_err(S::Error::custom)?,
            )?;
        }
        map.end()
    }
}

/// The whole of a file as text, or nothing if it is missing.
fn text_of(file: &ArtifactFile, redaction: &Redaction) -> io::Result<Option<String>> {
    let Some(path) = &file.path else {
        return Ok(None);
    };
    let bytes = std::fs::read(path)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(Some(redaction.text(&text).into_owned()))
}

/// Two spaces of indent, and everything hidden escaped.
#[derive(Default)]
struct Visible<'p>(serde_json::ser::PrettyFormatter<'p>);

macro_rules! as_pretty {
    ($($name:ident($($argument:ident: $type:ty),*)),* $(,)?) => {$(
        fn $name<W: ?Sized + Write>(&mut self, to: &mut W $(, $argument: $type)*) -> io::Result<()> {
            self.0.$name(to $(, $argument)*)
        }
    )*};
}

impl serde_json::ser::Formatter for Visible<'_> {
    as_pretty!(
        begin_array(),
        end_array(),
        begin_array_value(first: bool),
        end_array_value(),
        begin_object(),
        end_object(),
        begin_object_key(first: bool),
        begin_object_value(),
        end_object_value(),
    );

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        to: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, hidden)) = rest.char_indices().find(|(_, c)| clean::is_hidden(*c)) {
            to.write_all(&rest.as_bytes()[..at])?;
            for unit in hidden.encode_utf16(&mut [0; 2]) {
                write!(to, "\\u{unit:04x}")?;
            }
            rest = &rest[at + hidden.len_utf8()..];
        }
        to.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(value: &Value) -> String {
        let mut bytes = Vec::new();
        let mut writer = serde_json::Serializer::with_formatter(&mut bytes, Visible::default());
        value.serialize(&mut writer).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    proptest! {
        #[test]
        fn it_reads_back_as_it_was_and_hides_nothing(text in any::<String>(), key in any::<String>()) {
            let value = json!({"a": [text, {key: [], "b": {}}], "c": 1});
            let shown = written(&value);
            prop_assert_eq!(shown.chars().find(|c| clean::is_hidden(*c)), None);
            prop_assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), value);
        }
    }

    #[test]
    fn it_is_laid_out_like_every_other_document() {
        let value = json!({"a": [1, {"b": "x"}], "c": {}});
        assert_eq!(written(&value), format!("{value:#}"));
    }
}
