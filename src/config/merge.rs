//! Lays one layer over another, and remembers which layer set what.

use std::collections::BTreeMap;

use serde_json::Value;

use super::key_path::KeyPath;

/// Layers merged so far: maps are merged, everything else is replaced. Keys keep the order in
/// which they first appeared.
pub(super) struct Merged {
    value: Value,
    set_by: BTreeMap<KeyPath, usize>,
}

impl Merged {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self {
            value: Value::Object(serde_json::Map::new()),
            set_by: BTreeMap::new(),
        }
    }

    /// Lays `value`, which layer number `layer` sets, over what is there.
    pub(super) fn lay(&mut self, layer: usize, value: Value) {
        let root = KeyPath::default();
        lay(&mut self.value, value, &root, layer, &mut self.set_by);
    }

    /// What is there, null where it was cleared.
    pub(super) fn value(&self) -> &Value {
        &self.value
    }

    /// What is there, without what was cleared.
    pub(super) fn without_cleared(&self) -> Value {
        let mut value = self.value.clone();
        prune(&mut value);
        value
    }

    /// The number of the layer that set what is at `path`: that very setting, else what holds it,
    /// else the first thing that it holds.
    pub(super) fn layer_of(&self, path: &KeyPath) -> Option<usize> {
        let mut holder = Some(path.clone());
        while let Some(path) = holder {
            if let Some(layer) = self.set_by.get(&path) {
                return Some(*layer);
            }
            holder = path.parent();
        }
        self.set_by
            .range(path.clone()..)
            .next()
            .filter(|(below, _)| below.is_within(path))
            .map(|(_, layer)| *layer)
    }
}

fn lay(
    below: &mut Value,
    above: Value,
    path: &KeyPath,
    layer: usize,
    set_by: &mut BTreeMap<KeyPath, usize>,
) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            // An empty map that fills up is no longer a setting of its own.
            if !above.is_empty() {
                set_by.remove(path);
            }
            for (key, value) in above {
                let path = path.key(&key);
                lay(
                    below.entry(key).or_insert(Value::Null),
                    value,
                    &path,
                    layer,
                    set_by,
                );
            }
        }
        (below, above) => {
            // What lies below a path follows it in the order of the paths.
            let replaced: Vec<KeyPath> = set_by
                .range(path.clone()..)
                .map(|(other, _)| other.clone())
                .take_while(|other| other.is_within(path))
                .collect();
            for other in replaced {
                set_by.remove(&other);
            }
            claim(&above, path, layer, set_by);
            *below = above;
        }
    }
}

fn claim(value: &Value, path: &KeyPath, layer: usize, set_by: &mut BTreeMap<KeyPath, usize>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                claim(value, &path.key(key), layer, set_by);
            }
        }
        _ => {
            set_by.insert(path.clone(), layer);
        }
    }
}

fn prune(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(prune);
        }
        Value::Array(items) => items.iter_mut().for_each(prune),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn over(layers: &[Value]) -> Value {
        let mut merged = Merged::new();
        for (number, layer) in layers.iter().enumerate() {
            merged.lay(number, layer.clone());
        }
        merged.value
    }

    #[test]
    fn maps_merge_and_lists_and_scalars_replace() {
        let merged = over(&[
            json!({"a": {"x": 1, "y": [1, 2]}, "b": 1}),
            json!({"a": {"y": [3]}, "b": 2, "c": {}}),
        ]);
        assert_eq!(merged, json!({"a": {"x": 1, "y": [3]}, "b": 2, "c": {}}));
    }

    #[test]
    fn keys_keep_the_order_of_their_first_appearance() {
        let merged = over(&[json!({"z": 1, "a": 1}), json!({"m": 1, "a": 2})]);
        let keys: Vec<&String> = merged.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["z", "a", "m"]);
    }

    #[test]
    fn null_clears_what_lower_layers_set() {
        let mut merged = Merged::new();
        merged.lay(0, json!({"a": {"x": 1}, "b": 1, "l": [{"x": null}]}));
        merged.lay(1, json!({"a": null, "b": null}));
        assert_eq!(merged.without_cleared(), json!({"l": [{}]}));
        merged.lay(2, json!({"a": {"y": 2}}));
        assert_eq!(merged.without_cleared(), json!({"a": {"y": 2}, "l": [{}]}));
    }

    #[test]
    fn each_setting_knows_the_layer_that_set_it() {
        let mut merged = Merged::new();
        merged.lay(0, json!({"a": {"x": 1, "y": 1}, "l": [1, 2], "e": {}}));
        merged.lay(1, json!({"a": {"y": 2}, "e": {"k": 1}}));
        merged.lay(2, json!({"l": null}));
        let layer = |keys: &[&str]| merged.layer_of(&KeyPath::of(keys));
        assert_eq!(layer(&["a", "x"]), Some(0));
        assert_eq!(layer(&["a", "y"]), Some(1));
        assert_eq!(layer(&["e"]), Some(1));
        assert_eq!(layer(&["l"]), Some(2));
        assert_eq!(merged.layer_of(&KeyPath::of(["l"]).item(1)), Some(2));
        assert_eq!(layer(&["a", "y", "deeper"]), Some(1));
        assert_eq!(layer(&["nothing"]), None);
    }

    /// Documents of one shape: a key is a map in all of them or in none, as the schema sees to.
    fn document() -> impl Strategy<Value = Value> {
        let leaf = || {
            proptest::option::of(prop_oneof![
                any::<u8>().prop_map(Value::from),
                proptest::collection::vec(any::<u8>(), 0..3).prop_map(Value::from),
                Just(Value::Null),
            ])
        };
        let map = |children: [Option<Value>; 3]| {
            let keys = ["k", "l", "m"].map(str::to_owned);
            let present = keys.into_iter().zip(children);
            Value::Object(present.filter_map(|(k, v)| Some((k, v?))).collect())
        };
        let inner = (leaf(), leaf(), leaf()).prop_map(move |(a, b, c)| map([a, b, c]));
        let inner = proptest::option::of(inner);
        (inner.clone(), inner, leaf()).prop_map(move |(a, b, c)| map([a, b, c]))
    }

    proptest! {
        #[test]
        fn merging_is_associative(a in document(), b in document(), c in document()) {
            let left = over(&[over(&[a.clone(), b.clone()]), c.clone()]);
            let right = over(&[a, over(&[b, c])]);
            prop_assert_eq!(left, right);
        }
    }
}
