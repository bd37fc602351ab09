//! From what is traced to lines of the log: one flat JSON object each, which says where it belongs.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::file::Rotating;
use crate::config::LogFormat;
use crate::domain::Clock;

/// The most characters of a text in a record.
const MOST: usize = 2_000;

/// What takes the place of a key.
const HIDDEN: &str = "[hidden]";

/// What says where a record belongs, in the order in which it stands in one.
const PLACE: [&str; 5] = ["run", "trace_id", "phase", "execution", "agent"];

/// Writes records to a file.
pub(super) struct Lines {
    file: Rotating,
    format: LogFormat,
    clock: Arc<dyn Clock>,
    keys: Vec<String>,
}

impl Lines {
    /// Writes to `file`, without the texts in `keys`.
    pub(super) fn new(
        file: Rotating,
        format: LogFormat,
        clock: Arc<dyn Clock>,
        keys: Vec<String>,
    ) -> Self {
        Self {
            file,
            format,
            clock,
            keys,
        }
    }

    fn line(&self, level: &str, target: &str, mut fields: Fields) -> String {
        fields.values.values_mut().for_each(|value| {
            if let Value::String(text) = value {
                self.hide(text);
            }
        });
        let now = self.clock.now().to_string();
        if self.format == LogFormat::Text {
            let words = fields.values.shift_remove("message").unwrap_or_default();
            let mut line = format!("{now} {level:>5} {}", words.as_str().unwrap_or_default());
            for (name, value) in &fields.values {
                line.push_str(&format!(" {name}={value}"));
            }
            return line.replace(char::is_control, " ") + "\n";
        }
        let mut record = Map::new();
        record.insert("timestamp".to_owned(), now.into());
        record.insert("level".to_owned(), level.into());
        for name in PLACE.into_iter().chain(["message"]) {
            if let Some(value) = fields.values.shift_remove(name) {
                record.insert(name.to_owned(), value);
            }
        }
        record.extend(fields.values);
        record.insert("target".to_owned(), target.into());
        Value::Object(record).to_string() + "\n"
    }

    fn hide(&self, text: &mut String) {
        for key in &self.keys {
            if text.contains(key.as_str()) {
                *text = text.replace(key.as_str(), HIDDEN);
            }
        }
        if let Some((end, _)) = text.char_indices().nth(MOST) {
            text.truncate(end);
            text.push('…');
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().replace(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(outer) = span.extensions().get::<Fields>() {
                for (name, value) in &outer.values {
                    // Inner spans come first.
                    fields
                        .values
                        .entry(name.clone())
                        .or_insert_with(|| value.clone());
                }
            }
        }
        event.record(&mut fields);
        let about = event.metadata();
        let line = self.line(about.level().as_str(), about.target(), fields);
        // There is nobody to tell; the run goes on.
        drop(self.file.append(line.as_bytes()));
    }
}

/// Fields by name. A place that is empty (or numbered 0) is none.
#[derive(Default)]
struct Fields {
    values: Map<String, Value>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        let name = field.name();
        let is_none = value.as_str() == Some("") || value.as_u64() == Some(0);
        if PLACE.contains(&name) && is_none {
            self.values.shift_remove(name);
        } else {
            self.values.insert(name.to_owned(), value);
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::config::Logging;

    struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }
    }

    /// What is written while `act` goes on.
    fn written(format: LogFormat, act: impl FnOnce()) -> String {
        let folder = tempfile::tempdir().expect("made");
        let path = folder.path().join("rgpt.log");
        let file = Rotating::new(path.clone(), &Logging::default());
        let keys = vec!["sk-hunter2".to_owned()];
        let lines = Lines::new(file, format, Arc::new(Still), keys);
        let subscriber = tracing_subscriber::registry().with(lines);
        tracing::subscriber::with_default(subscriber, act);
        std::fs::read_to_string(path).expect("reads")
    }

    fn a_drive() {
        let span = tracing::error_span!(
            "drive",
            run = 7,
            trace_id = "abc",
            phase = "planner",
            execution = tracing::field::Empty
        );
        let _entered = span.enter();
        tracing::info!("begins");
        span.record("phase", "builder");
        span.record("execution", 2_u32);
        tracing::warn!(ms = 12, "with sk-hunter2 in\nit");
        tracing::info!(phase = "", execution = 0, "nowhere");
    }

    #[test]
    fn a_record_says_where_it_belongs_and_holds_no_key() {
        let text = written(LogFormat::Json, a_drive);
        let target = module_path!();
        insta::assert_snapshot!(text.replace(target, "here"), @r#"
        {"timestamp":"1970-01-01T00:00:00Z","level":"INFO","run":7,"trace_id":"abc","phase":"planner","message":"begins","target":"here"}
        {"timestamp":"1970-01-01T00:00:00Z","level":"WARN","run":7,"trace_id":"abc","phase":"builder","execution":2,"message":"with [hidden] in\nit","ms":12,"target":"here"}
        {"timestamp":"1970-01-01T00:00:00Z","level":"INFO","run":7,"trace_id":"abc","message":"nowhere","target":"here"}
        "#);
    }

    #[test]
    fn a_text_log_has_one_line_a_record_too() {
        let text = written(LogFormat::Text, a_drive);
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(
            text.contains("WARN with [hidden] in it run=7") && text.contains("ms=12"),
            "{text}"
        );
    }
}
