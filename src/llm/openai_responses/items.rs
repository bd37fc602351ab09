//! The items of an answer, put together from the events of a stream.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The items so far, by their places.
#[derive(Debug, Default)]
pub(super) struct Items {
    items: BTreeMap<u64, Item>,
}

#[derive(Debug)]
struct Item {
    value: Value,
    /// Whether the server has said all of it.
    whole: bool,
}

impl Items {
    /// An item was begun.
    pub(super) fn begin(&mut self, event: &Value) {
        let place = match event.get("output_index").and_then(Value::as_u64) {
            Some(place) => place,
            None => self.next(),
        };
        self.items.entry(place).or_insert_with(|| Item {
            value: event.get("item").cloned().unwrap_or_default(),
            whole: false,
        });
    }

    /// An item was ended; it comes once more as a whole.
    pub(super) fn end(&mut self, event: &Value) {
        if let Some(item) = event.get("item").filter(|item| item.is_object()) {
            let place = self.place(event);
            let (value, whole) = (item.clone(), true);
            self.items.insert(place, Item { value, whole });
        }
    }

    /// A piece of words was said; returns the place of their item.
    pub(super) fn say(&mut self, event: &Value, kind: &str, piece: &str) -> u64 {
        let place = self.place(event);
        if let Some(Value::String(words)) = self.words(place, event, kind) {
            words.push_str(piece);
        }
        place
    }

    /// The words of a part come once more as a whole.
    pub(super) fn said(&mut self, event: &Value, kind: &str, whole: &str) {
        let place = self.place(event);
        if let Some(words) = self.words(place, event, kind) {
            *words = json!(whole);
        }
    }

    /// A piece of a call's arguments, or the whole of them.
    pub(super) fn argue(&mut self, event: &Value, text: &str, whole: bool) {
        let place = self.place(event);
        let Some(call) = self.open(place, "function_call") else {
            return;
        };
        match call.get_mut("arguments") {
            Some(Value::String(arguments)) if !whole => arguments.push_str(text),
            _ => {
                call.insert("arguments".to_owned(), json!(text));
            }
        }
        // The end of the arguments tells the name, too, by the documents.
        let named = call.get("name").is_some();
        if let Some(name) = event.get("name").filter(|_| !named) {
            call.insert("name".to_owned(), name.clone());
        }
    }

    /// The items in order, and whether the server has said all of them.
    pub(super) fn into_values(self) -> (Vec<Value>, bool) {
        let whole = self.items.values().all(|item| item.whole);
        let values = self.items.into_values().map(|item| item.value);
        (values.collect(), whole)
    }

    /// The words of a message's part.
    fn words(&mut self, place: u64, event: &Value, kind: &str) -> Option<&mut Value> {
        let message = self.open(place, "message")?;
        let parts = message.entry("content").or_insert_with(|| json!([]));
        let parts = parts.as_array_mut()?;
        let wanted = event.get("content_index").and_then(Value::as_u64);
        let wanted = wanted.and_then(|index| usize::try_from(index).ok());
        let at = wanted.unwrap_or(usize::MAX).min(parts.len());
        if at == parts.len() {
            parts.push(json!({"type": kind}));
        }
        let key = if kind == "refusal" { "refusal" } else { "text" };
        let part = parts.get_mut(at)?.as_object_mut()?;
        Some(part.entry(key).or_insert_with(|| json!("")))
    }

    /// An item that is not ended; it may not even have been begun in due form.
    fn open(&mut self, place: u64, kind: &str) -> Option<&mut Map<String, Value>> {
        let item = self.items.entry(place).or_insert_with(|| Item {
            value: json!({ "type": kind }),
            whole: false,
        });
        item.value.as_object_mut().filter(|_| !item.whole)
    }

    /// The place of the item that an event is about: the one it names, or else the last.
    fn place(&self, event: &Value) -> u64 {
        if let Some(place) = event.get("output_index").and_then(Value::as_u64) {
            return place;
        }
        let item = event.get("item").and_then(|item| item.get("id"));
        let id = event.get("item_id").or(item);
        let named = self.items.iter().rev().find(|(_, item)| {
            let known = item.value.get("id");
            known.is_some() && known == id
        });
        let last = self.items.last_key_value();
        named.or(last).map_or(0, |(place, _)| *place)
    }

    fn next(&self) -> u64 {
        let last = self.items.last_key_value();
        last.map_or(0, |(place, _)| place.saturating_add(1))
    }
}
